//! `NAME=URL`: an address that the operator's owner declares and that checks may name.

use std::str::FromStr;

use url::Url;

/// A declared address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What checks call it.
    pub name: String,
    /// Where it is.
    pub url: Url,
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, address) = text
            .split_once('=')
            .ok_or_else(|| "write NAME=URL, as in platform=http://prometheus.monitoring:9090".to_owned())?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > 63 || !name.bytes().all(plain) {
            return Err(format!("`{name}` is no name: use up to 63 letters, digits, dashes and dots"));
        }
        // The address may hold a password and is not repeated.
        let url = Url::parse(address).map_err(|error| format!("the URL of {name} cannot be read: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(format!("the URL of {name} must begin with http:// or https:// and name a host"));
        }
        Ok(Self { name: name.to_owned(), url })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_an_address_are_an_endpoint() {
        let endpoint: Endpoint = "platform=http://prometheus:9090/prefix?x=1".parse().unwrap();
        assert_eq!((endpoint.name.as_str(), endpoint.url.as_str()), ("platform", "http://prometheus:9090/prefix?x=1"));
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_the_cure_and_without_a_password() {
        for (text, words) in [
            ("http://prometheus", "NAME=URL"),
            ("=http://x", "no name"),
            ("a b=http://x", "no name"),
            ("x=ftp://secret@host", "http://"),
            ("x=nonsense:secret", "http://"),
            ("x=http://:secret@", "cannot be read"),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert!(error.contains(words) && !error.contains("secret"), "{text}: {error}");
        }
    }
}
