//! Who has the session open, whatever it is called: a bridge under other words, a backup, a script that was forgotten.
//! Every process is asked, so only where the bridge is down or is looked at deeply.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::facts::{Held, KnownBy, Lookalike, Process};
use crate::system::connection::{far_ends, is_in};
use crate::system::lookalikes::{self, Jobs, Owner};
use crate::system::process;
use crate::system::session::open::opened_by;
use crate::system::timed::Timed;

/// The search, in a thread of its own: the session may be in a folder that blocks.
pub struct SessionUsers {
    look: Timed<Asked, Result<Vec<Lookalike>, String>>,
    limit: Duration,
}

struct Asked {
    /// Those that need not be described.
    known: Vec<u32>,
    owner: Owner,
}

impl SessionUsers {
    /// Each search may take this long.
    pub fn new(session: PathBuf, ranges: Vec<IpNet>, limit: Duration) -> SessionUsers {
        let mut jobs = Jobs::default();
        let look = Timed::new("session users", move |asked: Asked| {
            let mine = std::process::id();
            let open = opened_by(&session)?.0.into_iter().filter(|pid| *pid != mine && !asked.known.contains(pid));
            let describe = |process: Process| {
                let connected = far_ends(process.id.pid).is_ok_and(|ends| ends.iter().any(|end| is_in(*end, &ranges)));
                let known_by = KnownBy::Session { connected };
                let found = lookalikes::described(process, &session, &asked.owner, &mut jobs);
                Lookalike { known_by, session: Held::This, ..found }
            };
            Ok(open.filter_map(process::find).map(describe).collect())
        });
        SessionUsers { look, limit }
    }

    /// Those besides `known`.
    ///
    /// # Errors
    /// If the process table can't be read in time.
    pub fn besides(&mut self, known: Vec<u32>, owner: Owner) -> Result<Vec<Lookalike>, String> {
        self.look.now(Asked { known, owner }, self.limit)?
    }
}
