//! The forms in which ordinary software repeats a value.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use super::SHORTEST;

/// A line of a longer value is searched for by itself when it is at least this long: shorter ones (`{`,
/// `"type": …`) are not secret.
const SHORTEST_LINE: usize = 16;

/// RFC 3986: everything but the unreserved characters.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// JavaScript's `encodeURIComponent`.
const COMPONENT: &AsciiSet = &STRICT.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');
/// `application/x-www-form-urlencoded` (URL standard).
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_').remove(b' ');
/// The query and path sets of the URL standard.
const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
const PATH: &AsciiSet = &QUERY.add(b'?').add(b'^').add(b'`').add(b'{').add(b'}');
const USER: &AsciiSet =
    &PATH.add(b'/').add(b':').add(b';').add(b'=').add(b'@').add(b'[').add(b'\\').add(b']').add(b'|');

/// Every form of a value worth searching for; none for a short value.
pub(super) fn forms(value: &str) -> Vec<Vec<u8>> {
    let mut parts = vec![value];
    // A value read from a file is sent with its line break and logged without, or line by line.
    parts.push(value.trim());
    if value.contains('\n') {
        let lines = value.lines().map(str::trim);
        parts.extend(lines.filter(|line| line.len() >= SHORTEST_LINE && !line.starts_with("-----")));
    }
    let mut forms: Vec<Vec<u8>> =
        parts.into_iter().filter(|part| part.chars().count() >= SHORTEST).flat_map(of).collect();
    forms.sort();
    forms.dedup();
    forms
}

fn of(value: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![value.to_owned(), hex::encode(value), hex::encode_upper(value)];
    forms.extend(percent(value));
    forms.extend(json(value));
    forms.extend(xml(value));
    forms.extend(base64(value));
    forms.into_iter().map(String::into_bytes).collect()
}

fn percent(value: &str) -> Vec<String> {
    let mut forms: Vec<String> =
        [STRICT, COMPONENT, QUERY, PATH, USER].iter().map(|set| utf8_percent_encode(value, set).to_string()).collect();
    forms.push(utf8_percent_encode(value, FORM).to_string().replace(' ', "+"));
    forms.push(utf8_percent_encode(value, STRICT).to_string().replace("%20", "+"));
    forms.push(value.bytes().map(|byte| format!("%{byte:02X}")).collect());
    let lower: Vec<String> = forms.iter().map(|form| lower_hex(form)).collect();
    forms.extend(lower);
    forms
}

/// `%2F` as `%2f`.
fn lower_hex(encoded: &str) -> String {
    let mut hex_digits = 0;
    encoded
        .chars()
        .map(|c| {
            if c == '%' {
                hex_digits = 2;
            } else if hex_digits > 0 {
                hex_digits -= 1;
                return c.to_ascii_lowercase();
            }
            c
        })
        .collect()
}

fn json(value: &str) -> Vec<String> {
    let plain = json_text(value);
    let ascii = |text: &str, upper: bool| escape_where(text, upper, |c| !c.is_ascii());
    // Go escapes for HTML; PHP escapes slashes; Python escapes all that is not ASCII.
    let html = escape_where(&plain, false, |c| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'));
    let slashes = plain.replace('/', "\\/");
    vec![
        ascii(&plain, false),
        ascii(&plain, true),
        ascii(&html, false),
        ascii(&slashes, false),
        slashes,
        html,
        // A document within a document: policies, task definitions, embedded state.
        json_text(&plain),
        plain,
    ]
}

/// The value as between the quotes of a JSON string.
fn json_text(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(&quoted).to_owned()
}

fn escape_where(text: &str, upper: bool, which: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if which(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped += &if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

fn xml(value: &str) -> Vec<String> {
    let text = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    vec![
        text.replace('"', "&quot;").replace('\'', "&apos;"),
        text.replace('"', "&quot;").replace('\'', "&#39;"),
        text.replace('"', "&quot;").replace('\'', "&#x27;"),
        text.replace('"', "&#34;").replace('\'', "&#39;"),
        text.replace('"', "&quot;"),
        value.replace('&', "&amp;").replace('<', "&lt;"),
        text,
    ]
}

/// Base64 of the value alone, and of whatever it stands in the middle of: `user:password`, a document. Three
/// bytes make four characters, so there are three alignments; in each, the characters that depend on the
/// value alone are searched for.
fn base64(value: &str) -> Vec<String> {
    let mut forms = vec![STANDARD.encode(value), URL_SAFE.encode(value)];
    for offset in 0..3_usize {
        let shifted = [[0_u8; 3].get(..offset).unwrap_or_default(), value.as_bytes()].concat();
        let (first, last) = ((offset * 8).div_ceil(6), shifted.len() * 8 / 6);
        for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            forms.extend(encoded.get(first..last).map(str::to_owned));
        }
    }
    forms
}
