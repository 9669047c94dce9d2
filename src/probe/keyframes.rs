//! Key frames: whether there are enough of them to begin with, and what to set if not. Pure.

use super::report::{Gop, Report};
use super::verdict::Plays;

/// Longest distance of key frames that is good for all.
const GOOD_GOP_SECONDS: f64 = 4.0;
/// Key frames closer than this cost bits and bring nothing.
const SHORT_GOP_SECONDS: f64 = 0.45;
/// So long after a key frame the next may be one that never comes: with intra refresh there is one at the start alone.
const LONG_SECONDS: f64 = 8.0;

/// What makes players find no place to begin at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lack {
    /// None was seen, in so many seconds: nothing can be decoded.
    Never(f64),
    /// None was seen, and so many seconds are too few to say more.
    NotYet(f64),
    /// None came in the last so many seconds, though there had been some.
    NoMore(f64),
}

impl Lack {
    /// What is lacking, if anything is.
    pub(super) fn of(report: &Report) -> Option<Self> {
        let watched = report.watched_seconds;
        match report.first_picture_seconds {
            _ if report.video.pictures == 0 => None,
            None if watched < GOOD_GOP_SECONDS => Some(Self::NotYet(watched)),
            None => Some(Self::Never(watched)),
            Some(_) => no_more(&report.video.gop).map(Self::NoMore),
        }
    }

    /// What becomes of a verdict that knows nothing of key frames.
    pub(super) fn judge(self, plays: Plays, why: &str) -> (Plays, String) {
        let (most, lack) = match self {
            Self::Never(seconds) => (
                Plays::No,
                format!("no key frame came in {seconds:.1} s, and nothing can be shown before one"),
            ),
            Self::NotYet(seconds) => (
                Plays::Maybe,
                format!("no key frame came in {seconds:.1} s, so nobody knows whether one will"),
            ),
            Self::NoMore(seconds) => (
                Plays::Maybe,
                format!("no key frame came in the last {seconds:.1} s, and who comes later waits for one"),
            ),
        };
        match plays {
            Plays::No => (plays, why.to_owned()),
            _ if why.is_empty() || most == Plays::No => (most, lack),
            _ => (most, format!("{lack}; {why}")),
        }
    }
}

/// Seconds without a key frame at the end that those before do not explain.
pub(super) fn no_more(gop: &Gop) -> Option<f64> {
    let usual = gop.longest_seconds.unwrap_or(0.0);
    gop.open_seconds.filter(|open| *open > LONG_SECONDS.max(2.0 * usual))
}

/// What to set about key frames.
pub(super) fn advice(report: &Report) -> Option<String> {
    let gop = &report.video.gop;
    let wish = match report.video.frame_rate {
        Some(rate) => format!(
            "{:.0} to {:.0} (a key frame every one or two seconds)",
            rate.max(1.0),
            rate.max(1.0) * 2.0
        ),
        None => "one or two times the frame rate".to_owned(),
    };
    let smart = "\"Smart Codec\", \"H.264+\" and the like";
    match Lack::of(report) {
        Some(Lack::Never(seconds)) => {
            return Some(format!(
                "Set the I-frame interval to {wish}, and switch off intra refresh, {smart}: no key frame came in \
                 {seconds:.1} s, and nothing plays without."
            ));
        }
        Some(Lack::NotYet(seconds)) => {
            return Some(format!(
                "Look longer (--for 20s): no key frame came in {seconds:.1} s. If none comes then, set the I-frame \
                 interval to {wish}, and switch off intra refresh, {smart}."
            ));
        }
        Some(Lack::NoMore(seconds)) => {
            return Some(format!(
                "Set the I-frame interval to {wish}, and switch off intra refresh, {smart}: no key frame came in the \
                 last {seconds:.1} s. Who comes later waits for one, and HLS starts slowly and lags. A longer look \
                 (--for 60s) tells whether any comes."
            ));
        }
        None => {}
    }
    let longest = gop.longest()?;
    if longest > GOOD_GOP_SECONDS {
        return Some(format!(
            "Set the I-frame interval to {wish}, and switch off {smart}: {longest:.1} s without a key frame make HLS \
             start slowly and lag."
        ));
    }
    if gop.regular == Some(false) {
        return Some(format!(
            "Set a fixed I-frame interval of {wish}, and switch off \"Smart Codec\" and key frames at changes of scene: \
             uneven ones make uneven segments."
        ));
    }
    (gop.count > 1 && longest < SHORT_GOP_SECONDS)
        .then(|| format!("Set the I-frame interval to {wish}: more key frames cost bits and bring nothing."))
}
