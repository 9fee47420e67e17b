//! The signs of life and of death in words. Pure.

use crate::signs::Sign;
use crate::text::time::lasting;
use crate::time::span;

/// One sign as a clause, without a full stop.
pub fn words(sign: Sign) -> String {
    let whole = |seconds: f64| lasting(span(seconds.round()));
    match sign {
        Sign::BytesMoved { ago_s } => format!("the connection to Telegram moved bytes {} ago", whole(ago_s)),
        Sign::Cpu { share, over_s } => {
            format!("it used {:.0} % of a core in the last {}", share * 100.0, whole(over_s))
        }
        Sign::OtherLine { ago_s } => format!("it wrote a line elsewhere {} ago", whole(ago_s)),
        Sign::Unread { bytes, for_s } => format!("{bytes} bytes from Telegram lie unread for {}", whole(for_s)),
        Sign::CloseWait { for_s } => format!("Telegram closed the connection, unanswered for {}", whole(for_s)),
        Sign::Stopped { for_s } => format!("it is stopped (state T), seen for {}", whole(for_s)),
        Sign::NoCpu { for_s } => format!("it has used no CPU at all for {}", whole(for_s)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sign_has_its_clause() {
        let rows = [
            (Sign::BytesMoved { ago_s: 12.4 }, "the connection to Telegram moved bytes 12 s ago"),
            (Sign::Cpu { share: 0.0712, over_s: 60.3 }, "it used 7 % of a core in the last 60 s"),
            (Sign::OtherLine { ago_s: 0.2 }, "it wrote a line elsewhere 0 s ago"),
            (Sign::Unread { bytes: 812, for_s: 61.0 }, "812 bytes from Telegram lie unread for 61 s"),
            (Sign::CloseWait { for_s: 300.0 }, "Telegram closed the connection, unanswered for 5 min"),
            (Sign::Stopped { for_s: 0.0 }, "it is stopped (state T), seen for 0 s"),
            (Sign::NoCpu { for_s: 301.0 }, "it has used no CPU at all for 5 min"),
        ];
        for (sign, expected) in rows {
            assert_eq!(words(sign), expected);
        }
    }
}
