//! HTTP/2 frames without end, against the program itself: its memory is its own.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::frames::{FLOODS, Flood};
use crate::support::media::VIDEO;
use crate::support::program::Program;
use crate::support::socket::{Event, Socket};
use crate::support::soon;

/// Sent of each.
const MOST: usize = 2 << 20;
/// Connections that flood at once.
const AT_ONCE: usize = 2;
/// What a flood may cost, with the allocator's slack and the ring that fills meanwhile.
const MEMORY: u64 = 64 << 20;
/// Without a picture for longer, a viewer has noticed; a busy machine may stall for seconds.
const UNNOTICED: Duration = Duration::from_secs(15);

/// Watches until `over`; how many pictures came, and the longest time without one.
async fn watch(mut socket: Socket, mut over: watch::Receiver<bool>) -> (usize, Duration) {
    let (mut pictures, mut longest, mut last) = (0, Duration::ZERO, Instant::now());
    loop {
        tokio::select! {
            _ = over.changed() => return (pictures, longest.max(last.elapsed())),
            event = socket.next() => match event {
                Event::Chunk(chunk) if chunk.track == VIDEO => {
                    pictures += 1;
                    longest = longest.max(last.elapsed());
                    last = Instant::now();
                }
                Event::Closed(code, reason) => panic!("the viewer was sent away: {code} {reason}"),
                _ => {}
            },
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_end_themselves_and_a_viewer_does_not_notice() {
    let program = Program::start(&["serve", "--demo"]);
    let address = program.client.address;
    program.client.until_segments("/hls/demo/sub/video.m3u8", 1).await;
    let mut socket = Socket::open(address, "/mse/demo?rendition=sub").await.expect("it opens");
    socket.text("init").await;
    let (end, over) = watch::channel(false);
    let viewer = tokio::spawn(watch(socket, over));
    let before = program.resident();
    for flood in FLOODS {
        // Of who does not read, the kernel holds some megabytes.
        let most = if flood.listens() { MOST } else { 16 * MOST };
        let all = (0..AT_ONCE).map(|_| flood.pour(address, most));
        let ended = soon(&format!("{flood:?}"), futures_util::future::join_all(all)).await;
        let grown = program.resident().saturating_sub(before);
        for ended in ended {
            // A connection that is refused before it has said anything is as good as one that is closed.
            let Ok(ended) = ended else { continue };
            println!("{flood:?}: {} KiB in {:?}, {} KiB more", ended.bytes >> 10, ended.took, grown >> 10);
            let must_end = match flood {
                Flood::Reset | Flood::Continuation => ended.closed,
                // Who does not read is not read either.
                Flood::DeafPing | Flood::DeafSettings => ended.closed || ended.stuck,
                _ => true,
            };
            assert!(must_end, "{flood:?}: {ended:?}");
        }
        assert!(grown < MEMORY, "{flood:?}: {} KiB more", grown >> 10);
        program.client.found("/livez").await;
    }
    end.send(true).unwrap();
    let (pictures, longest) = viewer.await.expect("the viewer saw no error");
    println!("{pictures} pictures, {longest:?} without one at most");
    assert!(pictures > 5 && longest < UNNOTICED, "{pictures} pictures, {longest:?} without one");
}
