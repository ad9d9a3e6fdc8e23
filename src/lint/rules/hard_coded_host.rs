//! `hard-coded-host`: a script holds the address of a host.

use super::super::{About, Class, Found, Rule, Severity, Subject};
use super::credentials::holds_credentials;

/// A script holds the address of a host.
pub struct HardCodedHost;

static ABOUT: About = About {
    name: "hard-coded-host",
    class: Class::Environment,
    severity: Severity::Warning,
    summary: "A script holds the address of a host",
    why: "The address is right in one environment; in the others the application talks to the wrong one, or \
        to production.",
    rewrite: "Let the application take the address from its configuration.",
    bad: "INSERT INTO settings (name, value) VALUES ('queue', 'amqp://queue.prod.internal/orders');\n",
    good: "INSERT INTO settings (name, value) VALUES ('queue', 'orders');\n",
};

impl Rule for HardCodedHost {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for (at, word) in words.iter() {
                let Some(literal) = words.literal(at).filter(|_| !words.is_body(at)) else { continue };
                // With a password in it, that is the finding.
                if names_host(literal) && !holds_credentials(literal) {
                    found.at(
                        judged,
                        word.start..word.start + word.text.len(),
                        "this string holds the address of a host",
                    );
                }
            }
        }
    }
}

/// Whether a text holds a URL or connection string with a host, or an address.
fn names_host(text: &str) -> bool {
    let host = |at: usize| {
        let rest = text.get(at..).unwrap_or_default();
        rest.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '.' || c == '_')).next().unwrap_or_default()
    };
    let urls = text.match_indices("://").map(|(at, mark)| host(at + mark.len()));
    let parameters =
        ["host=", "hostaddr="].iter().flat_map(|mark| text.match_indices(mark)).map(|(at, mark)| host(at + mark.len()));
    urls.chain(parameters).any(|host| !host.is_empty() && !is_public(host)) || is_address(text)
}

/// Hosts that mean the same everywhere: names of standards, and those that are set aside for examples.
fn is_public(host: &str) -> bool {
    const ENDS: &[&str] = &[
        "example.com",
        "example.org",
        "example.net",
        "example",
        "test",
        "invalid",
        "w3.org",
        "json-schema.org",
        "schema.org",
    ];
    ENDS.iter().any(|end| host == *end || host.strip_suffix(end).is_some_and(|rest| rest.ends_with('.')))
}

/// Whether the whole text is an IPv4 address, perhaps with a port.
fn is_address(text: &str) -> bool {
    let host = text.split(':').next().unwrap_or_default();
    let parsed: Result<std::net::Ipv4Addr, _> = host.parse();
    parsed.is_ok_and(|address| !address.is_unspecified() && !address.is_loopback() && !address.is_broadcast())
}
