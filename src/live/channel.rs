//! A rendition's ring with a lock and a wake-up: the writing end and the reading end.
//!
//! Writers never wait for readers: the lock is held for a few moves of pointers, never across an
//! await, and readers are woken after it is free.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::dates::{Dated, Dates};
use super::demand;
use super::fit::{self, Picture, Shown};
use super::line::BitRates;
use super::model::{Chunk, Epoch, Origin, Part, RunId, Segment};
use super::muxer::{Muxer, PushError};
use super::ring::Joint;
use super::snapshot::Snapshot;
use super::targets::Measured;
use super::tip::Tip;
use super::window::Window;
use super::{Options, State, Status};
use crate::media::fmp4::InitError;
use crate::media::time::Anchor;
use crate::media::{Frame, Ticks, TrackKind, Tracks};
use crate::stats::RenditionStats;

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// The channel is closed: its camera was removed, or the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the camera was removed or the server is stopping")]
pub struct Closed;

/// One rendition of a camera: its ring, shared by one writer and any number of readers.
///
/// Outlives the camera's sessions: a camera that reconnects throws no viewer out.
#[derive(Debug)]
pub struct Channel {
    id: u64,
    run: RunId,
    anchor: Anchor,
    dates: Arc<Dates>,
    window: Mutex<Window>,
    /// Changes with every chunk; for readers of chunks.
    chunks: watch::Sender<Tip>,
    /// Changes with every finished part; for readers of playlists, who are many and wait long.
    parts: watch::Sender<Tip>,
    status: watch::Sender<Status>,
    skew: Mutex<Option<Ticks>>,
    pub(super) demand: Arc<demand::Counter>,
    stats: Arc<RenditionStats>,
}

/// The writing end.
#[derive(Debug)]
pub struct Publisher {
    channel: Arc<Channel>,
    stats: Arc<RenditionStats>,
    muxer: Mutex<Muxer>,
    shown: Mutex<Shown>,
}

/// Makes the channel of a rendition of the camera that began at `origin`.
pub fn channel(options: Options, origin: &Origin, stats: Arc<RenditionStats>) -> (Publisher, Arc<Channel>) {
    let window = Window::new(options, origin);
    let tip = window.tip();
    let channel = Arc::new(Channel {
        id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
        run: origin.run,
        anchor: origin.anchor,
        dates: Arc::clone(&origin.dates),
        window: Mutex::new(window),
        chunks: watch::Sender::new(tip),
        parts: watch::Sender::new(tip),
        status: watch::Sender::new(Status::plain(State::Idle)),
        skew: Mutex::new(None),
        demand: Arc::default(),
        stats: stats.clone(),
    });
    let muxer = Mutex::new(Muxer::new(Window::most_chunk_bytes(&options)));
    (Publisher { channel: channel.clone(), stats, muxer, shown: Mutex::default() }, channel)
}

impl Publisher {
    /// Starts a new epoch: new codec parameters, or a break in the timeline. The next frame must be
    /// a sync sample of the video track.
    ///
    /// # Errors
    /// The codec configuration of a track is damaged; the old epoch goes on.
    pub fn begin(&self, tracks: Tracks) -> Result<(), InitError> {
        lock(&self.muxer).begin(tracks)?;
        self.channel.change(Window::interrupt);
        Ok(())
    }

    /// Publishes one frame. Never waits for a viewer.
    ///
    /// # Errors
    /// The frame cannot stand here; it is dropped and nothing else is lost.
    pub fn push(&self, frame: Frame) -> Result<(), PushError> {
        let bytes = frame.data.len() as u64;
        let mut muxer = lock(&self.muxer);
        let frame = self.fitted(frame, muxer.video_end());
        let chunks = muxer.push(frame).inspect_err(|error| {
            self.stats.frames_too_large.add(u64::from(matches!(error, PushError::TooLarge { .. })));
        })?;
        drop(muxer);
        self.stats.frames.add(1);
        self.stats.bytes.add(bytes);
        if !chunks.is_empty() {
            self.channel.change(|window| chunks.into_iter().for_each(|chunk| window.push(chunk)));
        }
        Ok(())
    }

    /// A picture moved to where the decode line has come to, and made as long as its part allows.
    fn fitted(&self, frame: Frame, line: Option<Ticks>) -> Frame {
        if frame.track == TrackKind::Audio {
            return frame;
        }
        let paced = Ticks(i64::try_from(frame.decode_time).unwrap_or(i64::MAX / 2));
        // A frame long before the line's end is not for this to mend.
        let start = line.filter(|line| *line <= paced + fit::MOST_AHEAD).unwrap_or(fit::whole(paced));
        let interval = Ticks(frame.duration.into());
        let shown = lock(&self.shown).place(paced + Ticks(frame.composition_offset.into()));
        let due = fit::due(start, paced, interval, shown);
        let picture = Picture { start, due, interval, sync: frame.sync, bytes: frame.data.len() };
        fit::moved(frame, start, self.channel.window().fit(picture), shown)
    }

    /// Says what the source is doing. A source that is no longer live ends the open segment, so
    /// that its last part reaches viewers now and not when the camera is back. One that rests leaves
    /// nothing behind.
    pub fn set_status(&self, status: Status) {
        let (live, idle) = (status.state == State::Live, status.state == State::Idle);
        self.channel.status.send_if_modified(|old| {
            let changed = *old != status;
            *old = status;
            changed
        });
        if idle {
            self.channel.change(Window::forget);
        } else if !live {
            self.channel.change(Window::interrupt);
        }
    }

    /// Says how far the pictures are from where the camera's sender reports place them on the
    /// timeline that all its renditions share; `None` while nothing proves their place.
    pub fn set_skew(&self, skew: Option<Ticks>) {
        *lock(&self.channel.skew) = skew;
    }

    /// Ends the channel: waiting readers are told, and nothing will come any more.
    pub fn close(&self) {
        self.set_status(Status::plain(State::Ended));
        self.channel.close();
    }
}

/// What a reader finds at its cursor.
#[derive(Debug)]
pub enum Read {
    /// The next chunk.
    Chunk(Arc<Chunk>),
    /// The ring moved on; go on at `resume`, a sync sample, or wait for the next if there is none.
    Lagged {
        /// Chunks that are lost to this reader.
        missed: u64,
        /// Where to go on.
        resume: Option<u64>,
    },
    /// Nothing new yet: wait for the tip to pass the cursor.
    Empty,
}

impl Channel {
    /// Tells this channel from any other of the process, for caches.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The run that names all media of this channel.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// What was counted since the start.
    pub fn stats(&self) -> &RenditionStats {
        &self.stats
    }

    /// The state of the ring now.
    pub fn tip(&self) -> Tip {
        *self.chunks.borrow()
    }

    /// The state of the ring as its playlists show it now; [`Self::tip`] may be told a moment later.
    pub fn tip_now(&self) -> Tip {
        self.window().tip()
    }

    /// Changes with every chunk.
    pub fn chunk_tips(&self) -> watch::Receiver<Tip> {
        self.chunks.subscribe()
    }

    /// What the source is doing.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// True while nothing comes, and what was listed before is all there is: also while the source connects anew.
    pub fn is_down(&self) -> bool {
        let status = self.status.borrow();
        status.state.is_lost() || status.state == State::Connecting && self.tip().video.started
    }

    /// Changes with the source.
    pub fn statuses(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Waits until `fact` holds of the playlists. Any number may wait; nobody polls.
    ///
    /// # Errors
    /// [`Closed`] when the channel closes before that.
    pub async fn until(&self, mut fact: impl FnMut(&Tip) -> bool) -> Result<Tip, Closed> {
        let mut tips = self.parts.subscribe();
        let tip = *tips.wait_for(|tip| tip.closed || fact(tip)).await.map_err(|_| Closed)?;
        if tip.closed && !fact(&tip) { Err(Closed) } else { Ok(tip) }
    }

    /// How many wait in [`until`](Self::until) now.
    pub fn waiting(&self) -> usize {
        self.parts.receiver_count()
    }

    /// The newest epoch, once its first chunk is here.
    pub fn epoch(&self) -> Option<Arc<Epoch>> {
        self.window().ring().newest().map(|chunk| chunk.epoch.clone())
    }

    /// The epoch with this number, while anything of it is kept.
    pub fn epoch_numbered(&self, number: u32) -> Option<Arc<Epoch>> {
        self.window().epoch(number)
    }

    /// Where a reader that has come to `from` on the camera's timeline can go on here.
    pub fn joint(&self, from: Ticks) -> Joint {
        self.window().ring().joint(from)
    }

    /// Index of the newest sync sample, at which a viewer starts.
    pub fn join(&self) -> Option<u64> {
        self.window().ring().last_sync()
    }

    /// Reads the chunk at `cursor`.
    pub fn read(&self, cursor: u64) -> Read {
        let window = self.window();
        let ring = window.ring();
        match ring.chunk(cursor) {
            Some(chunk) => Read::Chunk(chunk.clone()),
            None if cursor >= ring.next() => Read::Empty,
            None => {
                let resume = ring.last_sync();
                Read::Lagged { missed: resume.unwrap_or(ring.next()) - cursor, resume }
            }
        }
    }

    /// The finished segment with this number, while it is kept.
    pub fn segment(&self, track: TrackKind, msn: u64) -> Option<Arc<Segment>> {
        self.window().line(track)?.segment(msn).cloned()
    }

    /// The finished part with this name, while it is kept.
    pub fn part(&self, track: TrackKind, msn: u64, part: u32) -> Option<Arc<Part>> {
        self.window().line(track)?.part(msn, part).cloned()
    }

    /// All that the media playlist of `track` shows now. `None` before the promises were made
    /// ([`Camera::promise`](super::Camera::promise)), or while the track has nothing to list.
    pub fn snapshot(&self, track: TrackKind) -> Option<Snapshot> {
        let window = self.window();
        let line = window.line(track)?;
        let part_target = window.part_target(track)?;
        let targets = window.targets()?;
        let segments: Vec<Arc<Segment>> = line.listed().cloned().collect();
        let open = line.open().cloned();
        let finished =
            segments.iter().map(|segment| (segment.stretch, segment.presentation, segment.duration));
        let growing = open.iter().map(|open| (open.stretch, open.presentation, Ticks(0)));
        let dated = finished.chain(growing).map(Dated::from);
        Some(Snapshot {
            track,
            run: self.run,
            anchor: self.anchor,
            dates: self.dates.of(dated),
            targets,
            window: window.options().window,
            part_target,
            segments,
            open,
            open_msn: line.open_msn(),
            stretch: line.last_stretch().unwrap_or(window.stretch()),
            version: line.version(),
            closed: window.tip().closed,
        })
    }

    /// How far the pictures are from their proved place on the camera's timeline, if it is proved.
    pub fn skew(&self) -> Option<Ticks> {
        *lock(&self.skew)
    }

    /// Bit rates of the media in the ring.
    pub fn bit_rates(&self) -> BitRates {
        self.window().bit_rates()
    }

    /// Bit rates of the finished segments of sound; none without sound.
    pub fn sound_bit_rates(&self) -> BitRates {
        self.window().sound_bit_rates()
    }

    /// Those of the sync samples alone that segments start with.
    pub fn sync_bit_rates(&self) -> BitRates {
        self.window().sync_bit_rates()
    }

    /// Frames a second over the last seconds; `None` before there is a second of them.
    pub fn frame_rate(&self) -> Option<f64> {
        self.window().ring().frame_rate()
    }

    /// The part target of a track, once its frame rate is known.
    pub fn part_target(&self, track: TrackKind) -> Option<Ticks> {
        self.window().part_target(track)
    }

    /// What this ring knows of its camera.
    pub fn measured(&self) -> Measured {
        self.window().measured()
    }

    pub(super) fn window(&self) -> MutexGuard<'_, Window> {
        lock(&self.window)
    }

    /// Ends the channel; see [`Publisher::close`].
    pub fn close(&self) {
        self.change(Window::close);
    }

    /// Lets the sound of this ring go on with what `other` has, while there are no pictures here.
    pub(super) fn stand_in(&self, other: &Self) {
        // One lock after the other: no ring waits for another.
        let Some(need) = self.window().need() else { return };
        let given = other.window().standing_in(&need);
        self.change(|window| window.stand_in(&given));
    }

    /// Says again how far the ring has come, after something changed beside it.
    pub(super) fn announce(&self) {
        self.change(|_| {});
    }

    /// Changes the ring, then wakes those who wait for what changed. Of two changes at once the
    /// later one is told, whoever comes to tell first.
    fn change(&self, change: impl FnOnce(&mut Window)) {
        let counts =
            |window: &Window| [window.evicted_early(), window.whole_segments(), window.cut_segments()];
        let (tip, before, after) = {
            let mut window = self.window();
            let before = counts(&window);
            change(&mut window);
            (window.next_tip(), before, counts(&window))
        };
        self.stats.segments_evicted_early.add(after[0] - before[0]);
        self.stats.segments_without_parts.add(after[1] - before[1]);
        self.stats.segments_cut.add(after[2] - before[2]);
        let tell = |changed: fn(&Tip, &Tip) -> bool| {
            move |old: &mut Tip| tip.revision > old.revision && changed(&std::mem::replace(old, tip), &tip)
        };
        self.chunks.send_if_modified(tell(Tip::differs));
        self.parts.send_if_modified(tell(Tip::lists_differ));
    }
}

/// A panic under these locks leaves at worst a frame half taken in, which the next one mends.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "channel_tests.rs"]
mod tests;
