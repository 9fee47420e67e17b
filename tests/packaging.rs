//! What is shipped: the app's bundle, the Debian packages, the cask, the man pages and the completions. The scripts that
//! `make app` and `make deb` run, on the programs that cargo built beside the tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::mac::{OURS, dictionary, lint};
use crate::support::require::{self, Ability};
use crate::support::{beside, product};
use clap::Command as CommandLine;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A script of `tests/tools`, on what is built already; what it printed to its standard output.
fn script(name: &str, out: &Path) -> String {
    let built = product().parent().expect("a folder").to_owned();
    let output = Command::new(project("tests/tools").join(name))
        .env("OUT", out)
        .env("BINARIES", built)
        .env_remove("SIGN_ID")
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        for entry in fs::read_dir(&path).expect("a folder").flatten() {
            if entry.path().is_dir() {
                left.push(entry.path());
            } else {
                found.insert(entry.path().strip_prefix(folder).expect("below").display().to_string());
            }
        }
    }
    found
}

/// Those that a person types.
fn commands() -> Vec<CommandLine> {
    let whole = bridge_watchdog::cli::command();
    whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect()
}

#[test]
fn completions_and_man_pages_name_every_command_and_flag_and_no_hidden_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(beside("examples/manual")).arg(folder.path()).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let commands = commands();
    assert!(commands.len() > 20, "{}", commands.len());
    let main = read(&folder.path().join("man/bridge-watchdog.1"));
    let [bash, zsh, fish] = ["bridge-watchdog.bash", "_bridge-watchdog", "bridge-watchdog.fish"]
        .map(|name| (name, read(&folder.path().join("completions").join(name))));
    for command in &commands {
        let name = command.get_name();
        let page = read(&folder.path().join(format!("man/bridge-watchdog-{name}.1")));
        assert!(main.contains(&format!("bridge\\-watchdog\\-{}", name.replace('-', "\\-"))), "{name}");
        assert!(bash.1.contains(&format!("bridge__watchdog,{name})")), "bash: {name}");
        assert!(zsh.1.contains(&format!("({name})")), "zsh: {name}");
        assert!(fish.1.contains(&format!("-a \"{name}\"")), "fish: {name}");
        let flags = command.get_arguments().filter(|flag| !flag.is_hide_set()).filter_map(|flag| flag.get_long());
        for flag in flags {
            for (shell, text) in [&bash, &zsh] {
                assert!(text.contains(&format!("--{flag}")), "{shell}: {name} --{flag}");
            }
            assert!(fish.1.contains(&format!("-l {flag}")), "fish: {name} --{flag}");
            // The page of `tray` is that of the app, which is started by itself.
            let page = page.replace('\\', "");
            assert!(name == "tray" || page.contains(&format!("--{flag}")), "{name} --{flag}: {page}");
        }
    }
    for (shell, text) in [&bash, &zsh, &fish] {
        assert!(!text.contains("demo-bridge"), "{shell} offers what no person types");
    }
    assert!(!folder.path().join("man/bridge-watchdog-demo-bridge.1").exists());
    // Where the shells are here, they have to understand it.
    for (shell, (name, _)) in [("bash", &bash), ("zsh", &zsh), ("fish", &fish)] {
        let file = folder.path().join("completions").join(name);
        if let Ok(output) = Command::new(shell).arg("-n").arg(&file).output() {
            assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn the_apps_bundle_has_all_that_macos_and_a_person_look_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let printed = script("app.sh", folder.path());
    let app = folder.path().join("Bridge Watchdog.app");
    assert_eq!(printed.trim(), app.to_str().expect("a path"));
    let contents = app.join("Contents");
    let mut expected: BTreeSet<String> = [
        "Info.plist",
        "MacOS/bridge-watchdog",
        "MacOS/bridge-watchdog-tray",
        "PkgInfo",
        "Resources/LICENSE",
        "Resources/bridge-watchdog.icns",
        "Resources/completions/_bridge-watchdog",
        "Resources/completions/bridge-watchdog.bash",
        "Resources/completions/bridge-watchdog.fish",
        "Resources/man/bridge-watchdog.1",
    ]
    .map(str::to_owned)
    .into();
    expected.extend(commands().iter().map(|command| format!("Resources/man/bridge-watchdog-{}.1", command.get_name())));
    if cfg!(target_os = "macos") {
        expected.insert("_CodeSignature/CodeResources".into());
    }
    assert_eq!(files(&contents), expected);
    let plist = contents.join("Info.plist");
    lint(&plist);
    let keys = dictionary(&plist);
    let texts = [
        ("CFBundleIdentifier", OURS),
        ("CFBundleExecutable", "bridge-watchdog-tray"),
        ("CFBundleName", "Bridge Watchdog"),
        ("CFBundlePackageType", "APPL"),
        ("CFBundleShortVersionString", VERSION),
        ("CFBundleVersion", VERSION),
        ("CFBundleIconFile", "bridge-watchdog"),
        ("LSMinimumSystemVersion", "12.0"),
    ];
    for (key, text) in texts {
        assert_eq!(keys.get(key).and_then(plist::Value::as_string), Some(text), "{key}");
    }
    for key in ["LSUIElement", "NSHighResolutionCapable"] {
        assert_eq!(keys.get(key), Some(&plist::Value::Boolean(true)), "{key}");
    }
    // Nothing of the build is left beside it.
    let beside: Vec<_> =
        fs::read_dir(folder.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    let zips = if cfg!(target_os = "macos") { 2 } else { 0 };
    assert_eq!(beside.len(), 1 + zips, "{beside:?}");
    // A second time it takes the place of the first.
    script("app.sh", folder.path());
    assert_eq!(files(&contents), expected);
}

#[test]
fn the_version_and_the_bundle_id_are_the_same_everywhere() {
    let keys = dictionary(&project("Info.plist"));
    let text = |key: &str| keys.get(key).and_then(plist::Value::as_string).unwrap_or_default().to_owned();
    assert_eq!((text("CFBundleShortVersionString"), text("CFBundleVersion")), (VERSION.into(), VERSION.into()));
    assert_eq!((text("CFBundleIdentifier").as_str(), bridge_watchdog::install::LABEL), (OURS, OURS));
    let agent = dictionary(&project(&format!("launchd/{OURS}.plist")));
    assert_eq!(agent.get("Label").and_then(plist::Value::as_string), Some(OURS));
    let associated = agent.get("AssociatedBundleIdentifiers").and_then(plist::Value::as_array).expect("a list");
    assert_eq!(associated.iter().filter_map(plist::Value::as_string).collect::<Vec<_>>(), [OURS]);
    let cask = read(&project("packaging/homebrew/Casks/bridge-watchdog.rb"));
    assert!(cask.contains(&format!("version \"{VERSION}\"\n")), "{cask}");
    let (_, list) = cask.split_once("%w[").expect("the commands' pages");
    let pages: BTreeSet<&str> = list.split_once(']').expect("its end").0.split_whitespace().collect();
    let commands = commands();
    assert_eq!(pages, commands.iter().map(CommandLine::get_name).collect(), "a page for each command");
    for words in ["uninstall launchctl: ", "quit:      "] {
        assert!(cask.contains(&format!("{words}\"{OURS}\"")), "{words}");
    }
    assert_eq!(text("LSMinimumSystemVersion"), "12.0", "the cask says :monterey");
    assert!(cask.contains(">= :monterey"));
}

#[test]
fn a_release_gets_the_cask_of_its_zip() {
    let folder = tempfile::tempdir().expect("a folder");
    let zip = folder.path().join("x.zip");
    fs::write(&zip, "abc").expect("a file");
    let script = project("packaging/homebrew/cask.sh");
    let output = Command::new(script).args(["me/my-watchdog", "1.2.3"]).arg(&zip).output().expect("a shell");
    let cask = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The digest of "abc", from the standard.
    let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    for words in
        ["version \"1.2.3\"", &format!("sha256 \"{sum}\""), "github.com/me/my-watchdog/releases/download/v#{version}/"]
    {
        assert!(cask.contains(words), "{words}: {cask}");
    }
    assert!(!cask.contains("OWNER") && !cask.contains("0000"), "{cask}");
}

#[test]
fn the_debian_packages_hold_what_they_should_and_want_what_they_link() {
    if !require::has(Ability::Deb) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let printed = script("deb.sh", folder.path());
    let debs: Vec<&Path> = printed.lines().map(Path::new).collect();
    let [headless, tray] = debs[..] else { panic!("{printed}") };
    let ask = |args: &[&str], deb: &Path| {
        let output = Command::new("dpkg-deb").args(args).arg(deb).output().expect("dpkg-deb");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let field = |deb: &Path, name: &str| {
        let output = Command::new("dpkg-deb").arg("-f").arg(deb).arg(name).output().expect("dpkg-deb");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let listed = |deb: &Path| -> BTreeSet<String> {
        let text = ask(&["-c"], deb);
        assert!(text.lines().all(|line| line.contains("root/root")), "{text}");
        let paths = text.lines().filter_map(|line| line.split_whitespace().nth(5)?.strip_prefix("./"));
        paths.filter(|path| !path.is_empty() && !path.ends_with('/')).map(str::to_owned).collect()
    };
    assert_eq!(
        (field(headless, "Package"), field(tray, "Package")),
        ("bridge-watchdog".into(), "bridge-watchdog-tray".into())
    );
    for deb in [headless, tray] {
        assert_eq!(field(deb, "Version"), VERSION);
        assert!(deb.to_string_lossy().contains(VERSION));
    }

    let mut expected: BTreeSet<String> = [
        "usr/bin/bridge-watchdog",
        "usr/share/bash-completion/completions/bridge-watchdog",
        "usr/share/doc/bridge-watchdog/copyright",
        "usr/share/fish/vendor_completions.d/bridge-watchdog.fish",
        "usr/share/man/man1/bridge-watchdog.1.gz",
        "usr/share/zsh/vendor-completions/_bridge-watchdog",
    ]
    .map(str::to_owned)
    .into();
    let pages = commands().into_iter().filter(|command| command.get_name() != "tray");
    expected.extend(pages.map(|command| format!("usr/share/man/man1/bridge-watchdog-{}.1.gz", command.get_name())));
    let without_changelog = |mut listed: BTreeSet<String>| {
        listed.retain(|path| !path.ends_with("/changelog.gz"));
        listed
    };
    assert_eq!(without_changelog(listed(headless)), expected);
    let of_the_app = [
        "usr/bin/bridge-watchdog-tray",
        "usr/share/applications/bridge-watchdog.desktop",
        "usr/share/doc/bridge-watchdog-tray/copyright",
        "usr/share/icons/hicolor/scalable/apps/bridge-watchdog.svg",
        "usr/share/man/man1/bridge-watchdog-tray.1.gz",
    ];
    assert_eq!(without_changelog(listed(tray)), of_the_app.map(str::to_owned).into());

    // A bare Debian has these; the libraries of a desktop are the app's alone.
    let packages = |deb: &Path| -> BTreeSet<String> {
        field(deb, "Depends").split(", ").filter_map(|one| one.split(' ').next()).map(str::to_owned).collect()
    };
    let needs = packages(headless);
    let bare = ["libc6", "libgcc-s1", "zlib1g"].map(str::to_owned).into();
    assert!(needs.contains("libc6") && needs.is_subset(&bare), "{needs:?}");
    let needs = packages(tray);
    assert!(field(tray, "Depends").contains(&format!("bridge-watchdog (= {VERSION})")), "{needs:?}");
    for package in ["libgtk-3-0", "libayatana-appindicator3-1"] {
        assert!(needs.iter().any(|need| need.starts_with(package)), "{package}: {needs:?}");
    }
    let desktop = ask(&["--fsys-tarfile"], tray);
    assert!(desktop.contains("Exec=/usr/bin/bridge-watchdog-tray\nIcon=bridge-watchdog\n"));
}
