//! Servers in this process.

use std::sync::OnceLock;
use std::sync::mpsc;

use belvedere::app::App;
use belvedere::demo;
use belvedere::settings::Settings;
use url::Url;

use super::client::Client;

/// A server of a test's own.
pub struct Site {
    pub app: App,
    pub client: Client,
}

impl std::ops::Deref for Site {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Site {
    /// Starts a server with the settings in `toml` on a port of the system's choice.
    pub async fn start(toml: &str) -> Self {
        Self::start_with(toml, false).await
    }

    /// The same with the built-in camera, if `demo` says so.
    pub async fn start_with(toml: &str, demo: bool) -> Self {
        let app = App::start(settings(toml), demo).await.expect("the server starts");
        let client = Client { address: app.address() };
        Self { app, client }
    }

    /// A server with one camera `cam` whose renditions are those of a demo camera.
    pub async fn with_demo_camera(camera: &demo::Server, more: &str) -> Self {
        Self::start(&format!("{more}\n{}", demo_camera("cam", camera))).await
    }
}

/// Settings from TOML, on a port of the system's choice.
pub fn settings(toml: &str) -> Settings {
    let text = format!("server.listen = \"127.0.0.1:0\"\n{toml}");
    Settings::parse(&text, "test.toml", std::path::Path::new("")).unwrap_or_else(|error| panic!("{error}"))
}

/// The table of a rendition.
pub fn rendition(camera: &str, name: &str, url: &Url, more: &str) -> String {
    format!("[cameras.{camera}.renditions.{name}]\nsource = \"{url}\"\n{more}\n")
}

/// The tables of a camera with the renditions of a demo camera.
pub fn demo_camera(name: &str, camera: &demo::Server) -> String {
    rendition(name, "main", &camera.url("main"), "") + &rendition(name, "sub", &camera.url("sub"), "")
}

/// A demo camera on a port of the system's choice.
pub async fn camera() -> demo::Server {
    demo::Server::start(demo::Options::default()).await.expect("the demo camera starts")
}

/// One server with the built-in camera for all tests that only look. It has a runtime of its own, since those of tests
/// end with them.
pub fn shared() -> Client {
    static SHARED: OnceLock<Client> = OnceLock::new();
    *SHARED.get_or_init(|| {
        let (ready, started) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let site = Site::start_with("", true).await;
                ready.send(site.client).unwrap();
                // It ends with the process.
                std::future::pending::<()>().await;
            });
        });
        started.recv().expect("the shared server starts")
    })
}
