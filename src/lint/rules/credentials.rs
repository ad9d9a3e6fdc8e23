//! `credentials`: a script holds a password or a key.

use super::super::{About, Class, Found, Rule, Severity, Subject};

/// A script holds a password or a key.
pub struct Credentials;

static ABOUT: About = About {
    name: "credentials",
    class: Class::Security,
    severity: Severity::Error,
    summary: "A script holds a password or a key",
    why: "Scripts are in version control, in the ledger and in backups: whoever reads one of them has the \
        password.",
    rewrite: "Keep it in a Secret and let the application or an operator use it from there; change the one that \
        was written here.",
    bad: "INSERT INTO settings (name, value) VALUES ('queue', 'amqp://app:hunter2@queue/orders');\n",
    good: "INSERT INTO settings (name, value) VALUES ('queue', 'orders');\n",
};

impl Rule for Credentials {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn check(&self, subject: &Subject<'_>, found: &mut Found) {
        for judged in &subject.statements {
            let words = judged.words();
            for (at, word) in words.iter() {
                let Some(literal) = words.literal(at) else { continue };
                let named = at.checked_sub(1).is_some_and(|before| words.is(before, "PASSWORD")) && !literal.is_empty();
                // A body is looked at by its own strings.
                let is_body = words.is_body(at);
                if named || (!is_body && holds_credentials(literal)) {
                    found.at(judged, word.start..word.start + word.text.len(), "this string holds a password or a key");
                }
            }
        }
    }
}

/// Whether a text is a URL or connection string with a password, or begins like a well-known kind of key.
pub(super) fn holds_credentials(text: &str) -> bool {
    in_url(text)
        || after(text, "password=").is_some_and(|rest| !rest.starts_with(char::is_whitespace) && !rest.is_empty())
        || ["-----BEGIN ", "ghp_", "github_pat_", "glpat-", "xoxb-", "sk_live_"].iter().any(|mark| text.contains(mark))
        || after(text, "AKIA").is_some_and(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).count() >= 16)
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.find(mark).and_then(|at| text.get(at + mark.len()..))
}

/// `scheme://user:password@host`
fn in_url(text: &str) -> bool {
    text.match_indices("://").any(|(at, mark)| {
        let rest = text.get(at + mark.len()..).unwrap_or_default();
        let authority = rest.split(['/', '?', '#', ' ', '\n']).next().unwrap_or_default();
        authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).is_some_and(|(_, word)| !word.is_empty())
    })
}
