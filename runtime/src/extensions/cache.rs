//! The compile cache's files: compiled code, authenticated.
//!
//! Compiled code is native code: whoever can write it can run it. A file is believed only if it carries the MAC
//! of this server's key over the engine's version, the package's digest and the code. Anything else is as if it
//! were not there: the package is compiled again.
//!
//! Bytes in, bytes out: where files are kept is the caller's business.

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::ComponentDigest;

/// Begins each file: the format, and its version.
const MAGIC: &[u8; 8] = b"cldcode1";
/// Bytes of an HMAC-SHA256.
const MAC_BYTES: usize = 32;

/// Seals and opens the files of a compile cache, under the key of one server.
#[derive(Clone)]
pub struct CompileCache {
    key: [u8; 32],
}

impl CompileCache {
    /// A cache under this key: random, kept with the server's other keys, used for nothing else.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// The file for the code that a package of this digest was compiled to. `engine` says all that the code
    /// depends on: the version of the engine, its settings, the machine.
    pub fn seal(&self, engine: &str, digest: &ComponentDigest, code: &[u8]) -> Vec<u8> {
        let mac = self.mac(engine, digest, code).finalize().into_bytes();
        [MAGIC.as_slice(), mac.as_slice(), code].concat()
    }

    /// The code in a file; none if the file is not what [`seal`](Self::seal) made for this engine and digest.
    pub fn open(&self, engine: &str, digest: &ComponentDigest, file: &[u8]) -> Option<Vec<u8>> {
        let (mac, code) = file.strip_prefix(MAGIC)?.split_at_checked(MAC_BYTES)?;
        self.mac(engine, digest, code).verify_slice(mac).ok()?;
        Some(code.to_vec())
    }

    /// Each part is led by its length, so that no two sets of parts are the same bytes.
    fn mac(&self, engine: &str, digest: &ComponentDigest, code: &[u8]) -> Hmac<Sha256> {
        // HMAC fills a key up to the block of its hash with zeros (RFC 2104, section 2).
        let mut block = [0; 64];
        block.iter_mut().zip(self.key).for_each(|(to, from)| *to = from);
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
        for part in [MAGIC.as_slice(), engine.as_bytes(), digest.as_bytes(), code] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

impl std::fmt::Debug for CompileCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CompileCache(…)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn cache() -> CompileCache {
        CompileCache::new([7; 32])
    }

    #[test]
    fn what_was_sealed_opens() {
        let digest = ComponentDigest::of(b"wasm");
        let file = cache().seal("48 x", &digest, b"code");
        assert_eq!(cache().open("48 x", &digest, &file).unwrap(), b"code");
        let empty = cache().seal("48 x", &digest, b"");
        assert_eq!(cache().open("48 x", &digest, &empty).unwrap(), b"");
    }

    #[test]
    fn another_engine_digest_or_key_opens_nothing() {
        let digest = ComponentDigest::of(b"wasm");
        let file = cache().seal("48 x", &digest, b"code");
        assert_eq!(cache().open("49 x", &digest, &file), None);
        assert_eq!(cache().open("48 x", &ComponentDigest::of(b"other"), &file), None);
        assert_eq!(CompileCache::new([8; 32]).open("48 x", &digest, &file), None);
    }

    #[test]
    fn no_changed_bit_and_no_cut_file_opens() {
        let digest = ComponentDigest::of(b"wasm");
        let file = cache().seal("48", &digest, b"code");
        for at in 0..file.len() {
            assert_eq!(cache().open("48", &digest, &file[..at]), None, "cut at {at}");
            for bit in 0..8 {
                let mut changed = file.clone();
                changed[at] ^= 1 << bit;
                assert_eq!(cache().open("48", &digest, &changed), None, "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn parts_cannot_be_moved_into_one_another() {
        let digest = ComponentDigest::of(b"wasm");
        let file = cache().seal("48", &digest, b"code");
        let longer = cache().seal("4", &digest, b"8code");
        assert_ne!(file[8..40], longer[8..40]);
    }
}
