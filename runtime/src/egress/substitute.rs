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

mod places;

/// How a secret is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is, in a body that is not structured.
    Raw,
    /// Percent-encoded, in a form.
    Form,
    /// Escaped, inside a string of a JSON document.
    Json,
    /// Escaped, in the text of an XML element.
    Xml,
    /// Base64 (standard alphabet, padded), in any body.
    Base64,
}

/// One secret and its place.
#[derive(Clone)]
pub struct Substitution {
    /// What stands for it in the body: 8 to 128 of `A-Z a-z 0-9 - _`, which no encoding changes.
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
    #[error("the placeholder `{0}` must be 8 to 128 letters, digits, `-` and `_`")]
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
    for (index, one) in substitutions.iter().enumerate() {
        check_placeholder(one, substitutions, index)?;
    }
    let mut body = body.to_vec();
    for one in substitutions {
        body = write(&body, content_type, one)?;
    }
    Ok(body)
}

fn check_placeholder(
    one: &Substitution,
    all: &[Substitution],
    index: usize,
) -> Result<(), SubstituteError> {
    let placeholder = &one.placeholder;
    let plain = placeholder
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !plain || !(8..=128).contains(&placeholder.len()) {
        return Err(SubstituteError::Placeholder(placeholder.clone()));
    }
    // A secret that holds a later placeholder would be written into in its turn.
    let clash = all.iter().enumerate().any(|(other_index, other)| {
        other.value.contains(placeholder.as_str())
            || (other_index != index && other.placeholder.contains(placeholder.as_str()))
    });
    if clash {
        Err(SubstituteError::Ambiguous(placeholder.clone()))
    } else {
        Ok(())
    }
}

fn write(
    body: &[u8],
    content_type: Option<&str>,
    one: &Substitution,
) -> Result<Vec<u8>, SubstituteError> {
    let shape =
        content_type.map_or_else(|| Shape::of_encoding(one.encoding), Shape::of_content_type);
    let written = shape.encode(one)?;
    let placeholder = one.placeholder.as_bytes();
    let inside = match shape {
        Shape::Form => places::in_form(body, placeholder, &one.field)?,
        Shape::Json => places::in_json(body, &one.placeholder, &one.field)?,
        Shape::Xml => places::in_xml(body, placeholder, &one.field)?,
        Shape::Opaque if one.field == "body" => places::count(body, placeholder),
        Shape::Opaque => 0,
    };
    if inside == 0 {
        return Err(SubstituteError::Missing {
            field: one.field.clone(),
        });
    }
    if inside != places::count(body, placeholder) {
        return Err(SubstituteError::Elsewhere {
            field: one.field.clone(),
        });
    }
    let with_secret = places::replace(body, placeholder, written.as_bytes());
    if shape == Shape::Json {
        places::verify_json(body, &with_secret, one, &value_of(one))?;
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
        let essence = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Self::Form,
            "application/json" | "text/json" => Self::Json,
            "application/xml" | "text/xml" => Self::Xml,
            // `application/x-amz-json-1.1`.
            other if other.ends_with("+json") || other.starts_with("application/x-amz-json") => {
                Self::Json
            }
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
            (Self::Form, Encoding::Form | Encoding::Base64) => {
                utf8_percent_encode(&value, UNRESERVED).to_string()
            }
            (Self::Json, Encoding::Json | Encoding::Base64) => {
                let quoted = Zeroizing::new(serde_json::Value::from(value.as_str()).to_string());
                quoted
                    .strip_prefix('"')
                    .and_then(|text| text.strip_suffix('"'))
                    .unwrap_or_default()
                    .to_owned()
            }
            (Self::Xml, Encoding::Xml | Encoding::Base64) => {
                if value.chars().any(|c| {
                    (c < ' ' && !matches!(c, '\t' | '\n' | '\r'))
                        || matches!(c, '\u{fffe}' | '\u{ffff}')
                }) {
                    return Err(SubstituteError::Unwritable {
                        field: one.field.clone(),
                    });
                }
                // A bare carriage return would be read as a line feed (XML 1.0, section 2.11).
                quick_xml::escape::escape(value.as_str()).replace('\r', "&#13;")
            }
            (Self::Opaque, Encoding::Raw | Encoding::Base64) => value.to_string(),
            _ => {
                return Err(SubstituteError::Encoding {
                    field: one.field.clone(),
                    body: self.name(),
                });
            }
        };
        Ok(Zeroizing::new(text))
    }
}

/// RFC 3986, section 2.3: what SigV4 and every form reader agree on.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

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
