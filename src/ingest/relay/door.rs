//! Who may come in: the one client that knows the word in the relay's URL. Any process of the machine can find a
//! loopback port, and the relay would give it the camera's pictures.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::{Position, Url};

use super::message::{self, Next};

/// Guests that are listened to at a time: others wait.
const MOST_GUESTS: usize = 8;

/// How long a guest may take for its first request.
const GREETING: Duration = Duration::from_secs(2);

/// Longest first request.
const MOST_BYTES: usize = 16 << 10;

/// Bytes of the word: as many as of a key.
const WORD_BYTES: usize = 16;

/// A client, and what it has said already.
pub type Client = (TcpStream, BytesMut);

/// The camera's `url` on our side: its path and query behind a word that nobody can guess. `None` if there are no
/// random numbers, or no such URL.
pub fn local_url(url: &Url, port: u16) -> Option<Url> {
    let mut word = [0; WORD_BYTES];
    SystemRandom::new().fill(&mut word).ok()?;
    let word = u128::from_be_bytes(word);
    Url::parse(&format!("rtsp://127.0.0.1:{port}/{word:032x}{}", &url[Position::BeforePath..])).ok()
}

/// The part of a local URL that stands for the camera's scheme, host and port.
pub fn origin(local: &Url) -> &str {
    let word = 1 + 2 * WORD_BYTES;
    let end = local[..Position::BeforePath].len() + word;
    local.as_str().get(..end).unwrap_or(local.as_str())
}

/// Waits for the client whose first request asks for `url`; others are turned away.
///
/// # Errors
/// Nobody can be let in any more.
pub async fn client(listener: TcpListener, url: &Url) -> std::io::Result<Client> {
    let mut guests = JoinSet::new();
    loop {
        tokio::select! {
            guest = listener.accept(), if guests.len() < MOST_GUESTS => {
                guests.spawn(timeout(GREETING, known(guest?.0, url.clone())));
            }
            Some(guest) = guests.join_next() => {
                if let Ok(Ok(Some(client))) = guest {
                    return Ok(client);
                }
                tracing::debug!("a stranger was turned away from the relay of a camera");
            }
        }
    }
}

/// The guest, if it asks for `url`.
async fn known(mut guest: TcpStream, url: Url) -> Option<Client> {
    let mut heard = BytesMut::new();
    while heard.len() < MOST_BYTES {
        match message::read(&heard).ok()? {
            Next::Message(request, _) => {
                let (_, uri) = request.request()?;
                verify_slices_are_equal(uri.as_bytes(), url.as_str().as_bytes()).ok()?;
                return Some((guest, heard));
            }
            Next::Data(_) => return None,
            Next::Incomplete => {}
        }
        if guest.read_buf(&mut heard).await.ok()? == 0 {
            return None;
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[test]
    fn the_local_url_keeps_path_and_query_behind_a_word_of_its_own() {
        let camera = Url::parse("rtsps://cam.example:322/live;x=1/a%20b?c=d&e").unwrap();
        let [one, two] = [(), ()].map(|()| local_url(&camera, 5540).unwrap());
        assert_ne!(one, two);
        assert_eq!(one.as_str().strip_prefix(origin(&one)), Some("/live;x=1/a%20b?c=d&e"));
        assert!(origin(&one).starts_with("rtsp://127.0.0.1:5540/"), "{one}");
        let bare = local_url(&Url::parse("rtsp://10.0.0.7").unwrap(), 1).unwrap();
        assert_eq!(bare.as_str(), origin(&bare));
    }

    #[tokio::test]
    async fn strangers_are_turned_away_and_keep_nobody_out() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = local_url(&Url::parse("rtsp://10.0.0.7/live").unwrap(), address.port()).unwrap();
        let wanted = url.clone();
        let door = tokio::spawn(async move { client(listener, &wanted).await });
        // One that says nothing, one that guesses, one that talks about something else.
        let _silent = TcpStream::connect(address).await.unwrap();
        let guess = format!("rtsp://{address}/{}/live", "0".repeat(32));
        for request in [format!("DESCRIBE {guess} RTSP/1.0\r\n\r\n"), "GET / HTTP/1.1\r\n\r\n".to_owned()] {
            let mut stranger = TcpStream::connect(address).await.unwrap();
            stranger.write_all(request.as_bytes()).await.unwrap();
            assert_eq!(stranger.read(&mut [0; 16]).await.unwrap_or(0), 0, "it is closed without a word");
        }
        let mut friend = TcpStream::connect(address).await.unwrap();
        let request = format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n");
        let (first, rest) = request.split_at(40);
        friend.write_all(first.as_bytes()).await.unwrap();
        friend.write_all(rest.as_bytes()).await.unwrap();
        let (let_in, heard) = door.await.unwrap().unwrap();
        assert_eq!(let_in.peer_addr().unwrap(), friend.local_addr().unwrap());
        assert_eq!(heard, request.as_bytes());
    }
}
