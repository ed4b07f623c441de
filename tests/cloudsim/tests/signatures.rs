//! Signatures are checked, and refused in the words of each protocol.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/mod.rs"]
mod common;

use common::Cloud;
use serde_json::{Value, json};

#[test]
fn each_protocol_refuses_a_bad_signature_in_its_own_words() {
    let mut cloud = Cloud::plain();
    cloud.secret = "guessed";
    cloud.ec2("DescribeVpcs", &[]).refused(401, "AuthFailure", "not able to validate");
    cloud.rds("DescribeDBInstances", &[]).refused(403, "SignatureDoesNotMatch", "does not match");
    cloud.ecs("ListClusters", json!({})).refused(400, "InvalidSignatureException", "does not match");
    cloud.key = "AKIDNOBODY";
    cloud.rds("DescribeDBInstances", &[]).refused(403, "InvalidClientTokenId", "security token");
    cloud.ecs("ListClusters", json!({})).refused(400, "UnrecognizedClientException", "security token");
    assert!(cloud.calls().iter().all(|call| call["account"] == Value::Null));
}

#[test]
fn an_unsigned_request_is_refused() {
    let cloud = Cloud::plain();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    cloud.raw("POST", "/", &form, b"Action=DescribeVpcs&Version=2016-11-15").unwrap().refused(
        403,
        "MissingAuthenticationToken",
        "",
    );
    let target = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "AmazonSSM.GetParameter")];
    cloud.raw("POST", "/", &target, b"{}").unwrap().refused(400, "MissingAuthenticationTokenException", "");
}

#[test]
fn a_signature_is_good_for_a_quarter_of_an_hour() {
    let cloud = Cloud::plain();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = b"Action=GetCallerIdentity&Version=2011-06-15";
    let at = |minutes: i64| {
        let at = time::OffsetDateTime::now_utc() + time::Duration::minutes(minutes);
        cloud.signed_at("sts", &form, body, at).unwrap()
    };
    at(-14).ok();
    at(14).ok();
    at(-16).refused(403, "SignatureDoesNotMatch", "Signature expired");
    at(16).refused(403, "SignatureDoesNotMatch", "not yet current");
}

#[test]
fn temporary_credentials_need_their_token() {
    let mut cloud = Cloud::with(json!({ "aws": { "accounts": [{
        "id": "123456789012", "access_key": "ASIATEMPORARY", "secret_key": "s", "session_token": "token",
        "arn": "arn:aws:sts::123456789012:assumed-role/r/s",
    }] } }));
    (cloud.key, cloud.secret) = ("ASIATEMPORARY", "s");
    cloud.query("sts", "GetCallerIdentity", &[]).refused(403, "InvalidClientTokenId", "");
    cloud.token = Some("token");
    assert!(cloud.query("sts", "GetCallerIdentity", &[]).ok().text("Arn").contains("assumed-role"));
}

#[test]
fn another_protocol_or_version_is_an_unknown_operation() {
    let cloud = Cloud::plain();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    cloud.signed("ec2", &form, b"Action=DescribeVpcs&Version=2014-10-31").unwrap().refused(
        400,
        "InvalidAction",
        "version",
    );
    cloud.signed("ecs", &form, b"Action=ListClusters").unwrap().refused(400, "UnknownOperationException", "");
    cloud.ec2("DescribeEverything", &[]).refused(400, "InvalidAction", "DescribeEverything");
}
