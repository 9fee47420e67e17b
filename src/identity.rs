//! Who is the bridge, and who only looks like it. Pure.
//!
//! A process is ended as a copy only if everything says so: the bridge's program, script and arguments in this checkout
//! (else it is no lookalike at all), this very session, no other job, no supervisor, no terminal. A second account in
//! the same checkout, a person who logs in by hand, an instance that pm2 keeps: each was once ended for its words alone.
//!
//! A bridge may also run under other words (`python -m`, a title of its own, in a container). What has this session open
//! and a connection to Telegram is one: nothing is started beside it, and nobody ends it. A backup, `sqlite3` or an old
//! script has the file open only, and is none.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::facts::{Facts, Held, Identity, Keeper, KnownBy, Lookalike, Process};

/// Who was seen to start lookalikes: a parent with a second child, after the first has ended, is a supervisor, whatever
/// it is called.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Starters(Vec<(Identity, Identity)>);

/// A bound; there are one or two in real life.
const MOST: usize = 64;

impl Starters {
    /// Adds what this look shows.
    #[must_use]
    pub fn with(&self, facts: &Facts) -> Starters {
        let mut known = self.0.clone();
        let by_words = |lookalike: &&Lookalike| lookalike.known_by == KnownBy::Words;
        for lookalike in facts.lookalikes.known().into_iter().flatten().filter(by_words) {
            let pair = lookalike.parent.as_ref().map(|parent| (parent.id, lookalike.process.id));
            known.extend(pair.filter(|pair| !known.contains(pair)));
        }
        known.drain(..known.len().saturating_sub(MOST));
        Starters(known)
    }

    /// Whether this process's parent has started another one before. Init adopts orphans and starts none of them.
    fn start_again(&self, lookalike: &Lookalike) -> bool {
        let Some(parent) = &lookalike.parent else { return false };
        let other = |(starter, child): &(Identity, Identity)| *starter == parent.id && *child != lookalike.process.id;
        parent.id.pid != 1 && self.0.iter().any(other)
    }
}

/// A copy beside the bridge: it has this session too, which Telegram may revoke for that, and nobody keeps it.
pub fn copy(facts: &Facts, starters: &Starters, age: Duration) -> Option<Process> {
    of_age(facts, age).find(|lookalike| is_copy(lookalike, starters)).map(|copy| copy.process)
}

/// Another bridge has this session and is older than this, whoever keeps it: what starts beside it may end for that. A
/// client that has connected is none of the starts that end at once, so `connected` is less.
pub fn beside(facts: &Facts, age: Duration, connected: Duration) -> bool {
    let has_it = |lookalike: &Lookalike| lookalike.session == Held::This && is_bridge(lookalike);
    of_age(facts, age).any(has_it) || of_age(facts, connected).any(is_client)
}

/// Another bridge of this checkout lives, and no other session is known of it.
pub fn lives(facts: &Facts) -> bool {
    of_age(facts, Duration::ZERO).any(|lookalike| lookalike.session != Held::Other && is_bridge(lookalike))
}

/// See [`copy`].
pub fn is_copy(lookalike: &Lookalike, starters: &Starters) -> bool {
    lookalike.known_by == KnownBy::Words && lookalike.session == Held::This && is_nobodys(lookalike, starters)
}

/// A copy in the way of a bridge whose starts end at once. `says_so`: the bridge itself said that another one runs
/// already; then it need not have the session open.
pub fn in_the_way(facts: &Facts, starters: &Starters, age: Duration, says_so: bool) -> Option<Process> {
    let in_the_way =
        |lookalike: &&Lookalike| is_copy(lookalike, starters) || (says_so && is_in_the_way(lookalike, starters));
    of_age(facts, age).find(in_the_way).map(|copy| copy.process)
}

/// See [`in_the_way`], of a bridge that says so.
pub fn is_in_the_way(lookalike: &Lookalike, starters: &Starters) -> bool {
    let may_be_this = matches!(lookalike.session, Held::This | Held::Nothing);
    lookalike.known_by == KnownBy::Words && may_be_this && is_nobodys(lookalike, starters)
}

/// The bridge, running elsewhere than under its manager. What has another session is another account, and so may be what
/// another job keeps.
pub fn elsewhere(facts: &Facts) -> Option<&Lookalike> {
    let found = facts.lookalikes.known()?;
    // Beside which nothing may be started, whatever else there is.
    client(found).or_else(|| found.iter().find(|lookalike| is_elsewhere(lookalike)))
}

/// A bridge under other words: it has this session, and is connected with it.
pub fn client(lookalikes: &[Lookalike]) -> Option<&Lookalike> {
    lookalikes.iter().find(|lookalike| is_client(lookalike))
}

/// See [`client`].
pub fn is_client(lookalike: &Lookalike) -> bool {
    lookalike.known_by == KnownBy::Session { connected: true }
}

/// Not what merely has the file open.
fn is_bridge(lookalike: &Lookalike) -> bool {
    lookalike.known_by != KnownBy::Session { connected: false }
}

/// See [`elsewhere`].
pub fn is_elsewhere(lookalike: &Lookalike) -> bool {
    match lookalike.session {
        _ if !is_bridge(lookalike) => false,
        Held::This => true,
        Held::Other => false,
        Held::Nothing | Held::Unseen => !matches!(lookalike.keeper, Some(Keeper::Job(_))),
    }
}

fn of_age(facts: &Facts, age: Duration) -> impl Iterator<Item = &Lookalike> {
    facts.lookalikes.known().into_iter().flatten().filter(move |lookalike| lookalike.process.age >= age)
}

/// Neither another job, nor a supervisor, nor a terminal keeps it. What is a bridge under other words is somebody's; what
/// only has the session open in a terminal is a program that was forgotten there.
pub fn is_nobodys(lookalike: &Lookalike, starters: &Starters) -> bool {
    let kept = lookalike.keeper.is_some();
    match lookalike.known_by {
        KnownBy::Words => !kept && !lookalike.terminal && !starters.start_again(lookalike),
        KnownBy::Session { connected } => !kept && !connected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Fact, Parent};
    use crate::time::{Wall, span as s};

    fn id(pid: u32) -> Identity {
        Identity { pid, start: 1 }
    }

    fn process(pid: u32, age: f64) -> Process {
        Process { id: id(pid), started: Wall(0.0), age: s(age) }
    }

    /// An orphan of an earlier run, 65 s old, with the session open.
    fn orphan() -> Lookalike {
        let parent = Some(Parent { id: id(1), name: "launchd".into() });
        Lookalike {
            process: process(99, 65.0),
            known_by: KnownBy::Words,
            session: Held::This,
            terminal: false,
            keeper: None,
            parent,
        }
    }

    fn facts(lookalikes: Vec<Lookalike>) -> Facts {
        Facts { lookalikes: Fact::Known(lookalikes), ..Facts::unseen() }
    }

    #[test]
    fn only_what_nobody_keeps_and_has_this_session_is_a_copy() {
        let job = |name: &str| Some(Keeper::Job(name.into()));
        let supervisor = |name: &str| Some(Keeper::Supervisor(name.into()));
        let of = |pid| Some(Parent { id: id(pid), name: "sh".into() });
        // (name, lookalike, a copy, in the way, in the way of a bridge that says so, elsewhere)
        let by_session = |connected| Lookalike { known_by: KnownBy::Session { connected }, ..orphan() };
        let rows: [(&str, Lookalike, [bool; 4]); 16] = [
            ("under other words, and connected", by_session(true), [false, false, false, true]),
            ("the same in a terminal", Lookalike { terminal: true, ..by_session(true) }, [false, false, false, true]),
            ("a backup, sqlite3", by_session(false), [false; 4]),
            ("an orphan", orphan(), [true, true, true, true]),
            ("59 s old", Lookalike { process: process(99, 59.0), ..orphan() }, [false, false, false, true]),
            ("60 s old", Lookalike { process: process(99, 60.0), ..orphan() }, [true, true, true, true]),
            ("r06a: another account", Lookalike { session: Held::Other, ..orphan() }, [false; 4]),
            ("without a session", Lookalike { session: Held::Nothing, ..orphan() }, [false, false, true, true]),
            ("another user's", Lookalike { session: Held::Unseen, ..orphan() }, [false, false, false, true]),
            (
                "r06a: another job, and its session is not seen",
                Lookalike { session: Held::Nothing, keeper: job("alice"), ..orphan() },
                [false; 4],
            ),
            (
                "r18: a system daemon",
                Lookalike { keeper: job("bridge.service"), ..orphan() },
                [false, false, false, true],
            ),
            ("r18: pm2", Lookalike { keeper: supervisor("pm2"), ..orphan() }, [false, false, false, true]),
            (
                "r18: pm2, and no session",
                Lookalike { session: Held::Nothing, keeper: supervisor("pm2"), ..orphan() },
                [false, false, false, true],
            ),
            ("r16: tmux", Lookalike { terminal: true, ..orphan() }, [false, false, false, true]),
            ("a shell started it", Lookalike { parent: of(50), ..orphan() }, [true, true, true, true]),
            ("its parent is not known", Lookalike { parent: None, ..orphan() }, [true, true, true, true]),
        ];
        for (name, lookalike, expected) in rows {
            let facts = facts(vec![lookalike]);
            let starters = Starters::default().with(&facts);
            let age = s(60.0);
            let seen = [
                copy(&facts, &starters, age).is_some(),
                in_the_way(&facts, &starters, age, false).is_some(),
                in_the_way(&facts, &starters, age, true).is_some(),
                elsewhere(&facts).is_some(),
            ];
            assert_eq!(seen, expected, "{name}");
        }
    }

    /// `flock -n` in front of the bridge: its orphan, a few seconds old, has the lock and the session.
    #[test]
    fn what_starts_beside_a_client_may_end_for_that() {
        let by_words = |age| Lookalike { process: process(99, age), ..orphan() };
        let by_session = |age, connected| Lookalike { known_by: KnownBy::Session { connected }, ..by_words(age) };
        let rows = [
            (by_words(59.0), false),
            (by_words(60.0), true),
            (by_session(9.0, true), false),
            (by_session(10.0, true), true),
            (by_session(600.0, false), false),
        ];
        for (lookalike, expected) in rows {
            let facts = facts(vec![lookalike]);
            assert_eq!(beside(&facts, s(60.0), s(10.0)), expected, "{facts:?}");
        }
    }

    #[test]
    fn r18_whoever_starts_it_again_is_a_supervisor() {
        let child = |pid, parent| Lookalike {
            process: process(pid, 65.0),
            parent: Some(Parent { id: id(parent), name: "python".into() }),
            ..orphan()
        };
        let rows = [("a supervisor", 50, false), ("init, which adopts orphans", 1, true)];
        for (name, parent, ended) in rows {
            let first = facts(vec![child(99, parent)]);
            let starters = Starters::default().with(&first);
            assert!(copy(&first, &starters, s(60.0)).is_some(), "{name}: the first time nothing is known of it");
            let second = facts(vec![child(100, parent)]);
            let starters = starters.with(&second);
            assert_eq!(copy(&second, &starters, s(60.0)).is_some(), ended, "{name}");
        }
        // One of the same parent at the same time is no other start of it, but two bridges of one parent are kept too.
        let both = facts(vec![child(99, 50), child(100, 50)]);
        assert_eq!(copy(&both, &Starters::default().with(&both), s(60.0)), None);
    }
}
