//! How messages word what a user wrote, and what they may have meant.

use serde_json::Value;

/// Longer texts are cut: a message is a line.
const MAX_SHOWN: usize = 60;
/// Sentences may be longer.
const MAX_SENTENCE: usize = 300;

/// A user's text as a message shows it: control characters escaped, long ones cut.
pub(super) fn shown(text: &str) -> String {
    cut(text, MAX_SHOWN)
}

/// A sentence of an extension as a message shows it.
pub(super) fn sentence(text: &str) -> String {
    cut(text, MAX_SENTENCE)
}

fn cut(text: &str, most: usize) -> String {
    let mut out = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == most {
            out.push('…');
            break;
        }
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// The candidate that `wrong` is probably a slip of.
pub(super) fn nearest<'c>(wrong: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if wrong.len() > MAX_SHOWN {
        return None;
    }
    let folded = fold(wrong);
    let likeness = |candidate: &str| {
        let candidate = fold(candidate);
        // Jaro-Winkler judges short words too hard: one slip in `ecs` is a third of it.
        let one_slip = folded.chars().count() >= 3 && strsim::osa_distance(&folded, &candidate) <= 1;
        strsim::jaro_winkler(&folded, &candidate).max(if one_slip { 0.9 } else { 0.0 })
    };
    candidates
        .into_iter()
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.84)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

/// `clusterSize`, `Cluster-Size` and `cluster_size` are one word to the eye.
fn fold(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '_' | '-' | '.')).flat_map(char::to_lowercase).collect()
}

/// Help for a word that is not one of `candidates`.
pub(super) fn suggestion<'c>(wrong: &str, what: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    match nearest(wrong, candidates.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if candidates.is_empty() => None,
        None => Some(format!("{what}: {}", listed(candidates))),
    }
}

/// `a`, `b` and `c`
pub(super) fn listed<'c>(words: impl IntoIterator<Item = &'c str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{}`", shown(word))).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

/// What a value is, in a reader's words.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word() {
        let keys = ["flavor", "engine", "dbname", "cluster_size"];
        assert_eq!(nearest("flavour", keys), Some("flavor"));
        assert_eq!(nearest("clusterSize", keys), Some("cluster_size"));
        assert_eq!(nearest("esc", ["gke", "ecs"]), Some("ecs"));
        assert_eq!(nearest("zebra", keys), None);
    }

    #[test]
    fn control_characters_never_reach_a_terminal() {
        assert_eq!(shown("a\u{1b}[31mb"), "a\\u{1b}[31mb");
    }
}
