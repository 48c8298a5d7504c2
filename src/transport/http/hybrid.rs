//! X25519MLKEM768: a key exchange for TLS 1.3 that neither X25519 nor ML-KEM-768 breaks alone.
//!
//! A PIN that crosses the network today stays secret from a quantum computer of tomorrow. ring has
//! no ML-KEM. This module joins ring's X25519 with the ML-KEM-768 of RustCrypto, as
//! draft-ietf-tls-ecdhe-mlkem lays out. Only the client's side is here.

use std::fmt;

use ml_kem::kem::{Decapsulate, KeyExport, KeyInit};
use ml_kem::ml_kem_768::DecapsulationKey;
use rustls::crypto::ring::{self, kx_group::X25519};
use rustls::crypto::{ActiveKeyExchange, CryptoProvider, SharedSecret, SupportedKxGroup};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{Error, NamedGroup, PeerMisbehaved, ProtocolVersion};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of an encapsulation key of ML-KEM-768, the first part of the client's share.
const ENCAPSULATION_KEY: usize = 1184;
/// Bytes of a ciphertext of ML-KEM-768, the first part of the server's share.
const CIPHERTEXT: usize = 1088;
/// Bytes of a public key of X25519, the second part of both shares.
const X25519_SHARE: usize = 32;
/// Bytes of each of the two secrets.
const SECRET: usize = 32;

/// Returns ring's algorithms with X25519MLKEM768 in front of ring's groups. The first client hello
/// carries a share of X25519, too: a server without ML-KEM needs no second one.
pub(super) fn provider() -> CryptoProvider {
    let mut provider = ring::default_provider();
    provider.kx_groups.insert(0, &X25519MlKem768);
    provider
}

/// Key exchange group, on the client's side.
#[derive(Debug)]
struct X25519MlKem768;

impl SupportedKxGroup for X25519MlKem768 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let classical = X25519.start()?;
        let mut seed = Zeroizing::new(ml_kem::Seed::default());
        getrandom::fill(seed.as_mut_slice()).map_err(|_| Error::FailedToGetRandomBytes)?;
        let key = Box::new(DecapsulationKey::new(&seed));
        let mut share = Vec::with_capacity(ENCAPSULATION_KEY + X25519_SHARE);
        share.extend_from_slice(&key.encapsulation_key().to_bytes());
        share.extend_from_slice(classical.pub_key());
        Ok(Box::new(Exchange { classical, key, share }))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        version == ProtocolVersion::TLSv1_3
    }
}

/// Exchange that waits for the server's share.
struct Exchange {
    classical: Box<dyn ActiveKeyExchange>,
    key: Box<DecapsulationKey>,
    share: Vec<u8>,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, server: &[u8]) -> Result<SharedSecret, Error> {
        let (ciphertext, share) = server.split_at_checked(CIPHERTEXT).ok_or(MALFORMED)?;
        if share.len() != X25519_SHARE {
            return Err(MALFORMED);
        }
        let classical = self.classical.complete(share)?;
        let mut quantum = self.key.decapsulate_slice(ciphertext).map_err(|_| MALFORMED)?;
        // The capacity is enough for both secrets from the start: a vector that grows leaves a copy
        // behind.
        let mut secret = Vec::with_capacity(2 * SECRET);
        secret.extend_from_slice(&quantum);
        secret.extend_from_slice(classical.secret_bytes());
        quantum.as_mut_slice().zeroize();
        Ok(SharedSecret::from(secret))
    }

    fn hybrid_component(&self) -> Option<(NamedGroup, &[u8])> {
        Some((self.classical.group(), self.classical.pub_key()))
    }

    fn complete_hybrid_component(self: Box<Self>, server: &[u8]) -> Result<SharedSecret, Error> {
        self.classical.complete(server)
    }

    fn pub_key(&self) -> &[u8] {
        &self.share
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

/// Error for a share of the server that does not have the form of this group's shares.
const MALFORMED: Error = Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use rustls::crypto::aws_lc_rs;

    use super::*;

    /// Returns the provider of the service.
    fn service() -> CryptoProvider {
        aws_lc_rs::default_provider()
    }

    fn of(provider: CryptoProvider, groups: &[NamedGroup]) -> Arc<CryptoProvider> {
        let kx_groups = provider.kx_groups.iter().copied().filter(|group| groups.contains(&group.name())).collect();
        Arc::new(CryptoProvider { kx_groups, ..provider })
    }

    /// Runs a handshake of this module's client with a server. Returns the group that both name.
    fn agree(server: Arc<CryptoProvider>) -> NamedGroup {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let server = rustls::ServerConfig::builder_with_provider(server)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        let client = rustls::ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut client = rustls::ClientConnection::new(Arc::new(client), "localhost".try_into().unwrap()).unwrap();
        let mut server = rustls::ServerConnection::new(Arc::new(server)).unwrap();
        let mut flights = 0;
        while client.is_handshaking() || server.is_handshaking() {
            let mut flight = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut flight).unwrap();
            }
            flights += usize::from(!flight.is_empty());
            server.read_tls(&mut flight.as_slice()).unwrap();
            server.process_new_packets().unwrap();
            let mut flight = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut flight).unwrap();
            }
            let mut rest = flight.as_slice();
            while !rest.is_empty() {
                client.read_tls(&mut rest).unwrap();
                client.process_new_packets().unwrap();
            }
        }
        // One hello and one end of the handshake: no server asked for another share.
        assert_eq!(flights, 2);
        let group = client.negotiated_key_exchange_group().unwrap().name();
        assert_eq!(server.negotiated_key_exchange_group().unwrap().name(), group);
        group
    }

    #[test]
    fn the_service_and_the_library_agree_on_the_hybrid_group() {
        assert_eq!(agree(Arc::new(service())), NamedGroup::X25519MLKEM768);
    }

    #[test]
    fn a_server_without_ml_kem_takes_the_share_of_x25519_in_the_same_hello() {
        assert_eq!(agree(of(service(), &[NamedGroup::X25519])), NamedGroup::X25519);
        assert_eq!(agree(Arc::new(ring::default_provider())), NamedGroup::X25519);
    }

    #[test]
    fn shares_and_secrets_have_the_layout_of_the_draft() {
        let exchange = X25519MlKem768.start().unwrap();
        assert_eq!(u16::from(exchange.group()), 0x11ec);
        assert_eq!(exchange.pub_key().len(), 1184 + 32);
        let (group, share) = exchange.hybrid_component().unwrap();
        assert_eq!((group, share), (NamedGroup::X25519, &exchange.pub_key()[1184..]));
        // The other side is an implementation of its own.
        let other = aws_lc_rs::kx_group::X25519MLKEM768.start_and_complete(exchange.pub_key()).unwrap();
        assert_eq!(other.pub_key.len(), 1088 + 32);
        let secret = exchange.complete(&other.pub_key).unwrap();
        assert_eq!(secret.secret_bytes().len(), 64);
        assert_eq!(secret.secret_bytes(), other.secret.secret_bytes());
    }

    #[test]
    fn a_share_of_another_length_or_of_a_small_order_is_refused() {
        for length in [0, 32, 1088, 1119, 1121] {
            assert!(X25519MlKem768.start().unwrap().complete(&vec![9; length]).is_err(), "{length}");
        }
        // ML-KEM takes any ciphertext and yields another secret; X25519 refuses the point zero.
        let mut share = vec![9; 1120];
        assert!(X25519MlKem768.start().unwrap().complete(&share).is_ok());
        share[1088..].fill(0);
        assert!(X25519MlKem768.start().unwrap().complete(&share).is_err());
    }
}
