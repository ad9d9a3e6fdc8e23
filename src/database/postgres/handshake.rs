//! What a handshake that came to nothing means: the server's identity, TLS, and what a login is prepared from.

use rustls::CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer};

use crate::database::Address;

/// Why no connection came about, where the server itself has not said why. Shows no certificate and no password.
pub(super) fn explain(address: &Address, error: &sqlx::Error) -> String {
    let Address { host, port, .. } = address;
    match error {
        sqlx::Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(problem)) => {
                format!("{host}:{port} shows a certificate that {}", certificate(host, problem))
            }
            Some(_) | None if error.kind() == std::io::ErrorKind::UnexpectedEof => format!(
                "{host}:{port} ended the connection before the login was over: a proxy without a server behind it, or no PostgreSQL"
            ),
            Some(_) | None => format!("{host}:{port} cannot be reached: {error}"),
        },
        sqlx::Error::Tls(error) if error.to_string().contains("does not support TLS") => format!(
            "{host}:{port} does not offer TLS; switch it on there, or write sslmode: disable into the Secret if nobody can \
             listen in between"
        ),
        sqlx::Error::Tls(error) => format!("{host}:{port} cannot be reached: TLS: {error}"),
        // The driver reports nothing else this way that is not set here, and its own words quote the character.
        sqlx::Error::Configuration(_) => format!(
            "cannot log in to {host}:{port}: the user or the password has a character that SCRAM logins do not take (an emoji, a \
             control character); choose another password"
        ),
        sqlx::Error::Protocol(_) => {
            format!("{host}:{port} cannot be used: what answers does not speak PostgreSQL's protocol")
        }
        _ => format!("{host}:{port} cannot be reached: the driver gave up"),
    }
}

fn certificate(host: &str, problem: &rustls::CertificateError) -> String {
    match problem {
        UnknownIssuer => {
            "no trusted authority has signed; put the certificate of its authority into a Secret or ConfigMap, and \
            name that in spec.database.caRef"
                .to_owned()
        }
        NotValidForNameContext { presented, .. } => format!(
            "is not for the host \"{host}\" but for {}; write one of these as host into the Secret, or sslmode: verify-ca",
            presented.join(", ")
        ),
        NotValidForName => {
            format!("is not for the host \"{host}\"; write the right host into the Secret, or sslmode: verify-ca")
        }
        Expired | ExpiredContext { .. } => "has expired; renew it on the server".to_owned(),
        other => format!("cannot be used: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> Address {
        Address { host: "db".to_owned(), port: 5432, database: "shop".to_owned(), ledger_schema: "sluice".to_owned() }
    }

    fn shown(problem: rustls::CertificateError) -> String {
        let error = std::io::Error::other(rustls::Error::InvalidCertificate(problem));
        explain(&address(), &sqlx::Error::Io(error))
    }

    #[test]
    fn each_problem_with_a_certificate_names_its_cure() {
        assert!(shown(UnknownIssuer).contains("db:5432 shows a certificate that no trusted authority has signed; put"));
        assert!(shown(Expired).contains("renew it"));
        let names = NotValidForNameContext {
            expected: "db".try_into().unwrap(),
            presented: vec!["DnsName(\"pg.shop\")".to_owned()],
        };
        assert!(shown(names).contains("is not for the host \"db\" but for DnsName(\"pg.shop\")"));
    }

    #[test]
    fn a_character_that_a_login_does_not_take_is_not_quoted() {
        let error = sqlx::Error::Configuration("Failed to saslprep password: ProhibitedCharacter('😀')".into());
        let told = explain(&address(), &error);
        assert!(told.contains("choose another password") && !told.contains('😀'), "{told}");
    }
}
