//! From a request to its answer.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use ipnet::IpNet;
use rustls::pki_types::CertificateDer;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::access::{Access, Pass};
use super::answer::{Answer, Cache, error, ok};
use super::handshake::handshake;
use super::hls::{self, Hls};
use super::limits::{Connections, Place};
use super::metrics::metrics;
use super::mse;
use super::route::{Route, Routes, query_value};
use super::viewers::{Peer, Viewers};
use super::{api, mp4, pages, streams};
use crate::hls::Name;
use crate::live::{Camera, Catalog};
use crate::media::TrackKind;
use crate::mp4::Times;
use crate::mse::{AUTO, Decodable, Viewer};

/// What every handler may need.
pub struct Site {
    /// The cameras.
    pub catalog: Arc<Catalog>,
    /// The paths.
    pub routes: Routes,
    /// Who may come in.
    pub access: Arc<Access>,
    /// Proxies that are believed whom a request is from.
    pub trusted_proxies: Vec<IpNet>,
    /// Where pages that are asked for without TLS send their reader, if they do.
    pub secure_port: Option<u16>,
    /// Our own authority's certificate, to be trusted by phones.
    pub authority: Option<CertificateDer<'static>>,
    /// How many are connected.
    pub connections: Arc<Connections>,
    /// The HLS side.
    pub hls: Hls,
    /// Options of MSE feeds.
    pub mse: crate::mse::Options,
    /// Cancelled when the server stops.
    pub stop: CancellationToken,
    /// HLS viewers, for the log.
    pub viewers: Viewers,
    /// Sockets live on after their request; these are they.
    pub sockets: TaskTracker,
}

impl Site {
    /// Answers a request that was let in.
    pub async fn route(&self, route: Route, request: Request<Incoming>, peer: Peer, pass: &Pass) -> Answer {
        let headers = request.headers();
        match route {
            Route::Wall => pages::wall(),
            Route::Watch(name) => match self.catalog.get(&name) {
                Some(_) => pages::watch(),
                None => unknown_camera(&name),
            },
            Route::Asset(name) => pages::asset(&name),
            Route::Multivariant(name, list) => match self.catalog.get(&name) {
                Some(camera) => {
                    let _wanted = camera.want();
                    self.hls.multivariant(&camera, list, headers).await
                }
                None => unknown_camera(&name),
            },
            Route::OneVariant(name, rendition, list) => {
                let Some(camera) = self.catalog.get(&name) else { return unknown_camera(&name) };
                let _wanted = camera.want();
                match camera.rendition(Some(&rendition)) {
                    Some(rendition) => self.hls.one_variant(&camera, rendition, list, headers).await,
                    None => unknown_rendition(&name),
                }
            }
            Route::Hls { camera: name, rendition, name: piece } => {
                let Some(camera) = self.catalog.get(&name) else { return unknown_camera(&name) };
                let Some(rendition) = camera.rendition(Some(&rendition)) else {
                    return unknown_rendition(&name);
                };
                let query = request.uri().query().unwrap_or_default();
                if matches!(piece, Name::Playlist(TrackKind::Video, _)) {
                    let low_latency = query.contains("_HLS_msn=");
                    self.viewers.note(&name, peer, request.version(), headers, low_latency);
                }
                // Whichever it is of: a player that switches finds the others on air.
                let _wanted = camera.want();
                let asked = hls::Request { query, headers };
                self.hls.named(&camera, rendition, piece, asked).await
            }
            Route::Mse(name) => match self.catalog.get(&name) {
                Some(camera) => self.mse(camera, request, pass),
                None => unknown_camera(&name),
            },
            Route::LiveMp4(name) => match self.catalog.get(&name) {
                Some(camera) => self.live_mp4(camera, request.uri().query().unwrap_or_default(), pass).await,
                None => unknown_camera(&name),
            },
            Route::Cameras => api::cameras(self.seen(pass).await.iter().map(|camera| &**camera)),
            Route::Metrics => {
                let connections = self.connections.open();
                metrics(self.seen(pass).await.iter().map(|camera| &**camera), connections)
            }
            Route::Camera(name) => match self.catalog.get(&name) {
                Some(camera) => api::camera(&camera),
                None => api::problem(StatusCode::NOT_FOUND, &format!("there is no camera {name}")),
            },
            Route::Alive => ok("text/plain; charset=utf-8", Cache::Never, "alive\n".to_owned()),
            Route::Ready => api::ready(&self.catalog, self.access.book().is_open()),
            Route::Authority => match &self.authority {
                Some(certificate) => {
                    let bytes = Bytes::copy_from_slice(certificate);
                    ok("application/x-x509-ca-cert", Cache::Never, bytes)
                }
                None => error(StatusCode::NOT_FOUND, "this server has no authority of its own"),
            },
            Route::Login => self.login(request, peer).await,
            Route::Logout => self.logout(&request, peer),
            Route::BaseWithoutSlash => to_base(request.uri().path()),
        }
    }

    /// The cameras that somebody may watch.
    async fn seen(&self, pass: &Pass) -> Vec<Arc<Camera>> {
        let all = self.catalog.all();
        let may = |(index, camera): (usize, &Arc<Camera>)| {
            let (access, name) = (&self.access, camera.name.clone());
            async move { access.may_watch(pass, &name, index == 0).await }
        };
        let seen = join_all(all.iter().enumerate().map(may)).await;
        all.into_iter().zip(seen).filter(|(_, seen)| *seen).map(|(camera, _)| camera).collect()
    }

    async fn live_mp4(&self, camera: Arc<Camera>, query: &str, pass: &Pass) -> Answer {
        let viewer = match self.viewer(camera, query) {
            Ok(viewer) => viewer,
            Err(refusal) => return *refusal,
        };
        let times = match query_value(query, "times").as_deref() {
            Some("camera") => Times::Camera,
            _ => Times::Own,
        };
        mp4::live(viewer, times, pass.lease(), self.hls.start_timeout(), self.stop.clone()).await
    }

    fn mse(&self, camera: Arc<Camera>, mut request: Request<Incoming>, pass: &Pass) -> Answer {
        let viewer = match self.viewer(camera, request.uri().query().unwrap_or_default()) {
            Ok(viewer) => viewer,
            Err(refusal) => return *refusal,
        };
        let switch = match handshake(&request) {
            Ok(switch) => switch,
            Err(refusal) => return *refusal,
        };
        let opening = mse::Opening {
            place: request.extensions().get::<Arc<Place>>().cloned(),
            upgrade: hyper::upgrade::on(&mut request),
            stream: streams::becomes_socket(),
        };
        self.sockets.spawn(mse::serve(opening, viewer, pass.lease(), self.stop.clone()));
        switch
    }

    /// Who asks for a camera's stream in `query`.
    fn viewer(&self, camera: Arc<Camera>, query: &str) -> Result<Viewer, Box<Answer>> {
        let rendition = query_value(query, "rendition").filter(|name| name != AUTO);
        if camera.rendition(rendition.as_deref()).is_none() {
            return Err(Box::new(unknown_rendition(&camera.name)));
        }
        let decodable = Decodable::new(query_value(query, "codecs").as_deref());
        Ok(Viewer { camera, rendition, decodable, options: self.mse })
    }
}

fn unknown_camera(name: &str) -> Answer {
    error(StatusCode::NOT_FOUND, format!("there is no camera {name}"))
}

fn unknown_rendition(camera: &str) -> Answer {
    error(StatusCode::NOT_FOUND, format!("camera {camera} has no rendition of that name"))
}

/// A page's relative links need the slash at the end; only pages are ever redirected.
fn to_base(path: &str) -> Answer {
    let last = path.rsplit('/').next().unwrap_or_default();
    let mut answer = error(StatusCode::MOVED_PERMANENTLY, "the address ends with a slash");
    if let Ok(location) = hyper::header::HeaderValue::try_from(format!("./{last}/")) {
        answer.headers_mut().insert(hyper::header::LOCATION, location);
    }
    answer
}
