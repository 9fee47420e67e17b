//! Pictures of the app in a private desktop: the menu opened by a click, its submenus, its windows. Each in four looks: a
//! light and a dark desktop, at 1x and at 2x.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::panel::{App, Desktop, Row};
use super::scene::Scene;
use super::tray::windows;

pub(crate) struct Studio {
    pub desktop: Desktop,
    out: PathBuf,
}

/// A bar's height at 1x, and the screen: large enough for a menu and its submenu at 2x.
const BAR: u32 = 28;
const WIDTH: u32 = 2600;
const HEIGHT: u32 = 1800;
/// A window that appears at all does so within this time.
const APPEARS: Duration = Duration::from_secs(10);

#[derive(Clone, Copy)]
pub(crate) struct Look {
    dark: bool,
    scale: u32,
}

const LOOKS: [Look; 4] = [
    Look { dark: false, scale: 1 },
    Look { dark: true, scale: 1 },
    Look { dark: true, scale: 2 },
    Look { dark: false, scale: 2 },
];

impl Look {
    /// `down.png`, `down-dark@2x.png`
    fn file(self, name: &str) -> String {
        let (dark, scale) = (if self.dark { "-dark" } else { "" }, if self.scale == 2 { "@2x" } else { "" });
        format!("{name}{dark}{scale}.png")
    }

    /// What makes the app's own windows look so.
    fn words(self) -> [String; 3] {
        let theme = if self.dark { "Adwaita:dark" } else { "Adwaita" };
        ["env".into(), format!("GTK_THEME={theme}"), format!("GDK_SCALE={}", self.scale)]
    }
}

impl Studio {
    /// # Errors
    /// Why there is no desktop here.
    pub(crate) fn open(out: PathBuf) -> Result<Studio, String> {
        let screen = format!("{WIDTH}x{HEIGHT}x24");
        let env = vec![("SCREEN", screen), ("BAR", BAR.to_string()), ("DARK", "false".into())];
        Ok(Studio { desktop: Desktop::with(&[], env)?, out })
    }

    /// The open menu in each look. The state has to last for a quarter of a minute.
    pub(crate) fn menu(&mut self, name: &str) {
        self.opened(name, &LOOKS, |_| {});
    }

    /// The open menu with each submenu, one at a time; each picture is named after its label.
    pub(crate) fn submenus(&mut self) {
        self.submenus_of("");
    }

    /// Only those whose label begins so.
    pub(crate) fn submenus_of(&mut self, label: &str) {
        let rows: Vec<Row> = self.desktop.rows().expect("a menu");
        let can = |row: &&Row| row.enabled && row.visible && !row.label.is_empty();
        let steps: Vec<(usize, Row)> = rows.iter().filter(can).cloned().enumerate().collect();
        for (nth, row) in steps.into_iter().filter(|(_, row)| !row.rows.is_empty() && row.label.starts_with(label)) {
            let first = row.label.split([' ', ':']).next().unwrap_or_default().to_lowercase();
            // Two of the four looks: they are the largest pictures.
            self.opened(&format!("submenu-{first}"), &[LOOKS[0], LOOKS[2]], |desktop| {
                // One key at a time: the panel asks the app about a submenu before it opens it.
                for _ in 0..=nth {
                    desktop.exec(&["xdotool", "key", "--delay", "40", "Down"]);
                }
                desktop.exec(&["xdotool", "key", "Right"]);
            });
        }
    }

    /// Windows that the app shows at clicks on these rows. What is no row of this menu is left out, and said.
    pub(crate) fn windows(&self, scene: &Scene, rows: &[(&str, &str)]) {
        self.windows_of(|words| self.desktop.app_by(words, scene), rows);
    }

    /// The same of what is started by these words before it.
    pub(crate) fn windows_of(&self, start: impl Fn(&[&str]) -> App, rows: &[(&str, &str)]) {
        for look in LOOKS {
            let app = start(&look.words().each_ref().map(String::as_str));
            for (name, label) in rows {
                // Not before the first look.
                let can = || self.desktop.row(label).filter(|row| row.enabled && row.visible);
                let until = Instant::now() + APPEARS;
                while can().is_none() && Instant::now() < until {
                    std::thread::sleep(Duration::from_millis(50));
                }
                if can().is_none() {
                    println!("{name}: left out: the menu has no row '{label}' to click");
                    continue;
                }
                self.desktop.click(label);
                self.window(name, look);
            }
            drop(app);
        }
    }

    /// The window that a program shows when it is started, by these words.
    pub(crate) fn at_start(&self, name: &str, scene: &Scene, words: &[&str]) {
        for look in LOOKS {
            let before = look.words();
            let words = [&before.each_ref().map(String::as_str)[..], words].concat();
            let app = self.desktop.start(&words, &scene.folder.path().join("start.log"));
            self.window(name, look);
            drop(app);
        }
    }

    /// The window that comes up, and is closed again.
    fn window(&self, name: &str, look: Look) {
        let until = Instant::now() + APPEARS;
        let id = loop {
            match windows(&self.desktop).pop() {
                Some(id) => break id,
                None if Instant::now() > until => return println!("{name}: left out: no window came up"),
                None => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        let picture = self.still(&["import", "-window", &id]);
        self.save(&picture, &["-bordercolor", "#8a9099", "-border", "1"], &look.file(name));
        self.desktop.exec(&["xdotool", "mousemove", "--window", &id, "20", "20", "key", "Escape"]);
        self.desktop.wait("the window's end", || (!windows(&self.desktop).contains(&id)).then_some(()));
    }

    fn opened(&mut self, name: &str, looks: &[Look], then: impl Fn(&Desktop)) {
        let state = self.desktop.shows();
        for &look in looks {
            self.bar(look);
            let bar = BAR * look.scale;
            let (x, y) = ((WIDTH - bar / 2).to_string(), (bar / 2).to_string());
            // Below the bar's own edge.
            let bar = bar + 2 * look.scale;
            // Beside the open menu: a row under the pointer would be a marked one.
            let far = ["mousemove", "10", "1700"];
            let below = format!("{WIDTH}x{}+0+{bar}", HEIGHT - bar);
            self.desktop.wait("an open menu", || {
                self.desktop.exec(&[&["xdotool", "mousemove", &x, &y, "click", "1"], &far[..]].concat());
                let seen = self.still(&["import", "-window", "root", "-crop", &below, "+repage"]);
                let colours = self.desktop.exec(&["convert", &seen, "-format", "%k", "info:-"]);
                (colours.trim().parse::<u32>().ok()? > 2).then_some(())
            });
            then(&self.desktop);
            let seen = self.still(&["import", "-window", "root"]);
            // Below the bar all that is not menu is black: the bar is cut to the menu's width.
            let menu = self.desktop.exec(&["convert", &seen, "-crop", &below, "+repage", "-format", "%@", "info:-"]);
            let sides: Vec<u32> = menu.trim().split(['x', '+']).filter_map(|side| side.parse().ok()).collect();
            let [_, height, left, top] = sides[..] else { panic!("no menu in the picture: {menu}") };
            let cut = format!("{}x{}+{left}+0", WIDTH - left, bar + top + height);
            self.save(&seen, &["-crop", &cut, "+repage", "-fill", "#8a9099", "-opaque", "#000000"], &look.file(name));
            assert_eq!(self.desktop.shows(), state, "{name}: another state than in the picture before");
            for _ in 0..2 {
                self.desktop.exec(&["xdotool", "key", "Escape"]);
            }
        }
    }

    /// A panel anew, as the scale of one is fixed when it starts.
    fn bar(&mut self, look: Look) {
        self.desktop.does("panel-stop");
        let dark = if look.dark { "true" } else { "false" };
        self.desktop.exec(&["xfconf-query", "-c", "xfce4-panel", "-p", "/panels/dark-mode", "-s", dark]);
        self.desktop.env.retain(|(key, _)| *key != "GDK_SCALE");
        self.desktop.env.push(("GDK_SCALE", look.scale.to_string()));
        self.desktop.does("panel-start");
        self.desktop.env.pop();
        self.desktop.wait("the icon", || self.desktop.icon());
    }

    /// A picture that is the same as the one before it. Rows that change all the time do not stand still: after a while it is
    /// taken as it is.
    fn still(&self, import: &[&str]) -> String {
        let mut before = Vec::new();
        let path = self.desktop.dir.join("picture.ppm");
        let until = Instant::now() + APPEARS;
        self.desktop.wait("a picture that stands still", || {
            self.desktop.exec(&[import, &[path.to_str()?]].concat());
            let now = std::fs::read(&path).ok()?;
            let same = now == before || Instant::now() > until;
            before = now;
            // Between two looks more than one frame of an animation.
            std::thread::sleep(Duration::from_millis(if same { 0 } else { 120 }));
            same.then(|| path.to_str().expect("a path").to_owned())
        })
    }

    fn save(&self, picture: &str, change: &[&str], file: &str) {
        let out = format!("PNG8:{}", self.out.join(file).display());
        self.desktop.exec(
            &[
                &["convert", picture],
                change,
                &["+dither", "-colors", "16", "-strip", "-define", "png:compression-level=9", &out],
            ]
            .concat(),
        );
        println!("{file}");
    }
}
