//! A wire between an operator and its API server that can be unplugged: nothing gets through, and nobody is told.

use std::io;
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use super::world;

/// A running wire; ends when dropped.
pub struct Wire {
    /// A kubeconfig of the operator's ServiceAccount that leads through the wire.
    pub kubeconfig: PathBuf,
    plugged: watch::Sender<bool>,
    _alive: mpsc::Sender<()>,
}

impl Wire {
    /// Plugged in.
    pub fn new() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let here = format!("https://{}", listener.local_addr().unwrap());
        let plain = std::fs::read_to_string(&world().operator).unwrap();
        let config: serde_json::Value = serde_json::from_str(&plain).unwrap();
        let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap();
        let kubeconfig = world().operator.with_extension(format!("{}.kubeconfig", here.replace([':', '/'], "")));
        std::fs::write(&kubeconfig, plain.replace(server, &here)).unwrap();
        let there = server.trim_start_matches("https://").trim_end_matches('/').to_owned();

        let plugged = watch::Sender::new(true);
        let (alive, mut dropped) = mpsc::channel::<()>(1);
        let plug = plugged.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    tokio::select! {
                        accepted = listener.accept() => {
                            let Ok((client, _)) = accepted else { continue };
                            tokio::spawn(serve(client, there.clone(), plug.subscribe()));
                        }
                        _ = dropped.recv() => return,
                    }
                }
            });
        });
        Self { kubeconfig, plugged, _alive: alive }
    }

    /// From now on nothing gets through.
    pub fn unplug(&self) {
        self.plugged.send_replace(false);
    }
}

async fn serve(client: TcpStream, there: String, mut plugged: watch::Receiver<bool>) -> io::Result<()> {
    let _ = plugged.wait_for(|plugged| *plugged).await;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = TcpStream::connect(there).await?.into_split();
    tokio::try_join!(carry(from_client, to_server, plugged.clone()), carry(from_server, to_client, plugged))?;
    Ok(())
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut plugged: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut buffer = vec![0; 65_536];
    loop {
        let length = from.read(&mut buffer).await?;
        let _ = plugged.wait_for(|plugged| *plugged).await;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..length]).await?;
    }
}
