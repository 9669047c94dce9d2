//! `app`: who starts when, and stops in which order.
//!
//! Belongs here: making the parts, handing them to each other, the ordered stop.
//! Does not belong here: how any of them works.
//! `signals.rs` says when it ends, `reload.rs` follows the configuration, `service.rs` talks to a service manager.

mod reload;
mod service;
mod signals;

pub use signals::EndSignals;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ingest::{self, CameraClock, Name, Sessions, Start};
use crate::live::{
    Camera, Catalog, Options as LiveOptions, Origin, Publisher, Rendition, State, Status, channel, stand_by,
};
use crate::settings::{self, Settings};
use crate::stats::RenditionStats;
use crate::web::Endpoint;
use crate::{clock, demo, web};

/// Name of the built-in camera.
pub const DEMO: &str = "demo";
/// How long cameras are given to answer TEARDOWN.
const INGEST_GRACE: Duration = Duration::from_secs(3);
/// How long viewers are given to read their last answer.
const WEB_GRACE: Duration = Duration::from_millis(1500);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The built-in camera did not start.
    #[error("the built-in camera did not start: {0}")]
    Demo(#[from] demo::StartError),
    /// A camera of the configuration has the name of the built-in one.
    #[error(
        "a camera named {DEMO} is configured, and the built-in camera has that name too: leave out --demo"
    )]
    NameTaken,
    /// The web server did not start.
    #[error(transparent)]
    Web(#[from] web::StartError),
}

/// The running server.
pub struct App {
    web: web::Server,
    /// What it was started with.
    settings: Settings,
    base_path: String,
    demo: Option<demo::Server>,
    publishers: Vec<Arc<Publisher>>,
    cameras: Vec<String>,
    ingest: TaskTracker,
    stop_ingest: CancellationToken,
}

impl App {
    /// Starts the listeners first, so that a taken port is said before a camera is bothered, then
    /// the cameras.
    ///
    /// # Errors
    /// An address is taken, or TLS is not set up right.
    pub async fn start(mut settings: Settings, with_demo: bool) -> Result<Self, StartError> {
        if with_demo && settings.cameras.iter().any(|camera| camera.name.as_str() == DEMO) {
            return Err(StartError::NameTaken);
        }
        let configured = settings.clone();
        let demo = match with_demo {
            true => Some(demo::Server::start(demo::Options::default()).await?),
            false => None,
        };
        if let Some(demo) = &demo {
            settings.cameras.push(demo_camera(demo));
        }
        let catalog = Arc::new(Catalog::default());
        let base_path = settings.web.base_path.clone();
        let web = web::Server::start(web::Parts {
            options: settings.web,
            catalog: catalog.clone(),
            hls: settings.hls,
            mse: settings.mse,
        })
        .await?;
        let mut app = Self {
            web,
            settings: configured,
            base_path,
            demo,
            publishers: Vec::new(),
            cameras: settings.cameras.iter().map(|camera| camera.name.to_string()).collect(),
            ingest: TaskTracker::new(),
            stop_ingest: CancellationToken::new(),
        };
        let sessions = Arc::new(Sessions::default());
        for (order, camera) in settings.cameras.into_iter().enumerate() {
            app.add(order, camera, settings.live, settings.ingest, &catalog, &sessions);
        }
        app.ingest.spawn(service::keep_watch(app.stop_ingest.clone()));
        service::ready();
        Ok(app)
    }

    fn add(
        &mut self,
        order: usize,
        camera: settings::Camera,
        live: LiveOptions,
        options: ingest::Options,
        catalog: &Catalog,
        sessions: &Arc<Sessions>,
    ) {
        let now = clock::now();
        let since_epoch = now.wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let camera_clock = CameraClock::new(now);
        let origin = Origin::new(since_epoch, camera_clock.anchor());
        let camera_clock = Arc::new(camera_clock.dating(origin.dates.clone(), options.clock_tolerance));
        let mut renditions = Vec::new();
        for rendition in camera.renditions {
            let stats = Arc::new(RenditionStats::default());
            let (publisher, channel) = channel(live, &origin, stats.clone());
            let publisher = Arc::new(publisher);
            self.publishers.push(publisher.clone());
            let demand = (camera.start == Start::OnDemand).then(|| channel.demand());
            renditions.push(Rendition { name: rendition.name.to_string(), channel });
            if !camera.enabled {
                publisher.set_status(Status::because(State::Disabled, "switched off in the configuration"));
                continue;
            }
            let worker = ingest::Rendition {
                name: Name { camera: camera.name.to_string(), rendition: rendition.name.to_string() },
                source: rendition.source,
                options,
                demand,
                publisher,
                stats,
                clock: camera_clock.clone(),
                sessions: sessions.clone(),
            };
            self.ingest.spawn(ingest::run(worker, self.stop_ingest.clone()));
        }
        let always_on = camera.enabled && camera.start == Start::Always;
        let mut camera = Camera::new(camera.name.to_string(), camera.title, order, renditions, live);
        camera.always_on = always_on;
        let camera = catalog.insert(camera);
        if camera.renditions.len() > 1 {
            let stop = self.stop_ingest.clone();
            self.ingest.spawn(async move { stop.run_until_cancelled(stand_by(camera)).await });
        }
    }

    /// The address of the first plain listener that has one, with the port that the system gave; 0.0.0.0:0 if there is
    /// none.
    pub fn address(&self) -> SocketAddr {
        self.web.address()
    }

    /// The address of the first TLS listener that has one.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.web.tls_address()
    }

    /// Where to look, for the terminal.
    pub fn greeting(&self) -> String {
        let place = |scheme: &str, address: SocketAddr| {
            let host = match address.ip() {
                ip if ip.is_unspecified() => "localhost".to_owned(),
                std::net::IpAddr::V6(ip) => format!("[{ip}]"),
                ip => ip.to_string(),
            };
            format!("{scheme}://{host}:{}{}", address.port(), self.base_path)
        };
        let plain = place("http", self.web.address());
        let cameras =
            if self.cameras.is_empty() { "no camera yet".to_owned() } else { self.cameras.join(", ") };
        let mut text = format!("Belvedere is watching {cameras}.\n\n");
        for (endpoint, tls) in self.web.listeners() {
            let label = if *tls { "over TLS   " } else { "look here  " };
            let place = match endpoint {
                Endpoint::Tcp(address) => place(if *tls { "https" } else { "http" }, *address),
                Endpoint::Unix { .. } | Endpoint::Systemd(_) => endpoint.to_string(),
            };
            text += &format!("  {label} {place}\n");
        }
        if let Some(fingerprint) = self.web.authority() {
            text += &format!(
                "\n  Nobody knows this server's certificate. On an iPhone: open {plain}belvedere.crt in Safari,\n  \
                 install it under Settings > General > VPN & Device Management, and switch it on under\n  \
                 Settings > General > About > Certificate Trust Settings. Its SHA-256 fingerprint must be\n  \
                 {fingerprint}\n\n"
            );
        }
        if let Some(first) = self.cameras.first() {
            text += &format!("  HLS         {plain}hls/{first}/index.m3u8\n");
        }
        text
    }

    /// Stops in order, each step with a deadline: no new connections; waiting requests get 503 and
    /// sockets 1001, while cameras get TEARDOWN; what is left is cut.
    pub async fn stop(self) {
        service::stopping();
        self.web.stop_accepting();
        self.stop_ingest.cancel();
        self.ingest.close();
        // Viewers are told at once; cameras may take their time meanwhile.
        let (drained, ended) =
            tokio::join!(self.web.stop(WEB_GRACE), timeout(INGEST_GRACE, self.ingest.wait()));
        self.publishers.iter().for_each(|publisher| publisher.close());
        if !drained {
            tracing::warn!("some viewers did not leave in time");
        }
        if ended.is_err() {
            tracing::warn!(left = self.ingest.len(), "some cameras did not say goodbye in time");
        }
        if let Some(demo) = self.demo {
            demo.stop().await;
        }
    }
}

fn demo_camera(demo: &demo::Server) -> settings::Camera {
    let rendition = |name: &str| settings::Rendition {
        name: name.parse().expect("main and sub are letters, and so names"),
        source: ingest::Source {
            url: demo.url(name),
            transport: ingest::Transport::Tcp,
            trust: ingest::Trust::default(),
            username: None,
            password: None,
            audio: true,
            video: true,
        },
    };
    settings::Camera {
        name: DEMO.parse().expect("it is of letters, and so a name"),
        title: "Demo camera".into(),
        enabled: true,
        start: Start::Always,
        renditions: vec![rendition("main"), rendition("sub")],
    }
}
