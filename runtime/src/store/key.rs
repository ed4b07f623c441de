//! Composite keys: components in order, so that rows sort and group by them.
//!
//! A text or byte component ends with `00 01`, and a zero byte in it is written `00 ff`. So the end of a component sorts
//! before anything that could follow it, `ab` is no prefix of `abc` ([`Key::text`] closes it), and no content can look like
//! the end of its component. Numbers have a fixed width, most significant byte first. What the components of a table's keys
//! are is fixed for each table; [`KeyReader`] takes them apart again in the same order.

use std::ops::Deref;

const ESCAPE: u8 = 0x00;
const END: u8 = 0x01;
const ZERO: u8 = 0xff;

/// A key, or the beginning of keys, made of components.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

impl Key {
    /// No components: the prefix of every key.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Then this text.
    #[must_use]
    pub fn text(self, component: impl AsRef<str>) -> Self {
        self.bytes(component.as_ref().as_bytes())
    }

    /// Then these bytes.
    #[must_use]
    pub fn bytes(mut self, component: &[u8]) -> Self {
        for &byte in component {
            self.0.push(byte);
            if byte == ESCAPE {
                self.0.push(ZERO);
            }
        }
        self.0.extend([ESCAPE, END]);
        self
    }

    /// Then this number.
    #[must_use]
    pub fn u32(mut self, component: u32) -> Self {
        self.0.extend(component.to_be_bytes());
        self
    }

    /// Then this number.
    #[must_use]
    pub fn u64(mut self, component: u64) -> Self {
        self.0.extend(component.to_be_bytes());
        self
    }
}

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Key> for Vec<u8> {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl From<&Key> for Vec<u8> {
    fn from(key: &Key) -> Self {
        key.0.clone()
    }
}

/// A key that is not made of the components that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key {} does not have {wanted} at byte {at}", key.escape_ascii())]
pub struct KeyError {
    key: Vec<u8>,
    wanted: &'static str,
    at: usize,
}

/// Takes a key apart, component by component, in the order they were put in.
#[derive(Debug, Clone)]
pub struct KeyReader<'a> {
    key: &'a [u8],
    rest: &'a [u8],
}

impl<'a> KeyReader<'a> {
    /// At the beginning of `key`.
    #[must_use]
    pub fn new(key: &'a [u8]) -> Self {
        Self { key, rest: key }
    }

    /// The next component, as text.
    ///
    /// # Errors
    ///
    /// When the next component is not that, and so for each of these.
    pub fn text(&mut self) -> Result<String, KeyError> {
        let before = self.rest;
        let bytes = self.bytes()?;
        String::from_utf8(bytes).map_err(|_| {
            self.rest = before;
            self.error("text")
        })
    }

    /// The next component, as bytes.
    ///
    /// # Errors
    ///
    /// When it has no end.
    pub fn bytes(&mut self) -> Result<Vec<u8>, KeyError> {
        let mut component = Vec::new();
        let mut rest = self.rest.iter();
        loop {
            match rest.next() {
                None => return Err(self.error("the end of a component")),
                Some(&ESCAPE) => match rest.next() {
                    Some(&END) => break,
                    Some(&ZERO) => component.push(ESCAPE),
                    _ => return Err(self.error("the end of a component")),
                },
                Some(&byte) => component.push(byte),
            }
        }
        self.rest = rest.as_slice();
        Ok(component)
    }

    /// The next component, as a number.
    ///
    /// # Errors
    ///
    /// When there are fewer than four bytes.
    pub fn u32(&mut self) -> Result<u32, KeyError> {
        self.fixed().map(u32::from_be_bytes).ok_or_else(|| self.error("a number of 4 bytes"))
    }

    /// The next component, as a number.
    ///
    /// # Errors
    ///
    /// When there are fewer than eight bytes.
    pub fn u64(&mut self) -> Result<u64, KeyError> {
        self.fixed().map(u64::from_be_bytes).ok_or_else(|| self.error("a number of 8 bytes"))
    }

    /// Nothing follows.
    ///
    /// # Errors
    ///
    /// When something does.
    pub fn end(&self) -> Result<(), KeyError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.error("its end")) }
    }

    fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (number, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*number)
    }

    fn error(&self, wanted: &'static str) -> KeyError {
        KeyError { key: self.key.to_vec(), wanted, at: self.key.len().saturating_sub(self.rest.len()) }
    }
}

/// The first key after all keys that start with `prefix`; none when there is no such key.
pub(super) fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Components = (Vec<u8>, u32, String, u64);

    fn key(of: &Components) -> Key {
        Key::new().bytes(&of.0).u32(of.1).text(&of.2).u64(of.3)
    }

    // Small alphabets around the escape bytes: collisions are found where they could be.
    fn components() -> impl Strategy<Value = Components> {
        let byte = prop_oneof![Just(0u8), Just(1), Just(2), Just(0xfe), Just(0xff)];
        let character = prop_oneof![Just('\0'), Just('\u{1}'), Just('a'), Just('ÿ')];
        (
            proptest::collection::vec(byte, 0..5),
            prop_oneof![Just(0), Just(1), Just(u32::MAX)],
            proptest::collection::vec(character, 0..4).prop_map(|text| text.into_iter().collect()),
            prop_oneof![Just(0), Just(0x00ff), Just(u64::MAX)],
        )
    }

    proptest! {
        #[test]
        fn keys_sort_as_their_components_do(a in components(), b in components()) {
            prop_assert_eq!(key(&a).cmp(&key(&b)), a.cmp(&b));
        }

        #[test]
        fn a_key_gives_back_what_was_put_in(of in components()) {
            let key = key(&of);
            let mut reader = KeyReader::new(&key);
            let back = (reader.bytes().unwrap(), reader.u32().unwrap(), reader.text().unwrap(), reader.u64().unwrap());
            prop_assert_eq!(back, of);
            prop_assert!(reader.end().is_ok());
        }

        #[test]
        fn no_component_forges_the_beginning_of_another_key(a in components(), b in components()) {
            let group = Key::new().bytes(&a.0);
            prop_assert_eq!(key(&b).starts_with(&group), a.0 == b.0);
        }

        #[test]
        fn reading_any_bytes_never_fails_but_with_an_error(bytes: Vec<u8>) {
            let mut reader = KeyReader::new(&bytes);
            let _ = (reader.text(), reader.u32(), reader.bytes(), reader.u64(), reader.end());
        }

        #[test]
        fn the_end_of_a_prefix_parts_its_keys_from_all_later_ones(prefix: Vec<u8>, key: Vec<u8>) {
            if let Some(end) = prefix_end(&prefix) {
                let within = key >= prefix && key < end;
                prop_assert_eq!(within, key.starts_with(&prefix));
            } else {
                prop_assert!(prefix.iter().all(|byte| *byte == 0xff));
            }
        }
    }

    #[test]
    fn a_key_of_another_shape_is_named_with_the_place() {
        let key = Key::new().text("staging").u32(7);
        let mut reader = KeyReader::new(&key);
        assert_eq!(reader.text().unwrap(), "staging");
        assert_eq!(
            reader.u64().unwrap_err().to_string(),
            r"the key staging\x00\x01\x00\x00\x00\x07 does not have a number of 8 bytes at byte 9"
        );
    }
}
