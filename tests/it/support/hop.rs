//! A hop before a server that hands on requests one by one, and writes down what passes: what a cache really asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::CONNECTION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::client::{Answer, Client};

/// The hop; ends with the test's runtime.
pub struct Hop {
    pub address: SocketAddr,
    notes: Arc<Notes>,
}

struct Notes {
    origin: Mutex<Option<SocketAddr>>,
    /// Each request by path and query, in the order of their coming.
    asked: Mutex<Vec<String>>,
    /// The good answers, by path and query.
    passed: Mutex<BTreeMap<String, BTreeSet<Bytes>>>,
}

impl Hop {
    pub async fn start(origin: SocketAddr) -> Self {
        let notes = Arc::new(Notes {
            origin: Mutex::new(Some(origin)),
            asked: Mutex::default(),
            passed: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(accept(listener, notes.clone()));
        Self { address, notes }
    }

    /// From now on requests go to another server, or to none: then their connections break.
    pub fn lead_to(&self, origin: Option<SocketAddr>) {
        *self.notes.origin.lock().unwrap() = origin;
    }

    /// What was asked for so far, by path and query, in order.
    pub fn asked(&self) -> Vec<String> {
        self.notes.asked.lock().unwrap().clone()
    }

    /// The different good answers so far, by path and query.
    pub fn passed(&self) -> BTreeMap<String, BTreeSet<Bytes>> {
        self.notes.passed.lock().unwrap().clone()
    }
}

async fn accept(listener: TcpListener, notes: Arc<Notes>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let notes = notes.clone();
        let service = service_fn(move |request| hand_on(request, notes.clone()));
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        while connections.try_join_next().is_some() {}
    }
}

/// An error breaks the connection, as a server does that is not there.
async fn hand_on(
    request: Request<Incoming>,
    notes: Arc<Notes>,
) -> Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let path = request.uri().to_string();
    notes.asked.lock().unwrap().push(path.clone());
    let address = (*notes.origin.lock().unwrap()).ok_or("there is no server")?;
    let headers: Vec<_> = request
        .headers()
        .iter()
        .filter(|(name, _)| *name != CONNECTION && *name != "host")
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let Answer { status, headers, body } =
        Client { address }.try_ask(request.method().clone(), &path, &headers).await?;
    if status == 200 && request.method() == hyper::Method::GET {
        notes.passed.lock().unwrap().entry(path).or_default().insert(body.clone());
    }
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
