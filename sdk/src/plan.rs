//! What differs between a recorded instance and a wanted configuration, and what is wrong with a configuration.

use std::fmt::Display;

use crate::bindings::types;

pub use crate::bindings::types::{Change, Problem, Severity};

impl Problem {
    /// Something that cannot work: where (a JSON pointer), what is wrong, and what to write instead.
    #[must_use]
    pub fn error(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, pointer: pointer.into(), message: message.into() }
    }

    /// Something that works, but not as the user may think.
    #[must_use]
    pub fn warning(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, pointer: pointer.into(), message: message.into() }
    }
}

/// How to get from a recorded instance to the intent.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// Nothing to do.
    Nothing,
    /// Can be changed in place.
    Update(Vec<Change>),
    /// Must be deleted and made anew: the reasons.
    Replace(Vec<Change>),
}

impl Plan {
    /// Compare field by field.
    ///
    /// ```
    /// use cloudark_sdk::Plan;
    /// let plan = Plan::compare().in_place("/size", &20, &30).by_replacement("/flavor", &"mysql", &"mysql").plan();
    /// assert!(matches!(plan, Plan::Update(changes) if changes.len() == 1));
    /// ```
    #[must_use]
    pub const fn compare() -> Comparison {
        Comparison { changes: Vec::new(), replace: false }
    }

    pub(crate) fn into_wit(self) -> types::Planned {
        match self {
            Self::Nothing => types::Planned::None,
            Self::Update(changes) => types::Planned::Update(changes),
            Self::Replace(reasons) => types::Planned::Replace(reasons),
        }
    }
}

/// A comparison under way: [`Plan::compare`].
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    changes: Vec<Change>,
    replace: bool,
}

impl Comparison {
    /// A field that can be changed in place.
    #[must_use]
    pub fn in_place<T: PartialEq + Display>(mut self, pointer: &str, before: &T, after: &T) -> Self {
        self.differs(pointer, before, after);
        self
    }

    /// A field that can be changed only by making the thing anew.
    #[must_use]
    pub fn by_replacement<T: PartialEq + Display>(mut self, pointer: &str, before: &T, after: &T) -> Self {
        self.replace |= self.differs(pointer, before, after);
        self
    }

    fn differs<T: PartialEq + Display>(&mut self, pointer: &str, before: &T, after: &T) -> bool {
        let differs = before != after;
        if differs {
            let (before, after) = (before.to_string(), after.to_string());
            self.changes.push(Change { pointer: pointer.to_owned(), before, after });
        }
        differs
    }

    /// The plan that follows.
    #[must_use]
    pub fn plan(self) -> Plan {
        match (self.changes.is_empty(), self.replace) {
            (true, _) => Plan::Nothing,
            (false, false) => Plan::Update(self.changes),
            (false, true) => Plan::Replace(self.changes),
        }
    }
}
