//! Programs that keep others running, known by the words that they were started with: what one of them keeps is never
//! ended. Pure.

/// Programs that keep others running. Their own names, or the script's where an interpreter runs them.
const SUPERVISORS: [&str; 38] = [
    "pm2",
    "supervisord",
    "runsv",
    "runsvdir",
    "s6-supervise",
    "s6-svscan",
    "supervise",
    "svscan",
    "circusd",
    "monit",
    "god",
    "honcho",
    "foreman",
    "overmind",
    "forever",
    "nodemon",
    "watchexec",
    "entr",
    "docker-init",
    "tini",
    "dumb-init",
    "containerd-shim",
    "containerd-shim-runc-v2",
    "conmon",
    "catatonit",
    "supervise-daemon",
    "dinit",
    "immortal",
    "process-compose",
    "goreman",
    "hivemind",
    "mprocs",
    "concurrently",
    "watchmedo",
    "watchfiles",
    "nomad",
    "lxc-start",
    "systemd-nspawn",
];

/// The supervisor's name, if a process with these words is one.
pub fn by_words(words: &[String]) -> Option<String> {
    let first = words.first()?;
    // A title in place of the words: "PM2 v5.3.0: God Daemon (/home/me/.pm2)", "foreman: master".
    if first.starts_with("PM2 ") {
        return Some("pm2".into());
    }
    if words.iter().take(3).any(|word| word.ends_with("/forever/bin/monitor")) {
        return Some("forever".into());
    }
    let title = first.split_once(':').map(|(title, _)| title);
    // `python3 -u -m supervisor.supervisord`; further on a word may be an argument of any meaning.
    let module = words.iter().take(6).skip_while(|word| *word != "-m").nth(1);
    let module = module.map(|module| module.rsplit('.').next().unwrap_or(module));
    let words = words.iter().take(3).map(|word| base(word));
    let mut names = words.chain(title).chain(module).map(str::to_lowercase);
    names.find(|name| is_supervisor(name))
}

/// The last part of a path.
pub fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn is_supervisor(name: &str) -> bool {
    let name = name.strip_suffix(".py").or(name.strip_suffix(".js")).unwrap_or(name);
    SUPERVISORS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r18_a_supervisor_is_known_however_it_was_started() {
        let rows: [(&[&str], Option<&str>); 18] = [
            (&["PM2 v5.3.0: God Daemon (/home/me/.pm2)"], Some("pm2")),
            (&["foreman: master   "], Some("foreman")),
            (&["ruby", "/usr/local/bin/foreman", "start"], Some("foreman")),
            (&["/usr/bin/python3", "/usr/bin/supervisord", "-n"], Some("supervisord")),
            (&["python3", "-m", "supervisor.supervisord", "-n"], Some("supervisord")),
            (&["python3", "-u", "-X", "dev", "-m", "honcho", "start"], Some("honcho")),
            (&["python3", "-m", "watchdog.watchmedo", "auto-restart"], Some("watchmedo")),
            (&["node", "/usr/lib/node_modules/forever/bin/monitor", "bridge.js"], Some("forever")),
            (&["/sbin/supervise-daemon", "bridge", "--start"], Some("supervise-daemon")),
            (&["process-compose", "up"], Some("process-compose")),
            (&["/usr/libexec/podman/catatonit", "--", "bridge"], Some("catatonit")),
            (&["python3", "-m", "bridge.monitor"], None),
            (&["python3", "bridge/telegram_bridge.py", "--watch", "god"], None),
            (&["node", "/srv/app/bin/monitor"], None),
            (&["sshd: me@pts/0"], None),
            (&["/bin/sh", "-c", "echo foreman: master"], None),
            (&["tmux: server"], None),
            (&[], None),
        ];
        for (words, expected) in rows {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            assert_eq!(by_words(&words).as_deref(), expected, "{words:?}");
        }
    }

    #[test]
    fn a_supervisor_is_known_by_its_program_or_script() {
        for name in ["supervisord", "s6-supervise", "supervisord.py", "tini"] {
            assert!(is_supervisor(name), "{name}");
        }
        for name in ["sh", "python3", "my-supervisor", "tmux", "launchd", "nohup"] {
            assert!(!is_supervisor(name), "{name}");
        }
    }
}
