//! The causes of failed TLS connections. rustls' own texts name its types; these sentences name the
//! cause and say what to do.

#![forbid(unsafe_code)]

use std::error::Error;
use std::io;

use rustls::{CertificateError, InvalidMessage};

/// The cause of a failed TLS connection, from the client's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFault {
    /// No trusted root signed the server's certificate, directly or indirectly.
    UnknownIssuer,
    /// The certificate is for other names.
    OtherName,
    /// The certificate has expired.
    Expired,
    /// The certificate is not valid yet.
    NotValidYet,
    /// The server presented the certificate of a CA as its own.
    CaAsServer,
    /// The certificate has another fault.
    Certificate,
    /// The server answered without TLS.
    NoTls,
    /// The two sides found no common version, cipher or key exchange, or one of them closed the
    /// connection.
    Handshake,
}

/// The server's name and settings, for messages.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    /// The server, such as `the SMS gateway`.
    pub name: &'a str,
    /// The setting for the certificate of a CA, such as `credential.caFile`.
    pub roots: &'a str,
    /// The setting that names the server's host, such as `sms.webhook_url`.
    pub address: &'a str,
}

impl TlsFault {
    /// Returns the cause of an error of rustls.
    pub fn of(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(error) => Self::of_certificate(error),
            rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NoTls,
            _ => Self::Handshake,
        }
    }

    /// Returns the cause if `error` is an error of rustls or has one in its chain.
    pub fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref() {
                return Some(Self::of(error));
            }
            // An `io::Error` does not report the error that it holds as its source.
            let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            next = held.map(|held| held as &(dyn Error + 'static)).or_else(|| error.source());
        }
        None
    }

    fn of_certificate(error: &CertificateError) -> Self {
        use CertificateError as E;
        match error {
            // A bad signature means another issuer that has the name of a trusted one.
            E::UnknownIssuer | E::BadSignature => Self::UnknownIssuer,
            E::NotValidForName | E::NotValidForNameContext { .. } => Self::OtherName,
            E::Expired | E::ExpiredContext { .. } => Self::Expired,
            E::NotValidYet | E::NotValidYetContext { .. } => Self::NotValidYet,
            // rustls 0.23 has no variant for this error of its certificate verifier.
            E::Other(inner) if format!("{:?}", inner.0) == "CaUsedAsEndEntity" => Self::CaAsServer,
            _ => Self::Certificate,
        }
    }

    /// Returns the cause and the remedy, without a full stop.
    pub fn sentence(self, peer: Peer<'_>) -> String {
        let Peer { name, roots, address } = peer;
        match self {
            Self::UnknownIssuer => format!(
                "{name}'s certificate is of an issuer that is not trusted: put the issuer's certificate into {roots}"
            ),
            Self::OtherName => format!("{name}'s certificate is for another host: check the host in {address}"),
            Self::Expired => {
                format!("{name}'s certificate has expired: check the local clock, or renew the certificate")
            }
            Self::NotValidYet => format!("{name}'s certificate is not valid yet: check the local clock"),
            Self::CaAsServer => format!(
                "{name} shows the certificate of a CA as its own: give it a certificate that the CA signed, and put \
                 that of the CA into {roots}"
            ),
            Self::Certificate => {
                format!("{name}'s certificate cannot be used: it is damaged, revoked or for another purpose")
            }
            Self::NoTls => format!(
                "{name} does not speak TLS at this port: it may be a port of plain HTTP or another protocol, check {address}"
            ),
            Self::Handshake => {
                format!("TLS with {name} failed: the two sides have no version or cipher in common, or one broke off")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::crypto::ring::default_provider;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

    use super::*;

    /// Returns the error of a client that connects to a server with a changed certificate.
    /// `is_trusted`: the client trusts the root.
    fn met(is_trusted: bool, is_own_root: bool, change: impl FnOnce(&mut CertificateParams)) -> io::Error {
        let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_certificate = ca.self_signed(&ca_key).unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        change(&mut params);
        let certificate = if is_own_root {
            params.self_signed(&key).unwrap()
        } else {
            params.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap()
        };
        let mut roots = RootCertStore::empty();
        if is_trusted {
            roots.add(if is_own_root { certificate.der() } else { ca_certificate.der() }.clone()).unwrap();
        }
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serving = std::thread::spawn(move || {
            let (socket, _) = listener.accept().unwrap();
            let connection = ServerConnection::new(Arc::new(server)).unwrap();
            // The alert of the client is an error here.
            let _ = StreamOwned::new(connection, socket).read(&mut [0]);
        });
        let error = connect(TcpStream::connect(address).unwrap(), roots);
        serving.join().unwrap();
        error
    }

    fn connect(socket: TcpStream, roots: RootCertStore) -> io::Error {
        let client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connection = ClientConnection::new(Arc::new(client), "localhost".try_into().unwrap()).unwrap();
        StreamOwned::new(connection, socket).write_all(b"?").unwrap_err()
    }

    fn date(year: i32) -> impl Fn(&mut CertificateParams) {
        move |params| {
            params.not_before = rcgen::date_time_ymd(year, 1, 1);
            params.not_after = rcgen::date_time_ymd(year + 1, 1, 1);
        }
    }

    #[test]
    fn each_fault_of_a_certificate_is_told_apart() {
        let ca = |params: &mut CertificateParams| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let other = |params: &mut CertificateParams| {
            params.subject_alt_names = CertificateParams::new(["example.org".to_owned()]).unwrap().subject_alt_names;
        };
        for (error, fault) in [
            (met(false, false, |_| {}), TlsFault::UnknownIssuer),
            (met(false, true, |_| {}), TlsFault::UnknownIssuer),
            (met(true, false, other), TlsFault::OtherName),
            (met(true, false, date(2019)), TlsFault::Expired),
            (met(true, false, date(2900)), TlsFault::NotValidYet),
            (met(true, true, ca), TlsFault::CaAsServer),
        ] {
            assert_eq!(TlsFault::find(&error), Some(fault), "{error:?}");
        }
    }

    #[test]
    fn a_server_without_tls_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serving = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let _ = socket.read(&mut [0; 4096]);
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        });
        let error = connect(TcpStream::connect(address).unwrap(), RootCertStore::empty());
        serving.join().unwrap();
        assert_eq!(TlsFault::find(&error), Some(TlsFault::NoTls), "{error:?}");
    }

    #[test]
    fn an_error_is_found_behind_others_and_not_where_there_is_none() {
        let rustls = || rustls::Error::InvalidCertificate(CertificateError::Expired);
        assert_eq!(TlsFault::find(&rustls()), Some(TlsFault::Expired));
        let twice = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, rustls()));
        assert_eq!(TlsFault::find(&twice), Some(TlsFault::Expired));
        assert_eq!(TlsFault::find(&io::Error::from(io::ErrorKind::BrokenPipe)), None);
    }

    #[test]
    fn each_sentence_names_the_server() {
        let peer = Peer { name: "the gateway", roots: "webhook_ca_file", address: "webhook_url" };
        for fault in [TlsFault::UnknownIssuer, TlsFault::OtherName, TlsFault::NoTls, TlsFault::Handshake] {
            assert!(fault.sentence(peer).contains("the gateway"), "{fault:?}");
        }
        assert!(TlsFault::UnknownIssuer.sentence(peer).ends_with("into webhook_ca_file"));
        assert!(TlsFault::OtherName.sentence(peer).ends_with("in webhook_url"));
    }
}
