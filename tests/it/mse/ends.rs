//! Cameras that turn out to be nothing to watch.

use crate::support::gst::Camera;
use crate::support::site::{Site, rendition};
use crate::support::socket::Socket;
use crate::support::soon;

#[tokio::test]
async fn who_waits_for_a_camera_that_sends_nothing_useful_is_told_so_with_1011() {
    let camera = Camera::start(&["--codec", "jpeg", "--audio", "off"]);
    let main = rendition("cam", "main", &camera.url("main"), "");
    let site = Site::start(&format!("[cameras.cam]\nstart = \"on-demand\"\n{main}")).await;
    // The first viewer is the reason to look at the camera at all.
    let mut socket = Socket::open(site.address, "/mse/cam").await.expect("it opens");
    let (code, reason) = socket.closed().await;
    assert_eq!(code, 1011);
    assert!(!reason.is_empty());
    soon("the end", site.app.stop()).await;
}
