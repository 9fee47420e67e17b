//! What may be done about a process that holds the session's lock. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::facts::{Holder, KnownBy, Lock, Lookalike, Role, Session};
use crate::identity::{self, Starters};
use crate::limits::Limits;

/// What may be done about a stranger.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum May {
    End,
    /// Not yet: it is too young.
    EndIn(Duration),
    Not(Left),
}

/// Why a stranger is left alone whatever its age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Left {
    /// It belongs to another user.
    OtherUser,
    /// It is a bridge that somebody else keeps, that runs in a terminal, or that has a connection to Telegram of its own.
    OtherBridge,
    /// It is none, but it belongs to another job, a supervisor or a container.
    Kept,
    /// It can't be seen from here, so neither can its age.
    Unseen,
}

/// The stranger to deal with first: one that may be ended, else one that soon may, else one that is left alone. Only
/// locks at least as strong as `enough` count.
pub fn first<'a>(
    session: &'a Session,
    enough: Lock,
    lookalikes: &[Lookalike],
    starters: &Starters,
    limits: &Limits,
) -> Option<(&'a Holder, May)> {
    let strangers = session.holders.iter().filter(|holder| holder.role == Role::Stranger && holder.lock >= enough);
    let judged = strangers.map(|holder| (holder, may(holder, lookalikes, starters, limits)));
    judged.min_by_key(|(_, may)| match may {
        May::End => Duration::ZERO,
        May::EndIn(left) => *left,
        May::Not(_) => Duration::MAX,
    })
}

/// What may be done about this stranger.
pub fn may(holder: &Holder, lookalikes: &[Lookalike], starters: &Starters, limits: &Limits) -> May {
    if holder.other_user {
        return May::Not(Left::OtherUser);
    }
    let Some(age) = holder.age else { return May::Not(Left::Unseen) };
    let lookalike = lookalikes.iter().find(|lookalike| lookalike.process.id.pid == holder.pid);
    if let Some(lookalike) = lookalike.filter(|lookalike| !identity::is_nobodys(lookalike, starters)) {
        let opener = lookalike.known_by == KnownBy::Session { connected: false };
        return May::Not(if opener { Left::Kept } else { Left::OtherBridge });
    }
    let left = limits.stale_process.saturating_sub(age);
    if left.is_zero() { May::End } else { May::EndIn(left) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Held, Identity, Keeper, Process};
    use crate::time::{Wall, span as s};

    fn holder(pid: u32, age: f64) -> Holder {
        Holder { pid, role: Role::Stranger, lock: Lock::Reserved, age: Some(s(age)), other_user: false }
    }

    fn bridge(pid: u32) -> Lookalike {
        let process = Process { id: Identity { pid, start: 1 }, started: Wall(0.0), age: s(65.0) };
        let known_by = KnownBy::Words;
        Lookalike { process, known_by, session: Held::This, terminal: false, keeper: None, parent: None }
    }

    #[test]
    fn only_a_stranger_of_ones_own_that_is_old_enough_is_ended() {
        let kept = Lookalike { keeper: Some(Keeper::Supervisor("pm2".into())), ..bridge(7) };
        let by_session = |connected| Lookalike { known_by: KnownBy::Session { connected }, ..bridge(7) };
        let in_a_unit = Lookalike { keeper: Some(Keeper::Job("backup.service".into())), ..by_session(false) };
        let rows: [(&str, Holder, Vec<Lookalike>, May); 13] = [
            ("a bridge under other words", holder(7, 65.0), vec![by_session(true)], May::Not(Left::OtherBridge)),
            ("another unit's", holder(7, 65.0), vec![in_a_unit], May::Not(Left::Kept)),
            ("what was forgotten", holder(7, 65.0), vec![by_session(false)], May::End),
            ("in a terminal", holder(7, 65.0), vec![Lookalike { terminal: true, ..by_session(false) }], May::End),
            ("60 s old", holder(7, 60.0), vec![], May::End),
            ("59 s old", holder(7, 59.0), vec![], May::EndIn(s(1.0))),
            ("just come", holder(7, 0.0), vec![], May::EndIn(s(60.0))),
            ("another user's", Holder { other_user: true, ..holder(7, 600.0) }, vec![], May::Not(Left::OtherUser)),
            ("not seen", Holder { age: None, ..holder(7, 0.0) }, vec![], May::Not(Left::Unseen)),
            ("8: a copy that nobody keeps", holder(7, 65.0), vec![bridge(7)], May::End),
            ("r18: pm2's bridge", holder(7, 65.0), vec![kept.clone()], May::Not(Left::OtherBridge)),
            (
                "r16: a bridge in a terminal",
                holder(7, 65.0),
                vec![Lookalike { terminal: true, ..bridge(7) }],
                May::Not(Left::OtherBridge),
            ),
            ("pm2's bridge is another process", holder(8, 65.0), vec![kept], May::End),
        ];
        for (name, holder, lookalikes, expected) in rows {
            assert_eq!(may(&holder, &lookalikes, &Starters::default(), &Limits::REAL), expected, "{name}");
        }
    }

    #[test]
    fn the_one_that_can_be_dealt_with_now_comes_first() {
        let other = Holder { other_user: true, ..holder(1, 600.0) };
        let reader = Holder { lock: Lock::Shared, ..holder(2, 600.0) };
        let own = Holder { role: Role::Bridge, ..holder(3, 600.0) };
        let (young, younger, old) = (holder(4, 50.0), holder(5, 10.0), holder(6, 60.0));
        let rows: [(&str, Vec<Holder>, Lock, Option<(u32, May)>); 7] = [
            ("nobody", vec![], Lock::Shared, None),
            ("the bridge", vec![own.clone()], Lock::Shared, None),
            ("a reader, who does not count", vec![reader.clone()], Lock::Reserved, None),
            ("a reader, who counts", vec![reader.clone(), own], Lock::Shared, Some((2, May::End))),
            ("another user's", vec![other.clone()], Lock::Shared, Some((1, May::Not(Left::OtherUser)))),
            (
                "the one that is old enough first",
                vec![other.clone(), younger.clone(), young.clone()],
                Lock::Shared,
                Some((4, May::EndIn(s(10.0)))),
            ),
            ("one that is old enough", vec![other, younger, old, young], Lock::Reserved, Some((6, May::End))),
        ];
        for (name, holders, enough, expected) in rows {
            let session = Session { path: "valor_bridge.session".into(), holders };
            let seen = first(&session, enough, &[], &Starters::default(), &Limits::REAL);
            assert_eq!(seen.map(|(holder, may)| (holder.pid, may)), expected, "{name}");
        }
    }
}
