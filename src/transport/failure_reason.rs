//! Why a connection failed, in words for people: those of the libraries name their own types.

use std::io;

use rustls::{AlertDescription, CertificateError};

/// The reason of an error of a socket. It may have one of TLS inside.
pub(super) fn of_io(error: &io::Error) -> String {
    let inner = error.get_ref();
    if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return of_tls(tls);
    }

    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
        io::ErrorKind::TimedOut => "the server does not answer".to_owned(),
        io::ErrorKind::HostUnreachable => "no route to the host".to_owned(),
        io::ErrorKind::NetworkUnreachable => "the network is unreachable".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine has no address to connect from".to_owned(),
        _ => without_code(error),
    }
}

/// The reason why a name has no address.
pub(super) fn of_lookup(error: &io::Error) -> String {
    let text = without_code(error);

    text.strip_prefix("failed to lookup address information: ")
        .unwrap_or(&text)
        .to_owned()
}

/// The system's text, without ` (os error 24)`.
fn without_code(error: &io::Error) -> String {
    let text = error.to_string();

    match text.split_once(" (os error ") {
        Some((text, _)) => text.to_lowercase(),
        None => text,
    }
}

/// The reason of a failed TLS handshake, or of an alert later.
pub(super) fn of_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(problem) => of_certificate(problem),
        rustls::Error::AlertReceived(alert) => of_alert(*alert),
        rustls::Error::NoApplicationProtocol => NO_HTTP2.to_owned(),
        rustls::Error::NoCertificatesPresented => "the server shows no certificate".to_owned(),
        rustls::Error::InvalidMessage(_) => "the server does not speak TLS".to_owned(),
        rustls::Error::PeerIncompatible(_) => {
            "the server offers no TLS version or cipher that Bellwire accepts (TLS 1.2, 1.3)"
                .to_owned()
        }
        rustls::Error::PeerMisbehaved(_) | rustls::Error::InappropriateMessage { .. } => {
            "the server breaks the TLS protocol".to_owned()
        }
        other => format!("TLS failed: {other}"),
    }
}

/// What a server without HTTP/2 is said to lack.
pub(super) const NO_HTTP2: &str = "the server offers no HTTP/2";

fn of_certificate(problem: &CertificateError) -> String {
    let problem = match problem {
        CertificateError::UnknownIssuer => {
            return "certificate not trusted: self-signed, or signed by an authority that is neither \
                    among those of this machine nor in ca_file"
                .to_owned();
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet: compare the clocks"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another host name"
        }
        CertificateError::Revoked => "it is revoked",
        CertificateError::BadSignature => "its signature is wrong",
        CertificateError::BadEncoding => "it can't be read",
        // A self-signed certificate of an authority that serves as the server's own.
        CertificateError::Other(_) => "self-signed, or not for a server",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not for a server"
        }
        _ => "it is not valid",
    };

    format!("certificate not trusted: {problem}")
}

/// An alert is the server's: what it says against Bellwire.
fn of_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::NoApplicationProtocol => NO_HTTP2.to_owned(),
        AlertDescription::CertificateRequired => {
            "the server asks for a client certificate".to_owned()
        }
        AlertDescription::CertificateExpired => {
            "the server says that the client certificate has expired".to_owned()
        }
        AlertDescription::CertificateRevoked => {
            "the server says that the client certificate is revoked".to_owned()
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => {
            "the server does not accept the client certificate".to_owned()
        }
        AlertDescription::ProtocolVersion => {
            "the server offers no TLS version that Bellwire accepts (TLS 1.2, 1.3)".to_owned()
        }
        AlertDescription::HandshakeFailure => "the server refuses the TLS handshake".to_owned(),
        AlertDescription::UnrecognisedName => "the server does not know the host name".to_owned(),
        other => format!("the server refuses the TLS connection: {other:?}"),
    }
}

/// The reason of an error of HTTP/2.
pub(super) fn of_http2(error: &h2::Error) -> String {
    if let Some(error) = error.get_io() {
        return of_io(error);
    }

    let code = error.reason();
    match (code, error.is_go_away(), error.is_reset()) {
        (Some(h2::Reason::NO_ERROR), true, _) => "the server closed the connection".to_owned(),
        (Some(h2::Reason::REFUSED_STREAM), ..) => "the server refused the request".to_owned(),
        (Some(code), true, _) => format!("the server closed the connection: {code}"),
        (Some(code), _, true) => format!("the server broke the request off: {code}"),
        (Some(code), ..) => format!("HTTP/2 failed: {code}"),
        (None, ..) => "the connection is closed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_no_types_and_no_error_numbers() {
        let refused = io::Error::from_raw_os_error(111);
        assert_eq!(of_io(&refused), "connection refused");

        let full = io::Error::from_raw_os_error(24);
        assert_eq!(of_io(&full), "too many open files");

        let unknown =
            io::Error::other("failed to lookup address information: Name or service not known");
        assert_eq!(of_lookup(&unknown), "Name or service not known");
    }

    #[test]
    fn a_tls_error_is_found_inside_that_of_a_socket() {
        let certificate = |problem| {
            let error = rustls::Error::InvalidCertificate(problem);
            of_io(&io::Error::new(io::ErrorKind::InvalidData, error))
        };

        assert!(certificate(CertificateError::UnknownIssuer).contains("self-signed"));
        assert_eq!(
            certificate(CertificateError::Expired),
            "certificate not trusted: it has expired"
        );
        assert_eq!(
            certificate(CertificateError::NotValidForName),
            "certificate not trusted: it is for another host name"
        );
    }

    #[test]
    fn an_alert_tells_what_the_server_misses() {
        let alert = |alert| of_tls(&rustls::Error::AlertReceived(alert));

        assert_eq!(alert(AlertDescription::NoApplicationProtocol), NO_HTTP2);
        assert_eq!(
            alert(AlertDescription::CertificateExpired),
            "the server says that the client certificate has expired"
        );
    }
}
