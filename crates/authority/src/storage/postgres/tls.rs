//! TLS to the database.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::Encryption;
use crate::failure::StorageError;
use crate::tls;

/// Makes a TLS connector with the root certificates of the file, or of the system (`SSL_CERT_FILE`
/// names others). The name of the server is always verified.
pub(super) fn connector(encryption: &Encryption) -> Result<MakeRustlsConnect, StorageError> {
    let mut roots = RootCertStore::empty();
    match &encryption.roots {
        Some(file) => add_file(&mut roots, file)?,
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(StorageError::new(
                    "TLS to the database needs the system's root certificates, and there are none",
                ));
            }
        }
    }
    let config = ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| StorageError::new(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn add_file(roots: &mut RootCertStore, file: &Path) -> Result<(), StorageError> {
    let fault = |reason: &str| StorageError::new(format!("sslrootcert: {}: {reason}", file.display()));
    let text = std::fs::read(file).map_err(|error| fault(&error.to_string()))?;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| fault(&error.to_string()))?;
        roots.add(certificate).map_err(|error| fault(&error.to_string()))?;
    }
    if roots.is_empty() { Err(fault("the file has no certificate in PEM")) } else { Ok(()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_roots_that_cannot_be_used_is_named_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("roots.pem");
        let fault = || {
            let error = connector(&Encryption { roots: Some(file.clone()) }).err().unwrap().to_string();
            assert!(error.starts_with("sslrootcert: ") && error.contains("roots.pem"), "{error}");
            error
        };
        assert!(fault().contains("No such file"), "{}", fault());
        std::fs::write(&file, "nothing").unwrap();
        assert!(fault().contains("no certificate"), "{}", fault());
        std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        fault();
    }
}
