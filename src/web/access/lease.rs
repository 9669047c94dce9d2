//! How long somebody may stay: until what let it in ends, or is taken back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::watch;
use tokio::time::sleep_until;

use super::Access;
use super::gate::Proof;
use super::rights::Need;
use crate::clock;

/// A permission that is being used. It is looked at again when the rules change, when somebody logs out, and as often
/// as the hook wants to be asked.
#[derive(Clone)]
pub struct Lease(Option<Arc<Held>>);

struct Held {
    access: Arc<Access>,
    need: Need,
    proof: Proof,
    /// Its end. Once it is known nobody sets it back, whatever becomes of the wall's clock.
    until: Option<Instant>,
    looked: Mutex<Looked>,
}

/// When a permission was found good.
#[derive(Clone, Copy)]
pub(super) struct Looked {
    /// After how many changes of the rules.
    pub changes: u64,
    /// At what moment.
    pub at: Instant,
}

impl Lease {
    /// Without an end.
    #[cfg(test)]
    pub const ENDLESS: Self = Self(None);

    pub(super) fn new(
        access: Arc<Access>,
        need: Need,
        proof: Proof,
        until: Option<Instant>,
        looked: Looked,
    ) -> Self {
        Self(Some(Arc::new(Held { access, need, proof, until, looked: Mutex::new(looked) })))
    }

    /// Whether it has ended, for who is too busy to wait for that.
    pub async fn is_over(&self) -> bool {
        let Some(held) = &self.0 else { return false };
        let now = clock::now().instant;
        held.until.is_some_and(|until| until <= now) || (held.is_due(now) && !held.still_holds().await)
    }

    /// Waits for its end.
    pub async fn ended(&self) {
        match &self.0 {
            // On the heap: every viewer carries one, and few permissions need all that is in it.
            Some(held) => Box::pin(held.ended()).await,
            None => std::future::pending().await,
        }
    }
}

impl Held {
    fn looked(&self) -> Looked {
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the hook wants to be asked again.
    fn next_question(&self) -> Option<Instant> {
        self.access.question_interval(&self.proof).and_then(|interval| self.looked().at.checked_add(interval))
    }

    fn is_due(&self, now: Instant) -> bool {
        self.looked().changes != self.access.changes() || self.next_question().is_some_and(|next| next <= now)
    }

    async fn still_holds(&self) -> bool {
        let looked = Looked { changes: self.access.changes(), at: clock::now().instant };
        let holds = self.access.still_admits(&self.need, &self.proof).await;
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = looked;
        holds
    }

    async fn ended(&self) {
        let mut changes: watch::Receiver<u64> = self.access.subscribe();
        loop {
            if self.is_due(clock::now().instant) && !self.still_holds().await {
                return;
            }
            tokio::select! {
                () = reached(self.until) => return,
                () = reached(self.next_question()) => {}
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }
}

async fn reached(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}
