//! Scripted misbehaviour: what real cameras do on bad days, at a test's command.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::loss::Loss;
use super::timebase::nanoseconds;

/// Switches that take hold at once, in all sessions, and cost one atomic read a frame when unused.
#[derive(Debug, Default)]
pub struct Faults {
    stalled: AtomicBool,
    muted: AtomicBool,
    silent_reports: AtomicBool,
    /// Status codes; 0 stands for none.
    refusal: AtomicU16,
    sound_refusal: AtomicU16,
    loss: Loss,
    /// 0 stands for never.
    swap_every: AtomicU32,
    /// Bytes that each picture has more; 0 stands for none.
    padding: AtomicU32,
    /// All skips ever asked for; each session keeps how many it has done.
    skips: AtomicU64,
    /// Nanoseconds.
    rtp_shift: AtomicI64,
    /// One more than the first RTP time of sessions; 0 stands for a random one.
    rtp_start: AtomicU64,
    /// Millionths that the RTP clocks of video and audio run too fast.
    haste: [AtomicI64; 2],
    /// 0 stands for none, 1 for all.
    repeat_every: AtomicU32,
    stray_every: AtomicU32,
    /// Nanoseconds, of video and audio.
    report_shift: [AtomicI64; 2],
    /// Nanoseconds.
    sound_info_shift: AtomicI64,
    swapped: AtomicBool,
    endless: AtomicBool,
    more_sets: AtomicBool,
    hidden_sets: AtomicBool,
    withheld_sets: AtomicBool,
    /// 0 stands for none.
    tear_every: AtomicU32,
    unmarked_sound: AtomicBool,
    garbled_sound: AtomicBool,
    slow: AtomicBool,
    /// Hz; 0 stands for the sampling rate.
    sound_clock: AtomicU32,
    misnumbered: AtomicU16,
    misnamed: AtomicBool,
    asking: AtomicBool,
    strict: AtomicBool,
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

    /// The same for SETUP of the sound alone, 0 for none: as of cameras whose microphone is off.
    pub fn refuse_sound(&self, status: u16) {
        self.sound_refusal.store(status, Ordering::Relaxed);
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
        self.rtp_shift.fetch_add(nanoseconds(forward), Ordering::Relaxed);
    }

    /// The same backwards.
    pub fn shift_rtp_time_back(&self, back: Duration) {
        self.rtp_shift.fetch_sub(nanoseconds(back), Ordering::Relaxed);
    }

    /// Sessions that begin from now on have this as their first RTP time, on all their streams.
    pub fn start_rtp_time_at(&self, first: u32) {
        self.rtp_start.store(u64::from(first) + 1, Ordering::Relaxed);
    }

    /// The RTP clocks of the two tracks run so many millionths too fast, or too slow. For sessions that begin from now
    /// on: in others their time would jump.
    pub fn hasten_rtp_time(&self, video: i64, audio: i64) {
        self.haste[0].store(video, Ordering::Relaxed);
        self.haste[1].store(audio, Ordering::Relaxed);
    }

    /// Every `nth` unit of each stream has the RTP time of the one before it: 1 lets the time stand still, 0 none.
    pub fn repeat_rtp_time(&self, nth: u32) {
        self.repeat_every.store(nth, Ordering::Relaxed);
    }

    /// Every `nth` unit of each stream has an RTP time that is hours off; 0 none.
    pub fn stray_rtp_time(&self, nth: u32) {
        self.stray_every.store(nth, Ordering::Relaxed);
    }

    /// Sender reports tell a wall time that is so much later than the true one.
    pub fn shift_reports(&self, later: Duration) {
        self.report_shift.iter().for_each(|shift| shift.store(nanoseconds(later), Ordering::Relaxed));
    }

    /// The same of the sound alone: its reports put it so much later beside the pictures.
    pub fn shift_sound_reports(&self, later: Duration) {
        self.report_shift[1].store(nanoseconds(later), Ordering::Relaxed);
    }

    /// RTP-Info of sessions that begin from now on tells an RTP time of the sound that is so much too early, and so
    /// puts it that much later beside the pictures.
    pub fn misplace_sound(&self, later: Duration) {
        self.sound_info_shift.store(nanoseconds(later), Ordering::Relaxed);
    }

    /// While true, the pictures are those of the next rendition, from its next IDR frame on: other parameter sets and
    /// another size, as after a change of the camera's settings.
    pub fn swap_pictures(&self, on: bool) {
        self.swapped.store(on, Ordering::Relaxed);
    }

    /// While true, a picture that has begun does not end: what would be the next ones has its RTP time, and no packet
    /// the marker bit.
    pub fn endless_pictures(&self, on: bool) {
        self.endless.store(on, Ordering::Relaxed);
    }

    /// While true, each key frame brings parameter sets with other numbers beside its own, that no picture uses: as of
    /// cameras that code in layers.
    pub fn more_parameter_sets(&self, on: bool) {
        self.more_sets.store(on, Ordering::Relaxed);
    }

    /// While true, descriptions tell no parameter sets: they come with the key frames alone.
    pub fn hide_parameter_sets(&self, on: bool) {
        self.hidden_sets.store(on, Ordering::Relaxed);
    }

    /// While true, key frames come without parameter sets.
    pub fn withhold_parameter_sets(&self, on: bool) {
        self.withheld_sets.store(on, Ordering::Relaxed);
    }

    /// The last packet of every `nth` picture is not sent, as of cameras that throw away what they cannot send in time:
    /// no sequence number is left out. 0 tears none.
    pub fn tear_pictures(&self, nth: u32) {
        self.tear_every.store(nth, Ordering::Relaxed);
    }

    /// While true, no packet of sound bears the marker bit.
    pub fn forget_markers_of_sound(&self, on: bool) {
        self.unmarked_sound.store(on, Ordering::Relaxed);
    }

    /// While true, the headers of sound tell of more than their packets hold.
    pub fn garble_sound(&self, on: bool) {
        self.garbled_sound.store(on, Ordering::Relaxed);
    }

    /// While true, one picture a second is sent, each the last key frame: as of cameras that slow down at night, and
    /// see nothing move. No sequence number is left out.
    pub fn one_picture_a_second(&self, on: bool) {
        self.slow.store(on, Ordering::Relaxed);
    }

    /// The RTP clock of the sound has so many ticks a second, and the description says so, whatever the sampling
    /// rate; 0 for the same. For cameras that nobody has connected to yet.
    pub fn count_sound_by(&self, hz: u32) {
        self.sound_clock.store(hz, Ordering::Relaxed);
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
        self.loss.every(nth);
    }

    /// Loses so many RTP packets of a hundred, by chance.
    pub fn lose_packets(&self, percent: u32) {
        self.loss.by_chance(percent);
    }

    /// How many RTP packets were lost at a test's command.
    pub fn lost(&self) -> u64 {
        self.loss.count()
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

    /// Answers to PLAY name a first sequence number that is so much later than the true one.
    pub fn misnumber_packets(&self, later: u16) {
        self.misnumbered.store(later, Ordering::Relaxed);
    }

    /// While true, answers to SETUP name another SSRC than packets have.
    pub fn misname_packets(&self, on: bool) {
        self.misnamed.store(on, Ordering::Relaxed);
    }

    /// While true, the camera asks its clients for OPTIONS.
    pub fn ask_clients(&self, on: bool) {
        self.asking.store(on, Ordering::Relaxed);
    }

    /// While true, sessions end `session_timeout` after the client's last request also where it takes packets.
    pub fn insist_on_life(&self, on: bool) {
        self.strict.store(on, Ordering::Relaxed);
    }

    pub(super) fn misnumbered(&self) -> u16 {
        self.misnumbered.load(Ordering::Relaxed)
    }

    pub(super) fn packets_are_misnamed(&self) -> bool {
        self.misnamed.load(Ordering::Relaxed)
    }

    pub(super) fn asks_clients(&self) -> bool {
        self.asking.load(Ordering::Relaxed)
    }

    pub(super) fn insists_on_life(&self) -> bool {
        self.strict.load(Ordering::Relaxed)
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    pub(super) fn refusal(&self) -> Option<u16> {
        Some(self.refusal.load(Ordering::Relaxed)).filter(|code| *code != 0)
    }

    pub(super) fn sound_refusal(&self) -> Option<u16> {
        Some(self.sound_refusal.load(Ordering::Relaxed)).filter(|code| *code != 0)
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

    pub(super) fn rtp_start(&self) -> Option<u32> {
        self.rtp_start.load(Ordering::Relaxed).checked_sub(1).map(|first| first as u32)
    }

    /// Nanoseconds since a session's start as a track's RTP clock counts them.
    pub(super) fn hastened(&self, track: usize, since: i64) -> i64 {
        let haste = self.haste[track].load(Ordering::Relaxed);
        since + (i128::from(since) * i128::from(haste) / 1_000_000) as i64
    }

    /// True for the unit that has the RTP time of the one before; `count` is how many the stream has had.
    pub(super) fn repeats(&self, count: u32) -> bool {
        let nth = self.repeat_every.load(Ordering::Relaxed);
        nth != 0 && count.is_multiple_of(nth)
    }

    /// The same for one that is hours off.
    pub(super) fn strays(&self, count: u32) -> bool {
        let nth = self.stray_every.load(Ordering::Relaxed);
        nth != 0 && count.is_multiple_of(nth)
    }

    /// Nanoseconds that reports are later than the truth.
    pub(super) fn report_shift(&self, track: usize) -> i64 {
        self.report_shift[track].load(Ordering::Relaxed)
    }

    /// Nanoseconds that RTP-Info puts the sound later than the truth.
    pub(super) fn sound_info_shift(&self) -> i64 {
        self.sound_info_shift.load(Ordering::Relaxed)
    }

    pub(super) fn pictures_are_swapped(&self) -> bool {
        self.swapped.load(Ordering::Relaxed)
    }

    pub(super) fn pictures_are_endless(&self) -> bool {
        self.endless.load(Ordering::Relaxed)
    }

    pub(super) fn has_more_sets(&self) -> bool {
        self.more_sets.load(Ordering::Relaxed)
    }

    pub(super) fn sets_are_hidden(&self) -> bool {
        self.hidden_sets.load(Ordering::Relaxed)
    }

    pub(super) fn sets_are_withheld(&self) -> bool {
        self.withheld_sets.load(Ordering::Relaxed)
    }

    /// True for the picture that is to be torn; `count` is how many the stream has had.
    pub(super) fn tears(&self, count: u32) -> bool {
        let nth = self.tear_every.load(Ordering::Relaxed);
        nth != 0 && count.is_multiple_of(nth)
    }

    /// A packet of sound as it is to be instead, if so.
    pub(super) fn spoilt_sound(&self, packet: &[u8]) -> Option<Vec<u8>> {
        let [unmarked, garbled] =
            [&self.unmarked_sound, &self.garbled_sound].map(|fault| fault.load(Ordering::Relaxed));
        let mut spoilt = (unmarked || garbled).then(|| packet.to_vec())?;
        if unmarked && let Some(second) = spoilt.get_mut(1) {
            *second &= 0x7f;
        }
        // Behind the header of RTP and the length of the headers.
        if garbled && let Some(size) = spoilt.get_mut(14) {
            *size = 0xff;
        }
        Some(spoilt)
    }

    pub(super) fn sends_one_picture_a_second(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }

    /// Hz of the sound's RTP clock, where it is not the sampling rate.
    pub(super) fn sound_clock(&self) -> Option<u32> {
        Some(self.sound_clock.load(Ordering::Relaxed)).filter(|hz| *hz != 0)
    }

    pub(super) fn reports_are_silent(&self) -> bool {
        self.silent_reports.load(Ordering::Relaxed)
    }

    pub(super) fn audio_is_muted(&self) -> bool {
        self.muted.load(Ordering::Relaxed)
    }

    /// True for the packet that is to be lost; `count` is how many this stream has had, this one included.
    pub(super) fn loses(&self, count: u32) -> bool {
        self.loss.takes(count)
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
