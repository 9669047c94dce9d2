//! By which name the server is asked for, and by whose pages.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::site::Site;
use crate::support::soon;

/// Asks with these headers and no other; status, and the whole answer.
async fn ask(site: &Site, line: &str, headers: &str) -> (u16, String) {
    let asking = async {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        let request = format!("{line} HTTP/1.1\r\n{headers}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = soon(line, asking).await;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no answer: {answer}")), answer.to_ascii_lowercase())
}

const LIST: &str = "GET /api/v1/cameras";

#[tokio::test]
async fn a_server_with_names_answers_to_no_other() {
    let site = Site::start("server.hosts = [\"cams.example.org\"]").await;
    for (host, expected) in [
        ("localhost", 200),
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:8080", 200),
        ("192.168.1.5:8080", 200),
        ("cams.example.org:80", 200),
        ("evil.example", 421),
        ("evil.example:8080", 421),
        ("127.0.0.1.evil.example", 421),
    ] {
        let (status, answer) = ask(&site, LIST, &format!("host: {host}\r\n")).await;
        assert_eq!(status, expected, "{host}");
        // Whoever put a proxy there is told what to write.
        assert_eq!(
            answer.contains("server.hosts") && answer.contains("auth = \"none\""),
            expected == 421,
            "{host}"
        );
    }
    assert_eq!(ask(&site, LIST, "").await.0, 200, "a program that says no name");
}

#[tokio::test]
async fn without_names_or_where_something_is_said_about_who_may_watch_any_name_is_good() {
    let named = "server.hosts = \"localhost\"\n";
    for rules in ["", &format!("{named}auth = \"none\""), &format!("{named}[auth]\npublic = \"*\"")] {
        let site = Site::start(rules).await;
        assert_eq!(ask(&site, LIST, "host: cams.example.org\r\n").await.0, 200, "{rules}");
    }
}

#[tokio::test]
async fn pages_of_other_sites_read_what_is_open_on_purpose_and_nothing_of_a_server_with_names_alone() {
    // Whose page, and who is named as one that may read: where names are all that is said, and where all is open.
    for (origin, named, open) in [
        ("https://foe.example", "", "*"),
        ("http://192.168.1.5", "", "*"),
        ("null", "", "*"),
        ("http://localhost:3000", "http://localhost:3000", "*"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000", "*"),
    ] {
        for (rules, expected) in
            [("server.hosts = \"localhost\"", named), ("", open), ("auth = \"none\"", open)]
        {
            let site = Site::start(rules).await;
            let own = site.address;
            let (status, answer) = ask(&site, LIST, &format!("host: {own}\r\norigin: {origin}\r\n")).await;
            let named = answer.lines().find_map(|line| line.strip_prefix("access-control-allow-origin: "));
            assert_eq!((status, named.unwrap_or_default()), (200, expected), "{origin} {rules}");
            let socket = "upgrade: websocket\r\nsec-websocket-version: 13\r\n";
            let headers = format!("host: {own}\r\norigin: {origin}\r\n{socket}");
            let (status, _) = ask(&site, "GET /mse/nothing", &headers).await;
            assert_eq!(status, if expected.is_empty() { 403 } else { 404 }, "a socket for {origin}, {rules}");
        }
    }
}

#[tokio::test]
async fn a_page_whose_name_was_made_to_lead_here_changes_nothing() {
    // To its browser such a page is one of this server's own.
    let site = Site::start("auth = \"none\"\nserver.hosts = \"cams.example.org\"").await;
    for (host, expected) in [("evil.example", 403), ("cams.example.org", 303), ("127.0.0.1", 303)] {
        let headers = format!("host: {host}\r\norigin: http://{host}\r\ncontent-length: 0\r\n");
        assert_eq!(ask(&site, "POST /logout", &headers).await.0, expected, "{host}");
    }
    let program = "host: evil.example\r\ncontent-length: 0\r\n";
    assert_eq!(ask(&site, "POST /logout", program).await.0, 303, "a program is no page");
}
