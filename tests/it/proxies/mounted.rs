//! Belvedere below a path of another site: by `base_path`, and by a proxy that takes the path away.

use hyper::Method;

use crate::access::{SECRET, login::post, token, watch};
use crate::support::client::{Client, join};
use crate::support::proxy::{Make, Proxy, Sample};
use crate::support::site::{Site, camera, demo_camera};
use crate::support::socket::Socket;

const USERS: &str = "[auth]\npublic = [\"garden\"]\n[auth.users.anna]\nwatch = \"*\"\npassword = ";

fn toml(server: &str, camera: &belvedere::demo::Server) -> String {
    let hash = belvedere::web::access::hash_password(&"sesame".into()).unwrap();
    let key = format!("[auth.keys.new]\nsecret = \"{SECRET}\"\n");
    format!(
        "{server}\n{USERS}\"{hash}\"\n{key}{}{}",
        demo_camera("garden", camera),
        demo_camera("hall", camera)
    )
}

/// Everything is found below `/cams/`, by what answers lead to, and nothing beside it.
async fn everything_lies_below(proxy: &Client) {
    proxy.until_segments("/cams/hls/garden/sub/video.m3u8", 1).await;
    assert_eq!(proxy.status("/hls/garden/index.m3u8").await, 404);
    let page = proxy.found("/cams/watch/garden").await;
    let scripts = page.text().matches("src=\"").count() + page.text().matches("href=\"").count();
    assert!(scripts > 0 && !page.text().contains("=\"/"), "links are relative: {}", page.text());
    proxy.found("/cams/static/belvedere-player.js").await;
    let bare = proxy.get("/cams").await;
    assert_eq!((bare.status.as_u16(), join("/cams", bare.header("location"))), (301, "/cams/".into()));

    let multivariant = proxy.found("/cams/hls/garden/index.m3u8").await;
    let uri = multivariant.text().lines().find(|line| line.ends_with(".m3u8")).expect("a variant");
    let list = join("/cams/hls/garden/index.m3u8", uri);
    assert!(list.starts_with("/cams/hls/garden/"), "{list}");
    let playlist = proxy.until_segments(&list, 1).await;
    let segment = &playlist.segments[0];
    for uri in [&segment.uri, segment.map.as_ref().expect("a MAP")] {
        proxy.found(&join(&list, uri)).await;
    }
    let mut socket = Socket::open(proxy.address, "/cams/mse/garden").await.expect("it opens");
    socket.text("init").await;

    // Who may not watch the hall is led to the login, and from there back to it.
    let asked = proxy.ask(Method::GET, "/cams/watch/hall", &[("accept", "text/html")]).await;
    assert_eq!(asked.status, 303);
    let login = join("/cams/watch/hall", asked.header("location"));
    assert!(login.starts_with("/cams/login?next="), "{login}");
    let answer = post(proxy.address, &login, &[], "user=anna&password=sesame".to_owned()).await;
    assert_eq!(answer.status, 303);
    assert_eq!(join(&login, answer.header("location")), "/cams/watch/hall");
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.contains("Path=/cams/;"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(proxy.ask(Method::GET, "/cams/watch/hall", &[("cookie", cookie)]).await.status, 200);

    // Whoever begins with an access link stays below it, and who begins with a token in the query is led there.
    let token = token(watch("hall"));
    let link = format!("/cams/t/{token}/hls/hall/");
    for first in [format!("{link}index.m3u8"), format!("/cams/hls/hall/index.m3u8?token={token}")] {
        let multivariant = proxy.found(&first).await;
        let uri = multivariant.text().lines().find(|line| line.ends_with(".m3u8")).expect("a variant");
        let list = join(&first, uri);
        assert!(list.starts_with(&link), "{first}: {list}");
        let playlist = proxy.until_segments(&list, 1).await;
        proxy.found(&join(&list, &playlist.segments[0].uri)).await;
    }
    assert_eq!(proxy.status("/cams/hls/hall/index.m3u8").await, 401);
}

#[tokio::test]
async fn a_base_path_holds_everywhere_behind_a_proxy() {
    let camera = camera().await;
    let server = "server.base_path = \"/cams\"\nserver.trusted_proxies = [\"127.0.0.1\"]";
    let site = Site::start(&toml(server, &camera)).await;
    let sample = Sample::new(Make::Haproxy, site.address)
        .with_all("GET /livez", "GET /cams/livez", 2)
        .alive_at("/cams/livez");
    let proxy = Proxy::with(sample).await;
    everything_lies_below(&proxy).await;
}

#[tokio::test]
async fn a_proxy_may_take_the_path_away_and_say_so() {
    let camera = camera().await;
    let site = Site::start(&toml("server.trusted_proxies = [\"127.0.0.1\"]", &camera)).await;
    let sample = Sample::new(Make::Caddy, site.address)
        .with(
            &format!("\treverse_proxy {} {{", site.address),
            &format!(
                "\tredir /cams /cams/ 301\n\thandle_path /cams/* {{\n\treverse_proxy {} {{",
                site.address
            ),
        )
        .with("\t\theader_up -X-Forwarded-Prefix\n", "\t\theader_up X-Forwarded-Prefix /cams\n")
        .with("\t\tlb_try_interval 200ms\n\t}\n", "\t\tlb_try_interval 200ms\n\t}\n\t}\n\trespond 404\n")
        .alive_at("/cams/livez");
    let proxy = Proxy::with(sample).await;
    everything_lies_below(&proxy).await;
}
