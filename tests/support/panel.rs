//! A private desktop with a real panel (`panel.sh`), and the menu of the app in it, read and clicked over D-Bus as the
//! panel itself does (`com.canonical.dbusmenu`).

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::require::{self, Ability};
use super::scene::{PATIENCE, Scene, beside};

pub(crate) struct Desktop {
    pub dir: PathBuf,
    /// Besides what `panel.sh` sets.
    pub env: Vec<(&'static str, String)>,
}

pub(crate) const ICONS: [&str; 10] =
    ["healthy", "starting", "recovering", "degraded", "waiting", "person", "paused", "stopped", "down", "unknown"];

/// A row as the bus tells it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub id: i64,
    pub label: String,
    pub enabled: bool,
    pub checked: Option<bool>,
    pub visible: bool,
    pub rows: Vec<Row>,
}

/// The app, running; killed when dropped.
pub(crate) struct App {
    pub child: Child,
}

impl Desktop {
    /// `None` after saying why this test is skipped.
    pub(crate) fn or_skip(args: &[&str]) -> Option<Desktop> {
        match Desktop::try_start(args) {
            Ok(desktop) => Some(desktop),
            Err(why) => {
                require::meets(Ability::Panel, &Err(why));
                None
            }
        }
    }

    /// The folder's path has to be short: that of a socket may have 108 bytes.
    ///
    /// # Errors
    /// Why it can't be started here. Nothing of it is left then.
    pub(crate) fn try_start(args: &[&str]) -> Result<Desktop, String> {
        Desktop::with(args, Vec::new())
    }

    /// # Errors
    /// As above.
    pub(crate) fn with(args: &[&str], env: Vec<(&'static str, String)>) -> Result<Desktop, String> {
        let folder = tempfile::Builder::new().prefix("desk").tempdir();
        let dir = folder.map_err(|error| format!("there is no temporary folder: {error}"))?.keep();
        let desktop = Desktop { dir, env };
        require::succeeds(&mut desktop.script("start", args))?;
        Ok(desktop)
    }

    /// A verb of `panel.sh`.
    pub(crate) fn does(&self, verb: &str) {
        let output = self.script(verb, &[]).output().expect("panel.sh runs");
        assert!(output.status.success(), "{verb}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// A program in this desktop; what it prints.
    pub(crate) fn exec(&self, args: &[&str]) -> String {
        let output = self.script("exec", args).stderr(Stdio::inherit()).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The app on this scene's bridge.
    pub(crate) fn app(&self, scene: &Scene) -> App {
        self.app_by(&[], scene)
    }

    /// The same, started by other words: `env …`, `unshare …`.
    pub(crate) fn app_by(&self, before: &[&str], scene: &Scene) -> App {
        let program = beside("examples/test-tray");
        let (environment, config) = (scene.folder.path().join("environment.json"), scene.config_file());
        let words = [&program, &environment, Path::new("--config"), &config].map(|word| word.to_str().expect("text"));
        // What opens a terminal is the scene's own, if it is there.
        let terminal = format!("TERMINAL={}", scene.folder.path().join("terminal").display());
        self.start(&[before, &["env", &terminal], &words].concat(), &scene.folder.path().join("watch.log"))
    }

    /// A program in this desktop, to be started.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        self.script("exec", words)
    }

    /// A program in this desktop, left running.
    pub(crate) fn start(&self, words: &[&str], log: &Path) -> App {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).expect("a log");
        let said = log.try_clone().expect("a log");
        App { child: self.script("exec", words).stdout(said).stderr(log).spawn().expect("the app starts") }
    }

    /// All rows of the app's menu; `None` while there is no icon.
    pub(crate) fn rows(&self) -> Option<Vec<Row>> {
        let (name, path) = self.item()?;
        let menu = self.property(&name, &path, "Menu")?;
        let menu = menu.as_str()?;
        // "--": -1 (every depth) is no option.
        let layout =
            self.busctl(&["call", &name, menu, "com.canonical.dbusmenu", "GetLayout", "iias", "--", "0", "-1", "0"])?;
        Some(row(&layout[1]).rows)
    }

    /// The labels that a person sees below this submenu.
    pub(crate) fn seen_below(&self, label: &str) -> Option<Vec<String>> {
        let below = self.row(label)?.rows.into_iter().filter(|row| row.visible);
        Some(below.map(|row| row.label).collect())
    }

    /// The row whose label begins so.
    pub(crate) fn row(&self, label: &str) -> Option<Row> {
        find(&self.rows()?, label).cloned()
    }

    /// What the panel sends when a person clicks. A disabled row gets its click as well.
    pub(crate) fn click(&self, label: &str) {
        let (name, path) = self.wait("the icon", || self.item());
        let menu = self.property(&name, &path, "Menu").expect("a menu");
        let row = self.wait(label, || self.row(label));
        let call = ["call", &name, menu.as_str().expect("a path"), "com.canonical.dbusmenu", "Event", "isvu"];
        let id = row.id.to_string();
        self.busctl(&[&call[..], &[&id, "clicked", "s", "", "0"]].concat());
    }

    /// What a screen reader says of the icon.
    pub(crate) fn title(&self) -> Option<String> {
        let (name, path) = self.item()?;
        Some(self.property(&name, &path, "Title")?.as_str()?.to_owned())
    }

    /// The file that the panel shows.
    pub(crate) fn icon(&self) -> Option<PathBuf> {
        let (name, path) = self.item()?;
        Some(self.property(&name, &path, "IconName")?.as_str()?.into())
    }

    /// Which of the icons that is, by its pixels.
    pub(crate) fn shows(&self) -> Option<String> {
        let shown = pixels(&self.icon()?)?;
        ICONS.into_iter().find(|name| pixels(&asset(name)).as_ref() == Some(&shown)).map(str::to_owned)
    }

    /// Which of them the bar itself shows: the one that its picture resembles most. The panel scales it, and its own way of
    /// doing so is not ours, so no pixel is the same. `None` where the bar is empty.
    pub(crate) fn bar(&self) -> Option<String> {
        let picture = self.dir.join("bar.png");
        let picture = picture.to_str()?;
        self.exec(&["import", "-window", "root", "-crop", "28x28+872+0", "+repage", picture]);
        let colours = self.exec(&["convert", picture, "-format", "%k", "info:-"]);
        if colours.trim() == "1" {
            return None;
        }
        let edge = self.exec(&["convert", picture, "-format", "%[pixel:p{0,0}]", "info:-"]);
        let far = |name: &str| {
            let asset = asset(name);
            let drawn = ["(", asset.to_str()?, "-background", edge.trim(), "-flatten", "-resize", "24x24", ")"];
            // Both cut to what is not bar, and stretched to one size: the panel decides about its exact place.
            let same = ["-fuzz", "8%", "-trim", "+repage", "-resize", "24x22!", "-metric", "RMSE", "-compare"];
            let output =
                [&["convert", "(", picture, ")"], &drawn[..], &same, &["-format", "%[distortion]", "info:-"]].concat();
            self.exec(&output).trim().parse::<f64>().ok()
        };
        let all = ICONS.into_iter().filter_map(|name| Some((far(name)?, name)));
        all.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name.to_owned())
    }

    pub(crate) fn wait<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < until, "waited in vain for: {what}; the menu: {:#?}", self.rows());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for a row that begins so.
    pub(crate) fn wait_row(&self, label: &str) -> Row {
        self.wait(label, || self.row(label))
    }

    pub(crate) fn wait_icon(&self, name: &str) {
        self.wait(&format!("the icon '{name}'"), || (self.shows()? == name).then_some(()));
    }

    /// Bus name and path of the app's icon, as the tray host knows it.
    fn item(&self) -> Option<(String, String)> {
        let host = ["org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher", "org.kde.StatusNotifierWatcher"];
        let all = self.busctl(&[&["get-property"], &host[..], &["RegisteredStatusNotifierItems"]].concat())?;
        let items = all.as_array()?.iter().filter_map(Value::as_str);
        items
            .filter_map(|item| item.find('/').map(|at| (item[..at].to_owned(), item[at..].to_owned())))
            .find(|(_, path)| path.ends_with("bridge_watchdog"))
    }

    fn property(&self, name: &str, path: &str, property: &str) -> Option<Value> {
        self.busctl(&["get-property", name, path, "org.kde.StatusNotifierItem", property])
    }

    fn busctl(&self, args: &[&str]) -> Option<Value> {
        let address = format!("--address=unix:path={}", self.dir.join("run/bus").display());
        let output =
            Command::new("busctl").arg(address).args(["--json=short", "--timeout=5"]).args(args).output().ok()?;
        let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
        Some(answer["data"].clone())
    }

    fn script(&self, verb: &str, args: &[&str]) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/panel.sh"));
        command.arg(verb).arg(&self.dir).args(args).stdin(Stdio::null());
        command.envs(self.env.iter().map(|(key, value)| (*key, value)));
        command
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        let _ = self.script("stop", &[]).output();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl App {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its exit code, once it has ended by itself.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the app does not end");
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn find<'a>(rows: &'a [Row], label: &str) -> Option<&'a Row> {
    rows.iter().find_map(|row| if row.label.starts_with(label) { Some(row) } else { find(&row.rows, label) })
}

/// `[id, {key: variant}, [children]]`; what is at its default value is left out.
fn row(value: &Value) -> Row {
    let property = |key: &str| &value[1][key]["data"];
    Row {
        id: value[0].as_i64().unwrap_or(-1),
        // A doubled underscore is one, a single one marks a key.
        label: property("label").as_str().unwrap_or("").replace("__", "\0").replace('_', "").replace('\0', "_"),
        enabled: property("enabled").as_bool().unwrap_or(true),
        checked: (property("toggle-type") == "checkmark").then(|| property("toggle-state") == 1),
        visible: property("visible").as_bool().unwrap_or(true),
        rows: value[2].as_array().into_iter().flatten().map(|child| row(&child["data"])).collect(),
    }
}

fn asset(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("assets/{name}-linux.png"))
}

fn pixels(png: &Path) -> Option<Vec<u8>> {
    let output = Command::new("convert").arg(png).args(["-depth", "8", "rgba:-"]).output().ok()?;
    output.status.success().then_some(output.stdout)
}
