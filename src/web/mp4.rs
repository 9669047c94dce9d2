//! `live.mp4`: an answer without an end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::unfold;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::access::Lease;
use super::answer::{Answer, Cache, error, ok};
use super::body::{Body, Pieces};
use crate::live::{Channel, Tip, Wanted};
use crate::media::Ticks;
use crate::mp4::{Endless, Progress};
use crate::mse::{Viewer, choice};

/// What is read of the ring at once.
const BATCH: usize = 32 << 10;

/// A reader, and what it waits for.
struct Reader {
    file: Endless,
    tips: watch::Receiver<Tip>,
    lease: Lease,
    stop: CancellationToken,
    /// Keeps a camera on demand on air.
    _wanted: Wanted,
}

/// Answers with a file that goes on until the client leaves or may watch no longer, the camera sends something else, or
/// the server stops. A camera that delivers nothing is waited for at most for `patience`.
pub async fn live(viewer: Viewer, lease: Lease, patience: Duration, stop: CancellationToken) -> Answer {
    let asked = viewer.rendition.as_deref().and_then(|name| viewer.camera.rendition(Some(name)));
    let channel = match asked {
        Some(rendition) => rendition.channel.clone(),
        None => {
            let rungs = choice::rungs(&viewer.camera, &viewer.decodable);
            choice::first(&rungs).0.rendition.channel.clone()
        }
    };
    let _wanted = channel.want();
    if !started(&channel, patience).await {
        return error(StatusCode::SERVICE_UNAVAILABLE, format!("no picture yet from {}", viewer.camera.name));
    }
    let Some(tracks) = channel.epoch().map(|epoch| epoch.tracks.clone()) else {
        return error(StatusCode::SERVICE_UNAVAILABLE, format!("no picture from {}", viewer.camera.name));
    };
    let Some(tracks) = viewer.decodable.playable(&tracks) else {
        let sentence = format!("the camera sends {}, which this client cannot decode", tracks.codecs());
        return error(StatusCode::NOT_ACCEPTABLE, sentence);
    };
    let max_lag = Ticks::from_duration(viewer.options.max_lag);
    let tips = channel.chunk_tips();
    let reader =
        Reader { file: Endless::new(channel, max_lag, tracks.audio.is_some()), tips, lease, stop, _wanted };
    let mut answer = ok("video/mp4", Cache::Never, Body::endless(unfold(reader, read)));
    if let Ok(kind) = HeaderValue::try_from(format!("video/mp4; codecs=\"{}\"", tracks.codecs())) {
        answer.headers_mut().insert(CONTENT_TYPE, kind);
    }
    answer
}

/// Waits for a picture to begin with.
async fn started(channel: &Arc<Channel>, patience: Duration) -> bool {
    let mut tips = channel.chunk_tips();
    let picture = tips.wait_for(|tip| tip.closed || tip.last_sync.is_some());
    matches!(timeout(patience, picture).await, Ok(Ok(tip)) if tip.last_sync.is_some())
}

/// The next pieces of the file, when there are any.
async fn read(mut reader: Reader) -> Option<(Pieces, Reader)> {
    loop {
        // To who reads slowly there is always something to send.
        if reader.stop.is_cancelled() || reader.lease.is_over().await {
            return None;
        }
        reader.tips.mark_unchanged();
        let mut out = Vec::new();
        let progress = loop {
            let progress = reader.file.read(&mut out);
            if progress != Progress::More || out.iter().map(bytes::Bytes::len).sum::<usize>() >= BATCH {
                break progress;
            }
        };
        if !out.is_empty() {
            return Some((out.into_iter().collect(), reader));
        }
        if progress == Progress::End {
            return None;
        }
        tokio::select! {
            () = reader.stop.cancelled() => return None,
            () = reader.lease.ended() => return None,
            changed = reader.tips.changed() => changed.ok()?,
        }
    }
}
