//! A viewer that does not read.

use crate::support::site::Site;
use crate::support::socket::{Event, Socket};

const PATH: &str = "/mse/demo?rendition=main";

async fn playing(site: &Site) -> Socket {
    let mut socket = Socket::open_with(site.address, PATH, None, Some(4096)).await.expect("it opens");
    socket.text("init").await;
    socket.init().await;
    assert!(socket.chunk().await.starts_picture());
    socket
}

#[tokio::test]
async fn a_viewer_that_reads_nothing_for_a_while_skips_to_a_sync_sample_and_others_notice_nothing() {
    let site = Site::start_with("mse.max_lag = \"500ms\"", true).await;
    site.until_rendition("demo", 0, "live").await;
    let mut slow = playing(&site).await;
    let mut quick = playing(&site).await;
    // The other viewer's feed is without a hole all the while: for three GOPs, in which the slow one takes
    // nothing: much more than the buffers between it and the server hold.
    let (mut end, mut syncs) = (None, 0);
    while syncs < 4 {
        let chunk = quick.chunk().await;
        if chunk.track == crate::support::media::VIDEO {
            assert_eq!(chunk.start, end.unwrap_or(chunk.start), "the quick viewer loses nothing");
            end = Some(chunk.end());
            syncs += usize::from(chunk.starts_picture());
        }
    }

    // The slow one reads again: what the buffers held, then a word about what it lost, then a sync sample.
    let mut before = 0;
    let mut messages = 0;
    let skip = loop {
        match slow.next().await {
            Event::Chunk(chunk) => before = chunk.start.max(before),
            Event::Text(text) if text["type"] == "skip" => break text,
            Event::Text(_) | Event::Init(_) => {}
            closed @ Event::Closed(..) => panic!("{closed:?}"),
        }
        messages += 1;
        assert!(messages < 100_000, "it was never behind");
    };
    assert!(skip["chunks"].as_u64() > Some(10), "{skip}");
    assert!(slow.chunk().await.starts_picture(), "it goes on at a sync sample");
    assert!(before > 0, "it got something before");
    assert!(site.counted("viewer_skips", "demo", "main").await >= 1);
    assert!(Some(site.counted("chunks_skipped", "demo", "main").await) >= skip["chunks"].as_u64());
    assert_eq!(site.counted("viewers_joined", "demo", "main").await, 2);
    site.app.stop().await;
}
