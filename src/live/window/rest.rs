//! A ring whose source rests.

use super::Window;

impl Window {
    /// Lets go of all media, and lists nothing: who comes next wants now, and not what was when the source
    /// went to rest. Numbers go on, and what comes begins behind a discontinuity.
    pub fn forget(&mut self) {
        self.interrupt();
        self.end_stand_in();
        while self.video.oldest().is_some() {
            self.video.drop_oldest();
            self.evict_audio_and_chunks();
        }
        // Chunks that were never part of a segment.
        while !self.ring.is_empty() {
            self.ring.drop_oldest();
        }
    }
}
