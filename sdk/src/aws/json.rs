//! The JSON protocol: an object in, an object out.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::call::{self, Call, Error};
use super::{JsonService, service};
use crate::http::Encoding;
use crate::secrets::Secret;
use crate::{Context, Result};

/// Pages that a list is read to at most, as in the Query protocol.
const MOST_PAGES: usize = 100;

/// A client of one JSON service.
#[derive(Debug, Clone)]
pub struct Json {
    service: &'static JsonService,
    url: String,
    region: String,
}

impl Json {
    /// The client for this service, in the region that the settings name.
    ///
    /// # Errors
    /// `invalid` without the setting `region`.
    pub fn new(ctx: &Context, service: &'static JsonService) -> Result<Self> {
        let (url, region) = service::endpoint(ctx, service.host, false)?;
        Ok(Self { service, url, region })
    }

    /// Make a call and read its answer.
    ///
    /// # Errors
    /// What the service or the host refused, or an answer that is not what `T` expects.
    pub fn call<T: DeserializeOwned>(&self, action: &str, body: &Value) -> Result<T, Error> {
        self.call_with(action, body, &[])
    }

    /// Make a call with secrets in its body; each stands at a top-level field.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn call_with<T: DeserializeOwned>(
        &self,
        action: &str,
        body: &Value,
        secrets: &[(&str, &Secret)],
    ) -> Result<T, Error> {
        let mut body = body.clone();
        let mut fields = Vec::new();
        for (field, secret) in secrets {
            if let Value::Object(object) = &mut body {
                object.insert((*field).to_owned(), Value::String(secret.placeholder()));
            }
            fields.push((format!("/{field}"), (*secret).clone()));
        }
        let target = format!("{}.{action}", self.service.target);
        let call = Call {
            action,
            service: self.service.name,
            region: &self.region,
            url: &self.url,
            headers: &[("Content-Type", self.service.content_type), ("X-Amz-Target", &target)],
            body: body.to_string(),
            encoding: Encoding::Json,
            secrets: fields,
        };
        let answer = call::send(call, refusal)?;
        // Actions that answer nothing (PutRetentionPolicy, DeleteLogGroup) send an empty body.
        let answer: &[u8] = if answer.is_empty() { b"{}" } else { &answer };
        serde_json::from_slice(answer).map_err(|error| Error::unreadable(action, error.to_string()))
    }

    /// Make a call whose answer says nothing.
    ///
    /// # Errors
    /// What the service or the host refused.
    pub fn act(&self, action: &str, body: &Value) -> Result<(), Error> {
        self.call::<serde::de::IgnoredAny>(action, body).map(|_| ())
    }

    /// All members of a paged list; `page` takes an answer apart into its members and the token that goes into
    /// `token` (`nextToken`) of the next call.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn pages<T, I, P>(&self, action: &str, body: &Value, token: &str, page: P) -> Result<Vec<I>, Error>
    where
        T: DeserializeOwned,
        P: Fn(T) -> (Vec<I>, Option<String>),
    {
        let mut members = Vec::new();
        let mut body = body.clone();
        for _ in 0..MOST_PAGES {
            let (found, more) = page(self.call(action, &body)?);
            members.extend(found);
            match (more.filter(|token| !token.is_empty()), &mut body) {
                (Some(next), Value::Object(fields)) => fields.insert(token.to_owned(), Value::String(next)),
                _ => return Ok(members),
            };
        }
        Err(Error::unreadable(action, format!("the list has more than {MOST_PAGES} pages")))
    }
}

/// The code and message of an error answer: `__type` may be led by a namespace and `#`, and followed by `:` and a
/// URL; the message may be capitalised, and some answers have it both ways.
fn refusal(body: &str) -> Option<(String, String)> {
    let answer: Value = serde_json::from_str(body).ok()?;
    let text = |names: [&str; 2]| names.into_iter().find_map(|name| answer.get(name)?.as_str());
    let code = text(["__type", "code"])?.rsplit('#').next()?.split(':').next()?;
    Some((code.to_owned(), text(["message", "Message"]).unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_with_and_without_its_namespace() {
        let plain = r#"{"__type":"ClusterNotFoundException","message":"Cluster not found."}"#;
        assert_eq!(refusal(plain), Some(("ClusterNotFoundException".into(), "Cluster not found.".into())));
        let long = r#"{"__type":"com.amazonaws.ssm#ParameterNotFound","Message":"no"}"#;
        assert_eq!(refusal(long), Some(("ParameterNotFound".into(), "no".into())));
        let both = r#"{"__type":"ClientException","message":"no","Message":"no"}"#;
        assert_eq!(refusal(both), Some(("ClientException".into(), "no".into())));
        assert_eq!(refusal("<html>"), None);
    }
}
