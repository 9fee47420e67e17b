//! How a job was loaded: launchd keeps the property list as it was then, and the file may have changed since.

use std::path::PathBuf;
use std::time::Duration;

use super::{Launchd, NOT_LOADED, parse, said};
use crate::facts::KeepAlive;

/// The settings that launchd uses. No `Debug`: the text has the job's environment in it.
pub struct Loaded {
    pub pid: Option<u32>,
    /// Unconditionally.
    pub keep_alive: bool,
    pub throttle: Duration,
    pub exit_timeout: Duration,
    /// The property list that it was loaded from.
    pub file: Option<PathBuf>,
    text: String,
}

impl Launchd {
    /// `None` if the job is not loaded.
    ///
    /// # Errors
    /// If launchctl can't say, or prints something unknown.
    pub fn loaded(&self) -> Result<Option<Loaded>, String> {
        let output = self.print()?;
        match output.code {
            Some(NOT_LOADED) => Ok(None),
            Some(0) => read(output.stdout)
                .map(Some)
                .ok_or_else(|| format!("launchctl print {} answers in a form that is not known", self.target())),
            _ => Err(said("print", &output)),
        }
    }
}

impl Loaded {
    /// Whether it starts exactly these words. They are printed raw, so the text is searched for them and not parsed.
    pub fn runs(&self, words: &[String]) -> bool {
        self.text.contains(&format!("\n\targuments = {{\n\t\t{}\n\t}}\n", words.join("\n\t\t")))
    }
}

fn read(text: String) -> Option<Loaded> {
    let job = parse(&text)?;
    // The conditions of a KeepAlive dictionary. A line before the last `domain` may be an argument.
    let trusted = text.rfind("\n\tdomain = ").map_or(&*text, |at| &text[at..]);
    let conditional = trusted.contains("\n\tsemaphores = {");
    Some(Loaded {
        pid: job.pid,
        keep_alive: job.keep_alive == KeepAlive::Always && !conditional,
        throttle: job.throttle,
        exit_timeout: job.exit_timeout,
        file: job.file,
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shape of real captures, shortened.
    fn printed(rest: &str) -> String {
        format!(
            "gui/501/com.valor.bridge = {{\n\tstate = running\n\n\tprogram = /bin/sh\n\targuments = {{\n\t\t/bin/sh\n\
             \t\tbridge.sh\n\t}}\n\n\tdomain = gui/501 [100057]\n\tminimum runtime = 10\n\texit timeout = 20\n\
             \truns = 1\n\tpid = 17594\n{rest}}}\n"
        )
    }

    #[test]
    fn what_is_loaded_is_read_from_launchd_and_not_from_the_file() {
        let always = read(printed("\tproperties = keepalive | runatload\n")).unwrap();
        assert_eq!(
            (always.pid, always.throttle, always.exit_timeout),
            (Some(17594), Duration::from_secs(10), Duration::from_secs(20))
        );
        assert!(always.keep_alive);
        assert!(always.runs(&["/bin/sh".into(), "bridge.sh".into()]));
        assert!(!always.runs(&["/bin/sh".into()]) && !always.runs(&["bridge.sh".into()]));
        let sometimes = "\tsemaphores = {\n\t\tsuccessful exit => 0\n\t}\n\n\tproperties = keepalive | runatload\n";
        assert!(!read(printed(sometimes)).unwrap().keep_alive);
        assert!(!read(printed("\tproperties = runatload\n")).unwrap().keep_alive);
        assert!(read("nobody knows this".into()).is_none());
    }
}
