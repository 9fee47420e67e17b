use std::os::unix::fs::PermissionsExt;

use super::*;

fn scene() -> (tempfile::TempDir, Environment, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().canonicalize().unwrap();
    let root = home.join("ai");
    std::fs::create_dir_all(root.join(".git")).unwrap();
    let file = home.join("config.toml");
    std::fs::write(&file, format!("[bridge]\nroot = \"{}\"\n", root.display())).unwrap();
    let environment = Environment {
        config_dir: home.join("config/us"),
        state_dir: home.join("state"),
        home,
        ..Environment::real().unwrap()
    };
    (folder, environment, file)
}

#[test]
fn the_session_is_the_one_that_the_bridge_opens() {
    // The line of `.env`, the files that are there, and the session's path in the checkout.
    let rows: [(&str, &[&str], &str); 28] = [
        ("", &[], "data/valor_bridge.session"),
        ("TELEGRAM_SESSION_NAME=", &[], "data/valor_bridge.session"),
        ("TELEGRAM_SESSION_NAME", &[], "data/valor_bridge.session"),
        ("TELEGRAM_SESSION_NAME=alice", &[], "data/alice.session"),
        ("TELEGRAM_SESSION_NAME=alice.session", &[], "data/alice.session"),
        ("TELEGRAM_SESSION_NAME=alice # the work account", &[], "data/alice.session"),
        ("TELEGRAM_SESSION_NAME=\"alice\"   # the work account", &[], "data/alice.session"),
        ("export   TELEGRAM_SESSION_NAME=alice", &[], "data/alice.session"),
        ("TELEGRAM_SESSION_NAME=old\nTELEGRAM_SESSION_NAME='alice'", &[], "data/alice.session"),
        ("WHO=alice\nTELEGRAM_SESSION_NAME=${WHO}_2", &[], "data/alice_2.session"),
        ("MY_TELEGRAM_SESSION_NAME=alice", &[], "data/valor_bridge.session"),
        ("TELEGRAM_SESSION_NAME=sessions/alice", &[], "sessions/alice.session"),
        ("TELEGRAM_SESSION_NAME=sessions/alice", &["data/sessions/alice.session"], "data/sessions/alice.session"),
        ("TELEGRAM_SESSION_NAME=${HOME}/alice", &[], "../alice.session"),
        // Who else writes such a line: on Windows, in an editor that marks the file, by copying, by hand.
        ("TELEGRAM_SESSION_NAME=alice\r\nOTHER=x\r\n", &[], "data/alice.session"),
        ("\u{feff}TELEGRAM_SESSION_NAME=alice", &[], "data/valor_bridge.session"),
        ("\u{feff}# settings\nTELEGRAM_SESSION_NAME=alice", &[], "data/alice.session"),
        ("export\t\tTELEGRAM_SESSION_NAME\t=\talice", &[], "data/alice.session"),
        ("TELEGRAM_SESSION_NAME='alice # work'", &[], "data/alice # work.session"),
        ("TELEGRAM_SESSION_NAME=alice#work", &[], "data/alice#work.session"),
        ("TELEGRAM_SESSION_NAME=''", &[], "data/valor_bridge.session"),
        ("TELEGRAM_SESSION_NAME=alice\nTELEGRAM_SESSION_NAME=bob", &[], "data/bob.session"),
        ("TELEGRAM_SESSION_NAME=alice\n#TELEGRAM_SESSION_NAME=bob", &[], "data/alice.session"),
        ("TELEGRAM_SESSION_NAME=./alice", &[], "alice.session"),
        ("TELEGRAM_SESSION_NAME=sessions/alice.session", &[], "sessions/alice.session"),
        ("TELEGRAM_SESSION_NAME=alice.SESSION", &[], "data/alice.SESSION.session"),
        ("TELEGRAM_SESSION_NAME=alice", &["alice.session"], "alice.session"),
        ("TELEGRAM_SESSION_NAME=alice", &["alice.session", "data/alice.session"], "data/alice.session"),
    ];
    for (dotenv, files, expected) in rows {
        let (_folder, environment, file) = scene();
        let root = environment.home.join("ai");
        std::fs::write(root.join(".env"), dotenv).unwrap();
        for file in files {
            std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            std::fs::write(root.join(file), "").unwrap();
        }
        let config = Config::load(&file, &environment).unwrap();
        let expected = expected.strip_prefix("../").map_or_else(|| root.join(expected), |up| environment.home.join(up));
        assert_eq!(config.session, expected, "{dotenv}");
    }
}

/// What launchd or systemd gives the bridge counts more than `.env`, which python-dotenv only adds.
#[test]
fn r24_the_jobs_own_environment_names_the_session_first() {
    let plist = |label: &str| {
        format!(
            "<plist version=\"1.0\"><dict><key>Label</key><string>{label}</string><key>EnvironmentVariables</key>\
             <dict><key>TELEGRAM_SESSION_NAME</key><string>bob</string></dict></dict></plist>"
        )
    };
    let agent = "Library/LaunchAgents/com.valor.bridge.plist";
    let other = "Library/LaunchAgents/telegram bridge (work).plist";
    let (unit, template) = ("config/systemd/user/com.valor.bridge.service", "config/systemd/user/bridge@.service");
    let line = |value: &str| format!("[Service]\nEnvironment=\"TELEGRAM_SESSION_NAME={value}\"\n");
    let rows = [
        ("launchd", "", agent, plist("com.valor.bridge"), "data/bob.session"),
        ("launchd", "", other, plist("com.valor.bridge"), "data/bob.session"),
        ("launchd", "", other, plist("another"), "data/alice.session"),
        ("systemd", "", unit, line("sessions/bob"), "sessions/bob.session"),
        ("systemd", "", unit, line(""), "data/valor_bridge.session"),
        ("systemd", "", unit, "[Service]\n".into(), "data/alice.session"),
        ("systemd", "label = \"bridge@work\"\n", template, line("bob"), "data/bob.session"),
        ("embedded", "", unit, line("bob"), "data/alice.session"),
    ];
    for (manager, more, path, text, expected) in rows {
        let (_folder, environment, file) = scene();
        let root = environment.home.join("ai");
        std::fs::write(root.join(".env"), "TELEGRAM_SESSION_NAME=alice\n").unwrap();
        let config = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{config}manager = \"{manager}\"\n{more}")).unwrap();
        let path = environment.home.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
        let config = Config::load(&file, &environment).unwrap();
        assert_eq!(config.session, root.join(expected), "{manager} {text}");
    }
}

#[test]
fn r25_a_unit_may_have_its_suffix_and_no_other() {
    let refused = |cause: &str| Err(format!("bridge.label {cause}"));
    let rows: [(&str, &str, Result<&str, String>); 16] = [
        ("systemd", "com.valor.bridge.service", Ok("com.valor.bridge")),
        ("systemd", "com.valor.bridge", Ok("com.valor.bridge")),
        ("launchd", "com.valor.bridge.service", Ok("com.valor.bridge.service")),
        ("embedded", "com.valor.bridge.service", Ok("com.valor.bridge.service")),
        ("systemd", "bridge@work.service", Ok("bridge@work")),
        ("systemd", "bridge@work", Ok("bridge@work")),
        ("systemd", "bridge@.service", refused("is a template; name the instance that runs, as in bridge@work")),
        // A service may be called so.
        ("systemd", "com.valor.timer.service", Ok("com.valor.timer")),
        ("systemd", "com.valor.service.service", Ok("com.valor.service")),
        ("systemd", "com.valor.bridge.services", Ok("com.valor.bridge.services")),
        (
            "systemd",
            "com.valor.bridge.timer",
            refused("ends in .timer, which is no service; name the service: com.valor.bridge.service"),
        ),
        ("systemd", "bridge.socket", refused("ends in .socket, which is no service; name the service: bridge.service")),
        (
            "systemd",
            "com.valor.bridge.Service",
            refused("ends in .Service, which is no service; name the service: com.valor.bridge.service"),
        ),
        ("launchd", "com.valor.bridge.timer", Ok("com.valor.bridge.timer")),
        (
            "launchd",
            "com.valor.bridge.plist",
            refused("is the name of a file; write the Label that is in it, mostly com.valor.bridge"),
        ),
        (
            "systemd",
            ".service",
            refused("has a slash, a blank or a leading '-' or '.'; use a name like com.valor.bridge"),
        ),
    ];
    for (manager, label, expected) in rows {
        let (_folder, environment, file) = scene();
        let config = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{config}manager = \"{manager}\"\nlabel = \"{label}\"\n")).unwrap();
        let expected = expected.map(str::to_owned).map_err(|cause| format!("{}: {cause}", file.display()));
        assert_eq!(
            Config::load(&file, &environment).map(|config| config.label).map_err(|refused| refused.why),
            expected,
            "{manager} {label}"
        );
    }
}

#[test]
fn a_value_that_a_later_line_replaces_is_a_secret_too() {
    let (_folder, environment, file) = scene();
    std::fs::write(environment.home.join("ai/.env"), "KEY=the-old-one\nKEY=the-new-one # and why\n").unwrap();
    let secrets = Config::load(&file, &environment).unwrap().secrets;
    let shown = secrets.without("the-old-one, the-new-one # and why, the-new-one");
    assert_eq!(shown, "(removed), (removed), (removed)");
}

/// Twins of R21a: the file that has the token.
#[test]
fn r21a_a_token_that_others_can_read_or_replace_is_refused_with_the_mend() {
    use std::fs::{Permissions, set_permissions};
    let token = "[telegram]\nbot_token = \"123456:AAdo-not-leak_9c2e51\"\nchat_id = 7\n";
    let other = "[telegram]\ntoken_file = \"~/t/token\"\nchat_id = 7\n";
    // Of the configuration, its folder, the token's file and its folder.
    let rows = [
        (token, [0o600, 0o700, 0o600, 0o700], None),
        (token, [0o600, 0o755, 0o600, 0o700], None),
        (
            token,
            [0o640, 0o700, 0o600, 0o700],
            Some("bot_token can be read by others; run: chmod 600 '{c}/config.toml'"),
        ),
        (
            token,
            [0o602, 0o700, 0o600, 0o700],
            Some("bot_token can be changed by others; run: chmod 600 '{c}/config.toml'"),
        ),
        (token, [0o600, 0o770, 0o600, 0o700], Some("lies in a folder that others can write to; run: chmod go-w '{c}'")),
        (token, [0o600, 0o1777, 0o600, 0o700], None),
        (other, [0o644, 0o755, 0o600, 0o755], None),
        (
            other,
            [0o664, 0o755, 0o600, 0o755],
            Some("token_file can be changed by others; run: chmod 600 '{c}/config.toml'"),
        ),
        (
            other,
            [0o600, 0o757, 0o600, 0o755],
            Some("token_file lies in a folder that others can write to; run: chmod go-w '{c}'"),
        ),
        (other, [0o600, 0o755, 0o604, 0o755], Some("token_file can be read by others; run: chmod 600 '{t}/token'")),
        (other, [0o600, 0o755, 0o620, 0o755], Some("token_file can be changed by others; run: chmod 600 '{t}/token'")),
        (
            other,
            [0o600, 0o755, 0o600, 0o777],
            Some("token_file lies in a folder that others can write to; run: chmod go-w '{t}'"),
        ),
        ("", [0o666, 0o777, 0o600, 0o700], None),
    ];
    for (lines, modes, expected) in rows {
        let (_folder, environment, plain) = scene();
        let (c, t) = (environment.home.join("c"), environment.home.join("t"));
        for folder in [&c, &t] {
            std::fs::create_dir(folder).unwrap();
        }
        let file = c.join("config.toml");
        std::fs::write(&file, std::fs::read_to_string(plain).unwrap() + lines).unwrap();
        std::fs::write(t.join("token"), "123456:AAdo-not-leak_9c2e51\n").unwrap();
        for (path, mode) in [&file, &c, &t.join("token"), &t].into_iter().zip(modes) {
            set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        let why = Config::load(&file, &environment).err().map(|refused| refused.why);
        let place = |text: &str| text.replace("{c}", c.to_str().unwrap()).replace("{t}", t.to_str().unwrap());
        match expected {
            None => assert_eq!(why, None, "{modes:?}"),
            Some(words) => {
                assert!(why.as_ref().is_some_and(|why| why.ends_with(&place(words))), "{modes:?}: {why:?}");
            }
        }
    }
}

#[test]
fn each_fault_is_named_by_its_key_whatever_else_is_missing() {
    let rows: [(&str, &[&str]); 6] = [
        ("", &["bridge.root"]),
        ("[bridge]\nroot = \"~/ai\"\n", &[]),
        (
            "[bridge]\nroot = \"../ai\"\nlabel = \"-x\"\nmanager = \"x\"\n",
            &["bridge.root", "bridge.manager", "bridge.label"],
        ),
        (
            "[bridge]\nroot = \"~/ai\"\nlogn = 1\nprogram = []\nlog = 1\nlogin = \"x\"\n[recovery]\nauto_revert = 1\n",
            &["bridge.logn", "bridge.program", "bridge.login", "bridge.log", "recovery.auto_revert"],
        ),
        (
            "[bridge]\nroot = \"~/ai\"\n[telegram]\nchat_id = -1\napi_url = \"http://example.com\"\n",
            &["telegram.bot_token", "telegram.chat_id", "telegram.api_url"],
        ),
        ("[bridge\n", &["nothing"]),
    ];
    let (_folder, environment, file) = scene();
    for (text, expected) in rows {
        let faults = Config::faults(&file, text, &environment);
        let at =
            |fault: &Refused| fault.at.as_ref().map_or("nothing".into(), |(section, key)| format!("{section}.{key}"));
        assert_eq!(faults.iter().map(at).collect::<Vec<_>>(), expected, "{text}");
    }
}
