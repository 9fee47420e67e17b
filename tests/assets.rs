//! The files that are shipped with the programs: icons, the bundle's Info.plist, the templates of the agents.

use std::fs;
use std::path::{Path, PathBuf};

use plist::Value;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[cfg(feature = "tray")]
#[test]
fn each_state_has_a_shape_of_its_own_even_at_18_px_in_black_and_white() {
    let pixels = |name: &str| {
        let file = std::io::BufReader::new(fs::File::open(project("assets").join(name)).expect(name));
        let mut reader = png::Decoder::new(file).read_info().expect(name);
        let mut pixels = vec![0; reader.output_buffer_size().expect(name)];
        let info = reader.next_frame(&mut pixels).expect(name);
        assert_eq!((info.width, info.height, info.color_type), (44, 44, png::ColorType::Rgba), "{name}");
        pixels
    };
    let mut shapes: Vec<(&str, Vec<u8>)> = Vec::new();
    let mut coloured: Vec<(&str, Vec<u8>)> = Vec::new();
    for state in crate::support::panel::ICONS {
        assert!(project(&format!("assets/{state}.svg")).exists(), "{state} has no source");
        let template = pixels(&format!("{state}.png"));
        // macOS uses only the alpha of a template.
        assert!(template.chunks(4).all(|pixel| pixel[..3] == [0, 0, 0]), "{state} is not black");
        let alpha: Vec<u8> = template.chunks(4).map(|pixel| pixel[3]).collect();
        assert!(alpha.contains(&255) && alpha.contains(&0), "{state} is blank or full");
        shapes.push((state, alpha));
        coloured.push((state, pixels(&format!("{state}-linux.png"))));
    }
    for all in [&shapes, &coloured] {
        for (nth, (state, shape)) in all.iter().enumerate() {
            for (other, same) in &all[nth + 1..] {
                assert_ne!(shape, same, "{state} and {other} look the same");
            }
        }
    }
    // In black and white, as small as a bar shows them: of what two have black, a fifth is not the same. A person drawn where
    // the second tower stands came to 18 % beside the triangle, and was hard to tell from it.
    for (nth, (state, shape)) in shapes.iter().enumerate() {
        for (other, same) in &shapes[nth + 1..] {
            let (shape, same) = (at_18_px(shape), at_18_px(same));
            let both = || shape.iter().zip(&same);
            let differs: f64 = both().map(|(a, b)| (a - b).abs()).sum();
            let black: f64 = both().map(|(a, b)| a.max(*b)).sum();
            assert!(differs >= 0.2 * black, "{state} and {other}: {:.0} % differ", 100.0 * differs / black);
        }
    }
}

/// A picture of 44 px at 18 px: each pixel the mean of what it covers.
#[cfg(feature = "tray")]
fn at_18_px(alpha: &[u8]) -> Vec<f64> {
    const LARGE: usize = 44;
    const SMALL: usize = 18;
    // How much of a large pixel lies in a small one, along one side.
    let shared = |small: usize, large: usize| {
        let (from, to) = ((small * LARGE).max(large * SMALL), ((small + 1) * LARGE).min((large + 1) * SMALL));
        to.saturating_sub(from)
    };
    let share = |x, y| -> usize {
        let pixel = |at: usize| shared(x, at % LARGE) * shared(y, at / LARGE) * usize::from(alpha[at]);
        (0..alpha.len()).map(pixel).sum()
    };
    let all = (0..SMALL * SMALL).map(|at| share(at % SMALL, at / SMALL));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    all.map(|sum| sum as f64).collect()
}

/// A header and entries, each a four-letter type, a length that includes these eight bytes, and a PNG of that type's size.
#[test]
fn the_apps_icon_has_every_size_that_the_finder_asks_for() {
    let sizes = [
        ("ic11", 32),
        ("ic12", 64),
        ("ic07", 128),
        ("ic13", 256),
        ("ic08", 256),
        ("ic14", 512),
        ("ic09", 512),
        ("ic10", 1024),
    ];
    let bytes = fs::read(project("assets/bridge-watchdog.icns")).expect("the icon");
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    assert_eq!((&bytes[..4], number(4) as usize), (&b"icns"[..], bytes.len()));
    let (mut at, mut found) = (8, Vec::new());
    while at < bytes.len() {
        let kind = String::from_utf8_lossy(&bytes[at..at + 4]).into_owned();
        assert_eq!(&bytes[at + 8..at + 16], b"\x89PNG\r\n\x1a\n", "{kind}");
        // Width and height of the PNG's first chunk.
        assert_eq!(number(at + 24), number(at + 28), "{kind}");
        found.push((kind, number(at + 24)));
        at += number(at + 4) as usize;
    }
    assert_eq!(found, sizes.map(|(kind, size)| (kind.to_owned(), size)));
}

#[test]
fn the_bundle_says_what_is_in_it() {
    let path = project("Info.plist");
    crate::support::mac::lint(&path);
    let keys = crate::support::mac::dictionary(&path);
    let text = |key: &str| keys.get(key).and_then(Value::as_string).unwrap_or_default().to_owned();
    for key in ["CFBundleShortVersionString", "CFBundleVersion"] {
        assert_eq!(text(key), env!("CARGO_PKG_VERSION"), "{key}");
    }
    assert_eq!(text("CFBundleIdentifier"), bridge_watchdog::install::LABEL);
    assert_eq!(text("CFBundlePackageType"), "APPL");
    assert_eq!(keys.get("LSUIElement"), Some(&Value::Boolean(true)));
}

/// The PATH of launchd or of a desktop may have another program with that name.
#[test]
fn the_templates_call_programs_by_their_absolute_path() {
    let entry = fs::read_to_string(project("launchd/bridge-watchdog.desktop")).expect("the entry");
    let exec = entry.lines().find(|line| line.starts_with("Exec=")).expect("a command");
    assert!(exec.starts_with("Exec=/"), "{exec}");
    assert!(exec.contains("systemctl"));
    assert_eq!(exec.matches("systemctl").count(), exec.matches("/usr/bin/systemctl ").count(), "{exec}");
    for plist in ["com.valor.bridge.plist", "com.valor.bridge-watchdog.plist"] {
        crate::support::mac::lint(&project("launchd").join(plist));
    }
}
