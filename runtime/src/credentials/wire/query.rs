//! [`Protocol::FormAction`](super::Protocol::FormAction): a form posted to `/`, with the operation in `Action`.
//!
//! The service would also take the operation from the query string, fields from both places, and a field
//! twice: none of that passes, so that what is checked is what is done.

use url::Url;

use super::{Asked, HttpCall, Refusal, headers, tree};

pub(super) fn read(call: &HttpCall<'_>, url: &Url) -> Result<Asked, Refusal> {
    if call.method != "POST" {
        return Err(Refusal::new(format!("{} under this protocol: it takes POST alone", call.method)));
    }
    if url.path() != "/" || url.query().is_some() {
        return Err(Refusal::new("the path must be `/`, without a query string: fields go into the body"));
    }
    if !headers::content_type_is(call, |kind| kind == "application/x-www-form-urlencoded") {
        return Err(Refusal::new("the Content-Type must be application/x-www-form-urlencoded"));
    }
    let mut action = None;
    let mut fields: Vec<(String, String)> = Vec::new();
    for (name, value) in decode(call.body)? {
        let lower = name.to_ascii_lowercase();
        if is_credential(&lower) || lower == "_method" {
            return Err(Refusal::new(format!("the field `{name}` belongs to the host")));
        }
        if lower == "action" {
            if name != "Action" || action.is_some() {
                return Err(Refusal::new("there must be exactly one Action"));
            }
            action = Some(value);
            continue;
        }
        fields.push((name, value));
    }
    fields.sort();
    for pair in fields.windows(2) {
        if let [(first, _), (second, _)] = pair
            && first == second
        {
            return Err(Refusal::new(format!("the field `{first}` is there twice")));
        }
    }
    match action {
        Some(action) if is_action(&action) => Ok(Asked::Form { action, fields }),
        Some(action) => Err(Refusal::new(format!("`{}` is no Action", action.escape_default()))),
        None => Err(Refusal::new("there must be exactly one Action")),
    }
}

/// The name of an operation: letters and digits.
pub(super) fn is_action(action: &str) -> bool {
    !action.is_empty() && action.len() <= 128 && action.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Fields that carry a signature or a credential, in this and in older versions of the protocol.
fn is_credential(lower: &str) -> bool {
    lower.starts_with("x-amz-")
        || matches!(
            lower,
            "awsaccesskeyid" | "signature" | "signaturemethod" | "signatureversion" | "securitytoken" | "authparams"
        )
}

fn decode(body: &[u8]) -> Result<Vec<(String, String)>, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| Refusal::new("the form is not UTF-8"))?;
    text.split('&')
        .map(|pair| {
            let (name, value) =
                pair.split_once('=').ok_or_else(|| Refusal::new("the form has a part that is not `name=value`"))?;
            // A name that needs decoding is a disguise, and `;` separates fields for some parsers.
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-:".contains(&b)) {
                return Err(Refusal::new(format!("`{}` is no name of a field", name.escape_default())));
            }
            Ok((name.to_owned(), decode_value(name, value)?))
        })
        .collect()
}

fn decode_value(name: &str, value: &str) -> Result<String, Refusal> {
    let refused = |why: &str| Refusal::new(format!("the value of `{name}` {why}"));
    if !value.bytes().all(|b| b.is_ascii_graphic()) || value.contains([';', '=', '#', '?']) {
        return Err(refused("has a character that must be percent-encoded"));
    }
    if !percent_is_complete(value) {
        return Err(refused("has an incomplete percent-encoding"));
    }
    let spaced = value.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8()
        .map(|text| text.into_owned())
        .map_err(|_| refused("is not UTF-8"))
}

/// Whether each `%` is followed by two hexadecimal digits.
pub(super) fn percent_is_complete(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let mut digits = after.bytes();
        (0..2).all(|_| digits.next().is_some_and(|b| b.is_ascii_hexdigit()))
    })
}

/// `ErrorResponse/Error/Code`, or `Response/Errors/Error/Code`.
pub(super) fn error_code(body: &[u8]) -> Option<String> {
    let document = tree::xml(body).ok()?;
    ["/ErrorResponse/Error/Code", "/Response/Errors/Error/Code", "/Response/Errors/Error/0/Code"]
        .iter()
        .find_map(|at| document.pointer(at)?.as_str())
        .map(str::to_owned)
}
