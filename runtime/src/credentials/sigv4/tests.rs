//! Signatures are those of AWS's test suite and of botocore.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use super::*;

/// 2015-08-30T12:36:00Z, the suite's.
fn time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160)
}

fn key(token: Option<&str>) -> Key {
    Key::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)
}

fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> SignedParts {
    SignedParts {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.as_bytes().to_vec(),
    }
}

fn header<'a>(request: &'a SignedParts, name: &str) -> &'a str {
    let found: Vec<_> = request.headers.iter().filter(|(other, _)| other == name).collect();
    assert_eq!(found.len(), 1, "{name} in {request:?}");
    &found[0].1
}

/// What stands after `SignedHeaders=` in the authorization header.
fn signed(request: &SignedParts) -> (String, String) {
    let authorization = header(request, "authorization");
    let (_, rest) = authorization.split_once("SignedHeaders=").unwrap();
    let (headers, signature) = rest.split_once(", Signature=").unwrap();
    (headers.to_owned(), signature.to_owned())
}

#[test]
fn signatures_are_those_of_the_published_suite() {
    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
    let cases = [
        (
            "get-vanilla",
            request("GET", "https://example.amazonaws.com/", &[], ""),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "get-vanilla-query-order-key-case",
            request("GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1", &[], ""),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "post-vanilla",
            request("POST", "https://example.amazonaws.com/", &[], ""),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "post-x-www-form-urlencoded",
            request("POST", "https://example.amazonaws.com/", &[FORM], "Param1=value1"),
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ];
    for (name, mut request, expected) in cases {
        sign_with(&key(None), "service", "us-east-1", &mut request, time(), PayloadChecksumKind::NoHeader).unwrap();
        assert_eq!(signed(&request).1, expected, "{name}");
        assert_eq!(header(&request, "x-amz-date"), "20150830T123600Z");
    }
}

/// Made with botocore 1.44.5: `SigV4Auth` (for S3 `S3SigV4Auth`) with the clock at the suite's time and
/// `X-Amz-Content-SHA256` set before signing.
#[test]
fn signatures_are_those_of_botocore() {
    let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    let json = ("content-type", "application/x-amz-json-1.1");
    let target = ("x-amz-target", "AmazonEC2ContainerServiceV20141113.CreateCluster");
    let token = Some("SESSION/TOKEN==");
    let arn = "https://lambda.us-east-1.amazonaws.com/2015-03-31/functions/arn%3Aaws%3Alambda/x?b=2&a=1&Marker=%2F%20x";
    let cases = [
        (
            "rds",
            "eu-west-1",
            None,
            request(
                "POST",
                "https://rds.eu-west-1.amazonaws.com/",
                &[form],
                "Action=CreateDBInstance&MasterUserPassword=a%20b%26c",
            ),
            "75e4908a8c5c14040dde25d6d8381e7530b8db86252dccbbf4e934efa42072f1",
        ),
        (
            "ecs",
            "us-east-1",
            token,
            request("POST", "https://ecs.us-east-1.amazonaws.com/", &[json, target], r#"{"clusterName":"c"}"#),
            "9f4d727972147fa7fb9f83e9a3e7b2faab9910276896e210bc70149551668f2f",
        ),
        (
            "lambda",
            "us-east-1",
            None,
            request("GET", arn, &[], ""),
            "c8681a2ac622c1c16324d0b2d6eec03438026059eb21b107bd97a777f26aa25b",
        ),
        (
            "sts",
            "us-east-1",
            None,
            request("POST", "http://127.0.0.1:4566/", &[form], "Action=GetCallerIdentity&Version=2011-06-15"),
            "71e8f08a2f9a0a6ed62c5cd13bc97f1296472208e7124573e20759adbf9fbb38",
        ),
        (
            "s3",
            "eu-west-1",
            None,
            request("PUT", "https://bucket.s3.eu-west-1.amazonaws.com/a%20b//c%2Bd", &[], "hello"),
            "f66df576936086be65d19024f4d003751c09afbabc7a88c3fabd2ff7d6d6ba09",
        ),
    ];
    for (service, region, token, mut request, expected) in cases {
        sign(&key(token), service, region, &mut request, time()).unwrap();
        let (headers, signature) = signed(&request);
        assert_eq!(signature, expected, "{service}: {headers}");
        assert!(headers.contains("host;x-amz-content-sha256;x-amz-date"), "{headers}");
        assert_eq!(token.is_some(), headers.contains("x-amz-security-token"));
    }
}

#[test]
fn signing_again_replaces_the_signature() {
    let mut request = request(
        "GET",
        "https://rds.eu-west-1.amazonaws.com/",
        &[("Authorization", "theirs"), ("X-Amz-Date", "theirs")],
        "",
    );
    sign(&key(Some("token")), "rds", "eu-west-1", &mut request, time()).unwrap();
    let first = request.clone();
    sign(&key(Some("token")), "rds", "eu-west-1", &mut request, time()).unwrap();
    assert!(request == first);
    assert!(
        header(&request, "authorization")
            .starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/rds/")
    );
    assert!(!request.headers.iter().any(|(_, value)| value == "theirs"));
}

#[test]
fn what_is_signed_is_what_is_sent() {
    let mut request = request("GET", "https://RDS.eu-west-1.amazonaws.com:443/a/../b c", &[], "");
    sign(&key(None), "rds", "eu-west-1", &mut request, time()).unwrap();
    assert_eq!(request.url, "https://rds.eu-west-1.amazonaws.com/b%20c");
}

#[test]
fn scopes_and_requests_that_cannot_be_signed_are_errors() {
    for (service, region) in
        [("", "eu-west-1"), ("rds", ""), ("rds/x", "eu-west-1"), ("rds", "eu\nwest"), ("rds", "eü")]
    {
        let mut request = request("GET", "https://a.example/", &[], "");
        assert!(sign(&key(None), service, region, &mut request, time()).is_err(), "{service:?} {region:?}");
    }
    for url in ["/relative", "https://", "nonsense"] {
        assert!(sign(&key(None), "rds", "eu-west-1", &mut request("GET", url, &[], ""), time()).is_err(), "{url}");
    }
    let mut broken = request("GET", "https://a.example/", &[("x-a", "a\r\nb: c")], "");
    let error = sign(&key(None), "rds", "eu-west-1", &mut broken, time()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("wJalr"));
}
