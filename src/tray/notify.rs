//! Local notifications: what is shown, and that the same is not shown twice in a row.

use std::time::Duration;

use bridge_watchdog::time::Mono;

use super::message::Notice;

/// Within this time the same words are no news.
const QUIET: Duration = Duration::from_mins(10);
/// More is cut off by every desktop; the cause stands in the first lines.
const LONGEST: usize = 1000;

/// What was shown last.
#[derive(Default)]
pub(super) struct Notices(Option<(Notice, Mono)>);

impl Notices {
    /// What is shown now, if anything.
    pub(super) fn news(&mut self, notice: Notice, now: Mono) -> Option<Notice> {
        let notice = Notice { body: notice.body.chars().take(LONGEST).collect(), ..notice };
        if self.0.as_ref().is_some_and(|(last, at)| *last == notice && now.since(*at) < QUIET) {
            return None;
        }
        self.0 = Some((notice.clone(), now));
        Some(notice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_are_shown_once_in_a_while_and_other_words_at_once() {
        let notice = |body: &str| Notice { title: "The bridge needs you".into(), body: body.into() };
        let mut notices = Notices::default();
        let rows = [
            ("a", 0.0, true),
            ("a", 1.0, false),
            ("b", 2.0, true),
            ("a", 3.0, true),
            ("a", 602.0, false),
            ("a", 604.0, true),
        ];
        for (body, now, shown) in rows {
            assert_eq!(notices.news(notice(body), Mono(now)).is_some(), shown, "{body} at {now}");
        }
    }
}
