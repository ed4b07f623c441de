//! Taking secrets out of what comes back: responses, errors, logs, outputs.
//!
//! The second line of defence, after never handing secrets out. A [`Scrubber`] knows the forms in which
//! ordinary software repeats a value (plain, percent-encoded, JSON, XML, base64 at any alignment, hex) and
//! finds all forms of all secrets in one pass over the text. It does not know others: an origin that
//! compresses, encrypts or spells a secret backwards gets it through, and the security model says so.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

mod forms;

/// Values with fewer characters are left alone: replacing `test` everywhere would destroy the text and hide
/// nothing.
pub const SHORTEST: usize = 8;

/// Replaces every form of each secret by its mask. The default knows no secret.
#[derive(Clone, Default)]
pub struct Scrubber {
    search: Option<AhoCorasick>,
    /// The mask of each pattern.
    masks: Vec<String>,
}

/// The secrets are too large to search for (gigabytes).
#[derive(Debug, thiserror::Error)]
#[error("the secrets cannot be searched for")]
pub struct TooLarge(#[source] aho_corasick::BuildError);

impl Scrubber {
    /// A scrubber for these pairs of mask and value. The mask is written as it is: a reference, or
    /// `[secret]`. Where two secrets have the same value the first one's mask is used.
    ///
    /// # Errors
    /// When the values add up to gigabytes.
    pub fn new<M, V>(secrets: impl IntoIterator<Item = (M, V)>) -> Result<Self, TooLarge>
    where
        M: Into<String>,
        V: AsRef<str>,
    {
        let (mut patterns, mut masks) = (Vec::new(), Vec::new());
        let mut known: HashMap<Vec<u8>, ()> = HashMap::new();
        for (mask, value) in secrets {
            let mask = mask.into();
            for form in forms::forms(value.as_ref()) {
                if known.insert(form.clone(), ()).is_none() {
                    patterns.push(form);
                    masks.push(mask.clone());
                }
            }
        }
        if patterns.is_empty() {
            return Ok(Self { search: None, masks });
        }
        let search = AhoCorasick::builder()
            // Of a plain value and a longer form that begins with it, the longer one.
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&patterns)
            .map_err(TooLarge)?;
        Ok(Self { search: Some(search), masks })
    }

    /// The bytes without secrets.
    #[must_use]
    pub fn bytes<'a>(&self, input: &'a [u8]) -> Cow<'a, [u8]> {
        let mut clean: Option<Vec<u8>> = None;
        let mut end = 0;
        for found in self.search.iter().flat_map(|search| search.find_iter(input)) {
            let clean = clean.get_or_insert_with(|| Vec::with_capacity(input.len()));
            clean.extend_from_slice(input.get(end..found.start()).unwrap_or_default());
            let mask = self.masks.get(found.pattern().as_usize()).map_or("[secret]", String::as_str);
            clean.extend_from_slice(mask.as_bytes());
            end = found.end();
        }
        match clean {
            None => Cow::Borrowed(input),
            Some(mut clean) => {
                clean.extend_from_slice(input.get(end..).unwrap_or_default());
                Cow::Owned(clean)
            }
        }
    }

    /// The text without secrets.
    #[must_use]
    pub fn text<'a>(&self, input: &'a str) -> Cow<'a, str> {
        match self.bytes(input.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(input),
            // Forms and masks are UTF-8, so what is left between them is too.
            Cow::Owned(clean) => Cow::Owned(String::from_utf8_lossy(&clean).into_owned()),
        }
    }
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scrubber({} forms)", self.masks.len())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    const SECRET: &str = "p@ss\"w<rd>&é/ ~x";

    fn scrub(text: &str) -> String {
        Scrubber::new([("[s1]", SECRET)]).unwrap().text(text).into_owned()
    }

    #[test]
    fn every_usual_form_is_masked() {
        for form in [
            "p@ss\"w<rd>&é/ ~x",
            "p%40ss%22w%3Crd%3E%26%C3%A9%2F%20~x",
            "p%40ss%22w%3crd%3e%26%c3%a9%2f%20~x",
            "p%40ss%22w%3Crd%3E%26%C3%A9%2F+%7Ex",
            r#"p@ss\"w<rd>&é/ ~x"#,
            r#"p@ss\"w<rd>&é\/ ~x"#,
            r#"p@ss\"w<rd>&\u00e9/ ~x"#,
            r#"p@ss\"w\u003crd\u003e\u0026é/ ~x"#,
            r#"p@ss\\\"w<rd>&é/ ~x"#,
            "p@ss&quot;w&lt;rd&gt;&amp;é/ ~x",
            "p@ss\"w&lt;rd&gt;&amp;é/ ~x",
            "p@ss&#34;w&lt;rd&gt;&amp;é/ ~x",
        ] {
            assert_eq!(scrub(&format!("<{form}>")), "<[s1]>", "{form}");
        }
        assert_eq!(scrub(&hex::encode(SECRET)), "[s1]");
        assert_eq!(scrub(&STANDARD.encode(SECRET)), "[s1]");
    }

    #[test]
    fn short_values_are_left_alone() {
        let scrubber = Scrubber::new([("[s]", "seven77")]).unwrap();
        assert_eq!(scrubber.text("seven77"), "seven77");
    }

    #[test]
    fn the_lines_of_a_key_are_masked_one_by_one() {
        let scrubber =
            Scrubber::new([("[k]", "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END KEY-----\n")]).unwrap();
        assert_eq!(scrubber.text("line 2: MIIEvQIBADANBgkqhkiG9w0B!"), "line 2: [k]!");
        assert_eq!(scrubber.text("-----BEGIN KEY-----"), "-----BEGIN KEY-----");
    }

    #[test]
    fn each_secret_has_its_own_mask() {
        let scrubber = Scrubber::new([("[a]", "secret-one"), ("[b]", "secret-one-longer")]).unwrap();
        assert_eq!(scrubber.text("secret-one secret-one-longer"), "[a] [b]");
    }

    #[test]
    fn text_without_secrets_is_not_copied() {
        let scrubber = Scrubber::new([("[a]", "secret-one")]).unwrap();
        assert!(matches!(scrubber.text("nothing here"), Cow::Borrowed(_)));
        assert!(matches!(Scrubber::new(Vec::<(String, String)>::new()).unwrap().bytes(b"x"), Cow::Borrowed(_)));
    }

    #[test]
    fn debug_does_not_show_the_values() {
        assert!(!format!("{:?}", Scrubber::new([("m", "secret-one")]).unwrap()).contains("secret-one"));
    }

    proptest! {
        #[test]
        fn no_plain_or_json_form_survives(secret in "\\PC{8,40}", before in "\\PC{0,20}", after in "\\PC{0,20}") {
            prop_assume!(!"[mask]".contains(&secret));
            let scrubber = Scrubber::new([("[mask]", &secret)]).unwrap();
            let json = serde_json::to_string(&secret).unwrap();
            let clean = scrubber.text(&format!("{before}{secret}{after}")).into_owned();
            prop_assert!(!clean.contains(&secret), "{}", clean);
            let inner = &json[1..json.len() - 1];
            prop_assert!(!scrubber.text(&json).contains(inner));
        }

        #[test]
        fn base64_is_found_at_every_alignment(secret in "[ -~]{8,40}", before in prop::collection::vec(any::<u8>(), 0..7), after in prop::collection::vec(any::<u8>(), 0..7)) {
            let scrubber = Scrubber::new([("[mask]", &secret)]).unwrap();
            let whole: Vec<u8> = [&before[..], secret.as_bytes(), &after[..]].concat();
            for encoded in [STANDARD.encode(&whole), URL_SAFE_NO_PAD.encode(&whole)] {
                let clean = scrubber.text(&encoded).into_owned();
                prop_assert!(clean.contains("[mask]"), "{} -> {}", encoded, clean);
                // What is left holds at most six bits of the secret on each side.
                let left = clean.len() - "[mask]".len();
                let around = (before.len() + after.len()) * 4 / 3 + 6;
                prop_assert!(left <= around, "{} -> {}", encoded, clean);
            }
        }

        #[test]
        fn other_bytes_are_kept(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let scrubber = Scrubber::new([("[mask]", "a-secret-of-mine")]).unwrap();
            prop_assert_eq!(scrubber.bytes(&bytes).into_owned(), bytes);
        }
    }
}
