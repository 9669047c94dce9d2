//! Cameras of another make with all kinds of pictures: no playlist of theirs breaks a rule.

use std::time::Duration;

use futures_util::future::join_all;

use crate::support::checker::check_with_jitter;
use crate::support::client::Client;
use crate::support::gst::Camera;
use crate::support::playlist::Playlist;
use crate::support::recording::reloads;
use crate::support::site::{Site, rendition};

/// For how long each playlist is followed.
const LENGTH: Duration = Duration::from_secs(18);

/// One kind of camera.
#[derive(Clone, Copy)]
struct Kind {
    fps: u32,
    /// Seconds from key frame to key frame.
    gop: u32,
    sound: bool,
}

impl Kind {
    fn all() -> Vec<Self> {
        let both = [true, false];
        let kinds = [25, 5].into_iter().flat_map(|fps| [1, 10].map(|gop| (fps, gop)));
        kinds.flat_map(|(fps, gop)| both.map(|sound| Self { fps, gop, sound })).collect()
    }

    fn name(self) -> String {
        format!("fps{}-gop{}-{}", self.fps, self.gop, if self.sound { "sound" } else { "silent" })
    }

    fn start(self) -> Camera {
        let (fps, gop) = (self.fps.to_string(), (self.fps * self.gop).to_string());
        let audio = if self.sound { "aac" } else { "off" };
        Camera::start(&["--fps", &fps, "--gop", &gop, "--audio", audio, "--size", "320x180"])
    }

    /// Its media playlists, live and as far back as it goes.
    fn paths(self) -> Vec<String> {
        let tracks = if self.sound { &["video", "audio"][..] } else { &["video"] };
        let lists = ["main", "sub"].into_iter().flat_map(|rendition| {
            tracks.iter().flat_map(move |track| {
                ["", "dvr-"].map(|list| format!("/hls/{{}}/{rendition}/{list}{track}.m3u8"))
            })
        });
        lists.map(|path| path.replace("{}", &self.name())).collect()
    }
}

/// Follows all playlists of one camera; what is wrong with them.
async fn wrongs(client: Client, kind: Kind) -> Vec<String> {
    let paths = kind.paths();
    let followed = join_all(paths.iter().map(|path| reloads(client, path, LENGTH))).await;
    let mut wrongs = Vec::new();
    let mut promises = Vec::new();
    for (path, reloads) in paths.iter().zip(followed) {
        let playlists: Vec<Playlist> = reloads.into_iter().map(|(_, _, playlist)| playlist).collect();
        let frame = 1000.0 / f64::from(kind.fps);
        let violations = check_with_jitter(&playlists, frame);
        let last = playlists.last().expect("a playlist was loaded");
        wrongs.extend(violations.iter().map(|violation| format!("{path}: {violation}")));
        if !violations.is_empty() {
            wrongs.push(last.text.clone());
        }
        // A segment is a GOP or two seconds; parts come each second at least. The first list comes with the first
        // segment: of 18 s a GOP of 10 s leaves 8.
        let (few_parts, few_segments) = if kind.gop == 10 { (4, 1) } else { (10, 5) };
        if playlists.len() < few_parts || last.segments.len() < few_segments {
            let (reloads, segments) = (playlists.len(), last.segments.len());
            wrongs.push(format!("{path}: {reloads} reloads, {segments} segments\n{}", last.text));
        }
        promises.push((last.target, last.part_hold_back.map(f64::to_bits)));
    }
    if promises.iter().any(|promise| *promise != promises[0]) {
        wrongs.push(format!("{}: playlists of one camera promise {promises:?}", kind.name()));
    }
    if !kind.sound && client.status(&format!("/hls/{}/main/audio.m3u8", kind.name())).await != 404 {
        wrongs.push(format!("{} has no sound", kind.name()));
    }
    wrongs
}

#[tokio::test]
async fn no_playlist_of_any_kind_of_camera_breaks_a_rule() {
    let kinds = Kind::all();
    assert_eq!(kinds.len(), 8);
    let cameras: Vec<_> = kinds.iter().map(|kind| kind.start()).collect();
    let renditions = |(kind, camera): (&Kind, &Camera)| {
        ["main", "sub"].map(|name| rendition(&kind.name(), name, &camera.url(name), "")).concat()
    };
    let site = Site::start(&kinds.iter().zip(&cameras).map(renditions).collect::<String>()).await;
    let wrongs = join_all(kinds.iter().map(|kind| async {
        for index in [0, 1] {
            site.until_rendition(&kind.name(), index, "live").await;
        }
        wrongs(site.client, *kind).await
    }))
    .await
    .concat();
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
    site.app.stop().await;
}
