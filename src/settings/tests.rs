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
fn a_complaint_names_file_line_key_and_rule() {
    let source = "source = \"rtsp://h/\"\n";
    for (text, message) in [
        // Unknown keys at each level.
        ("[sever]", "b.toml:1:2: sever: unknown key; did you mean \"server\"?"),
        ("[server]\nlistn = 1", "b.toml:2:1: server.listn: unknown key; did you mean \"listen\"?"),
        (
            "[server]\nfoo = 1",
            "b.toml:2:1: server.foo: unknown key; known here: listen, base_path, hosts, trusted_proxies, cors, tls",
        ),
        (
            "[server]\nauth = \"none\"",
            "b.toml:2:1: server.auth: stands before all tables, at the head of the file: auth = \"none\", or as a table [auth]",
        ),
        (
            "[server]\ntrusted_proxies = [\"proxy\"]",
            "b.toml:2:1: server.trusted_proxies: must be addresses or networks, like \"127.0.0.1\" or \"10.0.0.0/8\"",
        ),
        (
            "[server.tls]\nlisten = \"1.2.3.4:5\"\nself_signed = true\ncert = \"c\"",
            "b.toml:4:1: server.tls.cert: self_signed is true already; keep one of them",
        ),
        ("[limits]\nconnections = 0", "b.toml:2:1: limits.connections: must be 1 to 1000000, not 0"),
        ("auth = \"non\"", "b.toml:1:1: auth: must be \"none\" or a table"),
        ("auth = 5", "b.toml:1:1: auth: must be \"none\" or a table"),
        (
            "[auth.users.u]\npassword = \"hunter2\"",
            "b.toml:2:1: auth.users.u.password: must be a hash as `belvedere hash-password` prints it, not the password itself",
        ),
        (
            "[auth.keys.k]\nsecret = \"hunter2\"",
            "b.toml:2:1: auth.keys.k.secret: must have at least 32 characters, made by chance: `openssl rand -hex 32` prints good ones",
        ),
        ("[auth.keys.k]", "b.toml:1:12: auth.keys.k.secret_file: missing; a key needs secret_file or secret"),
        ("[auth]\npublic = \"@x\"", "b.toml:2:1: auth.public: there is no such group under auth.groups"),
        (
            "[auth]\npublic = [\"Gate\"]",
            "b.toml:2:1: auth.public: must be names of cameras (and \"@group\" or \"*\" where groups are not being made)",
        ),
        (
            "[auth]\npublic = [1]",
            "b.toml:2:1: auth.public: expected a string or an array of strings, found an integer",
        ),
        (
            "[auth.webhook]\nurl = \"https://h/\"",
            "b.toml:2:1: auth.webhook.url: must be a URL like \"http://127.0.0.1:9000/auth\", without TLS, user name and password",
        ),
        (
            "[server.cors]\ncredentials = [\"*\"]",
            "b.toml:2:1: server.cors.credentials: must be origins like \"https://example.org\", with no path",
        ),
        (
            "[server.tls]\nlisten = \"1.2.3.4:5\"\ncert = \"c\"\nkey = \"k\"\n  foo = true",
            "b.toml:5:3: server.tls.foo: unknown key; known here: listen, self_signed, acme, cert, key, redirect",
        ),
        (
            "[server.tls]\nlisten = \"1.2.3.4:5\"\nkey = \"k\"\nacme.domains = \"a.example\"",
            "b.toml:3:1: server.tls.key: acme is there already; keep one of them",
        ),
        (
            "[server.tls]\nlisten = \"1.2.3.4:5\"\nself_signed = true\nacme.domains = \"a.example\"",
            "b.toml:1:9: server.tls.acme: self_signed is true already; keep one of them",
        ),
        (
            "[server.tls]\nlisten = \"1.2.3.4:5\"\n[server.tls.acme]",
            "b.toml:3:13: server.tls.acme.domains: missing",
        ),
        (
            "[server.tls]\nlisten = \"1.2.3.4:5\"\n[server.tls.acme]\ndomains = \"*.example.org\"",
            "b.toml:4:1: server.tls.acme.domains: must be names like \"cams.example.org\", at least one",
        ),
        (
            "[server.tls]\nlisten = \"1.2.3.4:5\"\n[server.tls.acme]\ndomains = \"a.example\"\ncontact = \"me\"",
            "b.toml:5:1: server.tls.acme.contact: must be an e-mail address like \"somebody@example.org\"",
        ),
        (
            "[server.tls]\nlisten = \"1.2.3.4:5\"\n[server.tls.acme]\ndomains = \"a.example\"\ndirectory = \"http://x/\"",
            "b.toml:5:1: server.tls.acme.directory: must be the https:// address of an ACME directory, like \"https://acme-v02.api.letsencrypt.org/directory\"",
        ),
        (
            "[server]\nhosts = \"cams.example.org:80\"",
            "b.toml:2:1: server.hosts: must be names like \"cams.example.org\", with no port and no path",
        ),
        ("hls.windows = \"9s\"", "b.toml:1:5: hls.windows: unknown key; did you mean \"window\"?"),
        ("[mse]\nmaxlag = 1", "b.toml:2:1: mse.maxlag: unknown key; did you mean \"max_lag\"?"),
        (
            "[ingest]\nstalltimeout = 1",
            "b.toml:2:1: ingest.stalltimeout: unknown key; did you mean \"stall_timeout\"?",
        ),
        (
            "[limits]\nring = 1",
            "b.toml:2:1: limits.ring: unknown key; known here: connections, connections_per_address, ring_bytes",
        ),
        (
            &format!("[cameras.c]\ntitel = \"x\"\nrenditions.main.{source}"),
            "b.toml:2:1: cameras.c.titel: unknown key; did you mean \"title\"?",
        ),
        (
            &rendition(&format!("{source}transprot = \"tcp\"")),
            "b.toml:3:1: cameras.c.renditions.main.transprot: unknown key; did you mean \"transport\"?",
        ),
        // Wrong types.
        ("server = 1", "b.toml:1:1: server: expected a table, found an integer"),
        ("[[cameras]]", "b.toml:1:3: cameras: expected a table, found an array"),
        ("[cameras]\nc = \"rtsp://h/\"", "b.toml:2:1: cameras.c: expected a table, found a string"),
        (
            "[cameras.c]\nrenditions = true",
            "b.toml:2:1: cameras.c.renditions: expected a table, found a boolean",
        ),
        (
            "[hls]\nwindow = 30",
            "b.toml:2:1: hls.window: expected a duration like \"500ms\", \"30s\" or \"1m 30s\", found an integer",
        ),
        (
            "[limits]\nring_bytes = 1.5",
            "b.toml:2:1: limits.ring_bytes: expected a size like \"512KiB\", \"64MiB\" or \"1GiB\", \
             or an integer of bytes, found a float",
        ),
        (
            &rendition(&format!("{source}username = \"u\"\npassword = 12345")),
            "b.toml:4:1: cameras.c.renditions.main.password: expected a string, found an integer",
        ),
        (
            &rendition(&format!("{source}username = 5\npassword = \"hunter2\"")),
            "b.toml:3:1: cameras.c.renditions.main.username: expected a string, found an integer",
        ),
        // Out of range, or no value of this kind.
        ("[hls]\npart_target = \"5s\"", "b.toml:2:1: hls.part_target: must be 100ms to 2s, not 5s"),
        ("[hls]\nsegment_target = \"500ms\"", "b.toml:2:1: hls.segment_target: must be 1s to 12s, not 500ms"),
        ("[hls]\nwindow = \"25h\"", "b.toml:2:1: hls.window: must be 6s to 24h, not 25h"),
        ("[hls]\nstart_timeout = \"0s\"", "b.toml:2:1: hls.start_timeout: must be 1s to 10m, not 0s"),
        ("[mse]\nmax_lag = \"61s\"", "b.toml:2:1: mse.max_lag: must be 200ms to 1m, not 1m 1s"),
        ("[limits]\nring_bytes = 1000", "b.toml:2:1: limits.ring_bytes: must be 1MiB to 64GiB, not 1000B"),
        (
            "[hls]\nwindow = \"auto\"",
            "b.toml:2:1: hls.window: must be a duration like \"500ms\", \"30s\" or \"1m 30s\"",
        ),
        (
            "[hls]\npart_target = \"2s\"\nsegment_target = \"1s\"",
            "b.toml:2:1: hls.part_target: must not be longer than hls.segment_target",
        ),
        (
            "[server]\nlisten = \"localhost:80\"",
            "b.toml:2:1: server.listen: must be an IP address with a port, like \"127.0.0.1:8080\" or \"[::]:8080\", or \
             \"unix:FILE\", or \"systemd:NAME\"",
        ),
        (
            "[server.tls]\nlisten = \"127.0.0.1:8080\"\ncert = \"c\"\nkey = \"k\"",
            "b.toml:2:1: server.tls.listen: 127.0.0.1:8080 is server.listen already",
        ),
        ("[server.tls]\nlisten = \"0.0.0.0:443\"\ncert = \"c\"", "b.toml:1:9: server.tls.key: missing"),
        (
            "[server]\nlisten = [\"127.0.0.1:1\",\n\"127.0.0.1:1\"]",
            "b.toml:3:1: server.listen: 127.0.0.1:1 is server.listen already",
        ),
        (
            "[server]\nlisten = [1]",
            "b.toml:2:11: server.listen: expected an IP address with a port, like \
          \"127.0.0.1:8080\" or \"[::]:8080\", or \"unix:FILE\", or \"systemd:NAME\", found an integer",
        ),
        ("[server]\nlisten = []", "b.toml:1:2: server.listen: there is none, and no [server.tls] either"),
        (
            "[server]\nlisten = \"unix:/\"",
            "b.toml:2:1: server.listen: the path of a Unix socket must have 1 to 107 bytes, and end with a name",
        ),
        (
            "[server]\nlisten = \"systemd:\"",
            "b.toml:2:1: server.listen: a name of systemd's has 1 to 255 characters, and no ':' among them",
        ),
        (
            "[server]\nlisten = [{ address = \"unix:s\", mod = \"0666\" }]",
            "b.toml:2:33: server.listen.mod: unknown key; did you mean \"mode\"?",
        ),
        (
            "[[server.listen]]\naddress = \"unix:s\"\nmode = \"rw\"",
            "b.toml:3:1: server.listen.mode: must be permissions in octal, like \"0660\" or \"0666\"",
        ),
        (
            "[[server.listen]]\naddress = \"127.0.0.1:1\"\nmode = \"0666\"",
            "b.toml:3:1: server.listen.mode: has a meaning for unix: alone",
        ),
        (
            "[[server.listen]]\naddress = \"127.0.0.1:1\"\nproxy_protocol = true",
            "b.toml:1:1: server.listen: proxy_protocol needs server.trusted_proxies: nobody else is believed",
        ),
        ("[[server.listen]]\nproxy_protocol = false", "b.toml:1:1: server.listen.address: missing"),
        // Cameras.
        (
            "[cameras.Front]\nrenditions.main.source = \"rtsp://h/\"",
            "b.toml:1:10: cameras.Front: not a name; names have 1 to 64 characters out of a-z, 0-9, '-' and \
             '_', and begin with a letter or a digit",
        ),
        ("[cameras.c]", "b.toml:1:10: cameras.c.renditions: missing; a camera needs at least one"),
        ("[cameras.c.renditions]", "b.toml:1:12: cameras.c.renditions: a camera needs at least one"),
        (&rendition(""), "b.toml:1:23: cameras.c.renditions.main.source: missing"),
        (
            &format!("[cameras.c]\nenabled = \"no\"\nrenditions.main.{source}"),
            "b.toml:2:1: cameras.c.enabled: expected true or false, found a string",
        ),
        (
            &format!("[cameras.c]\nstart = \"never\"\nrenditions.main.{source}"),
            "b.toml:2:1: cameras.c.start: must be \"always\" or \"on-demand\"",
        ),
        (
            &format!("[cameras.c]\ntitle = \" \"\nrenditions.main.{source}"),
            "b.toml:2:1: cameras.c.title: must have 1 to 100 characters, none of them a control character",
        ),
        (
            &rendition(&format!("{source}tls = \"insecure\"")),
            "b.toml:1:23: cameras.c.renditions.main.tls: has a meaning for rtsps:// alone",
        ),
        (
            &rendition("source = \"rtsps://h/\"\ntls = \"off\""),
            "b.toml:3:1: cameras.c.renditions.main.tls: must be \"verify\" or \"insecure\"",
        ),
        (
            &rendition(&format!("{source}transport = \"quic\"")),
            "b.toml:3:1: cameras.c.renditions.main.transport: must be \"tcp\" or \"udp\"",
        ),
        (
            &rendition(&format!("{source}audio = true")),
            "b.toml:3:1: cameras.c.renditions.main.audio: expected \"auto\" or \"off\", found a boolean",
        ),
        (
            &rendition(&format!("{source}video = \"off\"\naudio = \"off\"")),
            "b.toml:3:1: cameras.c.renditions.main.video: audio is \"off\" too; keep one of them, or nothing is left",
        ),
        // Text that is no TOML.
        (
            &format!("[cameras.c.renditions.main]\n{source}{source}"),
            "b.toml:3:1: cameras.c.renditions.main.source: not TOML: duplicate key",
        ),
        ("[hls]\n[mse]\n[hls]", "b.toml:3:2: hls: not TOML: duplicate key"),
        (
            "[hls]\nwindow = 30s",
            "b.toml:2:10: hls.window: not TOML: string values must be quoted, expected literal string",
        ),
    ] {
        assert_eq!(refusal(text), message, "{text}");
    }
}

#[test]
fn all_complaints_come_at_once_in_the_order_of_the_file() {
    let text = "[cameras.c]\nstart = \"x\"\n[mse]\nmax_lag = 1\n\"ö\" = 1\n[hls]\nwindow = \"1s\"";
    let lines = refusal(text);
    let places: Vec<_> = lines.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(
        places,
        ["cameras.c.renditions:", "cameras.c.start:", "mse.max_lag:", "mse.\"ö\":", "hls.window:"]
    );
}

#[test]
fn a_password_is_never_shown() {
    let source = |url: &str| format!("source = \"rtsp://{url}\"\n");
    let plain = source("h/");
    let before = "b.toml:3:1: cameras.c.renditions.main.";
    for (lines, message) in [
        (
            format!("{}password = \"hunter2\"", source("u:hunter2@h/")),
            format!("{before}password: the source URL holds a password already; keep one of them"),
        ),
        (
            format!("{}username = \"v\"", source("u:hunter2@h/")),
            format!("{before}username: the source URL holds a user name already; keep one of them"),
        ),
        (
            format!("{plain}password = \"hunter2\""),
            "b.toml:1:23: cameras.c.renditions.main.username: missing; a password needs a user name"
                .to_owned(),
        ),
        (
            source(":hunter2@h/"),
            "b.toml:1:23: cameras.c.renditions.main.username: missing; a password needs a user name"
                .to_owned(),
        ),
        (
            source("u:hunter2@h:99999/"),
            "b.toml:2:1: cameras.c.renditions.main.source: not a URL: invalid port number".to_owned(),
        ),
        (
            format!("{plain}password = hunter2"),
            "b.toml:3:12: cameras.c.renditions.main.password: not TOML: string values must be quoted, \
             expected literal string"
                .to_owned(),
        ),
        (
            format!("{plain}\"rtsp://u:hunter2@h/\" = 1"),
            format!(
                "{before}\"…\": unknown key; known here: source, transport, username, password, \
                 password_file, tls, tls_ca, audio, video"
            ),
        ),
        (
            format!("{plain}username = \"u\"\npassword_file = \"hunter2\""),
            "b.toml:4:1: cameras.c.renditions.main.password_file: cannot read the file (relative paths begin at /etc/belvedere): \
             No such file or directory (os error 2)"
                .to_owned(),
        ),
    ] {
        assert_eq!(refusal(&rendition(&lines)), message, "{lines}");
    }
}

/// Each slip of one character, at each place of a text with three secrets in it.
#[test]
fn no_slip_of_the_pen_brings_a_password_into_an_error() {
    let text = "[cameras.c.renditions.main]\nsource = \"rtsp://u:hunter2@h/\"\n\n\
                [cameras.c.renditions.sub]\nsource='rtsp://h/'\nusername=\"u\"\npassword = \"\"\"\nhunter2\"\"\"\n\
                [cameras.d]\nrenditions={a={source=\"rtsp://h/\",username=\"u\",password='hunter2'}}\n";
    parse(text);
    let mut slips = 0;
    for at in 0..text.len() {
        let (before, after) = text.split_at(at);
        let replaced = ["", "\"", "'", "\n", "=", ".", "[", "]", "}", "#", "\\", " ", "ä", "@", "\u{0}"];
        let texts = replaced
            .iter()
            .flat_map(|sign| [format!("{before}{sign}{after}"), format!("{before}{sign}{}", &after[1..])]);
        for slip in texts.chain([before.to_owned()]) {
            if let Err(error) = Settings::parse(&slip, "b.toml", Path::new("")) {
                slips += 1;
                assert!(!format!("{error} {error:?}").contains("hunter2"), "{slip}\n{error}");
            }
        }
    }
    assert!(slips > 1000, "{slips}");
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
