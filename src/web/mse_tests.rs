use super::*;
use crate::live::testing::FakeCamera;
use crate::mse::{Decodable, Options};
use crate::web::streams;

#[test]
fn ten_thousand_viewers_are_twenty_five_megabytes_of_tasks_at_most() {
    let camera = Arc::new(FakeCamera::silent(50).camera);
    let viewer =
        Viewer { camera, rendition: None, decodable: Decodable::new(None), options: Options::default() };
    let opening = Opening {
        upgrade: hyper::upgrade::on(hyper::Request::new(())),
        stream: streams::becomes_socket(),
        place: None,
    };
    let task = serve(opening, viewer, Lease::ENDLESS, CancellationToken::new());
    let bytes = std::mem::size_of_val(&task);
    assert!(bytes <= 2560, "{bytes} bytes a viewer");
}
