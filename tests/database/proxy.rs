//! A door in front of the server that can be shut at the worst moment.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::support::Server;

/// What happens to the connection that sends the needle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Shut before the server hears it.
    Before,
    /// The server hears it and answers; the answer is lost.
    AfterReply,
    /// Both ends are shut while the server works on it.
    During,
    /// The server hears it; then neither end hears anything any more, and neither is shut.
    Freeze,
    /// The client's end is shut; the server's end stays open, and its session alive, until [`Proxy::release`].
    Strand,
}

#[derive(Debug, Default)]
struct State {
    rules: Mutex<Vec<(String, Fault)>>,
    release: Notify,
    accepted: AtomicU32,
}

/// A proxy on a port of its own.
#[derive(Debug)]
pub struct Proxy {
    pub port: u16,
    state: Arc<State>,
}

impl Proxy {
    pub async fn start(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State::default());
        let (target, shared) = ((server.host.clone(), server.port), state.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                shared.accepted.fetch_add(1, Ordering::Relaxed);
                let (target, state) = (target.clone(), shared.clone());
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(target).await {
                        serve(client, server, &state).await;
                    }
                });
            }
        });
        Self { port, state }
    }

    /// Breaks the next connection that sends the needle, once.
    pub fn on(&self, needle: &str, fault: Fault) {
        self.state.rules.lock().expect("no panic").push((needle.to_owned(), fault));
    }

    /// Whether every rule has been used.
    pub fn fired(&self) -> bool {
        self.state.rules.lock().expect("no panic").is_empty()
    }

    /// Connections so far.
    pub fn accepted(&self) -> u32 {
        self.state.accepted.load(Ordering::Relaxed)
    }

    /// Ends the stranded sessions.
    pub fn release(&self) {
        self.state.release.notify_waiters();
    }
}

async fn serve(client: TcpStream, server: TcpStream, state: &State) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let mute = Arc::new(AtomicBool::new(false));
    let muted = mute.clone();
    let back = tokio::spawn(async move {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            if muted.load(Ordering::SeqCst) {
                // Without returning: that would shut the client's end.
                std::future::pending::<()>().await;
            }
            if to_client.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
    });
    let mut buffer = vec![0; 1 << 20];
    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
        let sent = String::from_utf8_lossy(&buffer[..read]).into_owned();
        let fault = {
            let mut rules = state.rules.lock().expect("no panic");
            let hit = rules.iter().position(|(needle, _)| sent.contains(needle));
            hit.map(|hit| rules.remove(hit).1)
        };
        match fault {
            None => {
                if to_server.write_all(&buffer[..read]).await.is_err() {
                    break;
                }
            }
            Some(Fault::Before) => break,
            Some(Fault::AfterReply) => {
                back.abort();
                let _ = to_server.write_all(&buffer[..read]).await;
                tokio::time::sleep(Duration::from_millis(300)).await;
                break;
            }
            Some(Fault::During) => {
                let _ = to_server.write_all(&buffer[..read]).await;
                tokio::time::sleep(Duration::from_millis(300)).await;
                break;
            }
            Some(Fault::Freeze) => {
                mute.store(true, Ordering::SeqCst);
                let _ = to_server.write_all(&buffer[..read]).await;
                state.release.notified().await;
                return;
            }
            Some(Fault::Strand) => {
                let _ = to_server.write_all(&buffer[..read]).await;
                back.abort();
                drop(from_client);
                state.release.notified().await;
                return;
            }
        }
    }
    back.abort();
}
