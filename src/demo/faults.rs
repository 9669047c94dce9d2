//! Scripted misbehaviour: what real cameras do on bad days, at a test's command.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Switches that take hold at once, in all sessions, and cost one atomic read a frame when unused.
#[derive(Debug, Default)]
pub struct Faults {
    stalled: AtomicBool,
    muted: AtomicBool,
    silent_reports: AtomicBool,
    /// A status code; 0 stands for none.
    refusal: AtomicU16,
    /// 0 stands for never.
    drop_every: AtomicU32,
    /// 0 stands for never.
    swap_every: AtomicU32,
    /// Bytes that each picture has more; 0 stands for none.
    padding: AtomicU32,
    /// All skips ever asked for; each session keeps how many it has done.
    skips: AtomicU64,
    /// Nanoseconds.
    rtp_shift: AtomicI64,
    /// Cancelled to cut what hangs on it, and replaced.
    cut: Mutex<CancellationToken>,
}

impl Faults {
    /// While true, connections stay open and answer requests but carry no RTP and no RTCP. Afterwards streams go on at
    /// the present instant, most likely in the middle of a GOP; no sequence number is left out.
    pub fn stall(&self, on: bool) {
        self.stalled.store(on, Ordering::Relaxed);
    }

    /// With a status, DESCRIBE and SETUP are answered with it, such as 453 or 503 of a camera that has no session left.
    /// A number outside of 100 to 599 counts as none.
    pub fn refuse(&self, status: Option<u16>) {
        let status = status.filter(|code| (100..600).contains(code));
        self.refusal.store(status.unwrap_or(0), Ordering::Relaxed);
    }

    /// Cuts all connections there are, without a word. New ones are welcome.
    pub fn drop_connections(&self) {
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *cut).cancel();
    }

    /// The next `n` video frames of each session are not sent, as if the encoder had been too slow for them: their RTP
    /// time passes, no sequence number is left out.
    pub fn skip_video_frames(&self, n: u32) {
        self.skips.fetch_add(u64::from(n), Ordering::Relaxed);
    }

    /// From now on RTP timestamps are `forward` later than the frames' true instants, on top of earlier shifts: a jump
    /// of the camera's clock. Sender reports keep the true NTP time and jump in RTP time.
    pub fn shift_rtp_time(&self, forward: Duration) {
        let nanoseconds = i64::try_from(forward.as_nanos()).unwrap_or(i64::MAX);
        self.rtp_shift.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// While true, no RTCP is sent.
    pub fn no_sender_reports(&self, on: bool) {
        self.silent_reports.store(on, Ordering::Relaxed);
    }

    /// While true, no audio is sent, nor its sender reports, though the description still promises it.
    pub fn mute_audio(&self, on: bool) {
        self.muted.store(on, Ordering::Relaxed);
    }

    /// Loses every `nth` RTP packet of each stream: its sequence number is used up. 0 loses none, 1 all.
    pub fn drop_packets(&self, nth: u32) {
        self.drop_every.store(nth, Ordering::Relaxed);
    }

    /// Adds this many bytes of filler (NAL unit type 12 of ITU-T H.264, 7.4.2.7) to each picture of video, as
    /// encoders at a constant bit rate do; decoders pass over it.
    pub fn pad_pictures(&self, bytes: u32) {
        self.padding.store(bytes, Ordering::Relaxed);
    }

    /// Sends every `nth` RTP packet of each stream after the one that follows it. 0 leaves them in order.
    pub fn swap_packets(&self, nth: u32) {
        self.swap_every.store(nth, Ordering::Relaxed);
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    pub(super) fn refusal(&self) -> Option<u16> {
        Some(self.refusal.load(Ordering::Relaxed)).filter(|code| *code != 0)
    }

    /// Cancelled when the connections of now are to be cut.
    pub(super) fn cut(&self) -> CancellationToken {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn skips(&self) -> u64 {
        self.skips.load(Ordering::Relaxed)
    }

    /// Nanoseconds that RTP time is ahead of the true instants.
    pub(super) fn rtp_shift(&self) -> i64 {
        self.rtp_shift.load(Ordering::Relaxed)
    }

    pub(super) fn reports_are_silent(&self) -> bool {
        self.silent_reports.load(Ordering::Relaxed)
    }

    pub(super) fn audio_is_muted(&self) -> bool {
        self.muted.load(Ordering::Relaxed)
    }

    /// True for the packet that is to be lost; `count` is how many this stream has had, this one included.
    pub(super) fn loses(&self, count: u32) -> bool {
        let nth = self.drop_every.load(Ordering::Relaxed);
        nth != 0 && count.is_multiple_of(nth)
    }

    /// Bytes of filler for each picture.
    pub(super) fn padding(&self) -> usize {
        self.padding.load(Ordering::Relaxed) as usize
    }

    /// True for the packet that is to let the next one pass.
    pub(super) fn swaps(&self, count: u32) -> bool {
        let nth = self.swap_every.load(Ordering::Relaxed);
        nth != 0 && count.is_multiple_of(nth)
    }
}
