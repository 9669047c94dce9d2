//! When the source of a camera on demand runs, and when it rests.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::live::Demand;

/// The demand for one rendition, as its source sees it.
#[derive(Debug)]
pub struct Rest {
    demand: watch::Receiver<Demand>,
    idle: Duration,
    /// How many readers had come when the source went to rest.
    served: u64,
}

impl Rest {
    /// A source that stops `idle` after the last reader left.
    pub fn new(demand: watch::Receiver<Demand>, idle: Duration) -> Self {
        Self { demand, idle, served: 0 }
    }

    /// Returns once somebody wants the rendition, or has wanted it since it went to rest; never when the
    /// channel is gone.
    pub async fn until_wanted(&mut self) {
        let served = self.served;
        let wanted = self.demand.wait_for(|demand| demand.readers > 0 || demand.came != served);
        if wanted.await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns once nobody has wanted the rendition for the idle time.
    pub async fn until_unwanted(&mut self) {
        loop {
            let Ok(demand) = self.demand.wait_for(|demand| demand.readers == 0).await.map(|demand| *demand)
            else {
                return;
            };
            self.served = demand.came;
            let again = self.demand.wait_for(|now| now.came != demand.came);
            match timeout(self.idle, again).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::poll;

    use super::*;

    const IDLE: Duration = Duration::from_secs(10);

    fn rest() -> (watch::Sender<Demand>, Rest) {
        let (sender, receiver) = watch::channel(Demand::default());
        (sender, Rest::new(receiver, IDLE))
    }

    #[tokio::test]
    async fn a_reader_that_has_left_again_wakes_the_source_once() {
        let (sender, mut rest) = rest();
        assert!(poll!(pin!(rest.until_wanted())).is_pending());
        sender.send_replace(Demand { readers: 0, came: 1 });
        rest.until_wanted().await;
        assert!(poll!(pin!(rest.until_unwanted())).is_pending(), "it stays for the idle time");
        assert!(poll!(pin!(rest.until_wanted())).is_pending(), "that reader was served");
    }

    #[tokio::test]
    async fn the_idle_time_begins_with_the_last_reader_s_end() {
        let (sender, receiver) = watch::channel(Demand { readers: 1, came: 1 });
        let mut rest = Rest::new(receiver, Duration::from_millis(20));
        assert!(
            timeout(Duration::from_millis(100), rest.until_unwanted()).await.is_err(),
            "somebody holds on"
        );
        sender.send_replace(Demand { readers: 0, came: 1 });
        rest.until_unwanted().await;
        assert_eq!(rest.served, 1);
    }
}
