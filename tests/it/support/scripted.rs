//! RTSP cameras that say what a test tells them to say, word for word, and that remember what they were asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use url::Url;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which connection, counted from 0.
    pub connection: usize,
    pub method: String,
    pub uri: String,
    pub headers: Vec<(String, String)>,
}

impl Asked {
    /// A header's value; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        let named = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        named.map_or("", |(_, value)| value)
    }
}

/// What a camera does when it is asked.
pub enum Act {
    /// Answers with this status, these header lines and this body.
    Answer(u16, String, String),
    /// The same, and closes the connection.
    AnswerAndClose(u16, String, String),
    /// The same, and resets the connection.
    AnswerAndReset(u16, String, String),
    /// Says exactly this.
    Say(Vec<u8>),
    /// Says nothing, and closes the connection.
    Close,
}

impl Act {
    /// 200 with header lines.
    pub fn ok(headers: impl Into<String>) -> Self {
        Self::Answer(200, headers.into(), String::new())
    }

    /// A description.
    pub fn sdp(headers: impl Into<String>, sdp: &str) -> Self {
        let sdp = sdp.lines().map(|line| line.trim()).filter(|line| !line.is_empty());
        let sdp = sdp.fold(String::new(), |text, line| text + line + "\r\n");
        Self::Answer(200, format!("Content-Type: application/sdp\r\n{}", headers.into()), sdp)
    }
}

type Script = dyn Fn(&Asked) -> Act + Send + Sync;

/// The running camera.
pub struct Scripted {
    pub address: SocketAddr,
    pub asked: Arc<Mutex<Vec<Asked>>>,
    scheme: &'static str,
    task: JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scripted {
    /// On a loopback port of the system's choice.
    pub async fn start(script: impl Fn(&Asked) -> Act + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1", None, script).await
    }

    /// The same on another address, or over TLS.
    pub async fn start_at(
        host: &str,
        tls: Option<TlsAcceptor>,
        script: impl Fn(&Asked) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let scheme = if tls.is_some() { "rtsps" } else { "rtsp" };
        let (notes, script) = (asked.clone(), Arc::<Box<Script>>::new(Box::new(script)));
        let task = tokio::spawn(async move {
            for connection in 0.. {
                let Ok((socket, _)) = listener.accept().await else { return };
                let (notes, script, tls) = (notes.clone(), script.clone(), tls.clone());
                tokio::spawn(async move {
                    // A client that goes away is no fault of the camera.
                    let _ = match tls {
                        None => {
                            let mut socket = socket;
                            let end = serve(&mut socket, connection, &notes, &**script).await;
                            if let Ok(End::Reset) = end {
                                // What is closed with a linger of nothing is reset (RFC 9293, 3.10.5).
                                socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
                            }
                            end
                        }
                        Some(tls) => match tls.accept(socket).await {
                            Ok(mut socket) => serve(&mut socket, connection, &notes, &**script).await,
                            Err(_) => Ok(End::Close),
                        },
                    };
                });
            }
        });
        Self { address, asked, scheme, task }
    }

    /// The URL of `path`, which may have a query.
    pub fn url(&self, path: &str) -> Url {
        Url::parse(&format!("{}://{}/{path}", self.scheme, self.address)).unwrap()
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The requests of one method.
    pub fn of(&self, method: &str) -> Vec<Asked> {
        self.requests().into_iter().filter(|asked| asked.method == method).collect()
    }
}

/// How a connection is to end.
enum End {
    Close,
    Reset,
}

async fn serve(
    socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
    connection: usize,
    notes: &Mutex<Vec<Asked>>,
    script: &Script,
) -> std::io::Result<End> {
    let mut heard = Vec::new();
    loop {
        while let Some(end) = heard.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&heard[..end]).into_owned();
            heard.drain(..end + 4);
            let mut lines = text.lines();
            let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
            let headers = lines.filter_map(|line| line.split_once(':'));
            let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
            let (method, uri) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let asked = Asked { connection, method, uri, headers };
            notes.lock().unwrap().push(asked.clone());
            let (status, headers, body, end) = match script(&asked) {
                Act::Answer(status, headers, body) => (status, headers, body, None),
                Act::AnswerAndClose(status, headers, body) => (status, headers, body, Some(End::Close)),
                Act::AnswerAndReset(status, headers, body) => (status, headers, body, Some(End::Reset)),
                Act::Say(bytes) => {
                    socket.write_all(&bytes).await?;
                    continue;
                }
                Act::Close => return Ok(End::Close),
            };
            let headers = headers.lines().fold(String::new(), |text, line| text + line + "\r\n");
            let length =
                if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
            let cseq = asked.header("CSeq");
            let answer = format!("RTSP/1.0 {status} Said\r\nCSeq: {cseq}\r\n{headers}{length}\r\n{body}");
            socket.write_all(answer.as_bytes()).await?;
            match end {
                Some(End::Close) => return socket.shutdown().await.map(|()| End::Close),
                Some(End::Reset) => return Ok(End::Reset),
                None => {}
            }
        }
        let mut piece = [0; 4096];
        match socket.read(&mut piece).await? {
            0 => return Ok(End::Close),
            count => heard.extend(&piece[..count]),
        }
    }
}

/// The parameter sets of the demo's clip are as good as any.
pub const H264: &str = "
    m=video 0 RTP/AVP 96
    a=rtpmap:96 H264/90000
    a=fmtp:96 packetization-mode=1;profile-level-id=4D401E;sprop-parameter-sets=Z01AHpWoKAv+VA==,aO48gA==
    a=control:trackID=1";

/// What most cameras answer: one H.264 track, set up and played at once, without a picture.
pub fn plain(asked: &Asked) -> Act {
    match asked.method.as_str() {
        "OPTIONS" => Act::ok("Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"),
        "DESCRIBE" => Act::sdp("", &format!("v=0\no=- 1 1 IN IP4 0.0.0.0\ns=cam\nt=0 0\na=control:*{H264}")),
        "SETUP" => Act::ok(format!(
            "Session: 12345678;timeout=60\r\nTransport: {};ssrc=0A0B0C0D",
            asked.header("Transport")
        )),
        _ => Act::ok("Session: 12345678"),
    }
}
