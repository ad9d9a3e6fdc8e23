//! From the keys of a Secret (or a URL on the command line) to an address and credentials.
//!
//! Pure, and careful: no error of this file ever shows a password, nor a URL that may hold one.

use std::collections::BTreeMap;

use secrecy::SecretString;
use url::{Host, Url};

use super::{Address, Credentials, TlsMode};

/// What helps against odd characters.
const ENCODE: &str = "characters such as @ : / # ? % in the user or the password must be percent-encoded (@ is %40), or give \
     host, port, user, password and dbname as separate keys, where any character may stand";

/// PostgreSQL's own port.
const PORT: u16 = 5432;

/// What is known about a connection before it is checked.
#[derive(Clone, Default)]
pub struct ConnectionParts {
    /// Host name, IP address or socket directory.
    pub host: Option<String>,
    /// TCP port; 5432 unless given.
    pub port: Option<u16>,
    /// Role.
    pub user: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// Database.
    pub dbname: Option<String>,
    /// `disable`, `prefer`, `require`, `verify-ca` or `verify-full`.
    pub sslmode: Option<String>,
    /// Certificate authorities in PEM.
    pub ca_pem: Option<Vec<u8>>,
}

impl std::fmt::Debug for ConnectionParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectionParts")
            .field("host", &self.host)
            .field("dbname", &self.dbname)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a connection, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConnectionProblem(String);

fn problem(text: impl Into<String>) -> ConnectionProblem {
    ConnectionProblem(text.into())
}

impl ConnectionParts {
    /// Reads the keys of a Secret: `host` with `port`, `user` or `username`, `password` and `dbname` or `database`; or
    /// `uri`. Where both are given, as CloudNativePG does, the separate keys count: they need no encoding.
    ///
    /// # Errors
    /// When a key is missing or unreadable; the message names it.
    pub fn from_keys(keys: &BTreeMap<String, Vec<u8>>) -> Result<Self, ConnectionProblem> {
        let text = |names: &[&str]| -> Result<Option<String>, ConnectionProblem> {
            for name in names {
                if let Some(value) = keys.get(*name) {
                    let value = std::str::from_utf8(value)
                        .map_err(|_| problem(format!("key {name} is not UTF-8 text; write it again as text")))?;
                    // A trailing line end comes from `echo`, and is part of no host, name or password that works.
                    let value = value.trim_end_matches(['\r', '\n']);
                    if !value.is_empty() {
                        return Ok(Some(value.to_owned()));
                    }
                }
            }
            Ok(None)
        };
        let port = match text(&["port"])? {
            Some(port) => Some(
                port.trim().parse().map_err(|_| problem("key port is not a port number; write for instance 5432"))?,
            ),
            None => None,
        };
        let separate = Self {
            host: text(&["host"])?,
            port,
            user: text(&["user", "username"])?,
            password: text(&["password"])?,
            dbname: text(&["dbname", "database"])?,
            sslmode: text(&["sslmode"])?,
            ca_pem: None,
        };
        if separate.host.is_some() {
            return Ok(separate);
        }
        let Some(uri) = text(&["uri", "url"])? else {
            return Err(problem(
                "has neither the key uri nor the key host; add uri, or host, port, user, password and dbname",
            ));
        };
        let mut parts = Self::from_uri(&uri).map_err(|error| problem(format!("key uri: {error}")))?;
        // Separate keys fill what the URI leaves out.
        parts.user = parts.user.or(separate.user);
        parts.password = parts.password.or(separate.password);
        parts.dbname = parts.dbname.or(separate.dbname);
        parts.sslmode = parts.sslmode.or(separate.sslmode);
        Ok(parts)
    }

    /// Reads `postgres://user:password@host:port/dbname?sslmode=…`.
    ///
    /// # Errors
    /// When it is not one, or asks for what Sluice does not do. The message never shows the URL.
    pub fn from_uri(uri: &str) -> Result<Self, ConnectionProblem> {
        let form = "write postgres://USER:PASSWORD@HOST:PORT/DATABASE";
        let scheme = uri.split_once("://").map(|(scheme, _)| scheme);
        match scheme {
            Some("postgres" | "postgresql") => {}
            Some(other) => return Err(problem(format!("the scheme {other}:// is not known; {form}"))),
            None => return Err(problem(format!("is not a URL; {form}"))),
        }
        if swallows_the_user(uri) {
            return Err(problem(format!("cannot be read: {ENCODE}")));
        }
        if authority(uri).contains(',') {
            return Err(problem("names several hosts; name the one that accepts writes (the primary's service)"));
        }
        let url = Url::parse(uri).map_err(|error| problem(format!("cannot be read ({error}): {ENCODE}")))?;
        if url.fragment().is_some() {
            return Err(problem(
                "has a # in it; percent-encode it in the password as %23, or give the password as a key of its own",
            ));
        }
        let decode = |text: &str, what: &str| -> Result<Option<String>, ConnectionProblem> {
            if text.is_empty() {
                return Ok(None);
            }
            percent_decode(text).map(Some).ok_or_else(|| problem(format!("its {what} is not percent-encoded UTF-8")))
        };
        let mut parts = Self {
            host: match url.host() {
                Some(Host::Ipv6(address)) => Some(address.to_string()),
                Some(Host::Ipv4(address)) => Some(address.to_string()),
                Some(Host::Domain(name)) => decode(name, "host")?,
                None => None,
            },
            port: url.port(),
            user: decode(url.username(), "user")?,
            password: decode(url.password().unwrap_or_default(), "password")?,
            dbname: decode(url.path().trim_start_matches('/'), "database name")?,
            sslmode: None,
            ca_pem: None,
        };
        for (key, value) in url.query_pairs() {
            match key.as_ref() {
                "sslmode" => parts.sslmode = Some(value.into_owned()),
                "host" => parts.host = Some(value.into_owned()),
                "port" => parts.port = value.parse().ok(),
                "user" => parts.user = Some(value.into_owned()),
                "password" => parts.password = Some(value.into_owned()),
                "dbname" => parts.dbname = Some(value.into_owned()),
                // Sluice sets its own, and the rest changes nothing that matters to a migration.
                "application_name"
                | "connect_timeout"
                | "fallback_application_name"
                | "channel_binding"
                | "keepalives"
                | "pool_max_conns"
                | "pool_min_conns" => {}
                "sslrootcert" => {
                    return Err(problem(
                        "sslrootcert names a file, which is not there; give the certificate in spec.database.caRef",
                    ));
                }
                other => {
                    return Err(problem(format!("the parameter {other} is not known; remove it (known: sslmode)")));
                }
            }
        }
        Ok(parts)
    }

    /// Checks that everything is there.
    ///
    /// # Errors
    /// When something is missing; the message names the key.
    pub fn resolve(self, ledger_schema: &str) -> Result<(Address, Credentials), ConnectionProblem> {
        let host = self.host.ok_or_else(|| problem("names no host; add the key host"))?;
        let user = self.user.ok_or_else(|| problem("names no user; add the key user"))?;
        let database = self.dbname.ok_or_else(|| problem("names no database; add the key dbname"))?;
        let tls = match self.sslmode.as_deref() {
            None if is_local(&host) => TlsMode::Disable,
            None => TlsMode::VerifyFull,
            Some("disable") => TlsMode::Disable,
            Some("allow" | "prefer") => TlsMode::Prefer,
            Some("require") => TlsMode::Require,
            Some("verify-ca") => TlsMode::VerifyCa,
            Some("verify-full") => TlsMode::VerifyFull,
            Some(other) => {
                return Err(problem(format!(
                    "sslmode {other} is not known; write disable, prefer, require, verify-ca or verify-full"
                )));
            }
        };
        let address =
            Address { host, port: self.port.unwrap_or(PORT), database, ledger_schema: ledger_schema.to_owned() };
        let password = SecretString::from(self.password.unwrap_or_default());
        Ok((address, Credentials { user, password, tls, ca_pem: self.ca_pem }))
    }
}

/// Whether a `/`, `?` or `#` in the user or the password ends the authority before its `@`. What follows would then be read
/// as path or parameters, and be named in messages.
fn swallows_the_user(uri: &str) -> bool {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let (authority, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    !authority.contains('@') && after.contains('@')
}

/// The part of a URL between `//` and the path.
fn authority(uri: &str) -> &str {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    rest.split(['/', '?']).next().unwrap_or_default()
}

/// Loopback and sockets: nobody listens in between.
fn is_local(host: &str) -> bool {
    host.starts_with('/')
        || host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn percent_decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(byte) = bytes.get(index) {
        if *byte == b'%' {
            let digits = std::str::from_utf8(bytes.get(index + 1..index + 3)?).ok()?;
            out.push(u8::from_str_radix(digits, 16).ok()?);
            index += 3;
        } else {
            out.push(*byte);
            index += 1;
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn keys(pairs: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
    }

    fn resolved(pairs: &[(&str, &str)]) -> Result<(Address, Credentials), ConnectionProblem> {
        ConnectionParts::from_keys(&keys(pairs))?.resolve("sluice")
    }

    #[test]
    fn separate_keys_take_any_character_in_a_password() {
        let odd = "p@ss:w/o#r?d%41 'quo\"ted' \\ ünï";
        let (address, login) = resolved(&[
            ("host", "db"),
            ("username", "app"),
            ("password", odd),
            ("dbname", "shop"),
            ("uri", "postgres://other@elsewhere/x"),
        ])
        .unwrap();
        assert_eq!(address.to_string(), "db:5432/shop");
        assert_eq!((login.user.as_str(), login.password.expose_secret()), ("app", odd));
    }

    #[test]
    fn a_uri_is_percent_decoded() {
        let (address, login) =
            resolved(&[("uri", "postgresql://a%40b:p%2Fw%25@db.example:6000/sh%20op?sslmode=require")]).unwrap();
        assert_eq!((address.port, address.database.as_str()), (6000, "sh op"));
        assert_eq!((login.user.as_str(), login.password.expose_secret(), login.tls), ("a@b", "p/w%", TlsMode::Require));
    }

    #[test]
    fn the_servers_identity_is_checked_in_full_except_on_this_machine() {
        let tls = |host: &str| resolved(&[("host", host), ("user", "u"), ("dbname", "d")]).unwrap().1.tls;
        for host in ["db", "10.0.0.7", "db.prod.internal", "localhost.example"] {
            assert_eq!(tls(host), TlsMode::VerifyFull, "{host}");
        }
        for host in ["localhost", "127.0.0.1", "::1", "/run/postgresql"] {
            assert_eq!(tls(host), TlsMode::Disable, "{host}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for (pairs, word) in [
            (vec![], "neither the key uri nor the key host"),
            (vec![("host", "db"), ("dbname", "d")], "user"),
            (vec![("host", "db"), ("user", "u")], "dbname"),
            (vec![("host", "db"), ("user", "u"), ("dbname", "d"), ("port", "x")], "port"),
            (vec![("host", "db"), ("user", "u"), ("dbname", "d"), ("sslmode", "sometimes")], "verify-full"),
            (vec![("uri", "mysql://u:p@h/d")], "mysql"),
            (vec![("uri", "postgres://u:p@a,b/d")], "several hosts"),
            (vec![("uri", "postgres://u:p@h/d?sslrootcert=/x")], "caRef"),
        ] {
            let error = resolved(&pairs).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn no_error_and_no_debug_output_shows_a_password() {
        for uri in [
            "postgres://u:s3cr3t@a,b/d",
            "postgres://u:s3cr3t#x@h/d",
            "postgres://u:s3cr3t/x@h:no/d",
            "redis://u:s3cr3t@h/d",
            "u:s3cr3t@h/d",
            "postgres://u:s3cr3t@h/d?what=s3cr3t",
            "postgres://u:s3cr3t@h:99999/d",
            "postgres://u:1?s3cr3t=x@h/d",
            "postgres://u:1/s3cr3t@h/d",
            "postgres://u:1#s3cr3t@h/d",
        ] {
            let error = resolved(&[("uri", uri)]).unwrap_err().to_string();
            assert!(!error.contains("s3cr3t"), "{error}");
        }
        let parts = ConnectionParts::from_keys(&keys(&[("host", "h"), ("password", "s3cr3t")])).unwrap();
        assert!(!format!("{parts:?}").contains("s3cr3t"));
        let (_, login) = resolved(&[("uri", "postgres://u:s3cr3t@h/d")]).unwrap();
        assert!(!format!("{login:?}").contains("s3cr3t"));
    }
}
