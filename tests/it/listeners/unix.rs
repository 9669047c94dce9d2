//! Several listeners at once, some of them Unix sockets.

use std::path::Path;

use belvedere::app::App;
use belvedere::settings::Settings;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpStream, UnixStream};
use tokio_tungstenite::client_async;

use super::{exchange, get};
use crate::support::client::Client;
use crate::support::soon;
use crate::support::system::mode;
use crate::support::tls::{Certificate, HOST};

fn settings(folder: &Path, toml: &str) -> Settings {
    Settings::parse(toml, "test.toml", folder).unwrap_or_else(|error| panic!("{error}"))
}

async fn start(folder: &Path, toml: &str) -> Result<App, String> {
    App::start(settings(folder, toml), true).await.map_err(|error| error.to_string())
}

/// The page, HTTP/2 with prior knowledge, and the feed: all that there is elsewhere.
async fn serves_everything(path: &Path) {
    let connect = async || UnixStream::connect(path).await.expect("somebody listens");
    assert!(exchange(connect().await, get("/").as_bytes()).await.starts_with("HTTP/1.1 200"));

    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(connect().await)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://cams/livez").body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(soon("an answer", sender.send_request(request)).await.unwrap().status(), 200);

    let (_socket, response) =
        soon("the handshake", client_async("ws://cams/mse/demo", connect().await)).await.expect("it opens");
    assert_eq!(response.status(), 101);
}

#[tokio::test]
async fn all_listeners_serve_alike_and_leave_nothing_behind() {
    let (folder, certificate) = (tempfile::tempdir().unwrap(), Certificate::new());
    let toml = format!(
        "auth = \"none\"\n[server]\nlisten = [\"127.0.0.1:0\", \"unix:a.sock\", \"127.0.0.1:0\", \
         {{ address = \"unix:b.sock\", mode = \"0600\" }}]\n{}",
        certificate
            .settings()
            .replace("listen = \"127.0.0.1:0\"", "listen = [\"127.0.0.1:0\", \"unix:c.sock\"]"),
    );
    let app = start(folder.path(), &toml).await.unwrap();
    let [a, b, c] = ["a.sock", "b.sock", "c.sock"].map(|name| folder.path().join(name));
    assert_eq!((mode(&a), mode(&b), mode(&c)), (0o660, 0o600, 0o660));
    let greeting = app.greeting();
    assert_eq!(greeting.matches("look here").count(), 4, "{greeting}");
    assert!(greeting.contains(&format!("over TLS    unix:{}", c.display())), "{greeting}");
    let addresses: Vec<_> = greeting
        .split_whitespace()
        .filter_map(|word| url::Url::parse(word).ok().filter(|url| url.path() == "/")?.port())
        .collect();
    let [first, second, secure] = addresses[..] else { panic!("{greeting}") };
    for port in [first, second] {
        Client { address: ([127, 0, 0, 1], port).into() }.found("/livez").await;
    }
    for path in [&a, &b] {
        serves_everything(path).await;
    }
    let tcp = TcpStream::connect(("127.0.0.1", secure)).await.unwrap();
    let unix = UnixStream::connect(&c).await.unwrap();
    let answers = [
        exchange(certificate.greet(tcp).await, get("/livez").as_bytes()).await,
        exchange(certificate.greet(unix).await, get("/livez").as_bytes()).await,
    ];
    assert!(answers.iter().all(|answer| answer.starts_with("HTTP/1.1 200")), "{HOST}: {answers:?}");
    soon("the end", app.stop()).await;
    assert!(!a.exists() && !b.exists() && !c.exists(), "sockets go with their listeners");
}

#[tokio::test]
async fn a_socket_of_one_that_is_gone_is_replaced_and_everything_else_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.sock");
    let toml = "auth = \"none\"\nserver.listen = \"unix:b.sock\"\n";
    // As after a crash: the file is there, and nobody behind it.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let first = start(folder.path(), toml).await.expect("what is left of another is in nobody's way");
    serves_everything(&path).await;

    let refused = start(folder.path(), toml).await.map(|_| ()).unwrap_err();
    assert_eq!(refused, format!("cannot listen on unix:{}: address in use", path.display()));
    serves_everything(&path).await;

    // Somebody put another in its place: that is not taken away.
    std::fs::remove_file(&path).unwrap();
    let other = tokio::net::UnixListener::bind(&path).unwrap();
    soon("the end", first.stop()).await;
    assert!(path.exists());
    drop(other);

    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "a diary").unwrap();
    let refused = start(folder.path(), toml).await.map(|_| ()).unwrap_err();
    assert!(refused.contains("something else of that name"), "{refused}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a diary");

    let nowhere =
        start(folder.path(), &toml.replace("b.sock", "nowhere/b.sock")).await.map(|_| ()).unwrap_err();
    assert!(nowhere.contains("nowhere/b.sock"), "{nowhere}");
}
