//! TLS of the service: one choice of algorithms for its listeners, its own requests and the
//! database.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// Returns the algorithms of aws-lc, whose first key exchange is X25519MLKEM768. A peer without
/// ML-KEM gets X25519 or one of the NIST curves.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

#[cfg(test)]
mod tests {
    use rustls::NamedGroup;

    use super::provider;

    #[test]
    fn the_hybrid_key_exchange_is_first_and_the_usual_ones_follow() {
        let groups: Vec<NamedGroup> = provider().kx_groups.iter().map(|group| group.name()).collect();
        assert_eq!(groups.first(), Some(&NamedGroup::X25519MLKEM768));
        assert!([NamedGroup::X25519, NamedGroup::secp256r1].iter().all(|usual| groups.contains(usual)));
    }
}
