//! RTSP over TLS.

use std::sync::Arc;

use belvedere::ingest::error::Failure;
use belvedere::ingest::{Source, Trust};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use url::Url;

use super::answers::{connect, source};
use crate::support::scripted::{Act, Scripted, plain};
use crate::support::site::{Site, camera, rendition};
use crate::support::soon;
use crate::support::tls::{identity, identity_of, in_front_of};

#[tokio::test]
async fn a_camera_behind_tls_is_watched_if_its_certificate_is_known_or_nobody_asks_for_it() {
    let camera = camera().await;
    let (pem, tls) = identity("localhost");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("camera.pem");
    std::fs::write(&file, pem).unwrap();
    let port = in_front_of(camera.addr(), tls).await.port();
    let url = Url::parse(&format!("rtsps://localhost:{port}/main")).unwrap();
    let by_ip = Url::parse(&format!("rtsps://127.0.0.1:{port}/main")).unwrap();
    let known = format!("tls_ca = \"{}\"", file.display());
    let site = Site::start(
        &[
            rendition("known", "main", &url, &known),
            rendition("any", "main", &by_ip, "tls = \"insecure\""),
            rendition("unknown", "main", &url, ""),
            rendition("misnamed", "main", &by_ip, &known),
        ]
        .concat(),
    )
    .await;
    for name in ["known", "any"] {
        site.until_rendition(name, 0, "live").await;
    }
    for name in ["unknown", "misnamed"] {
        let entry = site.until_rendition(name, 0, "retrying").await;
        let reason = entry["reason"].as_str().expect("a reason");
        assert!(reason.contains("TLS failed") && reason.contains("certificate"), "{reason}");
        assert!(reason.contains("tls_ca"), "{reason}");
    }
    assert_eq!(camera.counters().plays.get(), 2);
    soon("the end", site.app.stop()).await;
}

#[tokio::test]
async fn proofs_are_made_of_the_camera_s_own_uri_and_all_requests_bear_it() {
    let (pem, tls) = identity("localhost");
    let camera = Scripted::start_at("127.0.0.1", Some(tls), |asked| match asked.header("Authorization") {
        "" => Act::Answer(401, "WWW-Authenticate: Digest realm=\"cam\", nonce=\"n\"".into(), String::new()),
        _ => plain(asked),
    })
    .await;
    let mut url = camera.url("h264/ch1?subtype=0");
    url.set_host(Some("localhost")).unwrap();
    let source = trusting(url.clone(), &pem);
    connect(&source).await.map(|_| ()).expect("it plays");
    let asked = camera.requests();
    assert!(asked.iter().any(|asked| asked.method == "PLAY"));
    for asked in &asked {
        assert!(asked.uri.starts_with(url.as_str()), "{} {}", asked.method, asked.uri);
        let proof = asked.header("Authorization");
        assert!(proof.is_empty() || proof.contains(&format!("uri=\"{}\"", asked.uri)), "{proof}");
    }
    assert_eq!(asked.iter().filter(|asked| asked.header("Authorization").is_empty()).count(), 1);
}

/// A source that takes the certificates of `pem`.
fn trusting(url: Url, pem: &str) -> Source {
    let roots = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap();
    Source { trust: Trust::Roots(Arc::from(roots)), ..source(url) }
}

/// A certificate for `names`, called "camera".
fn certificate(names: &[&str], is_ca: IsCa) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "camera");
    params.is_ca = is_ca;
    params
}

#[tokio::test]
async fn a_listed_certificate_is_taken_as_cameras_make_them() {
    let authority = || IsCa::Ca(BasicConstraints::Unconstrained);
    let mut expired = certificate(&[], IsCa::ExplicitNoCa);
    expired.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let (stranger, _) = identity_of(certificate(&[], IsCa::ExplicitNoCa));
    for (what, params, works) in [
        ("an authority's", certificate(&["127.0.0.1"], authority()), true),
        ("a nameless authority's", certificate(&[], authority()), true),
        ("nobody's", certificate(&["127.0.0.1"], IsCa::ExplicitNoCa), true),
        ("a nameless one", certificate(&[], IsCa::ExplicitNoCa), true),
        ("one that has run out", expired, true),
        ("one for another host", certificate(&["198.51.100.7"], authority()), false),
    ] {
        let (pem, tls) = identity_of(params);
        let camera = Scripted::start_at("127.0.0.1", Some(tls), plain).await;
        let url = camera.url("main");
        match connect(&trusting(url.clone(), &pem)).await {
            Ok(_) => assert!(works, "{what}"),
            Err(failure) => {
                assert!(!works, "{what}: {failure}");
                assert!(failure.to_string().contains("not valid for name"), "{what}: {failure}");
            }
        }
        let failure = connect(&trusting(url.clone(), &stranger)).await.err().expect("another one is listed");
        assert!(matches!(failure, Failure::Tls { .. }), "{what}: {failure}");
        let both = connect(&trusting(url, &(stranger.clone() + &pem))).await;
        assert_eq!(both.is_ok(), works, "{what}, listed second");
    }
}

#[tokio::test]
async fn nothing_leads_from_tls_to_no_tls() {
    let plain_camera = Scripted::start(plain).await;
    let target = plain_camera.url("s");
    let (_, tls) = identity("localhost");
    let gate = Scripted::start_at("127.0.0.1", Some(tls), move |_| {
        Act::Answer(302, format!("Location: {target}"), String::new())
    })
    .await;
    let mut source = source(gate.url("s"));
    source.trust = Trust::Insecure;
    let failure = connect(&source).await.err().expect("it is refused");
    assert_eq!(failure, Failure::Redirected { why: "from TLS to no TLS".into() });
    assert!(plain_camera.requests().is_empty());
}

#[tokio::test]
async fn a_port_without_tls_is_told_as_such() {
    let camera = camera().await;
    let url = Url::parse(&camera.url("main").as_str().replace("rtsp://", "rtsps://")).unwrap();
    let failure = connect(&source(url)).await.err().expect("it cannot be");
    assert!(matches!(failure, Failure::Tls { .. }), "{failure}");
    assert!(failure.to_string().contains("check the port"), "{failure}");
}
