//! An HTTP client that hides nothing: one connection a request, all headers, the body as it came.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderMap};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::playlist::{self, Playlist};
use super::{soon, until};

/// What a playlist is refused with while another rendition plays on.
pub const STANDS_IN: &str = "is not delivering, and another one of the camera is";

/// Asks one server.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// Where it listens.
    pub address: SocketAddr,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// A header's value; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the answer is text")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the answer is JSON")
    }
}

impl Client {
    /// Asks and reads the whole answer.
    pub async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        soon(&format!("{method} {path}"), self.try_ask(method.clone(), path, headers))
            .await
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The same, but a connection that breaks is the caller's to judge.
    pub async fn try_ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.address.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        connection.abort();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[]).await
    }

    /// Only the status.
    pub async fn status(&self, path: &str) -> u16 {
        self.get(path).await.status.as_u16()
    }

    /// One of the counters of a rendition, as `/metrics` tells it.
    pub async fn counted(&self, counter: &str, camera: &str, rendition: &str) -> u64 {
        let answer = self.found("/metrics").await;
        let name = format!("belvedere_{counter}_total{{camera=\"{camera}\",rendition=\"{rendition}\"}} ");
        let value = answer.text().lines().find_map(|line| line.strip_prefix(&name)?.parse().ok());
        value.unwrap_or_else(|| panic!("no {name} in:\n{}", answer.text()))
    }

    /// What must be there.
    pub async fn found(&self, path: &str) -> Answer {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {:?}", answer.body);
        answer
    }

    /// A media playlist that must be there.
    pub async fn playlist(&self, path: &str) -> Playlist {
        playlist::parse(self.found(path).await.text())
    }

    /// A media playlist, unless another rendition stands in for its own.
    pub async fn playlist_or_stand_in(&self, path: &str) -> Option<Playlist> {
        let answer = self.get(path).await;
        if answer.status == StatusCode::SERVICE_UNAVAILABLE && answer.text().contains(STANDS_IN) {
            return None;
        }
        assert_eq!(answer.status, StatusCode::OK, "{path}: {:?}", answer.body);
        Some(playlist::parse(answer.text()))
    }

    /// Waits until a playlist lists `count` finished segments.
    pub async fn until_segments(&self, path: &str, count: usize) -> Playlist {
        until(&format!("{count} segments of {path}"), || async move {
            let playlist = self.playlist(path).await;
            (playlist.segments.len() >= count).then_some(playlist)
        })
        .await
    }

    /// What the API says of a camera.
    pub async fn camera(&self, name: &str) -> serde_json::Value {
        self.found(&format!("/api/v1/cameras/{name}")).await.json()
    }

    /// Waits until the API says that a rendition is in one of `states`; its entry.
    pub async fn until_rendition(&self, camera: &str, index: usize, state: &str) -> serde_json::Value {
        until(&format!("{camera}, rendition {index}, in state {state}"), || async move {
            let rendition = self.camera(camera).await["renditions"][index].clone();
            (rendition["state"] == state).then_some(rendition)
        })
        .await
    }
}

/// The path of `uri` as it stands in the playlist at `base`.
pub fn join(base: &str, uri: &str) -> String {
    let base = url::Url::parse("http://host/").unwrap().join(base).unwrap();
    let url = base.join(uri).unwrap();
    url[url::Position::BeforePath..].to_owned()
}
