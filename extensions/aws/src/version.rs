//! Versions of engines, as files write them and as AWS does.

/// Whether a version is the wanted one, or one of its minor versions: `8.0.39` is `8.0`, and `8.01` is not.
pub fn is_version(version: &str, wanted: &str) -> bool {
    version.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minor_version_is_the_version_that_was_asked_for() {
        assert!(is_version("8.0.39", "8.0") && is_version("16.3", "16.3"));
        assert!(!is_version("8.01", "8.0") && !is_version("8.0", "8.0.39"));
    }
}
