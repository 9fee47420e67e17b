//! `make install`: the script, on the tests' programs, with a home of its own. A version that runs is replaced by the one
//! that was installed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

#[cfg(all(feature = "tray", target_os = "linux"))]
use crate::support::{Mac, launchd::target, mac::OURS};
use crate::support::{Scene, alive, beside, systemd};
#[cfg(all(feature = "tray", target_os = "linux"))]
use bridge_watchdog::system::process;

/// A folder as cargo's, with the tests' programs under our names.
fn built(scene: &Scene, names: &[(&str, &str)]) -> PathBuf {
    let folder = scene.folder.path().join("built");
    fs::create_dir_all(folder.join("examples")).expect("a folder");
    let manual = folder.join("examples/manual");
    fs::hard_link(beside("examples/manual"), &manual)
        .or_else(|_| fs::copy(beside("examples/manual"), &manual).map(drop))
        .expect("a program");
    for (from, to) in names {
        fs::copy(beside(&format!("examples/test-{from}")), folder.join(to)).expect("a program");
    }
    folder
}

/// Runs the script; its exit code and what it said.
fn make_install(scene: &Scene, built: &Path, more: &[(&str, PathBuf)]) -> (Option<i32>, String) {
    let home = scene.folder.path().join("home");
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/install.sh"));
    for variable in ["XDG_BIN_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"] {
        command.env_remove(variable);
    }
    command.envs(scene.env.iter().map(|(key, value)| (key, value)));
    command.env("HOME", &home).env("XDG_CONFIG_HOME", &home).env("BINARIES", built);
    command.env("COMMAND_ARGS", scene.folder.path().join("environment.json")).env("OUT", scene.folder.path());
    command.envs(more.iter().map(|(key, value)| (key, value))).stdin(std::process::Stdio::null());
    let output = command.output().expect("a shell");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text)
}

fn by(scene: &Scene, program: &Path, verb: &str) -> String {
    let mut command = scene.command(&[]);
    command.args(["--config", scene.config_file().to_str().expect("a path"), verb]);
    let mut args: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let mut real = Command::new(program);
    real.args(args.drain(..)).envs(scene.env.iter().map(|(key, value)| (key, value)));
    let output = real.output().expect("it runs");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{text}");
    text
}

#[test]
fn on_linux_what_runs_after_make_install_is_what_was_installed() {
    let Some(manager) = systemd::or_skip() else { return };
    let scene = crate::install_systemd::scene(&manager);
    let built = built(&scene, &[("watchdog", "bridge-watchdog")]);
    let home = scene.folder.path().join("home");
    let program = home.join(".local/bin/bridge-watchdog");

    // Nobody has set anything up.
    let (code, said) = make_install(&scene, &built, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("there is no configuration yet; on a terminal run: "), "{said}");
    assert!(said.contains("is not in your PATH"), "{said}");
    assert_eq!(fs::metadata(&program).expect("the command").permissions().mode() & 0o777, 0o755);
    for file in [
        "man/man1/bridge-watchdog.1",
        "bash-completion/completions/bridge-watchdog",
        "zsh/site-functions/_bridge-watchdog",
    ] {
        assert!(home.join(".local/share").join(file).exists(), "{file}");
    }

    // A unit that starts another place's program is told of this one.
    scene.run(&["install"]);
    let elsewhere = manager.wait_pid("bridge-watchdog");
    scene.wait("a look", || scene.status());
    let (code, said) = make_install(&scene, &built, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the unit starts another program; it is told of this one"), "{said}");
    let first = manager.wait_pid("bridge-watchdog");
    assert!(
        !alive(elsewhere) && said.contains(&format!("the watchdog that runs (pid {first}) is this version")),
        "{said}"
    );
    assert_eq!(
        fs::read_link(format!("/proc/{first}/exe")).expect("a program"),
        program.canonicalize().expect("a file")
    );

    // The same again, with a new build.
    let (code, said) = make_install(&scene, &built, &[]);
    assert_eq!(code, Some(0), "{said}");
    let second = manager.wait_pid("bridge-watchdog");
    assert!(second != first && !alive(first), "{said}");
    assert!(said.contains(&format!("the watchdog that runs (pid {second}) is this version")), "{said}");
    assert_eq!(
        fs::read_link(format!("/proc/{second}/exe")).expect("a program"),
        program.canonicalize().expect("a file")
    );
    let left: Vec<_> =
        fs::read_dir(home.join(".local/bin")).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["bridge-watchdog"]);
    by(&scene, &program, "uninstall");
}

/// launchd is the stand-in, and the bundle is laid out but not signed: what Apple's tools do is seen on a Mac alone.
#[cfg(all(feature = "tray", target_os = "linux"))]
#[test]
fn on_a_mac_the_app_is_swapped_while_its_agent_is_down_and_then_it_runs() {
    let mac = Mac::new();
    mac.persons_bridge();
    let built = built(&mac.scene, &[("watchdog", "bridge-watchdog"), ("tray", "bridge-watchdog-tray")]);
    let applications = mac.scene.folder.path().join("Applications & more");
    fs::create_dir(&applications).expect("a folder");
    let more = [
        ("SYSTEM", PathBuf::from("Darwin")),
        ("APPLICATIONS", applications.clone()),
        ("LAUNCHCTL", mac.launchd.launchctl()),
        // The machine's own folders of commands are no test's.
        ("PATH", format!("{}/home/.local/bin:/usr/bin:/bin", mac.scene.folder.path().display()).into()),
    ];
    fs::create_dir_all(mac.scene.folder.path().join("home/.local/bin")).expect("a folder");
    let (code, said) = make_install(&mac.scene, &built, &more);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("there is no configuration yet"), "{said}");
    let macos = applications.canonicalize().expect("a folder").join("Bridge Watchdog.app/Contents/MacOS");
    let link = said.lines().find_map(|line| line.strip_prefix("command: ")).expect("a link").to_owned();
    assert_eq!(Path::new(&link).canonicalize().expect("a link"), macos.join("bridge-watchdog"));
    assert!(link.ends_with("home/.local/bin/bridge-watchdog"), "{link}");

    by(&mac.scene, &macos.join("bridge-watchdog"), "install");
    let first = mac.launchd.wait_pid(OURS);
    mac.scene.wait("a look", || mac.scene.status());
    let before = mac.launchd.calls().len();
    let (code, said) = make_install(&mac.scene, &built, &more);
    assert_eq!(code, Some(0), "{said}");
    let second = mac.launchd.wait_pid(OURS);
    assert!(first != second && !alive(first), "{said}");
    assert!(said.contains(&format!("the watchdog that runs (pid {second}) is this version")), "{said}");
    assert_eq!(fs::read_link(format!("/proc/{second}/exe")).expect("a program"), macos.join("bridge-watchdog-tray"));
    // Ended, waited for, loaded: never killed.
    let verbs: Vec<String> = mac.launchd.calls().into_iter().skip(before).map(|call| call.args[0].clone()).collect();
    let at = |verb: &str| verbs.iter().position(|found| found == verb);
    assert!(at("bootout") < at("bootstrap") && at("bootout").is_some() && at("kickstart").is_none(), "{verbs:?}");
    // What could not be loaded again is not ended, and the person hears how to go on.
    assert_eq!(mac.launchd.operator(&["disable", &target(OURS)]).code, 0);
    let (code, said) = make_install(&mac.scene, &built, &more);
    let enable = format!("run: launchctl enable gui/{}/{OURS} && bridge-watchdog install", process::our_user());
    assert!(code == Some(1) && said.contains(&enable), "{said}");
    assert_eq!(mac.launchd.pid(OURS), Some(second));
    assert_eq!(mac.launchd.operator(&["enable", &target(OURS)]).code, 0);
    let plist = mac.plist(OURS);
    let text = fs::read(&plist).expect("a plist");
    fs::remove_file(&plist).expect("a file");
    let (code, said) = make_install(&mac.scene, &built, &more);
    assert!(code == Some(1) && said.contains("(\"Start at login\" is off)"), "{said}");
    assert_eq!(mac.launchd.pid(OURS), Some(second));
    fs::write(&plist, text).expect("a plist");
    let left: Vec<_> =
        fs::read_dir(&applications).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["Bridge Watchdog.app"]);
}
