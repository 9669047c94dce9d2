//! Basic and Digest towards a camera, with the URI that the camera sees.

use http_auth::{PasswordClient, PasswordParams};
use secrecy::ExposeSecret;

use super::message::Message;
use crate::ingest::Source;

/// The proof of a password, once a camera has said how it wants it.
#[derive(Default)]
pub struct Login {
    client: Option<PasswordClient>,
}

impl Login {
    /// Learns from a refusal how the password is to be proved; false if that is not understood, or nothing
    /// is to be proved with.
    pub fn challenged(&mut self, refusal: &Message, source: &Source) -> bool {
        // A camera that takes several ways names each in a header of its own, or all in one.
        let challenges = refusal.all("WWW-Authenticate").collect::<Vec<_>>().join(", ");
        self.client = PasswordClient::try_from(challenges.as_str()).ok();
        self.client.is_some() && source.username.is_some()
    }

    /// Signs a request, if that was asked for.
    pub fn sign(&mut self, request: &mut Message, source: &Source) {
        request.remove("Authorization");
        let (Some(client), Some(username)) = (&mut self.client, &source.username) else { return };
        let Some((method, uri)) = request.request() else { return };
        let password = source.password.as_ref().map_or("", |word| word.expose_secret());
        let proof = client.respond(&PasswordParams { username, password, uri, method, body: Some(&[]) });
        match proof {
            Ok(proof) => request.set("Authorization", proof),
            // Only a broken source of random numbers, or a challenge with signs that no header may hold.
            Err(error) => tracing::debug!(error, "a login cannot be written"),
        }
    }
}
