//! Signature Version 4, by AWS's own crate.

use std::time::SystemTime;

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign as aws_sign,
};
use aws_sigv4::sign::v4;
use url::Url;

use super::keys::Key;
use super::{CredentialError, SignedParts};
use crate::egress::chain;

/// The headers that a signature consists of.
const OWN: &[&str] = &["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"];

/// Signs a request with a key, for a service in a region, at a time.
pub(super) fn sign(
    key: &Key,
    service: &str,
    region: &str,
    request: &mut SignedParts,
    now: SystemTime,
) -> Result<(), CredentialError> {
    // The payload's hash goes in for every service: S3 asks for it, and all accept it.
    sign_with(key, service, region, request, now, PayloadChecksumKind::XAmzSha256)
}

fn sign_with(
    key: &Key,
    service: &str,
    region: &str,
    request: &mut SignedParts,
    now: SystemTime,
    payload: PayloadChecksumKind,
) -> Result<(), CredentialError> {
    for (what, word) in [("service", service), ("region", region)] {
        if word.is_empty() || !word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Err(CredentialError::Request(format!("`{}` is not a {what}", word.escape_debug())));
        }
    }
    // What is signed must be what is sent: the client sends the normal form.
    let url = Url::parse(&request.url).map_err(|_| CredentialError::Request("its URL is not absolute".to_owned()))?;
    request.url = url.into();
    request.headers.retain(|(name, _)| !OWN.iter().any(|own| name.eq_ignore_ascii_case(own)));

    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = payload;
    if service.starts_with("s3") {
        // S3 keys may hold `//` and `..`; it takes the path as it is sent.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    let identity = key.credentials().into();
    let unsignable = |error: &dyn std::error::Error| CredentialError::Request(chain(error));
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(now)
        .settings(settings)
        .build()
        .map_err(|error| unsignable(&error))?
        .into();
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let body = SignableBody::Bytes(&request.body);
    let signable =
        SignableRequest::new(&request.method, &request.url, headers, body).map_err(|error| unsignable(&error))?;
    let (instructions, _) = aws_sign(signable, &params).map_err(|error| unsignable(&error))?.into_parts();
    let (added, _) = instructions.into_parts();
    request.headers.extend(added.into_iter().map(|header| (header.name().to_owned(), header.value().to_owned())));
    Ok(())
}

#[cfg(test)]
mod tests;
