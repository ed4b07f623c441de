//! `Filter.N`, and the ids that Describe calls name.

use std::{cell::RefCell, collections::BTreeSet};

use crate::aws::{Tags, error::AwsError, params::Params};

/// One filter: a thing passes if any of its values of this name matches any of these.
pub struct Filter {
    name: String,
    values: Vec<String>,
}

/// The filters of a call.
pub fn of(p: &Params) -> Result<Vec<Filter>, AwsError> {
    let mut filters = Vec::new();
    for filter in p.objects("Filter") {
        let (name, values) = (filter.need("Name")?, filter.list("Value"));
        if values.is_empty() {
            return Err(AwsError::new("InvalidParameterValue", format!("The filter '{name}' has no values")));
        }
        filters.push(Filter { name, values });
    }
    Ok(filters)
}

/// Whether a thing passes all filters; `field` gives its values of a name, or `None` if there is no such filter.
pub fn pass(filters: &[Filter], tags: &Tags, field: impl Fn(&str) -> Option<Vec<String>>) -> Result<bool, AwsError> {
    for filter in filters {
        let values = if let Some(key) = filter.name.strip_prefix("tag:") {
            tags.get(key).cloned().into_iter().collect()
        } else if filter.name == "tag-key" {
            tags.keys().cloned().collect()
        } else if filter.name == "tag-value" {
            tags.values().cloned().collect()
        } else {
            field(&filter.name).ok_or_else(|| {
                AwsError::new("InvalidParameterValue", format!("The filter '{}' is invalid", filter.name))
            })?
        };
        if !values.iter().any(|value| filter.values.iter().any(|pattern| like(pattern, value))) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `*` stands for any text, `?` for any character.
pub fn like(pattern: &str, text: &str) -> bool {
    let mut pattern = pattern.chars();
    match pattern.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = pattern.as_str();
            text.char_indices()
                .map(|(at, _)| at)
                .chain([text.len()])
                .any(|at| like(rest, text.get(at..).unwrap_or_default()))
        }
        Some(first) => {
            let mut text = text.chars();
            text.next().is_some_and(|c| (first == '?' || first == c) && like(pattern.as_str(), text.as_str()))
        }
    }
}

/// The ids that a Describe call names, and which of them it has found.
pub struct Named {
    wanted: BTreeSet<String>,
    found: RefCell<BTreeSet<String>>,
}

impl Named {
    /// The ids in this list parameter.
    pub fn of(p: &Params, name: &str) -> Self {
        Self { wanted: p.list(name).into_iter().collect(), found: RefCell::default() }
    }

    /// Whether this thing is meant: named, or none is.
    pub fn wants(&self, id: &str) -> bool {
        self.wanted.is_empty() || self.wanted.contains(id)
    }

    /// A named thing is there, whether or not the filters pass it.
    pub fn found(&self, id: &str) {
        self.found.borrow_mut().insert(id.to_owned());
    }

    /// An error for the first id that was not found.
    pub fn check(&self, missing: impl Fn(&str) -> AwsError) -> Result<(), AwsError> {
        match self.wanted.difference(&self.found.borrow()).next() {
            Some(id) => Err(missing(id)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn wildcards_match() {
        assert!(like("web-*", "web-1") && like("*", "") && like("a?c", "abc") && like("a*c*", "abbcd"));
        assert!(!like("web-*", "db-1") && !like("a?c", "ac") && !like("", "x"));
    }
}
