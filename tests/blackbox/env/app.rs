//! A small real web application that answers what a test tells it to, one answer after the other.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Default)]
struct Script {
    next: VecDeque<(u16, String)>,
    always: (u16, String),
    asked: usize,
}

/// A web application on a port of its own; ends with the test.
pub struct App {
    pub port: u16,
    script: Arc<Mutex<Script>>,
    task: tokio::task::JoinHandle<()>,
}

impl App {
    /// An application that is well.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = Arc::new(Mutex::new(Script { always: (200, "{}".to_owned()), ..Script::default() }));
        let told = Arc::clone(&script);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let told = Arc::clone(&told);
                tokio::spawn(async move { answer(stream, &told).await });
            }
        });
        Self { port, script, task }
    }

    /// The flag that declares it to an operator, as `app`.
    pub fn flag(&self) -> String {
        format!("--http-endpoint=app=http://127.0.0.1:{}", self.port)
    }

    /// These codes next, one for each request; after them as always.
    pub fn answers(&self, codes: &[u16]) {
        self.script.lock().unwrap().next = codes.iter().map(|code| (*code, "{}".to_owned())).collect();
    }

    /// From now on always that code and body.
    pub fn always(&self, code: u16, body: &str) {
        self.script.lock().unwrap().always = (code, body.to_owned());
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.script.lock().unwrap().asked
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, script: &Mutex<Script>) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&buffer[..read]),
        }
    }
    let (code, body) = {
        let mut script = script.lock().unwrap();
        script.asked += 1;
        script.next.pop_front().unwrap_or_else(|| script.always.clone())
    };
    let text = format!(
        "HTTP/1.1 {code} Told\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(text.as_bytes()).await;
}
