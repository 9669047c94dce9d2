//! RTP over UDP, with what networks do to it.

use crate::support::media::VIDEO;
use crate::support::site::{Site, camera, rendition};
use crate::support::socket::{Event, Socket};
use crate::support::soon;

/// Pictures that come one after the other; panics at the first break.
async fn unbroken(site: &Site, pictures: usize) {
    site.until_rendition("cam", 0, "live").await;
    let mut socket = Socket::open(site.address, "/mse/cam").await.expect("it opens");
    socket.text("init").await;
    socket.init().await;
    let (mut seen, mut end) = (0, None);
    while seen < pictures {
        match socket.next().await {
            Event::Chunk(chunk) if chunk.track == VIDEO => {
                assert!(end.is_none_or(|end| end == chunk.start), "a hole before {}", chunk.start);
                end = Some(chunk.end());
                seen += 1;
            }
            Event::Text(text) if text["type"] == "init" => panic!("a break: {text}"),
            Event::Closed(code, reason) => panic!("{code} {reason}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn packets_that_come_out_of_order_are_put_in_order() {
    let camera = camera().await;
    camera.faults().swap_packets(5);
    let site = Site::start(&rendition("cam", "main", &camera.url("main"), "transport = \"udp\"")).await;
    unbroken(&site, 75).await;
    let rendition = site.camera("cam").await["renditions"][0].clone();
    // Without order each fifth would be; one that is late on a busy machine may be.
    assert!(rendition["packets_lost"].as_u64() < Some(10), "{rendition}");
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn packets_that_are_lost_are_counted_and_the_camera_stays_on_air() {
    let camera = camera().await;
    let site = Site::start(&rendition("cam", "main", &camera.url("main"), "transport = \"udp\"")).await;
    site.until_rendition("cam", 0, "live").await;
    camera.faults().drop_packets(20);
    crate::support::until("lost packets are told", async || {
        let rendition = site.camera("cam").await["renditions"][0].clone();
        (rendition["packets_lost"].as_u64() > Some(5)).then_some(())
    })
    .await;
    assert_eq!(site.camera("cam").await["state"], "live");
    assert_eq!(camera.counters().plays.get(), 1);
    soon("the end", site.app.stop()).await;
}
