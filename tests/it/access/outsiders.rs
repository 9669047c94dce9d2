//! Tokens that others make.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::{House, signed, watch};

/// A key pair of somebody else, and its public half as a JWK.
fn pair(id: &str) -> (EncodingKey, Value) {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let key = EncodingKey::from_ec_der(&pair.serialize_der());
    let mut jwk = serde_json::to_value(
        jsonwebtoken::jwk::Jwk::from_encoding_key(&key, Algorithm::ES256).expect("a public half"),
    )
    .unwrap();
    jwk["kid"] = json!(id);
    (key, jwk)
}

fn token(id: &str, key: &EncodingKey, claims: &Value) -> String {
    let header = Header { kid: Some(id.into()), ..Header::new(Algorithm::ES256) };
    encode(&header, claims, key).unwrap()
}

#[tokio::test]
async fn tokens_of_others_are_good_if_their_key_issuer_and_audience_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let ((one, one_public), (two, two_public), (stranger, _)) = (pair("one"), pair("two"), pair("one"));
    // Keys of kinds that cannot be used are passed over.
    let set =
        json!({"keys": [{"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}, one_public, two_public]});
    std::fs::write(&file, set.to_string()).unwrap();
    let settings = format!(
        "[auth.jwks]\nfile = \"{}\"\nissuer = \"https://id.example\"\naudience = \"cams\"",
        file.display()
    );
    let house = House::start(&settings).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({"iss": "https://id.example", "aud": ["cams", "x"], "exp": now + 600, "watch": "gate", "email": "a@b"});
    let with = |changes: Value| {
        let mut claims = claims.clone();
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    };
    for (what, token, expected) in [
        ("good", token("one", &one, &claims), 200),
        ("another key", token("two", &two, &claims), 200),
        ("a fraction", token("one", &one, &with(json!({"exp": now as f64 + 600.5}))), 200),
        ("another camera", token("one", &one, &with(json!({"watch": ["hall"]}))), 403),
        ("no camera", token("one", &one, &with(json!({"watch": null}))), 403),
        ("a stranger's key", token("one", &stranger, &claims), 401),
        ("the other key's name", token("two", &one, &claims), 401),
        ("an unknown name", token("three", &one, &claims), 401),
        ("expired", token("one", &one, &with(json!({"exp": now - 1}))), 401),
        ("endless", token("one", &one, &with(json!({"exp": null}))), 401),
        ("not yet", token("one", &one, &with(json!({"nbf": now + 600}))), 401),
        ("another issuer", token("one", &one, &with(json!({"iss": "https://evil.example"}))), 401),
        ("no issuer", token("one", &one, &with(json!({"iss": null}))), 401),
        ("another audience", token("one", &one, &with(json!({"aud": "y"}))), 401),
        ("no audience", token("one", &one, &with(json!({"aud": null}))), 401),
        // The public half is no secret: it must not pass for one.
        (
            "signed with what all know",
            signed("one", &set.to_string(), watch("gate"), SystemTime::now(), Duration::from_secs(60)),
            401,
        ),
    ] {
        assert_eq!(house.status(&format!("/t/{token}/hls/gate/index.m3u8")).await, expected, "{what}");
    }
}

#[tokio::test]
async fn a_token_that_is_meant_for_nobody_in_particular_makes_no_administrator() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let (one, public) = pair("one");
    std::fs::write(&file, json!({"keys": [public]}).to_string()).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({"aud": "cams", "exp": now + 600, "watch": "gate", "admin": true});
    let token = token("one", &one, &claims);
    for (audience, hall) in [("", 403), ("audience = \"cams\"", 200)] {
        let house = House::start(&format!("[auth.jwks]\nfile = \"{}\"\n{audience}", file.display())).await;
        assert_eq!(house.status(&format!("/t/{token}/hls/gate/index.m3u8")).await, 200, "{audience}");
        assert_eq!(house.status(&format!("/t/{token}/hls/hall/index.m3u8")).await, hall, "{audience}");
    }
}
