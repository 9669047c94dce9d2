//! The file as a whole: what is read from it, and what is said about a bad one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret;

use super::*;
use crate::ingest::Transport;

const SAMPLE: &str = include_str!("../../config/belvedere.toml");

fn parse(text: &str) -> Settings {
    Settings::parse(text, "b.toml", Path::new("/etc/belvedere")).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(text: &str) -> String {
    match Settings::parse(text, "b.toml", Path::new("/etc/belvedere")) {
        Ok(settings) => panic!("{text:?} was taken: {settings:?}"),
        Err(error) => {
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
            error.to_string()
        }
    }
}

/// A camera `c` with the rendition `main` and these lines in it, the first of which is line 2.
fn rendition(lines: &str) -> String {
    format!("[cameras.c.renditions.main]\n{lines}")
}

fn password(source: &ingest::Source) -> Option<&str> {
    source.password.as_ref().map(|secret| secret.expose_secret())
}

#[test]
fn the_sample_shows_the_defaults() {
    let Settings { web, live, hls, mse, ingest, cameras } = parse(SAMPLE);
    assert_eq!(web, web::Options::default());
    assert_eq!(live, live::Options::default());
    assert_eq!(hls, hls::Options::default());
    assert_eq!(mse, mse::Options::default());
    assert_eq!(ingest, ingest::Options::default());
    let [front, garden] = cameras.as_slice() else { panic!("{cameras:?}") };
    assert_eq!((front.name.as_str(), front.title.as_str()), ("front-door", front.name.title().as_str()));
    assert_eq!((garden.name.as_str(), garden.title.as_str()), ("garden", "Garden"));
    let names: Vec<_> = front.renditions.iter().map(|rendition| rendition.name.as_str()).collect();
    assert_eq!(names, ["main", "sub"]);
    // `main` spells out what `sub` leaves to the defaults.
    let [main, sub] = [&front.renditions[0].source, &front.renditions[1].source];
    assert_eq!((main.transport, main.audio), (sub.transport, sub.audio));
}

#[test]
fn the_sample_shows_every_key() {
    let root = "[aaaaaaaaaaaa]\n";
    let sections = [
        "server",
        "server.tls",
        "server.tls.acme",
        "server.cors",
        "auth",
        "auth.users.u",
        "auth.keys.k",
        "auth.jwks",
        "auth.webhook",
        "hls",
        "mse",
        "ingest",
        "limits",
        "cameras.c",
        "cameras.c.renditions.m",
    ];
    let sections = sections.map(|section| format!("[{section}]\naaaaaaaaaaaa = 1\n"));
    for text in sections.iter().map(String::as_str).chain([root]) {
        let all = refusal(text);
        let (_, known) = all.split_once("unknown key; known here: ").expect("the unknown key is named");
        for key in known.lines().next().unwrap_or_default().split(", ") {
            let shown = [format!("\n{key} = "), format!("\n#{key} = "), format!("[{key}"), format!(".{key}")];
            assert!(shown.iter().any(|shown| SAMPLE.contains(shown)), "{key} of {text}");
        }
    }
}

#[test]
fn the_sample_stays_good_when_all_of_it_is_switched_on() {
    let on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => rest.to_owned(),
        _ => line.to_owned(),
    };
    let text = SAMPLE.lines().map(on).collect::<Vec<_>>().join("\n");
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("front-door.secret"), "hunter2\r\n").unwrap();
    let own = rcgen::generate_simple_self_signed(["cam".to_owned()]).unwrap();
    fs::write(dir.path().join("camera.pem"), own.cert.pem()).unwrap();
    fs::write(dir.path().join("tokens.key"), "0123456789abcdef0123456789abcdef\n").unwrap();
    // Everybody, or those below: not both.
    let text = text.replacen("auth = \"none\"\n", "", 1);
    // Certificates from files, or from an authority: not both.
    let at = text.find("[server.tls.acme]").unwrap();
    let end = at + text[at..].find("\n\n").unwrap();
    let (text, acme) = (format!("{}{}", &text[..at], &text[end..]), &text[at..end]);
    fs::write(dir.path().join("b.toml"), text).unwrap();
    let acme = parse(&format!("[server.tls]\nlisten = \"0.0.0.0:443\"\n{acme}")).web.tls.unwrap().identity;
    let web::Identity::Acme(acme) = acme else { panic!("{acme:?}") };
    assert_eq!(acme.directory.as_str(), web::LETS_ENCRYPT);
    assert!(
        acme.folder.ends_with("belvedere-acme") && acme.ca.is_some_and(|ca| ca.ends_with("authority.pem"))
    );

    let settings = Settings::load(&dir.path().join("b.toml")).unwrap_or_else(|error| panic!("{error}"));
    let tls = settings.web.tls.as_ref().unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    assert_eq!(tls.identity, web::Identity::Files { cert, key });
    let [main, sub] = settings.cameras[0].renditions.as_slice() else { panic!("{settings:?}") };
    assert_eq!((main.source.username.as_deref(), password(&main.source)), (Some("viewer"), Some("hunter2")));
    assert_eq!(password(&sub.source), Some("change me"));
    let trust = &settings.cameras[1].renditions[0].source.trust;
    assert!(matches!(trust, ingest::Trust::Roots(roots) if roots.len() == 1), "{trust:?}");
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn nothing_set_is_the_default() {
    for text in ["", "# only words\n", "[server]\n[hls]\n[cameras]\n"] {
        let Settings { web, live, hls, mse, ingest, cameras } = parse(text);
        assert_eq!(web, web::Options::default());
        assert_eq!((live, hls, mse, ingest), Default::default());
        assert!(cameras.is_empty());
    }
}

#[test]
fn every_value_arrives_where_it_belongs() {
    let Settings { web, live, hls, mse, ingest, cameras } = parse(
        r#"
        [server]
        listen = "[::1]:80"
        base_path = "cams/all"
        tls = { listen = "0.0.0.0:443", cert = "c.pem", key = "/k.pem" }
        [hls]
        part_target = "250ms"
        segment_target = "4s"
        window = "1m 30s"
        start_timeout = "3s"
        [mse]
        max_lag = "1500ms"
        stall_timeout = "5s"
        ping_interval = "6s"
        [ingest]
        stall_timeout = "7s"
        connect_timeout = "8s"
        clock_tolerance = "0s"
        drop_until_sync = true
        idle_timeout = "9s"
        [limits]
        ring_bytes = 0x20_0000
        [cameras.c]
        title = " Cam \"C\" "
        start = "on-demand"
        enabled = false
        [cameras.c.renditions.main]
        source = "rtsp://viewer:p%40ss@10.0.0.1/s"
        transport = "udp"
        audio = "off"
        "#,
    );
    let tcp = |text: &str| web::Listen::from(text.parse::<std::net::SocketAddr>().unwrap());
    assert_eq!(web.listen, [tcp("[::1]:80")]);
    assert_eq!(web.base_path, "/cams/all/");
    let tls = web.tls.unwrap();
    assert_eq!(tls.listen, [tcp("0.0.0.0:443")]);
    let (cert, key) = (PathBuf::from("/etc/belvedere/c.pem"), PathBuf::from("/k.pem"));
    assert_eq!((tls.identity, tls.redirect), (web::Identity::Files { cert, key }, false));
    let own = parse(
        "[server]\ntrusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\n\
                     tls = { listen = \"0.0.0.0:443\", self_signed = true, redirect = true }\n\
                     [limits]\nconnections = 7\nconnections_per_address = 3",
    );
    let file = PathBuf::from("/etc/belvedere/belvedere-authority.pem");
    let tls = own.web.tls.unwrap();
    assert_eq!((tls.identity, tls.redirect), (web::Identity::SelfSigned { file }, true));
    assert_eq!(own.web.connections, web::ConnectionLimits { all: 7, per_address: 3 });
    assert_eq!(own.web.trusted_proxies, ["127.0.0.1/32", "10.0.0.0/8"].map(|text| text.parse().unwrap()));
    let many = parse(
        "[server]\nlisten = [\"127.0.0.1:81\", \"unix:b.sock\", { address = \"systemd:http\", proxy_protocol = true }]\n\
         trusted_proxies = \"127.0.0.1\"\n\
         [[server.tls.listen]]\naddress = \"unix:/run/b.sock\"\nmode = \"0600\"\n\
         [server.tls]\nself_signed = true",
    );
    let unix = |path: &str, mode| web::Listen::from(web::Endpoint::Unix { path: path.into(), mode });
    let systemd = web::Listen { endpoint: web::Endpoint::Systemd("http".into()), proxy_protocol: true };
    assert_eq!(many.web.listen, [tcp("127.0.0.1:81"), unix("/etc/belvedere/b.sock", 0o660), systemd]);
    assert_eq!(many.web.tls.unwrap().listen, [unix("/run/b.sock", 0o600)]);
    let ms = Duration::from_millis;
    let live::Options { window, ring_bytes, part_target, segment_target } = live;
    assert_eq!((part_target, segment_target, window), (Some(ms(250)), Some(ms(4000)), ms(90_000)));
    assert_eq!(ring_bytes, 2 << 20);
    assert_eq!(hls, hls::Options { start_timeout: ms(3000) });
    assert_eq!(mse, mse::Options { max_lag: ms(1500), stall_timeout: ms(5000), ping_interval: ms(6000) });
    let ingest::Options { stall_timeout, connect_timeout, clock_tolerance, drop_until_sync, idle_timeout } =
        ingest;
    assert_eq!((stall_timeout, connect_timeout, clock_tolerance), (ms(7000), ms(8000), ms(0)));
    assert!(drop_until_sync && idle_timeout == ms(9000));
    let Camera { name, title, enabled, start, renditions } = &cameras[0];
    assert_eq!((*enabled, *start), (false, ingest::Start::OnDemand));
    assert_eq!((name.as_str(), title.as_str()), ("c", "Cam \"C\""));
    let ingest::Source { url, transport, trust, username, password: _, audio, video } = &renditions[0].source;
    assert_eq!(*trust, ingest::Trust::WebRoots);
    assert_eq!(
        (url.as_str(), *transport, *audio, *video),
        ("rtsp://10.0.0.1/s", Transport::Udp, false, true)
    );
    assert_eq!((username.as_deref(), password(&renditions[0].source)), (Some("viewer"), Some("p@ss")));
}

#[test]
fn cameras_and_renditions_keep_the_order_in_which_they_are_first_named() {
    let settings = parse(
        r#"
        [cameras.zoo.renditions.sub]
        source = "rtsp://z/2"
        [cameras.ape.renditions]
        main.source = "rtsp://a/1"
        day.source = "rtsp://a/2"
        [cameras.zoo.renditions.main]
        source = "rtsp://z/1"
        [cameras.mid]
        renditions = { z = { source = "rtsp://m/1" }, a = { source = "rtsp://m/2" } }
        [cameras.zoo]
        title = "named first, told about last"
        "#,
    );
    let names = |camera: &Camera| {
        let renditions: Vec<_> = camera.renditions.iter().map(|r| r.name.as_str()).collect();
        format!("{}: {}", camera.name, renditions.join(" "))
    };
    let all: Vec<_> = settings.cameras.iter().map(names).collect();
    assert_eq!(all, ["zoo: sub main", "ape: main day", "mid: z a"]);
}

#[test]
fn a_base_path_has_one_slash_at_both_ends() {
    for (text, path) in
        [("", "/"), ("/", "/"), ("cams", "/cams/"), ("/cams", "/cams/"), ("/a/b.c/", "/a/b.c/")]
    {
        assert_eq!(parse(&format!("[server]\nbase_path = \"{text}\"")).web.base_path, path);
    }
    for bad in ["///", "a//b", "/a b/", "/../", "/a/./", "/{x}/", "/ä/", "/%20/", "a?b"] {
        assert!(
            refusal(&format!("[server]\nbase_path = \"{bad}\"")).contains("must be a path like"),
            "{bad}"
        );
    }
}

#[test]
fn a_password_file_counts_without_its_line_end() {
    let dir = tempfile::tempdir().unwrap();
    let text = rendition("source = \"rtsp://viewer@h/\"\npassword_file = \"secret\"");
    for (content, secret) in [("p", "p"), ("p\n", "p"), ("p\r\n", "p"), (" p \n\n", " p \n")] {
        fs::write(dir.path().join("secret"), content).unwrap();
        let settings = Settings::parse(&text, "b.toml", dir.path()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(password(&settings.cameras[0].renditions[0].source), Some(secret));
    }
    fs::write(dir.path().join("secret"), "\n").unwrap();
    let error = Settings::parse(&text, "b.toml", dir.path()).unwrap_err().to_string();
    assert!(error.ends_with("password_file: the file is empty"), "{error}");
    let text = format!("{text}\npassword = \"hunter2\"");
    fs::write(dir.path().join("secret"), "p").unwrap();
    let error = Settings::parse(&text, "b.toml", dir.path()).unwrap_err().to_string();
    assert!(error.ends_with("password_file: password is there already; keep one of them"), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_cause_is_kept() {
    let error = Settings::load(Path::new("/nowhere/b.toml")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read /nowhere/b.toml");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn cameras_of_arguments_keep_their_order_and_share_a_name() {
    let arguments = ["zoo=rtsp://z/1", "front=rtsp://u:p%40ss@f/1?a=b", "zoo/sub=rtsp://z/2"];
    let arguments: Vec<CameraArg> = arguments.iter().map(|text| text.parse().unwrap()).collect();
    let settings = Settings::from_cameras(&arguments).unwrap();
    let [zoo, front] = settings.cameras.as_slice() else { panic!("{settings:?}") };
    assert_eq!((zoo.name.as_str(), zoo.title.as_str(), zoo.renditions.len()), ("zoo", "Zoo", 2));
    assert_eq!((zoo.renditions[0].name.as_str(), zoo.renditions[1].name.as_str()), ("main", "sub"));
    let source = &front.renditions[0].source;
    assert_eq!((source.url.as_str(), password(source)), ("rtsp://f/1?a=b", Some("p@ss")));

    let twice = Settings::from_cameras(&[arguments[0].clone(), arguments[0].clone()]).unwrap_err();
    assert_eq!(twice.to_string(), "--camera zoo: rendition main is given twice");
    let file = parse("[cameras.zoo.renditions.main]\nsource = \"rtsp://z/\"");
    let clash = file.with_cameras(&arguments).unwrap_err().to_string();
    let line = "--camera zoo: the configuration has a camera of this name";
    assert_eq!(clash, [line, line].join("\n"));
}

#[test]
fn a_bad_camera_argument_is_refused_without_its_url() {
    let name = "not a name; names have 1 to 64 characters out of a-z, 0-9, '-' and '_', and begin with a letter or a digit";
    for (text, message) in [
        ("rtsp://u:hunter2@h/", "--camera: must be NAME=rtsp://… or NAME/RENDITION=rtsp://…".to_owned()),
        ("rtsp://u:hunter2=@h/", format!("--camera: camera: {name}")),
        ("Front=rtsp://u:hunter2@h/", format!("--camera: camera: {name}")),
        ("front/=rtsp://u:hunter2@h/", format!("--camera front: rendition: {name}")),
        ("front=rtsp://u:hunter2@h:x/", "--camera front: not a URL: invalid port number".to_owned()),
        ("front=http://u:hunter2@h/", "--camera front: must begin with rtsp:// or rtsps://".to_owned()),
        ("front=rtsp://:hunter2@h/", "--camera front: a password needs a user name".to_owned()),
    ] {
        assert_eq!(text.parse::<CameraArg>().unwrap_err().to_string(), message, "{text}");
    }
}

#[test]
fn who_may_watch_arrives_where_it_belongs() {
    use crate::web::access::{Auth, Grant, Jwks, Webhook};
    assert_eq!(parse("").web.auth, Auth::Unset);
    assert_eq!(parse("auth = \"none\"").web.auth, Auth::Open);
    let hash =
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let settings = parse(&format!(
        r#"
        [auth]
        public = "garden"
        session = "1h"
        groups = {{ outside = ["garden", "gate"] }}
        jwks = {{ file = "k.json", issuer = "i", audience = "a" }}
        webhook = {{ url = "http://h:9/ask?x=1", cache = "0s", timeout = "1s" }}
        [auth.users."anna@home"]
        password = "{hash}"
        watch = ["gate", "@outside"]
        publish = "*"
        admin = true
        [auth.keys.b]
        secret = "0123456789abcdef0123456789abcdef"
        [auth.keys.a]
        secret = "fedcba9876543210fedcba9876543210"
        [server.cors]
        public = ["https://a.example", "http://b.example:81"]
        credentials = "https://a.example"
        "#
    ));
    let Auth::Rules(rules) = &settings.web.auth else { panic!("{settings:?}") };
    assert_eq!(
        (rules.public.as_slice(), rules.session),
        (&["garden".to_owned()][..], Duration::from_secs(3600))
    );
    assert_eq!(rules.groups["outside"].len(), 2);
    let user = &rules.users[0];
    assert_eq!((user.name.as_str(), user.password.expose_secret()), ("anna@home", hash));
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        user.grant,
        Grant { watch: words(&["gate", "@outside"]), publish: words(&["*"]), admin: true }
    );
    assert_eq!(rules.keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    let file = PathBuf::from("/etc/belvedere/k.json");
    assert_eq!(rules.jwks, Some(Jwks { file, issuer: Some("i".into()), audience: Some("a".into()) }));
    let hook = Webhook {
        url: "http://h:9/ask?x=1".parse().unwrap(),
        cache: Duration::ZERO,
        timeout: Duration::from_secs(1),
    };
    assert_eq!(rules.webhook, Some(hook));
    assert_eq!(settings.web.cors.public.as_ref().map(Vec::len), Some(2));
    assert_eq!(settings.web.cors.credentials, ["https://a.example"]);
    let debug = format!("{settings:?}");
    assert!(!debug.contains("argon2id") && !debug.contains("0123456789abcdef"), "{debug}");
}

#[path = "complaint_tests.rs"]
mod complaints;
