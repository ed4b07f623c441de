//! What the YAML parser's errors mean to someone who writes a file.

use saphyr_parser::ScanError;

use super::findings::Findings;
use super::source::Source;
use super::words::shown;
use super::yaml::MAX_DEPTH;

/// Says what is wrong with a text that is no YAML.
pub(super) fn explain(source: &Source<'_>, error: &ScanError, findings: &mut Findings) {
    let at = error.marker().index();
    let place = source.span_of_characters(at, at + 1);
    if error.info().contains("tab") && report_tabs(source, place.line, findings) {
        return;
    }
    let (message, help) = in_words(error.info());
    findings.error_with(place, message, help.map(str::to_owned));
}

/// Reports every line that is indented with a tab, if the parser's error is about one of them.
fn report_tabs(source: &Source<'_>, line: usize, findings: &mut Findings) -> bool {
    let tabs: Vec<_> = source
        .lines()
        .filter_map(|(begin, text)| {
            let indent = text.len() - text.trim_start().len();
            let tab = text.get(..indent)?.find('\t')?;
            (!text.trim().is_empty()).then(|| source.span(begin + tab, begin + tab + 1))
        })
        .collect();
    // The parser may still be in the line before the tab.
    let concerned = tabs.iter().any(|tab| tab.line == line || tab.line == line + 1);
    if concerned {
        for tab in tabs {
            findings.error_with(tab, "a tab in the indentation", "YAML is indented with spaces".to_owned());
        }
    }
    concerned
}

/// A message and help for the parser's words.
fn in_words(info: &str) -> (String, Option<&'static str>) {
    let quote = "put the value in quotes";
    let indentation = "keys of one mapping, and dashes of one list, begin in the same column";
    let (message, help) = match info {
        _ if info.contains("mapping values are not allowed") => (
            "a second `:` that makes no key here",
            "put text that has `: ` in it in quotes, and let keys of one mapping begin in the same column",
        ),
        _ if info.contains("did not find expected key") => ("this line belongs to no mapping above it", indentation),
        _ if info.contains("did not find expected '-'") => ("this line belongs to no list above it", indentation),
        _ if info.contains("simple key expected ':'") || info.contains("simple key expect ':'") => {
            ("a key without its `:`", "write `key: value`")
        }
        _ if info.contains("quoted scalar") && info.contains("end of stream") => {
            ("the text that is quoted here never ends", "close the quotes")
        }
        _ if info.contains("flow sequence, expected") => {
            ("a list in `[…]` goes on or ends wrongly here", "separate with `,` and end with `]`")
        }
        _ if info.contains("flow mapping") && info.contains("expected") => {
            ("a mapping in `{…}` goes on or ends wrongly here", "separate with `,` and end with `}`")
        }
        _ if info.contains("unknown anchor") => ("this alias has no anchor before it", quote),
        _ if info.contains("unexpected character") => ("a value cannot begin with this character", quote),
        _ if info.contains("recursion limit") => {
            return (format!("mappings and lists nest more than {MAX_DEPTH} deep here"), None);
        }
        _ if info.contains("unprintable") => ("a character that no file may have", "remove it"),
        _ if info.contains("tab") => ("a tab where YAML wants spaces", "YAML is indented with spaces"),
        _ => return (format!("this is not YAML: {}", shown(info)), None),
    };
    (message.to_owned(), Some(help))
}

/// Where the `|` or `>` of a block scalar is in the line that announces it. Nothing but indicators and a comment
/// follow it.
pub(super) fn block_header(line: &str) -> Option<usize> {
    line.match_indices(['|', '>']).map(|(at, _)| at).find(|at| {
        let before = line.get(..*at).is_none_or(|before| before.is_empty() || before.ends_with(char::is_whitespace));
        let after = line
            .get(at + 1..)
            .unwrap_or_default()
            .trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
        let rest = after.trim_start();
        before && (rest.is_empty() || (rest.starts_with('#') && rest.len() < after.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::yaml::load;
    use super::*;

    fn mistakes(text: &str) -> String {
        let source = Source::new(text);
        let mut findings = Findings::default();
        load(&source, &mut findings);
        let lines = findings.conclude(None::<()>).diagnostics.into_iter().map(|found| {
            let place = found.span.map(|span| format!("{}:{}", span.line, span.column)).unwrap_or_default();
            format!("{place} {} ({})", found.message, found.help.unwrap_or_default())
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_tab_is_shown() {
        insta::assert_snapshot!(mistakes("environment:\n\tresources:\n\t\taws: []\n"), @r#"
    2:1 a tab in the indentation (YAML is indented with spaces)
    3:1 a tab in the indentation (YAML is indented with spaces)
    "#);
        insta::assert_snapshot!(mistakes("a: b\n\tc: d\n"), @r#"2:1 a tab in the indentation (YAML is indented with spaces)"#);
    }

    #[test]
    fn syntax_errors_are_in_plain_words() {
        let files = [
            "a: b: c\n",
            "a:\n  - b\n c: d\n",
            "- a\nb: c\n",
            "a: \"x\n",
            "a: [b\n",
            "{a: b",
            "a: *x\n",
            "a: @x\n",
            "a: \0\n",
            "a\nb: c\n",
        ];
        let all = files.map(|file| format!("{file:?}\n  {}", mistakes(file))).join("\n");
        insta::assert_snapshot!(all, @r#"
    "a: b: c\n"
      1:5 a second `:` that makes no key here (put text that has `: ` in it in quotes, and let keys of one mapping begin in the same column)
    "a:\n  - b\n c: d\n"
      3:2 this line belongs to no mapping above it (keys of one mapping, and dashes of one list, begin in the same column)
    "- a\nb: c\n"
      2:1 this line belongs to no list above it (keys of one mapping, and dashes of one list, begin in the same column)
    "a: \"x\n"
      1:4 the text that is quoted here never ends (close the quotes)
    "a: [b\n"
      2:1 a list in `[…]` goes on or ends wrongly here (separate with `,` and end with `]`)
    "{a: b"
      1:6 a mapping in `{…}` goes on or ends wrongly here (separate with `,` and end with `}`)
    "a: *x\n"
      1:4 this alias has no anchor before it (put the value in quotes)
    "a: @x\n"
      1:4 a value cannot begin with this character (put the value in quotes)
    "a: \0\n"
      1:4 a character that no file may have (remove it)
    "a\nb: c\n"
      2:2 a second `:` that makes no key here (put text that has `: ` in it in quotes, and let keys of one mapping begin in the same column)
    "#);
    }
}
