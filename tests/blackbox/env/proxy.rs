//! A proxy between an operator and its database that loses what networks lose: a connection, a reply, everything. It runs
//! on a thread of its own, so that a test which blocks does not block it.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use super::team::SOON;
use super::{Postgres, eventually};

/// What happens to a message from the operator that carries the SQL in question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It never reaches the server, and the connection breaks.
    NeverArrives,
    /// The server does all that it asks for; then the connection breaks, and the operator never hears of it.
    ReplyLost,
    /// The server does all that it asks for; the operator never hears of it, and neither of them notices that the
    /// connection is dead.
    Silence,
    /// The same as [`Fault::ReplyLost`], and from then on nothing gets through, as after [`Proxy::black_hole`].
    Outage,
}

/// Whether a text of SQL is the one in question.
pub type Matches = Box<dyn Fn(&str) -> bool + Send>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    Fair,
    /// Nothing gets through in either direction; what was sent arrives later.
    BlackHole,
}

struct Shared {
    server: SocketAddr,
    faults: Mutex<VecDeque<(Fault, Matches)>>,
    /// How many faults have happened.
    happened: watch::Sender<usize>,
    /// Counts up to cut what is open.
    cut: watch::Sender<usize>,
    weather: watch::Sender<Weather>,
    /// Whether the server hears that a client is gone.
    orphans: watch::Sender<bool>,
}

/// A running proxy; ends with everything that runs through it when dropped.
pub struct Proxy {
    port: u16,
    server: Postgres,
    shared: Arc<Shared>,
    _alive: mpsc::Sender<()>,
}

impl Proxy {
    /// In front of a server.
    pub fn to(server: &Postgres) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            server: format!("{}:{}", server.host, server.port).parse().unwrap(),
            faults: Mutex::default(),
            happened: watch::Sender::new(0),
            cut: watch::Sender::new(0),
            weather: watch::Sender::new(Weather::Fair),
            orphans: watch::Sender::new(false),
        });
        let (alive, mut dropped) = mpsc::channel::<()>(1);
        let shared_by_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    tokio::select! {
                        accepted = listener.accept() => {
                            let Ok((client, _)) = accepted else { continue };
                            // How a connection ends is the test's business, not the proxy's.
                            tokio::spawn(serve(Arc::clone(&shared_by_thread), client));
                        }
                        _ = dropped.recv() => return,
                    }
                }
            });
        });
        Self { port, server: server.clone(), shared, _alive: alive }
    }

    /// The server as it is seen through the proxy.
    pub fn postgres(&self) -> Postgres {
        Postgres { host: "127.0.0.1".to_owned(), port: self.port, ..self.server.clone() }
    }

    /// The next message whose SQL matches meets this fault, once; faults wait in line.
    pub fn next(&self, fault: Fault, matches: impl Fn(&str) -> bool + Send + 'static) {
        self.shared.faults.lock().unwrap().push_back((fault, Box::new(matches)));
    }

    /// Waits until so many faults have happened.
    pub async fn happened(&self, count: usize) {
        let happened = &self.shared.happened;
        eventually(&format!("{count} faults"), SOON, || async {
            let so_far = *happened.borrow();
            if so_far >= count { Ok(()) } else { Err(format!("{so_far}")) }
        })
        .await;
    }

    /// Breaks every connection that is open now.
    pub fn cut(&self) {
        self.shared.cut.send_modify(|cut| *cut += 1);
    }

    /// Lets nothing through until `false`.
    pub fn black_hole(&self, on: bool) {
        self.shared.weather.send_replace(if on { Weather::BlackHole } else { Weather::Fair });
    }

    /// From now on the server does not hear that a client is gone, until [`Proxy::cut`].
    pub fn keep_orphans(&self) {
        self.shared.orphans.send_replace(true);
    }
}

impl Shared {
    /// The fault that a message meets.
    fn fault(&self, message: &[u8]) -> Option<Fault> {
        let sql = std::str::from_utf8(message.get(5..message.len().checked_sub(1)?)?).ok()?;
        let mut faults = self.faults.lock().unwrap();
        let (_, matches) = faults.front()?;
        (message.first() == Some(&b'Q') && matches(sql)).then(|| faults.pop_front().map(|(fault, _)| fault)).flatten()
    }
}

async fn serve(shared: Arc<Shared>, mut client: TcpStream) -> io::Result<()> {
    let (mut cut, mut weather) = (shared.cut.subscribe(), shared.weather.subscribe());
    let startup = tokio::select! {
        startup = async {
            let _ = weather.wait_for(|weather| *weather == Weather::Fair).await;
            startup(&mut client).await
        } => startup?,
        _ = cut.changed() => return Ok(()),
    };
    let mut server = TcpStream::connect(shared.server).await?;
    server.write_all(&startup).await?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let (from_client, mut to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let (mut from_client, mut from_server) = (messages(from_client), messages(from_server));
    let mut losing = None;
    let (mut silent, mut orphaned) = (false, false);
    loop {
        let fair = *weather.borrow_and_update() == Weather::Fair;
        let (is_request, message) = tokio::select! {
            biased;
            _ = cut.changed() => return Ok(()),
            _ = weather.changed() => continue,
            message = from_client.recv(), if fair && !orphaned => (true, message),
            message = from_server.recv(), if fair => (false, message),
        };
        match (is_request, message) {
            (true, Some(message)) => {
                let fault = shared.fault(&message);
                if fault == Some(Fault::NeverArrives) {
                    shared.happened.send_modify(|happened| *happened += 1);
                    return Ok(());
                }
                losing = losing.or(fault);
                if !silent {
                    to_server.write_all(&message).await?;
                }
            }
            (true, None) if *shared.orphans.borrow() => orphaned = true,
            (false, Some(_)) if silent || orphaned => {}
            (false, Some(message)) => match losing {
                None => to_client.write_all(&message).await?,
                // Ready for the next query: all that was asked for is done.
                Some(fault) if message.first() == Some(&b'Z') => {
                    if fault == Fault::Outage {
                        shared.weather.send_replace(Weather::BlackHole);
                    }
                    shared.happened.send_modify(|happened| *happened += 1);
                    match fault {
                        Fault::ReplyLost if *shared.orphans.borrow() => {
                            // The operator's end alone.
                            let _ = to_client.shutdown().await;
                            orphaned = true;
                        }
                        Fault::ReplyLost | Fault::NeverArrives | Fault::Outage => return Ok(()),
                        Fault::Silence => silent = true,
                    }
                }
                Some(_) => {}
            },
            (true | false, None) => return Ok(()),
        }
    }
}

/// The packet that begins a session. Encryption is declined, so that what follows can be read.
async fn startup(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    const TLS: u32 = 80_877_103;
    const GSS: u32 = 80_877_104;
    loop {
        let (length, code) = (client.read_u32().await?, client.read_u32().await?);
        if code == TLS || code == GSS {
            client.write_all(b"N").await?;
            continue;
        }
        let mut packet = [length.to_be_bytes(), code.to_be_bytes()].concat();
        packet.resize(length as usize, 0);
        client.read_exact(&mut packet[8..]).await?;
        return Ok(packet);
    }
}

/// The messages of one direction, whole; ends when the connection does.
fn messages(mut from: impl AsyncReadExt + Unpin + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(async move {
        loop {
            let message = tokio::select! {
                message = message(&mut from) => message,
                () = sender.closed() => return,
            };
            let Ok(message) = message else { return };
            if sender.send(message).await.is_err() {
                return;
            }
        }
    });
    receiver
}

async fn message(from: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Vec<u8>> {
    let (kind, length) = (from.read_u8().await?, from.read_u32().await?);
    let mut message = vec![kind];
    message.extend(length.to_be_bytes());
    message.resize(length as usize + 1, 0);
    from.read_exact(&mut message[5..]).await?;
    Ok(message)
}
