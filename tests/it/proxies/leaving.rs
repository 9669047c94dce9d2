//! A viewer who leaves a proxy has left Belvedere: nothing goes on for nobody.

use belvedere::demo;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::support::proxy::{Make, Proxy};
use crate::support::site::{Site, camera, rendition};
use crate::support::{soon, until};

async fn until_left_alone(make: Make, camera: &demo::Server) {
    let alone = async || (camera.counters().open_sessions() == 0).then_some(());
    until(&format!("the camera is left alone behind {make:?}"), alone).await;
}

async fn a_viewer_of_a_file_without_an_end_leaves(make: Make) {
    let camera = camera().await;
    let table = rendition("cam", "main", &camera.url("main"), "");
    let toml = format!("ingest.idle_timeout = \"1s\"\n[cameras.cam]\nstart = \"on-demand\"\n{table}");
    let site = Site::start(&toml).await;
    let proxy = Proxy::start(make, site.address).await;

    let stream = TcpStream::connect(proxy.address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request =
        Request::get("/mp4/cam/live.mp4").header("host", "cams").body(Empty::<Bytes>::new()).unwrap();
    let answer = soon("an answer", sender.send_request(request)).await.unwrap();
    assert_eq!(answer.status(), 200, "{make:?}");
    let mut body = answer.into_body();
    let mut length = 0;
    while length < 200_000 {
        let frame = soon("more of it", body.frame()).await.expect("it goes on").expect("it works");
        length += frame.data_ref().map_or(0, Bytes::len);
    }
    assert_eq!(camera.counters().open_sessions(), 1, "{make:?}");
    drop(body);
    drop(sender);
    connection.abort();
    until_left_alone(make, &camera).await;
    soon("the end", site.app.stop()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_the_proxy_has_left() {
    tokio::join!(
        a_viewer_of_a_file_without_an_end_leaves(Make::Nginx),
        a_viewer_of_a_file_without_an_end_leaves(Make::Varnish),
        a_viewer_of_a_file_without_an_end_leaves(Make::Haproxy),
        a_viewer_of_a_file_without_an_end_leaves(Make::Caddy),
    );
}
