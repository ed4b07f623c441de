//! Encryption at rest: credentials, secrets and secret parts of records.
//!
//! Envelope encryption. Each item has a data key of its own, made when it is sealed and used once; the
//! [`MasterKey`] wraps that key; what is stored is both together. So the master key encrypts nothing but
//! keys, and another keeper of it (the system's keyring, a KMS) needs to wrap and unwrap 32 bytes, no more.
//!
//! An item is bound to its place: the caller gives the row's key as associated data, and an item copied to
//! another row does not open.
//!
//! ```text
//! "CAv" version  key id  length  wrapped data key      nonce  ciphertext and tag
//!  3     1        8       2       72 with a file key    24     plaintext + 16
//! ```
//!
//! Both layers are XChaCha20-Poly1305: its nonces are long enough to be random for any number of items.

use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use zeroize::Zeroizing;

mod file;
mod generate;

pub use file::FileKey;
pub use generate::{Alphabet, generate_secret};

/// A key of 256 bits, overwritten when dropped.
pub type KeyBytes = Zeroizing<[u8; 32]>;

const MAGIC: &[u8; 3] = b"CAv";
const VERSION: u8 = 1;
const NONCE: usize = 24;

/// Names a master key without telling it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Keeps the key that wraps all others.
pub trait MasterKey: Send + Sync {
    /// Which key it is.
    fn id(&self) -> KeyId;

    /// Encrypts a data key. At most 65,535 bytes.
    ///
    /// # Errors
    /// When the keeper of the key, or the system's randomness, cannot be had.
    fn wrap(&self, data_key: &KeyBytes) -> Result<Vec<u8>, VaultError>;

    /// Decrypts a data key that this key has wrapped.
    ///
    /// # Errors
    /// [`VaultError::Damaged`] when it has not.
    fn unwrap_key(&self, wrapped: &[u8]) -> Result<KeyBytes, VaultError>;

    /// A key for another purpose: always the same for the same purpose, and no way back to the master key.
    fn derive(&self, purpose: &str) -> KeyBytes;
}

/// Why something could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Sealed under another master key.
    #[error(
        "this was encrypted with master key {sealed_with}, but the server has {have}: put the master key file of \
         this store back in place (it is part of a full backup)"
    )]
    WrongKey {
        /// The key that can open it.
        sealed_with: KeyId,
        /// The key at hand.
        have: KeyId,
    },
    /// Not what was sealed, or not in the place it was sealed for.
    #[error("encrypted content was changed, cut off or moved to another place; restore it from a backup")]
    Damaged,
    /// A format of a later version.
    #[error("encrypted content has format {0}, which a newer version of the server wrote")]
    NewerFormat(u8),
    /// The key file can be read by others.
    #[error("the master key file {path} can be read by other users (mode {mode:o}); run `chmod 600 {path}`")]
    Exposed {
        /// The file.
        path: String,
        /// Its permissions.
        mode: u32,
    },
    /// The key file is not one.
    #[error("{path} is not a master key file; put the right one back in place (it is part of a full backup)")]
    NotAKey {
        /// The file.
        path: String,
    },
    /// The key file could not be read or made.
    #[error("the master key file {path} could not be {doing}")]
    File {
        /// The file.
        path: String,
        /// `read`, `written`.
        doing: &'static str,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// Larger than the cipher takes (256 GiB), or a length that makes no secret.
    #[error("{0}")]
    Length(&'static str),
}

/// Seals and opens.
#[derive(Clone)]
pub struct Vault {
    master: Arc<dyn MasterKey>,
}

impl Vault {
    /// A vault under this master key.
    #[must_use]
    pub fn new(master: Arc<dyn MasterKey>) -> Self {
        Self { master }
    }

    /// Which master key it uses. A store that remembers it can tell at its start that the key was swapped.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.master.id()
    }

    /// A key for another purpose, stable as long as the master key is.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> KeyBytes {
        self.master.derive(purpose)
    }

    /// Encrypts for a place: `aad` is the row's key.
    ///
    /// # Errors
    /// When the master key or the system's randomness cannot be had.
    pub fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, VaultError> {
        let data_key = random::<32>()?;
        let wrapped = self.master.wrap(&data_key)?;
        let length = u16::try_from(wrapped.len()).map_err(|_| VaultError::Length("the wrapped key is too long"))?;
        let mut sealed = Vec::with_capacity(14 + wrapped.len() + NONCE + plaintext.len() + 16);
        sealed.extend_from_slice(MAGIC);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.master.id().0);
        sealed.extend_from_slice(&length.to_be_bytes());
        sealed.extend_from_slice(&wrapped);
        let bound = bound_to(&sealed, aad);
        let (nonce, ciphertext) = encrypt(&data_key, &bound, plaintext)?;
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Decrypts what was sealed for this place.
    ///
    /// # Errors
    /// When it was sealed under another key, for another place, by a later version, or was changed since.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let parts = Parts::read(sealed)?;
        if parts.key_id != self.master.id() {
            return Err(VaultError::WrongKey { sealed_with: parts.key_id, have: self.master.id() });
        }
        let data_key = self.master.unwrap_key(parts.wrapped)?;
        decrypt(&data_key, &bound_to(parts.header, aad), parts.encrypted)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault(key {})", self.key_id())
    }
}

/// A sealed item, taken apart.
struct Parts<'a> {
    key_id: KeyId,
    wrapped: &'a [u8],
    /// All before the nonce.
    header: &'a [u8],
    /// Nonce, ciphertext, tag.
    encrypted: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(sealed: &'a [u8]) -> Result<Self, VaultError> {
        let rest = sealed.strip_prefix(MAGIC).ok_or(VaultError::Damaged)?;
        let (version, rest) = rest.split_first().ok_or(VaultError::Damaged)?;
        match *version {
            VERSION => {}
            newer if newer > VERSION => return Err(VaultError::NewerFormat(newer)),
            _ => return Err(VaultError::Damaged),
        }
        let (key_id, rest) = rest.split_first_chunk::<8>().ok_or(VaultError::Damaged)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(VaultError::Damaged)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (wrapped, encrypted) = rest.split_at_checked(length).ok_or(VaultError::Damaged)?;
        let header = sealed.get(..sealed.len() - encrypted.len()).ok_or(VaultError::Damaged)?;
        Ok(Self { key_id: KeyId(*key_id), wrapped, header, encrypted })
    }
}

/// What the tag covers besides the ciphertext: the header, and the place. The length keeps the two apart.
fn bound_to(header: &[u8], place: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_be_bytes(), header, place].concat()
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, VaultError> {
    let mut bytes = Zeroizing::new([0; N]);
    OsRng.try_fill_bytes(bytes.as_mut_slice()).map_err(|_| VaultError::NoRandomness)?;
    Ok(bytes)
}

fn encrypt(key: &KeyBytes, aad: &[u8], plaintext: &[u8]) -> Result<([u8; NONCE], Vec<u8>), VaultError> {
    let nonce = *random::<NONCE>()?;
    let cipher = XChaCha20Poly1305::new((&**key).into());
    let ciphertext = cipher
        .encrypt(&XNonce::from(nonce), Payload { msg: plaintext, aad })
        .map_err(|_| VaultError::Length("content is too long to encrypt"))?;
    Ok((nonce, ciphertext))
}

fn decrypt(key: &KeyBytes, aad: &[u8], encrypted: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (nonce, ciphertext) = encrypted.split_first_chunk::<NONCE>().ok_or(VaultError::Damaged)?;
    let cipher = XChaCha20Poly1305::new((&**key).into());
    let payload = Payload { msg: ciphertext, aad };
    cipher.decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| VaultError::Damaged)
}

#[cfg(test)]
mod tests;
