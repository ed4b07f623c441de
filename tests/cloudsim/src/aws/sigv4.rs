//! AWS Signature Version 4, both ways: the server checks it, and [`sign`] makes it for tests and tools.
//!
//! Source: "Create a signed AWS API request", IAM user guide.

use hmac::{Hmac, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use time::{OffsetDateTime, PrimitiveDateTime, macros::format_description};

use super::config::AccountConfig;
use crate::cloud::Request;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Who signs.
#[derive(Clone, Debug)]
pub struct Credentials<'a> {
    /// The access key's id.
    pub access_key: &'a str,
    /// The secret that belongs to it.
    pub secret_key: &'a str,
    /// The token of temporary credentials.
    pub session_token: Option<&'a str>,
}

/// What a signature is good for.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// `us-east-1`
    pub region: &'a str,
    /// `ec2`
    pub service: &'a str,
}

/// The `Authorization` header, taken apart.
#[derive(Clone, Debug)]
pub struct Authorization {
    pub access_key: String,
    pub date: String,
    pub region: String,
    pub service: String,
    signed_headers: String,
    signature: String,
}

/// Why a request is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not signed.
    Unsigned,
    /// The header cannot be read.
    Incomplete(String),
    /// Nobody has this key, or the token does not belong to it.
    UnknownKey,
    /// The signature is too old or too new.
    Skewed(String),
    /// It was signed otherwise, or by somebody who does not know the secret.
    Mismatch(String),
}

impl Authorization {
    /// Takes the header apart.
    pub fn of(request: &Request) -> Result<Self, Refused> {
        let header = request.header("authorization").ok_or(Refused::Unsigned)?;
        let rest = header.strip_prefix(ALGORITHM).ok_or(Refused::Unsigned)?;
        let part = |name: &str| {
            rest.split(',')
                .map(str::trim)
                .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
                .ok_or_else(|| Refused::Incomplete(format!("Authorization header requires '{name}' parameter.")))
        };
        let credential = part("Credential")?;
        let mut scope = credential.split('/');
        let mut next = || scope.next().unwrap_or_default().to_owned();
        let (access_key, date, region, service, end) = (next(), next(), next(), next(), next());
        if end != "aws4_request" {
            return Err(Refused::Incomplete("Credential should be scoped with a valid terminator.".into()));
        }
        Ok(Self {
            access_key,
            date,
            region,
            service,
            signed_headers: part("SignedHeaders")?.to_owned(),
            signature: part("Signature")?.to_owned(),
        })
    }

    /// Checks the signature, and answers whose it is.
    pub fn verify<'a>(
        &self,
        request: &Request,
        accounts: &'a [AccountConfig],
        now_ms: u64,
        skew_seconds: i64,
    ) -> Result<&'a AccountConfig, Refused> {
        let account =
            accounts.iter().find(|account| account.access_key == self.access_key).ok_or(Refused::UnknownKey)?;
        if request.header("x-amz-security-token") != account.session_token.as_deref() {
            return Err(Refused::UnknownKey);
        }
        let amz_date = request.header("x-amz-date").ok_or_else(|| {
            Refused::Incomplete("Authorization header requires existence of a 'X-Amz-Date' header.".into())
        })?;
        self.check_date(amz_date, now_ms, skew_seconds)?;
        let signed: Vec<&str> = self.signed_headers.split(';').collect();
        let required = request.headers.iter().map(|(name, _)| name.as_str());
        for name in required.filter(|name| *name == "host" || name.starts_with("x-amz-")) {
            if !signed.contains(&name) {
                return Err(Refused::Mismatch(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")));
            }
        }
        let canonical = canonical(request, &signed);
        let scope = format!("{}/{}/{}/aws4_request", self.date, self.region, self.service);
        let to_sign = string_to_sign(amz_date, &scope, &canonical);
        let expected = signature(&account.secret_key, &self.date, &self.region, &self.service, &to_sign);
        if bool::from(expected.as_bytes().ct_eq(self.signature.as_bytes())) {
            Ok(account)
        } else {
            Err(Refused::Mismatch(format!(
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
                 Key and signing method. Consult the service documentation for details.\n\nThe Canonical String for this \
                 request should have been\n'{canonical}'\n\nThe String-to-Sign should have been\n'{to_sign}'\n"
            )))
        }
    }

    fn check_date(&self, amz_date: &str, now_ms: u64, skew_seconds: i64) -> Result<(), Refused> {
        let format = format_description!("[year][month][day]T[hour][minute][second]Z");
        let signed = PrimitiveDateTime::parse(amz_date, format)
            .map_err(|_| Refused::Incomplete(format!("Date must be in ISO-8601 'basic format'. Got '{amz_date}'.")))?
            .assume_utc()
            .unix_timestamp();
        if !amz_date.starts_with(&self.date) {
            return Err(Refused::Mismatch(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{amz_date}'.",
                self.date
            )));
        }
        let now = i64::try_from(now_ms / 1000).unwrap_or(i64::MAX);
        if now - signed > skew_seconds {
            return Err(Refused::Skewed(format!(
                "Signature expired: {amz_date} is now earlier than the allowed time."
            )));
        }
        if signed - now > skew_seconds {
            return Err(Refused::Skewed(format!(
                "Signature not yet current: {amz_date} is still later than the allowed time."
            )));
        }
        Ok(())
    }
}

/// The headers that sign a request: `x-amz-date`, `authorization`, and the session token's where there is one. `headers` are those
/// that are signed beside them (names in lower case; `host` must be among them).
pub fn sign(
    credentials: &Credentials<'_>,
    scope: Scope<'_>,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    at: OffsetDateTime,
) -> Vec<(String, String)> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let amz_date = at.format(format).unwrap_or_default();
    let date = amz_date.get(..8).unwrap_or_default().to_owned();
    let mut added = vec![("x-amz-date".to_owned(), amz_date.clone())];
    if let Some(token) = credentials.session_token {
        added.push(("x-amz-security-token".to_owned(), token.to_owned()));
    }
    let given = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let request = Request {
        method: "POST".into(),
        path: path.into(),
        query: String::new(),
        headers: given.chain(added.clone()).collect(),
        body: body.to_vec().into(),
    };
    let mut names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let credential = format!("{date}/{}/{}/aws4_request", scope.region, scope.service);
    let to_sign = string_to_sign(&amz_date, &credential, &canonical(&request, &names));
    let signature = signature(credentials.secret_key, &date, scope.region, scope.service, &to_sign);
    added.push((
        "authorization".to_owned(),
        format!(
            "{ALGORITHM} Credential={}/{credential}, SignedHeaders={}, Signature={signature}",
            credentials.access_key,
            names.join(";")
        ),
    ));
    added
}

fn canonical(request: &Request, signed: &[&str]) -> String {
    // Each segment is encoded once more than it was sent: S3 alone does not do so.
    let path: Vec<String> =
        request.path.split('/').map(|segment| utf8_percent_encode(segment, UNRESERVED).to_string()).collect();
    let encode = |text: &str| {
        let text = percent_decode_str(text).decode_utf8_lossy().into_owned();
        utf8_percent_encode(&text, UNRESERVED).to_string()
    };
    let mut query: Vec<String> = request
        .query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            format!("{}={}", encode(name), encode(value))
        })
        .collect();
    query.sort();
    let headers: String = signed
        .iter()
        .map(|name| {
            let values: Vec<String> = request
                .headers
                .iter()
                .filter(|(key, _)| key == name)
                .map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect();
            format!("{name}:{}\n", values.join(","))
        })
        .collect();
    let hash = hex::encode(Sha256::digest(&request.body));
    let (method, path, query, names) = (&request.method, path.join("/"), query.join("&"), signed.join(";"));
    format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{hash}")
}

fn string_to_sign(amz_date: &str, scope: &str, canonical: &str) -> String {
    format!("{ALGORITHM}\n{amz_date}\n{scope}\n{}", hex::encode(Sha256::digest(canonical.as_bytes())))
}

fn signature(secret: &str, date: &str, region: &str, service: &str, to_sign: &str) -> String {
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [date, region, service, "aws4_request"] {
        key = mac(&key, part);
    }
    hex::encode(mac(&key, to_sign))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes keys of any length; the error cannot happen.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The "post-vanilla" case of AWS's published signature test suite.
    #[test]
    fn the_published_test_case_signs_as_published() {
        let credentials = Credentials {
            access_key: "AKIDEXAMPLE",
            secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            session_token: None,
        };
        let scope = Scope { region: "us-east-1", service: "service" };
        let at = time::macros::datetime!(2015-08-30 12:36:00 UTC);
        let headers = sign(&credentials, scope, "/", &[("host", "example.amazonaws.com")], b"", at);
        let authorization = headers.iter().find(|(name, _)| name == "authorization").map(|(_, value)| value.as_str());
        assert_eq!(
            authorization,
            Some(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, \
                 Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
            )
        );
    }
}
