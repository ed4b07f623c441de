//! Passwords that the host makes.

use zeroize::Zeroizing;

use super::{VaultError, random};
use crate::credentials::Secret;

/// The characters of a generated secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// `A-Z a-z 0-9`, at least one of each: what password rules ask for.
    Alphanumeric,
    /// `0-9 a-f`.
    Hex,
    /// `A-Z a-z 0-9 - _`, the first a letter or digit.
    UrlSafe,
}

const LETTERS_AND_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const URL_SAFE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const HEX: &[u8] = b"0123456789abcdef";

impl Alphabet {
    fn letters(self) -> &'static [u8] {
        match self {
            Self::Alphanumeric => LETTERS_AND_DIGITS,
            Self::Hex => HEX,
            Self::UrlSafe => URL_SAFE,
        }
    }

    fn accepts(self, secret: &str) -> bool {
        let has = |kind: fn(char) -> bool| secret.chars().any(kind);
        match self {
            Self::Alphanumeric => {
                has(|c| c.is_ascii_uppercase()) && has(|c| c.is_ascii_lowercase()) && has(|c| c.is_ascii_digit())
            }
            Self::Hex => true,
            Self::UrlSafe => secret.starts_with(|c: char| c.is_ascii_alphanumeric()),
        }
    }
}

/// A random secret of 8 to 128 characters, each letter as likely as any other.
///
/// # Errors
/// For other lengths, and when the system gives no random bytes.
pub fn generate_secret(length: usize, alphabet: Alphabet) -> Result<Secret, VaultError> {
    if !(8..=128).contains(&length) {
        return Err(VaultError::Length("a generated secret has 8 to 128 characters"));
    }
    // Drawing again, rather than mending, keeps all acceptable secrets equally likely.
    loop {
        let secret = draw(length, alphabet.letters())?;
        if alphabet.accepts(&secret) {
            return Ok(Secret::from(secret.as_str()));
        }
    }
}

fn draw(length: usize, letters: &[u8]) -> Result<Zeroizing<String>, VaultError> {
    // Bytes at or above the largest multiple of the alphabet's size would favour its first letters.
    let fair = 256 - 256 % letters.len();
    let mut secret = Zeroizing::new(String::with_capacity(length));
    while secret.len() < length {
        let bytes = random::<64>()?;
        let drawn = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        let drawn = drawn.filter_map(|byte| letters.get(byte % letters.len()));
        for letter in drawn.take(length - secret.len()) {
            secret.push(char::from(*letter));
        }
    }
    Ok(secret)
}
