//! Who a piece is: its minted names, its secrets, and the cloud ids that were shown with our mark.
//!
//! All are rows keyed by the environment's id, the piece and its generation, so that a retry, a rollback and a
//! later delete meet the same ones. What a run makes anew is returned as a transaction, to be written with the
//! run's next: always before the call that uses it is sent.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::scope::{PieceKey, Scope};
use crate::credentials::vault::Vault;
use crate::egress::scrub::Scrubber;
use crate::sandbox::Interrupt;
use crate::sandbox::bindings::operation::{Letters, NameRules};
use crate::store::{Key, KeyReader, Store, StoreError, Table, Txn, Typed};

/// What was minted for one label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minted {
    /// The name, token or secret reference.
    pub value: String,
}

/// Where a secret's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretOrigin {
    /// The host made it.
    Generated,
    /// A rule took it out of a response.
    Captured,
    /// The user gave it.
    Given,
}

/// The row of a secret; the value is sealed by itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SecretRow {
    /// What it is called.
    pub label: String,
    /// The piece it belongs to; none for one of the environment.
    pub piece: Option<PieceKey>,
    /// Where it comes from.
    pub origin: SecretOrigin,
    /// When it was stored.
    pub updated: crate::journal::Millis,
    /// The sealed value.
    #[serde(with = "hex::serde")]
    pub sealed: Vec<u8>,
}

/// The key of a secret's row.
#[must_use]
pub fn secret_key(environment_id: &str, reference: &str) -> Key {
    Key::new().text(environment_id).text(reference)
}

/// A reference: a random token that means nothing outside this host.
#[must_use]
pub fn new_reference() -> String {
    format!("secret-{}", hex::encode(rand::random::<[u8; 16]>()))
}

/// Seals a secret into its row.
///
/// # Errors
/// The text says why the vault refused.
pub fn secret_row(
    vault: &Vault,
    key: &Key,
    label: &str,
    piece: Option<PieceKey>,
    origin: SecretOrigin,
    value: &str,
) -> Result<SecretRow, String> {
    let sealed = vault.seal(key, value.as_bytes()).map_err(|error| error.to_string())?;
    Ok(SecretRow { label: label.to_owned(), piece, origin, updated: super::wall(), sealed })
}

/// The identity of a piece, and of those that it may refer to.
pub struct Identity {
    environment_id: String,
    piece: PieceKey,
    generation: u32,
    /// Of this piece and generation.
    labels: BTreeMap<String, String>,
    /// Of all pieces that it may refer to, every generation.
    minted: HashSet<String>,
    owned: HashSet<String>,
    secrets: BTreeMap<String, Zeroizing<String>>,
    /// References of secrets that the user gave by name.
    given: BTreeMap<String, String>,
    scrubber: Arc<Scrubber>,
}

impl Identity {
    /// Reads the identity of `piece`; it may refer to names and ids of `related` pieces too.
    ///
    /// # Errors
    /// Those of the store and of the vault.
    pub async fn load(
        store: &dyn Store,
        vault: &Vault,
        environment_id: &str,
        piece: &PieceKey,
        generation: u32,
        related: &[PieceKey],
    ) -> Result<Self, StoreError> {
        let mut identity = Self {
            environment_id: environment_id.to_owned(),
            piece: piece.clone(),
            generation,
            labels: BTreeMap::new(),
            minted: HashSet::new(),
            owned: HashSet::new(),
            secrets: BTreeMap::new(),
            given: BTreeMap::new(),
            scrubber: Arc::new(no_secrets()),
        };
        for of in std::iter::once(piece).chain(related) {
            let prefix = Key::new().text(environment_id).text(of.to_string());
            for row in store.scan_json::<Minted>(Table::Name, &prefix, None, usize::MAX, false).await? {
                if of == piece
                    && let Some((generation, label)) = generation_and_label(&row.key)
                    && generation == identity.generation
                {
                    identity.labels.insert(label, row.value.value.clone());
                }
                identity.minted.insert(row.value.value);
            }
            for row in store.scan(Table::Owned, &prefix, None, usize::MAX, false).await? {
                if let Some(id) = last_text(&row.key, 2) {
                    identity.owned.insert(id);
                }
            }
        }
        let prefix = Key::new().text(environment_id);
        for row in store.scan_json::<SecretRow>(Table::Secret, &prefix, None, usize::MAX, false).await? {
            let Some(reference) = last_text(&row.key, 1) else { continue };
            let value = open_secret(vault, &row.key, &row.value)
                .map_err(|what| StoreError::Corrupt { what: format!("secret \"{}\": {what}", row.value.label) })?;
            if row.value.piece.is_none() {
                identity.given.insert(row.value.label.clone(), reference.clone());
            }
            identity.secrets.insert(reference, value);
        }
        identity.learn_to_scrub();
        Ok(identity)
    }

    /// The names of this piece and generation: label and name.
    #[must_use]
    pub fn names(&self) -> Vec<(String, String)> {
        self.labels
            .iter()
            .filter(|(label, _)| !label.starts_with("token ") && !label.starts_with("secret "))
            .map(|(label, name)| (label.clone(), name.clone()))
            .collect()
    }

    /// Whether this name was minted for a piece that this one may refer to.
    #[must_use]
    pub fn is_minted(&self, name: &str) -> bool {
        self.minted.contains(name)
    }

    /// Whether a response has shown this id with our mark.
    #[must_use]
    pub fn is_owned(&self, id: &str) -> bool {
        self.owned.contains(id)
    }

    /// Responses have shown these ids with our mark.
    pub fn own(&mut self, ids: &[String]) -> Txn {
        ids.iter().fold(Txn::new(), |txn, id| {
            if self.owned.insert(id.clone()) { txn.put(Table::Owned, self.prefix().text(id), "") } else { txn }
        })
    }

    /// The value of a secret.
    #[must_use]
    pub fn value(&self, reference: &str) -> Option<&Zeroizing<String>> {
        self.secrets.get(reference)
    }

    /// The reference of a secret that the user gave by name: `${secret.NAME}`.
    #[must_use]
    pub fn given(&self, name: &str) -> Option<String> {
        self.given.get(name).cloned()
    }

    /// A text without any secret.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        self.scrubber.text(text).into_owned()
    }

    /// What scrubs.
    #[must_use]
    pub fn scrubber(&self) -> Arc<Scrubber> {
        Arc::clone(&self.scrubber)
    }

    /// The name of a label: minted if there is none, by the rules.
    ///
    /// # Errors
    /// Rules that no name can keep.
    pub fn name(&mut self, scope: &Scope, label: &str, rules: &NameRules) -> Result<(String, Txn), String> {
        if let Some(name) = self.labels.get(label) {
            return Ok((name.clone(), Txn::new()));
        }
        if label.len() > MAX_LABEL {
            return Err(format!("a label of {} bytes is longer than {MAX_LABEL}", label.len()));
        }
        let seed = self.seed(label);
        let name = mint(&[scope.environment.as_str(), self.piece.name(), label], &seed, rules)?;
        Ok(self.keep(label, name))
    }

    /// The UUID of a label.
    ///
    /// # Errors
    /// A label without end.
    pub fn uuid(&mut self, _: &Scope, label: &str) -> Result<(String, Txn), String> {
        if let Some(name) = self.labels.get(label) {
            return Ok((name.clone(), Txn::new()));
        }
        if label.len() > MAX_LABEL {
            return Err(format!("a label of {} bytes is longer than {MAX_LABEL}", label.len()));
        }
        let hex = hex::encode(self.seed(label));
        let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default().to_owned();
        // Version 8, of our own making (RFC 9562, section 5.8).
        let uuid = format!("{}-{}-8{}-a{}-{}", part(0..8), part(8..12), part(12..15), part(15..18), part(18..30));
        Ok(self.keep(label, uuid))
    }

    /// The secret of a label: made if there is none.
    ///
    /// # Errors
    /// If it cannot be sealed.
    pub fn secret<V: AsRef<str>>(
        &mut self,
        vault: &Vault,
        label: &str,
        origin: SecretOrigin,
        make: impl FnOnce() -> V,
    ) -> Result<(String, Txn), Interrupt> {
        let label = format!("secret {label}");
        if let Some(reference) = self.labels.get(&label) {
            return Ok((reference.clone(), Txn::new()));
        }
        let reference = new_reference();
        let (reference, name) = self.keep(&label, reference);
        let write = self.keep_secret(vault, &reference, &label, origin, make().as_ref())?;
        Ok((reference, name.and(write)))
    }

    /// Keeps a secret that came with a response, under a reference that depends on its value alone: a response
    /// that shows it again shows the same reference.
    ///
    /// # Errors
    /// If it cannot be sealed.
    pub fn captured(&mut self, vault: &Vault, value: &str) -> Result<(String, Txn), Interrupt> {
        if let Some((reference, _)) = self.secrets.iter().find(|(_, known)| known.as_str() == value) {
            return Ok((reference.clone(), Txn::new()));
        }
        let reference = new_reference();
        let write = self.keep_secret(vault, &reference, "captured", SecretOrigin::Captured, value)?;
        Ok((reference, write))
    }

    fn keep_secret(
        &mut self,
        vault: &Vault,
        reference: &str,
        label: &str,
        origin: SecretOrigin,
        value: &str,
    ) -> Result<Txn, Interrupt> {
        let key = secret_key(&self.environment_id, reference);
        let row = secret_row(vault, &key, label, Some(self.piece.clone()), origin, value).map_err(Interrupt::Store)?;
        self.secrets.insert(reference.to_owned(), Zeroizing::new(value.to_owned()));
        self.learn_to_scrub();
        Txn::new().put_json(Table::Secret, key, &row).map_err(|error| Interrupt::Store(error.to_string()))
    }

    fn keep(&mut self, label: &str, value: String) -> (String, Txn) {
        let key = self.prefix().u32(self.generation).text(label);
        self.labels.insert(label.to_owned(), value.clone());
        self.minted.insert(value.clone());
        let row = serde_json::json!({ "value": value }).to_string();
        (value, Txn::new().put(Table::Name, key, row))
    }

    fn prefix(&self) -> Key {
        Key::new().text(&self.environment_id).text(self.piece.to_string())
    }

    fn seed(&self, label: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [self.environment_id.as_str(), &self.piece.to_string(), label] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.update(self.generation.to_be_bytes());
        hash.finalize().into()
    }

    fn learn_to_scrub(&mut self) {
        let secrets = self.secrets.iter().map(|(reference, value)| (reference.as_str(), value.as_str()));
        if let Ok(scrubber) = Scrubber::new(secrets) {
            self.scrubber = Arc::new(scrubber);
        }
    }
}

fn no_secrets() -> Scrubber {
    Scrubber::default()
}

/// Opens a secret's row.
///
/// # Errors
/// The text says why the vault refused.
pub fn open_secret(vault: &Vault, key: &[u8], row: &SecretRow) -> Result<Zeroizing<String>, String> {
    let value = vault.open(key, &row.sealed).map_err(|error| error.to_string())?;
    String::from_utf8(value.to_vec()).map(Zeroizing::new).map_err(|_| "its value is not text".to_owned())
}

fn generation_and_label(key: &[u8]) -> Option<(u32, String)> {
    let mut reader = KeyReader::new(key);
    reader.text().ok()?;
    reader.text().ok()?;
    Some((reader.u32().ok()?, reader.text().ok()?))
}

/// The text component after `before` others.
fn last_text(key: &[u8], before: usize) -> Option<String> {
    let mut reader = KeyReader::new(key);
    for _ in 0..before {
        reader.text().ok()?;
    }
    reader.text().ok()
}

/// The longest label, in bytes: it is part of a row's key.
const MAX_LABEL: usize = 512;

/// How many characters of a name are the hash that makes it unique: 50 bits.
const UNIQUE: usize = 10;

/// A name of these parts that keeps the rules and that no other label gets: readable parts, cut to fit, and a
/// hash.
///
/// # Errors
/// Rules that no name can keep.
fn mint(parts: &[&str], seed: &[u8; 32], rules: &NameRules) -> Result<String, String> {
    let max = rules.max as usize;
    let least = rules.prefix.chars().count() + UNIQUE + 2;
    if max < least {
        return Err(format!("a name of at most {max} characters leaves no room: {least} are needed"));
    }
    let joint = rules.punctuation.chars().next().map(String::from).unwrap_or_default();
    let readable = parts
        .iter()
        // Before they are joined: a part of digits alone would leave two joints in a row.
        .map(|part| part.chars().filter(|c| c.is_ascii_alphabetic() || (rules.digits && c.is_ascii_digit())))
        .map(Iterator::collect::<String>)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(&joint);
    let readable = format!("{}{readable}", rules.prefix);
    // Nearly every cloud wants a letter first.
    let readable =
        if readable.starts_with(|c: char| c.is_ascii_alphabetic()) { readable } else { format!("c{readable}") };
    let room = max - UNIQUE - joint.chars().count();
    let readable: String = readable.chars().take(room).collect();
    let readable = readable.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let name = format!("{readable}{joint}{}", unique(seed, rules.digits));
    Ok(match rules.letters {
        Letters::LowerCase => name.to_ascii_lowercase(),
        Letters::UpperCase => name.to_ascii_uppercase(),
        Letters::MixedCase => name,
    })
}

fn unique(seed: &[u8; 32], digits: bool) -> String {
    // Without vowels no word comes of it; without 0, 1 and l it can be read aloud.
    let alphabet: &[u8] =
        if digits { b"bcdfghjkmnpqrstvwxz23456789bcdfg" } else { b"bcdfghjkmnpqrstvwxzbcdfghjkmnpqr" };
    seed.iter()
        .take(UNIQUE)
        .filter_map(|byte| alphabet.get(usize::from(byte % 32)))
        .map(|letter| char::from(*letter))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules(max: u32, digits: bool, punctuation: &str) -> NameRules {
        NameRules {
            max,
            letters: Letters::LowerCase,
            digits,
            punctuation: punctuation.to_owned(),
            prefix: String::new(),
        }
    }

    proptest! {
        #[test]
        fn a_minted_name_keeps_the_rules(parts in proptest::collection::vec(".{0,40}", 1..4), seed: [u8; 32], max in 13u32..80, digits: bool, dash: bool) {
            let punctuation = if dash { "-" } else { "" };
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let name = mint(&parts, &seed, &rules(max, digits, punctuation)).unwrap();
            prop_assert!(name.len() <= max as usize, "{name}");
            prop_assert!(name.starts_with(|c: char| c.is_ascii_lowercase()), "{name}");
            prop_assert!(name.chars().all(|c| c.is_ascii_lowercase() || (digits && c.is_ascii_digit()) || (dash && c == '-')), "{name}");
            prop_assert!(!name.contains("--") && !name.ends_with('-'), "{name}");
        }
    }

    #[test]
    fn a_name_says_what_it_is_of() {
        let name = mint(&["staging", "db", "db"], &[7; 32], &rules(63, true, "-")).unwrap();
        assert!(name.starts_with("staging-db-db-"), "{name}");
    }

    #[test]
    fn rules_without_room_are_refused() {
        assert!(mint(&["staging"], &[7; 32], &rules(8, true, "-")).unwrap_err().contains("no room"));
    }
}
