//! Looking for secrets, in every form in which ordinary software would repeat them.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use memchr::memmem;

/// A value that must not be found, in its forms.
pub struct Needle {
    pub what: String,
    forms: Vec<Vec<u8>>,
}

impl Needle {
    pub fn new(what: &str, value: &str) -> Self {
        let bytes = value.as_bytes();
        let json = serde_json::Value::from(value).to_string();
        let json = json.trim_matches('"').to_owned();
        let twice = serde_json::Value::from(json.as_str()).to_string().trim_matches('"').to_owned();
        let percent: String = bytes
            .iter()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
                    char::from(*byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect();
        let xml = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        let mut forms = vec![value.to_owned(), json, twice, percent.clone(), percent.replace("%20", "+"), xml];
        forms.extend([hex::encode(bytes), hex::encode_upper(bytes)]);
        // At each of the three places that its beginning can have in a longer text.
        for before in 0..3 {
            let text = STANDARD_NO_PAD.encode([&vec![b'x'; before], bytes].concat());
            // The first and last letters hold bits of the neighbours.
            let inner = text.get((before * 8).div_ceil(6)..text.len() - 2).unwrap_or_default();
            forms.extend([inner.to_owned(), inner.replace('+', "-").replace('/', "_")]);
        }
        let mut forms: Vec<Vec<u8>> = forms.into_iter().map(String::into_bytes).collect();
        forms.sort();
        forms.dedup();
        Self { what: what.to_owned(), forms }
    }

    /// The form in which it stands in this text.
    pub fn found_in(&self, haystack: &[u8]) -> Option<String> {
        let found = self.forms.iter().find(|form| memmem::find(haystack, form).is_some());
        found.map(|form| String::from_utf8_lossy(form).into_owned())
    }

    /// Fails the test if it stands in this text.
    pub fn is_not_in(&self, place: &str, haystack: &[u8]) {
        if let Some(form) = self.found_in(haystack) {
            let at = memmem::find(haystack, form.as_bytes()).unwrap_or(0);
            let around =
                haystack.get(at.saturating_sub(200)..(at + form.len() + 100).min(haystack.len())).unwrap_or_default();
            panic!("{} is in {place}, as {form}: … {} …", self.what, String::from_utf8_lossy(around));
        }
    }
}

/// Fails the test if one of them stands in a file of this folder.
pub fn are_not_in_folder(needles: &[Needle], folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            are_not_in_folder(needles, &path);
        } else {
            let content = std::fs::read(&path).expect("a file");
            for needle in needles {
                needle.is_not_in(&path.display().to_string(), &content);
            }
        }
    }
}
