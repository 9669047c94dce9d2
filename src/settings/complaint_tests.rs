//! What is said about a bad file.

use super::*;

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
