//! A stream of a plan as packets: what arrives when.

use fastrand::Rng;

use crate::plan::{Event, Scene, Sound, Stream};

const MS: i64 = 90;
const SECOND: i64 = 90_000;
/// What every packet takes.
const DELAY: i64 = 20 * MS;
const REPORT_EVERY: i64 = 5 * SECOND;
/// The camera's own clock, in ticks since 1900, when the simulation begins.
const NTP: i64 = 3_900_000_000 * SECOND;

/// Something that arrives. Times are ticks since the simulation began.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub at: i64,
    pub what: What,
}

#[derive(Clone, Copy, Debug)]
pub enum What {
    /// A picture, of the time at which it was taken.
    Picture { taken: i64, sync: bool, parameters: u32 },
    /// A frame of sound, of the time of its first sample.
    Sound { taken: i64 },
    /// A sender report: NTP time (RFC 3550, 6.4.1) and the time that it stands for.
    Report { ntp: u64, taken: i64 },
    /// The session ends.
    Lost,
}

/// All that arrives from `stream`, in order.
pub fn arrivals(stream: &Stream, rng: &mut Rng) -> Vec<Arrival> {
    let mut camera = Camera { stream, rng, pauses: Vec::new(), all: Vec::new() };
    camera.pictures();
    if let Some(sound) = &stream.sound {
        camera.sound(sound);
    }
    if stream.reports {
        camera.reports();
    }
    camera.hold_back();
    camera.all.sort_by_key(|arrival| arrival.at);
    camera.all
}

struct Camera<'a> {
    stream: &'a Stream,
    rng: &'a mut Rng,
    /// From when to when nothing is taken, or nothing comes through.
    pauses: Vec<(i64, i64, Event)>,
    all: Vec<Arrival>,
}

/// Where the encoder stands.
struct Encoder {
    now: i64,
    since_sync: i64,
    parameters: u32,
    /// Nothing arrives earlier: packets do not overtake each other.
    arrived: i64,
}

impl Camera<'_> {
    fn pictures(&mut self) {
        let begin = i64::from(self.stream.begin_ms) * MS;
        let mut encoder = Encoder { now: begin, since_sync: i64::MAX, parameters: 0, arrived: 0 };
        for scene in &self.stream.scenes {
            let pause = i64::from(scene.first.pause_ms()) * MS;
            match scene.first {
                Event::Nothing => {}
                Event::Freeze { .. } => self.pauses.push((encoder.now, encoder.now + pause, scene.first)),
                Event::Clog { ms } => {
                    let end = encoder.now + i64::from(ms) * MS;
                    self.pauses.push((encoder.now, end, scene.first));
                }
                Event::Parameters => {
                    encoder.parameters += 1;
                    encoder.since_sync = i64::MAX;
                }
                Event::Lost { .. } => {
                    self.pauses.push((encoder.now, encoder.now + pause, scene.first));
                    self.all.push(Arrival { at: encoder.now + DELAY, what: What::Lost });
                    if self.rng.bool() {
                        encoder.since_sync = i64::MAX;
                    }
                }
            }
            encoder.now += pause;
            self.scene(scene, &mut encoder);
        }
    }

    /// Pictures in decode order: each `b_pictures + 1`-th is decoded before those that it is shown behind.
    fn scene(&mut self, scene: &Scene, encoder: &mut Encoder) {
        let interval = (1_000 * SECOND / i64::from(scene.rate)).max(1);
        let gop = (i64::from(scene.gop_ms) * MS).max(1);
        let end = encoder.now + i64::from(scene.ms) * MS;
        while encoder.now < end {
            if encoder.since_sync >= gop - interval / 2 {
                self.picture(encoder.now, interval, true, encoder);
                (encoder.now, encoder.since_sync) = (encoder.now + interval, interval);
                continue;
            }
            let left = (gop - encoder.since_sync + interval / 2) / interval;
            let group = i64::from(self.stream.b_pictures + 1).min(left).max(1);
            self.picture(encoder.now + (group - 1) * interval, interval, false, encoder);
            for b in 0..group - 1 {
                self.picture(encoder.now + b * interval, interval, false, encoder);
            }
            encoder.now += group * interval;
            encoder.since_sync += group * interval;
        }
    }

    fn picture(&mut self, taken: i64, interval: i64, sync: bool, encoder: &mut Encoder) {
        let off = interval * i64::from(self.stream.stamp_jitter) / 100;
        let stamp = taken + self.rng.i64(-off..=off);
        encoder.arrived = (taken + DELAY + self.delay()).max(encoder.arrived);
        let what = What::Picture { taken: stamp, sync, parameters: encoder.parameters };
        self.all.push(Arrival { at: encoder.arrived, what });
    }

    fn delay(&mut self) -> i64 {
        // Most packets take no longer than others.
        if self.rng.u8(..4) > 0 { 0 } else { self.rng.i64(0..=i64::from(self.stream.delay_ms) * MS) }
    }

    fn sound(&mut self, sound: &Sound) {
        let mut arrived = 0;
        let end = self.end();
        for &(from, to) in &sound.heard {
            let (from, to) = (i64::from(from) * MS, (i64::from(to) * MS).min(end));
            let frames = (0..).map(|n| n * i64::from(sound.samples) * SECOND / i64::from(sound.rate));
            for taken in frames.map(|since| from + since).take_while(|taken| *taken < to) {
                let mute = |(from, to, event): &(i64, i64, Event)| {
                    !matches!(event, Event::Clog { .. }) && (*from..*to).contains(&taken)
                };
                if taken < i64::from(self.stream.begin_ms) * MS || self.pauses.iter().any(mute) {
                    continue;
                }
                let whole = taken + i64::from(sound.samples) * SECOND / i64::from(sound.rate);
                arrived = (whole + DELAY + self.delay()).max(arrived);
                self.all.push(Arrival { at: arrived, what: What::Sound { taken } });
            }
        }
    }

    /// When all is over: slow pictures may come later than their scenes end.
    fn end(&self) -> i64 {
        let pictures = self.all.iter().filter_map(|arrival| match arrival.what {
            What::Picture { taken, .. } => Some(taken),
            _ => None,
        });
        pictures.max().unwrap_or(0).max(i64::from(self.stream.end_ms()) * MS)
    }

    fn reports(&mut self) {
        let (begin, end) = (i64::from(self.stream.begin_ms) * MS, self.end());
        for taken in (begin..end).step_by(REPORT_EVERY as usize) {
            if !self.pauses.iter().any(|(from, to, _)| (*from..*to).contains(&taken)) {
                let ntp = ((u128::from((NTP + taken).unsigned_abs()) << 32) / SECOND as u128) as u64;
                self.all.push(Arrival { at: taken + DELAY, what: What::Report { ntp, taken } });
            }
        }
    }

    /// What would arrive while the network is clogged arrives behind that.
    fn hold_back(&mut self) {
        let clogs = self.pauses.iter().filter(|(_, _, event)| matches!(event, Event::Clog { .. }));
        for (from, to, _) in clogs {
            let held = |at: i64| (*from..*to).contains(&at);
            self.all.iter_mut().filter(|arrival| held(arrival.at)).for_each(|arrival| arrival.at = *to);
        }
    }
}
