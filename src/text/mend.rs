//! The mends of `doctor`, each as a command of one line that can be pasted.

use std::path::Path;

use super::doctor::Clean;
use super::single_quoted;
use crate::contract;
use crate::doctor::finding::{Host, Mend, Pane};

/// The mend as a command. Where the configuration is not the usual one, `config` names it.
pub fn command(mend: &Mend, config: Option<&Path>, clean: Clean) -> String {
    let shell_word = |word: &str| shell_word(&clean(word));
    let quoted = |path: &Path| shell_word(&path.to_string_lossy());
    let by = |program: &str, words: &str| match config {
        Some(file) => format!("{program} --config {} {words}", quoted(file)),
        None => format!("{program} {words}"),
    };
    let ours = |words: &str| by("bridge-watchdog", words);
    let to_home = |file: &Path| {
        let name = file.file_name().unwrap_or_default();
        format!("mv -n {} ~/{}", quoted(file), quoted(Path::new(name)))
    };
    let mac = cfg!(target_os = "macos");
    match mend {
        Mend::Setup => ours("setup"),
        Mend::Edit(file) => format!("\"${{EDITOR:-vi}}\" {}", quoted(file)),
        Mend::Chmod { path, mode } => format!("chmod {mode} {}", quoted(path)),
        Mend::Unquarantine(file) => format!("xattr -d com.apple.quarantine {}", quoted(file)),
        Mend::MakeFolder(folder) => format!("mkdir -p {}", quoted(folder)),
        Mend::Install | Mend::DropIn => ours("install"),
        Mend::InstallApp => by(&self::shell_word(APP_PROGRAM), "install"),
        Mend::MoveApp(bundle) => {
            let app = self::shell_word(APP);
            format!("ditto {} {app} && {}", quoted(bundle), by(&self::shell_word(APP_PROGRAM), "install"))
        }
        Mend::MakeInstall(source) => format!("make -C {} install && {}", quoted(source), ours("install")),
        Mend::Login { root, words } => {
            let words: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
            format!("cd {} && {}", quoted(root), words.join(" "))
        }
        Mend::TakeBack(folder) => format!("sudo chown -R \"$(id -un)\" {}", quoted(folder)),
        Mend::ShowMode(file) => format!("ls -ld {} {}", quoted(file.parent().unwrap_or(file)), quoted(file)),
        Mend::OpenBot(name) => {
            format!("{} https://t.me/{}", if mac { "open" } else { "xdg-open" }, shell_word(name))
        }
        Mend::Reach(url) => format!("curl -sSI {}", shell_word(url)),
        Mend::SetClock if mac => "sudo sntp -sS time.apple.com".into(),
        Mend::SetClock => "sudo timedatectl set-ntp true".into(),
        Mend::RuntimeFolder => "export XDG_RUNTIME_DIR=/run/user/$(id -u)".into(),
        Mend::AskLaunchd => "launchctl print gui/$(id -u)".into(),
        Mend::AskSystemd => "systemctl --user status".into(),
        Mend::Linger => "loginctl enable-linger".into(),
        Mend::Bootstrap(file) => format!("launchctl bootstrap gui/$(id -u) {}", quoted(file)),
        Mend::Enable(label) => {
            let label = shell_word(label);
            format!("launchctl enable gui/$(id -u)/{label} && {}", ours("install"))
        }
        Mend::StartUnit(unit) => format!("systemctl --user start {}", shell_word(unit)),
        Mend::EnableUnit(unit) => format!("systemctl --user enable {}", shell_word(unit)),
        Mend::Unmask(unit) => format!("systemctl --user unmask {}", shell_word(unit)),
        Mend::Reload => "systemctl --user daemon-reload".into(),
        Mend::Renew(file) => format!("{} && {}", to_home(file), ours("install")),
        Mend::KeepAliveKey(file) => {
            format!("plutil -replace KeepAlive -bool true {} && {}", quoted(file), ours("install"))
        }
        Mend::StopTimeout { folder, seconds } => {
            // Later than what `systemctl edit` writes: the last word counts.
            let file = quoted(&folder.join("zz-bridge-watchdog-stop.conf"));
            let folder = quoted(folder);
            format!(
                "mkdir -p {folder} && printf '[Service]\\nTimeoutStopSec={seconds}\\n' > {file} && systemctl --user \
                 daemon-reload"
            )
        }
        Mend::MoveAway(file) => to_home(file),
        Mend::StartWatch(Host::Launchd) => {
            format!("launchctl kickstart gui/$(id -u)/{}", contract::LABEL)
        }
        Mend::RestartWatch(Host::Launchd) => {
            format!("launchctl kickstart -k gui/$(id -u)/{}", contract::LABEL)
        }
        Mend::StartWatch(Host::Systemd) => "systemctl --user start bridge-watchdog".into(),
        Mend::RestartWatch(Host::Systemd) => "systemctl --user restart bridge-watchdog".into(),
        Mend::StartWatch(Host::Nobody) | Mend::RestartWatch(Host::Nobody) => ours("run"),
        Mend::Disable { label, loaded } => {
            let target = format!("gui/$(id -u)/{}", shell_word(label));
            let now = if *loaded { format!(" && launchctl bootout {target}") } else { String::new() };
            format!("launchctl disable {target}{now}")
        }
        Mend::DisableUnit(unit) => format!("systemctl --user disable --now {}", shell_word(unit)),
        Mend::Crontab => "crontab -e".into(),
        Mend::EndProcess(pid) => format!("kill {pid}"),
        Mend::AskLock { script, python, shebang, marker } => {
            let marker = clean(&marker.to_string_lossy());
            let look = self::shell_word(&if *python { python_look(&marker) } else { shell_look(&marker) });
            let new = if *shebang {
                format!("head -n 1 \"$f\"; printf '%s\\n' {look}; tail -n +2 \"$f\"")
            } else {
                format!("printf '%s\\n' {look}; cat \"$f\"")
            };
            // Its mode and its links stay as they are.
            let script = quoted(script);
            format!("f={script}; {{ {new}; }} > \"$f.new\" && cat \"$f.new\" > \"$f\"; rm \"$f.new\"")
        }
        Mend::Hold(script) => ours(&format!("hold --reason update -- {}", quoted(script))),
        Mend::FreeSpace(root) => format!("du -xh -d 2 {} | sort -h | tail", quoted(root)),
        Mend::GitStatus(root) => format!("git -C {} status", quoted(root)),
        Mend::Settings(pane) => format!("open {}", self::shell_word(settings(*pane))),
        Mend::StartAfterPowerCut => "sudo pmset -a autorestart 1".into(),
        Mend::IconLibrary => "sudo apt-get install libayatana-appindicator3-1".into(),
        Mend::Tray => "sudo apt-get install gnome-shell-extension-appindicator".into(),
        Mend::NotificationDaemon => "sudo apt-get install notification-daemon".into(),
        Mend::OpenApp => format!("open -b {}", contract::LABEL),
        Mend::NeverSleep => "sudo pmset -a sleep 0".into(),
        Mend::Sign(bundle) => format!("codesign --force --deep --sign \"$SIGN_ID\" {}", quoted(bundle)),
        Mend::Again => ours("doctor"),
    }
}

/// 75 is EX_TEMPFAIL of sysexits.h: try again later. A marker that is older than 5 min is a dead recovery's.
fn shell_look(marker: &str) -> String {
    format!("[ -z \"$(find {} -mmin -5 2>/dev/null)\" ] || exit 75", shell_word(marker))
}

fn python_look(marker: &str) -> String {
    // JSON's strings are Python's too.
    let marker = serde_json::json!(marker);
    format!(
        "import os, sys, time; m = {marker}; sys.exit(75) if os.path.exists(m) and time.time() - os.path.getmtime(m) < 300 \
         else None"
    )
}

/// Where an app is that stays.
const APP: &str = "/Applications/Bridge Watchdog.app";
const APP_PROGRAM: &str = "/Applications/Bridge Watchdog.app/Contents/MacOS/bridge-watchdog";

fn settings(pane: Pane) -> &'static str {
    match pane {
        Pane::FullDiskAccess => "x-apple.systempreferences:com.apple.preference.security?Privacy_AllFiles",
        Pane::LoginItems => "x-apple.systempreferences:com.apple.LoginItems-Settings.extension",
        Pane::MenuBar => "x-apple.systempreferences:com.apple.ControlCenter-Settings.extension",
        Pane::Notifications => "x-apple.systempreferences:com.apple.Notifications-Settings.extension",
        Pane::Users => "x-apple.systempreferences:com.apple.Users-Groups-Settings.extension",
    }
}

/// A word for a shell: as it is where that is safe, else in single quotes.
fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { single_quoted(word) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::foreign;

    #[test]
    fn what_a_shell_would_read_otherwise_is_quoted() {
        let rows = [
            ("/a/b-c.toml", "/a/b-c.toml"),
            ("/a b/ü", "'/a b/ü'"),
            ("it's $HOME `x`", "'it'\\''s $HOME `x`'"),
            ("", "''"),
            ("https://api.telegram.org", "https://api.telegram.org"),
            ("~/x", "'~/x'"),
        ];
        for (word, expected) in rows {
            assert_eq!(shell_word(word), expected);
        }
    }

    /// Pasted as it stands, it is one line.
    #[test]
    fn no_mend_has_a_second_line() {
        let marker = "/a b/data/recovery-in-progress".into();
        let ask = Mend::AskLock { script: "/a b/update.sh".into(), python: true, shebang: true, marker };
        let stop = Mend::StopTimeout { folder: "/u/x.service.d".into(), seconds: 20 };
        for mend in [ask, stop, Mend::Linger, Mend::Settings(Pane::Users)] {
            let command = command(&mend, None, &foreign);
            assert!(!command.contains('\n'), "{command}");
        }
    }
}
