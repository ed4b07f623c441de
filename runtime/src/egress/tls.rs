//! Which certificate authorities a connection is verified against: the system's, or the one that a cluster's
//! own API showed. TLS is never left unverified.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The system's certificate authorities (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured).
pub(super) struct Roots {
    system: Arc<RootCertStore>,
}

/// Why TLS could not be set up for an origin. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    #[error("the learned certificate authority is not a PEM certificate")]
    NotPem(#[source] rustls::pki_types::pem::Error),
    #[error("the learned certificate authority holds no certificate")]
    NoCertificate,
    #[error("the learned certificate authority cannot be used")]
    Unusable(#[source] rustls::Error),
    #[error("TLS could not be set up")]
    Setup(#[source] rustls::Error),
}

impl Roots {
    /// Reads the system's authorities. Unreadable ones are left out and logged.
    pub(super) fn load() -> Self {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a certificate authority of the system could not be read");
        }
        let mut system = RootCertStore::empty();
        system.add_parsable_certificates(found.certs);
        if system.is_empty() {
            tracing::warn!("{}", NO_AUTHORITIES);
        }
        Self { system: Arc::new(system) }
    }

    /// What to tell someone whose connection failed for want of any authority.
    pub(super) fn hint(&self) -> Option<&'static str> {
        self.system.is_empty().then_some(NO_AUTHORITIES)
    }

    /// The TLS settings of one client: verified against `ca` (PEM) alone when there is one.
    pub(super) fn config(&self, ca: Option<&str>) -> Result<ClientConfig, TlsError> {
        let roots = match ca {
            Some(pem) => Arc::new(learned(pem)?),
            None => Arc::clone(&self.system),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Ok(ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            .with_root_certificates(roots)
            .with_no_client_auth())
    }
}

const NO_AUTHORITIES: &str = "no certificate authorities were found on this machine: \
     install its ca-certificates package or set SSL_CERT_FILE";

fn learned(pem: &str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.map_err(TlsError::NotPem)?).map_err(TlsError::Unusable)?;
    }
    if roots.is_empty() { Err(TlsError::NoCertificate) } else { Ok(roots) }
}
