//! One GET request over HTTP: a connection of its own, no redirects, a bound on time and on what is read.
//!
//! Addresses come from the operator's flags or are made from a Service's name; what an object adds to one is a path below it.
//! No header, body, user or password of an address gets into an error.

use std::error::Error as _;
use std::io::ErrorKind;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Request};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use percent_encoding::percent_decode_str;
use tokio::time::timeout;
use url::Url;

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// An answer.
    Answer {
        /// The status code.
        status: u16,
        /// What follows it; `None` where that is more than is read.
        body: Option<Vec<u8>>,
    },
    /// Nobody answered, or not to the end: connection refused or broken, time over.
    Nobody,
}

type HttpsClient = Client<HttpsConnector<HttpConnector>, Empty<hyper::body::Bytes>>;

/// The client of this process. It keeps no connection: what is measured is a connection of a new user.
fn client() -> Result<&'static HttpsClient, String> {
    static CLIENT: OnceLock<Result<HttpsClient, String>> = OnceLock::new();
    let client = CLIENT.get_or_init(|| {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| format!("the system's certificate authorities cannot be read: {error}"))?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        Ok(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector))
    });
    client.as_ref().map_err(Clone::clone)
}

/// Asks, and tells how long that took in all.
///
/// # Errors
/// When it cannot be told whether anybody would answer: the name is not known, TLS does not come about, it is no HTTP.
pub(super) async fn get(url: &Url, limit: Duration, most: usize) -> Result<(Reply, Duration), String> {
    let client = client()?;
    let request = request(url)?;
    let began = Instant::now();
    let exchange = async {
        let response = match client.request(request).await {
            Ok(response) => response,
            Err(error) => return failure(&error).map_or(Ok(Reply::Nobody), Err),
        };
        let status = response.status().as_u16();
        match Limited::new(response.into_body(), most).collect().await {
            Ok(body) => Ok(Reply::Answer { status, body: Some(body.to_bytes().to_vec()) }),
            Err(error) if error.is::<LengthLimitError>() => Ok(Reply::Answer { status, body: None }),
            Err(_) => Ok(Reply::Nobody),
        }
    };
    let reply = timeout(limit, exchange).await.unwrap_or(Ok(Reply::Nobody))?;
    Ok((reply, began.elapsed()))
}

fn request(url: &Url) -> Result<Request<Empty<hyper::body::Bytes>>, String> {
    let mut url = url.clone();
    let user = (url.username().to_owned(), url.password().map(str::to_owned));
    // These cannot fail for addresses with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    let mut request = Request::get(url.as_str())
        .header(USER_AGENT, concat!("sluice/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "*/*");
    if let (name, Some(password)) = user {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = STANDARD.encode(format!("{}:{}", decoded(&name), decoded(&password)));
        let mut value = HeaderValue::from_str(&format!("Basic {login}"))
            .map_err(|_| "the address has a user or a password that cannot be sent".to_owned())?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    request.body(Empty::new()).map_err(|_| "the address cannot be used in a request".to_owned())
}

/// Why nothing can be concluded from a failed request; `None` where nobody answered.
fn failure(error: &Error) -> Option<String> {
    let mut cause = error.source();
    let mut kind = None;
    while let Some(error) = cause {
        if error.is::<rustls::Error>() {
            return Some("no TLS session with it comes about: see to its certificate and who signed it".to_owned());
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            if error.is_parse() {
                return Some("what answers does not speak HTTP".to_owned());
            }
            // The connection ended before the answer did.
            if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
                return None;
            }
        }
        cause = match error.downcast_ref::<std::io::Error>() {
            // Its source would be the source of what it holds.
            Some(error) => {
                kind = Some(error.kind());
                error.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static))
            }
            None => error.source(),
        };
    }
    match kind {
        Some(
            ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
            | ErrorKind::BrokenPipe
            | ErrorKind::TimedOut
            | ErrorKind::HostUnreachable
            | ErrorKind::UnexpectedEof,
        ) => None,
        Some(_) if error.is_connect() => {
            Some("its address cannot be reached: the name is not known, or there is no way to it".to_owned())
        }
        Some(_) | None => Some("the request came to nothing".to_owned()),
    }
}

/// An address below another one: `http://host/base` and `/path?query` are `http://host/base/path?query`.
///
/// # Errors
/// When the path leads out of the address.
pub(super) fn below(base: &Url, path: &str) -> Result<Url, String> {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let own = base.path().trim_end_matches('/').to_owned();
    let mut url = base.clone();
    url.set_path(&format!("{own}/{}", path.trim_start_matches('/')));
    url.set_query(query);
    url.set_fragment(None);
    let inside = url.path().strip_prefix(own.as_str()).is_some_and(|rest| rest.starts_with('/'));
    if inside { Ok(url) } else { Err(format!("the path {path} leads out of the endpoint's address; leave out the ..")) }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("http://web", "/", "http://web/")]
    #[case("http://web:8080/", "/healthz", "http://web:8080/healthz")]
    #[case("http://web/app", "/healthz?full=1&x=a%20b", "http://web/app/healthz?full=1&x=a%20b")]
    #[case("http://web/app/", "/a/./b", "http://web/app/a/b")]
    #[case("http://web/app", "/a b#c", "http://web/app/a%20b%23c")]
    #[case("http://web", "//evil.example/x", "http://web/evil.example/x")]
    #[case("http://web/app", "/@evil.example/", "http://web/app/@evil.example/")]
    #[case("http://web", "/../..", "http://web/")]
    #[case("http://web/?key=1", "/x", "http://web/x")]
    fn a_path_goes_below_the_address(#[case] base: &str, #[case] path: &str, #[case] expected: &str) {
        assert_eq!(below(&Url::parse(base).unwrap(), path).map(|url| url.to_string()), Ok(expected.to_owned()));
    }

    #[rstest]
    #[case("/../admin")]
    #[case("/%2e%2e/admin")]
    #[case("/x/../../admin")]
    #[case("/..\\admin")]
    #[case("/../apple")]
    fn no_path_leads_out_of_the_address(#[case] path: &str) {
        let error = below(&Url::parse("http://web/app").unwrap(), path).unwrap_err();
        assert!(error.contains("leads out"), "{error}");
    }

    #[test]
    fn a_login_in_an_address_is_sent_as_a_header_and_nowhere_else() {
        let request = request(&Url::parse("http://us%40er:p%3Aa+s&s@web/x").unwrap()).unwrap();
        assert_eq!(request.uri().to_string(), "http://web/x");
        assert_eq!(request.headers()[AUTHORIZATION], format!("Basic {}", STANDARD.encode("us@er:p:a+s&s")));
        assert!(!format!("{request:?}").contains("Basic"));
    }
}
