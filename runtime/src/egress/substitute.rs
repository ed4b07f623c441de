//! Writing secrets into a request's body, at the one field that the grant allows.
//!
//! A guest writes a placeholder where the secret belongs and names the field. The grant lists fields; so what
//! must be proven here is that the placeholder stands *in that field and nowhere else*, also for a receiver
//! that reads the body more generously than we do (two members of one name, escapes, `;` as a separator).
//! A body that cannot be proven so is refused, and nothing is sent.
//!
//! What a field is called depends on the body, which its content type tells:
//!
//! | body | field |
//! | --- | --- |
//! | form | the decoded name: `MasterUserPassword` |
//! | JSON | the name of a top-level member, or a JSON pointer: `/spec/0/value` |
//! | XML | an element's local name, or the end of its path: `User/Password` |
//! | anything else | `body` |

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

pub use crate::credentials::wire::Encoding;

mod places;

/// One secret and its place.
#[derive(Clone)]
pub struct Substitution {
    /// What stands for it in the body: 8 to 200 of `A-Z a-z 0-9 - _ . ~`, which no encoding changes. A secret
    /// that goes to several fields may use one placeholder for all of them.
    pub placeholder: String,
    /// Where it must stand.
    pub field: String,
    /// How it is written.
    pub encoding: Encoding,
    /// The secret.
    pub value: Zeroizing<String>,
}

/// Why a body was refused. No message shows a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubstituteError {
    /// Not a placeholder that can be searched for.
    #[error("the placeholder `{0}` must be 8 to 200 letters, digits, `-`, `_`, `.` and `~`")]
    Placeholder(String),
    /// Two placeholders, or a placeholder and a secret, of which one holds the other.
    #[error("the placeholder `{0}` is not unique; use a longer, random one")]
    Ambiguous(String),
    /// It stands nowhere.
    #[error("the placeholder of `{field}` does not stand in that field of the body")]
    Missing {
        /// The field named.
        field: String,
    },
    /// It stands in another place too.
    #[error(
        "the placeholder of `{field}` also stands outside that field, or in a way that another reader could take for another field"
    )]
    Elsewhere {
        /// The field named.
        field: String,
    },
    /// The encoding does not fit the body.
    #[error("the encoding of `{field}` does not fit: the body is {body} by its content type")]
    Encoding {
        /// The field named.
        field: String,
        /// What the body is.
        body: &'static str,
    },
    /// The body is not what its content type says.
    #[error("the body is not well-formed {0}")]
    Malformed(&'static str),
    /// XML cannot hold the value.
    #[error("the value of `{field}` holds a control character, which XML cannot carry")]
    Unwritable {
        /// The field named.
        field: String,
    },
}

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Form,
    Json,
    Xml,
    Opaque,
}

/// The body with its secrets. `content_type` is the value of the request's header; without one the body is
/// taken for what the encoding says.
///
/// # Errors
/// When a placeholder is not provably in its field alone; see [`SubstituteError`].
pub fn substitute(
    body: &[u8],
    content_type: Option<&str>,
    substitutions: &[Substitution],
) -> Result<Vec<u8>, SubstituteError> {
    let mut places: Vec<Place<'_>> = Vec::new();
    for one in substitutions {
        check_placeholder(one, substitutions)?;
        match places.iter_mut().find(|place| place.one.placeholder == one.placeholder) {
            Some(place) if place.fields.contains(&one.field.as_str()) => {}
            Some(place) => place.fields.push(&one.field),
            None => places.push(Place { one, fields: vec![&one.field] }),
        }
    }
    let mut body = body.to_vec();
    for place in &places {
        body = write(&body, content_type, place)?;
    }
    Ok(body)
}

/// A placeholder and all the fields it may stand in.
struct Place<'a> {
    one: &'a Substitution,
    fields: Vec<&'a str>,
}

impl Place<'_> {
    fn elsewhere(&self) -> SubstituteError {
        SubstituteError::Elsewhere { field: self.fields.join("`, `") }
    }
}

fn check_placeholder(one: &Substitution, all: &[Substitution]) -> Result<(), SubstituteError> {
    let placeholder = &one.placeholder;
    let plain = placeholder.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
    if !plain || !(8..=200).contains(&placeholder.len()) {
        return Err(SubstituteError::Placeholder(placeholder.clone()));
    }
    let clash = all.iter().any(|other| {
        let same = other.placeholder == *placeholder;
        // A secret that holds a later placeholder would be written into in its turn.
        other.value.contains(placeholder.as_str())
            || (!same && other.placeholder.contains(placeholder.as_str()))
            || (same && (other.encoding != one.encoding || other.value != one.value))
    });
    if clash { Err(SubstituteError::Ambiguous(placeholder.clone())) } else { Ok(()) }
}

fn write(body: &[u8], content_type: Option<&str>, place: &Place<'_>) -> Result<Vec<u8>, SubstituteError> {
    let one = place.one;
    let shape = content_type.map_or_else(|| Shape::of_encoding(one.encoding), Shape::of_content_type);
    let written = shape.encode(one)?;
    let placeholder = one.placeholder.as_bytes();
    // How often it stands in each field.
    let inside: Vec<usize> = match shape {
        Shape::Form => places::in_form(body, placeholder, &place.fields).ok_or_else(|| place.elsewhere())?,
        Shape::Json => places::in_json(body, &one.placeholder, &place.fields)?,
        Shape::Xml => places::in_xml(body, placeholder, &place.fields)?,
        Shape::Opaque => {
            let found = places::count(body, placeholder);
            place.fields.iter().map(|field| if *field == "body" { found } else { 0 }).collect()
        }
    };
    if let Some((_, field)) = inside.iter().zip(&place.fields).find(|(found, _)| **found == 0) {
        return Err(SubstituteError::Missing { field: (*field).to_owned() });
    }
    if inside.iter().sum::<usize>() != places::count(body, placeholder) {
        return Err(place.elsewhere());
    }
    let with_secret = places::replace(body, placeholder, written.as_bytes());
    if shape == Shape::Json && !places::json_differs_only_there(body, &with_secret, place, &value_of(one))? {
        return Err(place.elsewhere());
    }
    Ok(with_secret)
}

/// The value before the body's own escaping.
fn value_of(one: &Substitution) -> Zeroizing<String> {
    match one.encoding {
        Encoding::Base64 => Zeroizing::new(STANDARD.encode(one.value.as_bytes())),
        _ => one.value.clone(),
    }
}

impl Shape {
    fn of_encoding(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Form => Self::Form,
            Encoding::Json => Self::Json,
            Encoding::Xml => Self::Xml,
            Encoding::Raw | Encoding::Base64 => Self::Opaque,
        }
    }

    fn of_content_type(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Self::Form,
            "application/json" | "text/json" => Self::Json,
            "application/xml" | "text/xml" => Self::Xml,
            // `application/x-amz-json-1.1`.
            other if other.ends_with("+json") || other.starts_with("application/x-amz-json") => Self::Json,
            other if other.ends_with("+xml") => Self::Xml,
            _ => Self::Opaque,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Form => "a form",
            Self::Json => "JSON",
            Self::Xml => "XML",
            Self::Opaque => "not structured",
        }
    }

    /// The value as it is written into a body of this shape.
    fn encode(self, one: &Substitution) -> Result<Zeroizing<String>, SubstituteError> {
        let value = value_of(one);
        let text = match (self, one.encoding) {
            (Self::Form, Encoding::Form | Encoding::Base64) => utf8_percent_encode(&value, UNRESERVED).to_string(),
            (Self::Json, Encoding::Json | Encoding::Base64) => {
                let quoted = Zeroizing::new(serde_json::Value::from(value.as_str()).to_string());
                quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
            }
            (Self::Xml, Encoding::Xml | Encoding::Base64) => {
                if value
                    .chars()
                    .any(|c| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}'))
                {
                    return Err(SubstituteError::Unwritable { field: one.field.clone() });
                }
                // A bare carriage return would be read as a line feed (XML 1.0, section 2.11).
                quick_xml::escape::escape(value.as_str()).replace('\r', "&#13;")
            }
            (Self::Opaque, Encoding::Raw | Encoding::Base64) => value.to_string(),
            _ => {
                return Err(SubstituteError::Encoding { field: one.field.clone(), body: self.name() });
            }
        };
        Ok(Zeroizing::new(text))
    }
}

/// RFC 3986, section 2.3: what SigV4 and every form reader agree on.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl fmt::Debug for Substitution {
    /// Without the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Substitution")
            .field("placeholder", &self.placeholder)
            .field("field", &self.field)
            .field("encoding", &self.encoding)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
