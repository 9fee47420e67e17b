//! The headless binary links no GUI library: a server has none, and each costs megabytes.

#[cfg(target_os = "linux")]
use std::path::PathBuf;

/// Parts of the names of libraries that belong to a window system.
#[cfg(target_os = "linux")]
const GUI: [&str; 12] =
    ["gtk", "gdk", "gio", "gobject", "glib", "cairo", "pango", "X11", "xcb", "xdo", "wayland", "appindicator"];

#[cfg(target_os = "linux")]
#[test]
fn the_headless_binary_links_no_gui_library() {
    let product = PathBuf::from(env!("CARGO_BIN_EXE_bridge-watchdog"));
    let linked = needed(&std::fs::read(product).expect("the binary"));
    assert!(linked.iter().any(|name| name.starts_with("libc.so")), "the list is read wrongly: {linked:?}");
    let gui: Vec<&String> = linked.iter().filter(|name| GUI.iter().any(|gui| name.contains(gui))).collect();
    assert!(gui.is_empty(), "{gui:?} of {linked:?}");
}

/// Notifications belong to the app. Code that sends them names this interface, and brings hundreds of kilobytes of
/// D-Bus.
#[cfg(target_os = "linux")]
#[test]
fn the_headless_binary_has_no_notifier_in_it() {
    const INTERFACE: &[u8] = b"org.freedesktop.Notifications";
    let speaks_to_a_notifier = |program: &str| {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_bridge-watchdog")).with_file_name(program);
        std::fs::read(program).expect("a binary").windows(INTERFACE.len()).any(|window| window == INTERFACE)
    };
    // The same search has to find it in the app.
    assert!(!cfg!(feature = "tray") || speaks_to_a_notifier("bridge-watchdog-tray"), "the search is wrong");
    assert!(!speaks_to_a_notifier("bridge-watchdog"));
}

/// What the binary itself links, and not what the system's libraries link.
#[cfg(target_os = "macos")]
#[test]
fn the_headless_binary_links_no_appkit() {
    let output = std::process::Command::new("/usr/bin/otool")
        .args(["-L", env!("CARGO_BIN_EXE_bridge-watchdog")])
        .output()
        .expect("otool is beside the compiler");
    let linked = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(linked.contains("/usr/lib/libSystem"), "the list is read wrongly: {linked}");
    assert!(!["AppKit", "UserNotifications"].iter().any(|gui| linked.contains(gui)), "{linked}");
}

/// The libraries that a 64-bit ELF file names in its dynamic section: its own list, not what happens to be installed
/// (elf(5)).
#[cfg(target_os = "linux")]
fn needed(elf: &[u8]) -> Vec<String> {
    const DYNAMIC: usize = 6;
    const NEEDED: usize = 1;
    assert_eq!(&elf[..5], b"\x7fELF\x02", "a 64-bit ELF file");
    let number = |at: usize, length: usize| {
        let bytes = elf[at..at + length].iter();
        if cfg!(target_endian = "little") {
            bytes.rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
        } else {
            bytes.fold(0, |sum, byte| sum << 8 | usize::from(*byte))
        }
    };
    let (table, size, count) = (number(0x28, 8), number(0x3a, 2), number(0x3c, 2));
    let header = |index: usize| table + index * size;
    let dynamic = (0..count).map(header).find(|at| number(at + 4, 4) == DYNAMIC).expect("a dynamic section");
    // sh_offset, sh_size; sh_link names the section of its strings.
    let (from, length) = (number(dynamic + 0x18, 8), number(dynamic + 0x20, 8));
    let strings = number(header(number(dynamic + 0x28, 4)) + 0x18, 8);
    let entries = (from..from + length).step_by(16).filter(|at| number(*at, 8) == NEEDED);
    let text = |at: usize| elf[at..].split(|byte| *byte == 0).next().map(|name| String::from_utf8_lossy(name).into());
    entries.filter_map(|at| text(strings + number(at + 8, 8))).collect()
}
