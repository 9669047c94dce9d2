//! What a path asks for: decided before anything happens.

use matchit::Router;

use super::access::Need;
use crate::hls::{List, Name};

/// What a path asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The wall.
    Wall,
    /// The page of one camera.
    Watch(String),
    /// A file of the pages.
    Asset(String),
    /// A multivariant playlist.
    Multivariant(String, List),
    /// A multivariant playlist with one rendition alone.
    OneVariant(String, String, List),
    /// A media playlist, or media.
    Hls {
        /// Camera.
        camera: String,
        /// Rendition.
        rendition: String,
        /// What of it.
        name: Name,
    },
    /// The MSE feed.
    Mse(String),
    /// The file without an end.
    LiveMp4(String),
    /// The list of cameras.
    Cameras,
    /// One camera.
    Camera(String),
    /// What was counted.
    Metrics,
    /// The process is up.
    Alive,
    /// The cameras deliver.
    Ready,
    /// The certificate of our own authority.
    Authority,
    /// The page where people log in.
    Login,
    /// Where they log out.
    Logout,
    /// The base path without its slash at the end: the page's own address, said wrongly.
    BaseWithoutSlash,
}

/// What comes before a token in a path.
pub const TOKEN_PREFIX: &str = "t/";

impl Route {
    /// What somebody needs who asks for this.
    pub fn need(&self, safe: bool) -> Need {
        match self {
            Self::Watch(camera)
            | Self::Multivariant(camera, _)
            | Self::OneVariant(camera, ..)
            | Self::Hls { camera, .. }
            | Self::Mse(camera)
            | Self::LiveMp4(camera) => Need::Watch(camera.clone()),
            Self::Camera(camera) if safe => Need::Watch(camera.clone()),
            Self::Camera(_) => Need::Administer,
            Self::Wall | Self::Cameras | Self::Metrics => Need::Identity,
            Self::Asset(_)
            | Self::Alive
            | Self::Ready
            | Self::Authority
            | Self::Login
            | Self::Logout
            | Self::BaseWithoutSlash => Need::Nothing,
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Wall,
    Watch,
    Asset,
    Multivariant(List),
    OneVariant(List),
    Hls,
    Mse,
    LiveMp4,
    Cameras,
    Camera,
    Metrics,
    Alive,
    Ready,
    Authority,
    Login,
    Logout,
}

/// The paths under a base path.
pub struct Routes {
    base_path: String,
    router: Router<Kind>,
}

impl Routes {
    /// The routes below `base_path`, which has a slash at both ends.
    pub fn new(base_path: &str) -> Self {
        let mut router = Router::new();
        for (path, kind) in [
            ("/", Kind::Wall),
            ("/watch/{camera}", Kind::Watch),
            ("/static/{*file}", Kind::Asset),
            ("/hls/{camera}/index.m3u8", Kind::Multivariant(List::Live)),
            ("/hls/{camera}/dvr.m3u8", Kind::Multivariant(List::Dvr)),
            ("/hls/{camera}/{rendition}/index.m3u8", Kind::OneVariant(List::Live)),
            ("/hls/{camera}/{rendition}/dvr.m3u8", Kind::OneVariant(List::Dvr)),
            ("/hls/{camera}/{rendition}/{*name}", Kind::Hls),
            ("/mse/{camera}", Kind::Mse),
            ("/mp4/{camera}/live.mp4", Kind::LiveMp4),
            ("/api/v1/cameras", Kind::Cameras),
            ("/api/v1/cameras/{camera}", Kind::Camera),
            ("/metrics", Kind::Metrics),
            ("/livez", Kind::Alive),
            ("/readyz", Kind::Ready),
            ("/belvedere.crt", Kind::Authority),
            ("/login", Kind::Login),
            ("/logout", Kind::Logout),
        ] {
            router.insert(path, kind).expect("the paths above do not clash");
        }
        Self { base_path: base_path.into(), router }
    }

    /// What `path` asks for, and the access token that it begins with: below the base path, `t/{token}/`.
    pub fn find_with_token<'p>(&self, path: &'p str) -> (Option<Route>, Option<&'p str>) {
        let token = || path.strip_prefix(&self.base_path)?.strip_prefix(TOKEN_PREFIX)?.split_once('/');
        match token().filter(|(token, _)| !token.is_empty()) {
            Some((token, rest)) => (self.find(&format!("{}{rest}", self.base_path)), Some(token)),
            None => (self.find(path), None),
        }
    }

    /// The part of a path below the base path, without a token at its beginning.
    pub fn below_base<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(&self.base_path)
    }

    /// The path under which everything is served, with a slash at both ends.
    pub fn base_path(&self) -> &str {
        &self.base_path
    }

    /// What `path` asks for; `None` for nothing that exists.
    pub fn find(&self, path: &str) -> Option<Route> {
        if self.base_path.strip_suffix('/') == Some(path) && !path.is_empty() {
            return Some(Route::BaseWithoutSlash);
        }
        let below = path.strip_prefix(&self.base_path)?;
        // The base path takes the slash with it that all routes begin with.
        let found = self.router.at(path.get(path.len() - below.len() - 1..)?).ok()?;
        let value = |name| found.params.get(name).unwrap_or_default().to_owned();
        Some(match found.value {
            Kind::Wall => Route::Wall,
            Kind::Watch => Route::Watch(value("camera")),
            Kind::Asset => Route::Asset(value("file")),
            Kind::Multivariant(list) => Route::Multivariant(value("camera"), *list),
            Kind::OneVariant(list) => Route::OneVariant(value("camera"), value("rendition"), *list),
            Kind::Hls => Route::Hls {
                camera: value("camera"),
                rendition: value("rendition"),
                name: found.params.get("name")?.parse().ok()?,
            },
            Kind::Mse => Route::Mse(value("camera")),
            Kind::LiveMp4 => Route::LiveMp4(value("camera")),
            Kind::Cameras => Route::Cameras,
            Kind::Camera => Route::Camera(value("camera")),
            Kind::Metrics => Route::Metrics,
            Kind::Alive => Route::Alive,
            Kind::Ready => Route::Ready,
            Kind::Authority => Route::Authority,
            Kind::Login => Route::Login,
            Kind::Logout => Route::Logout,
        })
    }
}

/// The first value of `name` in a query string, with percent-encoding undone.
pub fn query_value(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::TrackKind;

    #[test]
    fn every_path_is_found() {
        let routes = Routes::new("/");
        let find = |path| routes.find(path);
        assert_eq!(find("/"), Some(Route::Wall));
        assert_eq!(find("/watch/demo"), Some(Route::Watch("demo".into())));
        assert_eq!(find("/static/style.css"), Some(Route::Asset("style.css".into())));
        assert_eq!(find("/hls/demo/index.m3u8"), Some(Route::Multivariant("demo".into(), List::Live)));
        let one = Route::OneVariant("demo".into(), "sub".into(), List::Live);
        assert_eq!(find("/hls/demo/sub/index.m3u8"), Some(one));
        let (camera, rendition) = ("demo".to_owned(), "main".to_owned());
        let name = Name::Playlist(TrackKind::Video, List::Live);
        assert_eq!(find("/hls/demo/main/video.m3u8"), Some(Route::Hls { camera, rendition, name }));
        assert_eq!(find("/mse/demo"), Some(Route::Mse("demo".into())));
        assert_eq!(find("/mp4/demo/live.mp4"), Some(Route::LiveMp4("demo".into())));
        assert_eq!(find("/api/v1/cameras"), Some(Route::Cameras));
        assert_eq!(find("/metrics"), Some(Route::Metrics));
        assert_eq!(find("/livez"), Some(Route::Alive));
    }

    #[test]
    fn other_paths_are_nothing() {
        let routes = Routes::new("/");
        for path in ["", "/watch/", "/watch/a/b", "/hls/demo/main/", "/hls/demo/main/x.m4s", "/nothing"] {
            assert_eq!(routes.find(path), None, "{path:?}");
        }
    }

    #[test]
    fn everything_moves_under_the_base_path() {
        let routes = Routes::new("/cams/");
        assert_eq!(routes.find("/cams/"), Some(Route::Wall));
        assert_eq!(routes.find("/cams/mse/demo"), Some(Route::Mse("demo".into())));
        assert_eq!(routes.find("/cams"), Some(Route::BaseWithoutSlash));
        assert_eq!(routes.find("/"), None);
        assert_eq!(routes.find("/camsmse/demo"), None);
    }

    #[test]
    fn a_token_may_come_before_everything_below_the_base_path() {
        let routes = Routes::new("/cams/");
        let found = |path| routes.find_with_token(path);
        assert_eq!(found("/cams/t/a.b.c/"), (Some(Route::Wall), Some("a.b.c")));
        assert_eq!(found("/cams/t/a.b.c/mse/demo"), (Some(Route::Mse("demo".into())), Some("a.b.c")));
        assert_eq!(found("/cams/mse/demo"), (Some(Route::Mse("demo".into())), None));
        for path in ["/cams/t/", "/cams/t/a", "/cams/t//mse/demo", "/t/a/mse/demo"] {
            assert_eq!(found(path), (None, None), "{path}");
        }
        assert_eq!(found("/cams/t/a/t/b/mse/demo"), (None, Some("a")), "one is enough");
    }

    #[test]
    fn query_values_are_decoded() {
        assert_eq!(
            query_value("a=1&codecs=avc1.42E01E%2Cmp4a.40.2", "codecs").as_deref(),
            Some("avc1.42E01E,mp4a.40.2")
        );
        assert_eq!(query_value("a=1", "codecs"), None);
    }
}
