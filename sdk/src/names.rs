//! The rules that a cloud has for the names of its things.

use crate::bindings::operation;

pub use crate::bindings::operation::Letters;

/// The rules for a name that the host is to mint: [`Context::name`](crate::Context::name).
///
/// Begin with one of the constants and say what differs: `Rules::DNS_LABEL.max(32)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    max: u32,
    letters: Letters,
    digits: bool,
    punctuation: &'static str,
    prefix: &'static str,
}

impl Rules {
    /// Lower-case letters, digits and `-`, at most 63 (RFC 1123, section 2.1).
    pub const DNS_LABEL: Self =
        Self { max: 63, letters: Letters::LowerCase, digits: true, punctuation: "-", prefix: "" };
    /// Lower-case letters, digits and `_`, at most 63: names in databases.
    pub const IDENTIFIER: Self =
        Self { max: 63, letters: Letters::LowerCase, digits: true, punctuation: "_", prefix: "" };
    /// Lower-case letters and digits only, at most 63.
    pub const ALPHANUMERIC: Self =
        Self { max: 63, letters: Letters::LowerCase, digits: true, punctuation: "", prefix: "" };

    /// At most so many characters; at least 12.
    #[must_use]
    pub const fn max(mut self, characters: u32) -> Self {
        self.max = characters;
        self
    }

    /// Which letters it may have.
    #[must_use]
    pub const fn letters(mut self, letters: Letters) -> Self {
        self.letters = letters;
        self
    }

    /// Without digits.
    #[must_use]
    pub const fn no_digits(mut self) -> Self {
        self.digits = false;
        self
    }

    /// The characters besides letters and digits, of `-`, `_`, `.` and `/`; the first joins the parts.
    #[must_use]
    pub const fn punctuation(mut self, characters: &'static str) -> Self {
        self.punctuation = characters;
        self
    }

    /// Something that the name must begin with.
    #[must_use]
    pub const fn prefix(mut self, prefix: &'static str) -> Self {
        self.prefix = prefix;
        self
    }

    pub(crate) fn to_wit(self) -> operation::NameRules {
        operation::NameRules {
            max: self.max,
            letters: self.letters,
            digits: self.digits,
            punctuation: self.punctuation.to_owned(),
            prefix: self.prefix.to_owned(),
        }
    }
}
