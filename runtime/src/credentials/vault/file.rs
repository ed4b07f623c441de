//! The master key in a file that only the server's user can read.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{KeyBytes, KeyId, MasterKey, VaultError, decrypt, encrypt, random};

/// What the file says before the key in hexadecimal.
const PREFIX: &str = "cloudark-master-key-1 ";
const WRAPPING: &[u8] = b"cloudark data key 1";

/// A master key read from a file.
pub struct FileKey {
    key: KeyBytes,
    id: KeyId,
}

impl FileKey {
    /// Reads the key file; makes one, with a new random key and mode 0600, when there is none.
    ///
    /// # Errors
    /// When the file can be read by others, is not a key file, or cannot be read or made.
    pub fn load_or_create(path: &Path) -> Result<Self, VaultError> {
        match Self::load(path) {
            Err(VaultError::File { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
                create(path).map_err(|cause| failed(path, "written", cause))?;
                Self::load(path)
            }
            loaded => loaded,
        }
    }

    /// Reads the key file.
    ///
    /// # Errors
    /// As for [`load_or_create`](Self::load_or_create), and when there is none.
    pub fn load(path: &Path) -> Result<Self, VaultError> {
        let mut file = File::open(path).map_err(|cause| failed(path, "read", cause))?;
        let mode = file.metadata().map_err(|cause| failed(path, "read", cause))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(VaultError::Exposed { path: path.display().to_string(), mode });
        }
        let mut text = Zeroizing::new(String::with_capacity(128));
        match (&mut file).take(1024).read_to_string(&mut text) {
            Ok(_) => {}
            Err(cause) if cause.kind() == io::ErrorKind::InvalidData => {
                return Err(not_a_key(path));
            }
            Err(cause) => return Err(failed(path, "read", cause)),
        }
        let mut key = Zeroizing::new([0; 32]);
        let digits = text.trim_end().strip_prefix(PREFIX).ok_or_else(|| not_a_key(path))?;
        hex::decode_to_slice(digits, key.as_mut_slice()).map_err(|_| not_a_key(path))?;
        Ok(Self::from_bytes(key))
    }

    fn from_bytes(key: KeyBytes) -> Self {
        let digest = Sha256::new().chain_update(b"cloudark master key id 1").chain_update(key.as_slice()).finalize();
        let mut id = [0; 8];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self { key, id: KeyId(id) }
    }
}

impl MasterKey for FileKey {
    fn id(&self) -> KeyId {
        self.id
    }

    fn wrap(&self, data_key: &KeyBytes) -> Result<Vec<u8>, VaultError> {
        let (nonce, ciphertext) = encrypt(&self.derive("wrapping"), WRAPPING, data_key.as_slice())?;
        Ok([&nonce[..], &ciphertext].concat())
    }

    fn unwrap_key(&self, wrapped: &[u8]) -> Result<KeyBytes, VaultError> {
        let bytes = decrypt(&self.derive("wrapping"), WRAPPING, wrapped)?;
        let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| VaultError::Damaged)?;
        Ok(Zeroizing::new(key))
    }

    fn derive(&self, purpose: &str) -> KeyBytes {
        // HKDF-Expand of one block (RFC 5869): the master key is uniform already.
        let mut block = [0_u8; 64];
        block.iter_mut().zip(self.key.iter()).for_each(|(to, from)| *to = *from);
        let mut mac = <Hmac<Sha256> as Mac>::new(&block.into());
        mac.update(b"cloudark ");
        mac.update(purpose.as_bytes());
        mac.update(&[1]);
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileKey({})", self.id)
    }
}

/// Makes the file whole or not at all: a server killed half-way leaves no half key, and of two that start at
/// once both end up with the same one.
fn create(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let (key, name) = match (random::<32>(), random::<8>()) {
        (Ok(key), Ok(name)) => (key, name),
        _ => {
            return Err(io::Error::other("the operating system gave no random bytes"));
        }
    };
    let draft = folder.join(format!(".master-key-{}", hex::encode(name.as_slice())));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let text = Zeroizing::new(format!("{PREFIX}{}\n", *Zeroizing::new(hex::encode(key.as_slice()))));
    let linked =
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(folder)?.sync_all()
}

fn failed(path: &Path, doing: &'static str, cause: io::Error) -> VaultError {
    VaultError::File { path: path.display().to_string(), doing, cause }
}

fn not_a_key(path: &Path) -> VaultError {
    VaultError::NotAKey { path: path.display().to_string() }
}
