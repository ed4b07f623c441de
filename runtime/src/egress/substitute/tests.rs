//! A secret goes where the grant says, or nowhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use proptest::prelude::*;

const PLACEHOLDER: &str = "cloudark-secret-0123456789";
const FORM: Option<&str> = Some("application/x-www-form-urlencoded; charset=utf-8");
const JSON: Option<&str> = Some("application/x-amz-json-1.1");
const XML: Option<&str> = Some("application/xml");

fn one(field: &str, encoding: Encoding, value: &str) -> Substitution {
    Substitution {
        placeholder: PLACEHOLDER.to_owned(),
        field: field.to_owned(),
        encoding,
        value: Zeroizing::new(value.to_owned()),
    }
}

fn run(body: &str, content_type: Option<&str>, substitution: Substitution) -> Result<String, SubstituteError> {
    let body = body.replace("PH", PLACEHOLDER);
    substitute(body.as_bytes(), content_type, &[substitution]).map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn a_form_field_gets_its_secret() {
    let body = run(
        "Action=CreateDBInstance&MasterUserPassword=PH&X=1",
        FORM,
        one("MasterUserPassword", Encoding::Form, "a b&c=d+e%/é"),
    );
    assert_eq!(body.unwrap(), "Action=CreateDBInstance&MasterUserPassword=a%20b%26c%3Dd%2Be%25%2F%C3%A9&X=1");
}

#[test]
fn a_placeholder_in_another_form_field_is_refused() {
    for body in [
        "Description=PH",
        "P=PH&Description=PH",
        "P=x;D=PH",
        "P=PH;D=x",
        "PH=P",
        "PH",
        "P=x&PH=1",
        "p=PH",
        "P[]=PH",
        "P%00=PH",
    ] {
        assert!(
            matches!(run(body, FORM, one("P", Encoding::Form, "secret-value")), Err(SubstituteError::Elsewhere { .. })),
            "{body}"
        );
    }
    let encoded_name = run("%50=PH", FORM, one("P", Encoding::Form, "v"));
    assert_eq!(encoded_name.unwrap(), "%50=v", "the same name in other letters is the same field");
}

#[test]
fn a_secret_without_its_placeholder_is_an_error() {
    let missing = Err(SubstituteError::Missing { field: "P".to_owned() });
    assert_eq!(run("P=x", FORM, one("P", Encoding::Form, "v")), missing);
    assert_eq!(run("{}", JSON, one("P", Encoding::Json, "v")), missing);
    assert_eq!(run(r#"{"P":1}"#, JSON, one("P", Encoding::Json, "v")), missing);
    assert_eq!(run("<P/>", XML, one("P", Encoding::Xml, "v")), missing);
}

#[test]
fn a_json_field_gets_its_secret_and_other_bytes_stay() {
    let body = run("{ \"n\": 1.50, \"Value\":\"x-PH\" }", JSON, one("Value", Encoding::Json, "q\"\\\n"));
    assert_eq!(body.unwrap(), "{ \"n\": 1.50, \"Value\":\"x-q\\\"\\\\\\n\" }");
    let body = run(r#"{"spec":[{"value":"PH"}]}"#, JSON, one("/spec/0/value", Encoding::Json, "v"));
    assert_eq!(body.unwrap(), r#"{"spec":[{"value":"v"}]}"#);
}

#[test]
fn a_placeholder_in_another_json_place_is_refused() {
    let escaped = PLACEHOLDER.replace("cloudark", "\\u0063loudark");
    for body in [
        r#"{"P":"PH","Description":"PH"}"#.to_owned(),
        r#"{"P":"PH","PH":1}"#.to_owned(),
        r#"{"P":"PH","P":"PH"}"#.to_owned(),
        // The reader that takes the first `Description` would show the secret.
        format!(r#"{{"Description":"PH","Description":"x","P":"{escaped}"}}"#),
        format!(r#"{{"P":"PH","P":"{escaped}"}}"#),
    ] {
        let result = run(&body, JSON, one("P", Encoding::Json, "secret-value"));
        assert!(matches!(result, Err(SubstituteError::Elsewhere { .. })), "{body}: {result:?}");
    }
    for body in [r#"{"Description":"PH"}"#, r#"{"a":{"P":"PH"}}"#, r#"["PH"]"#, r#"{"P":["PH"]}"#] {
        let result = run(body, JSON, one("P", Encoding::Json, "secret-value"));
        assert!(matches!(result, Err(SubstituteError::Missing { .. })), "{body}: {result:?}");
    }
    assert_eq!(run(r#"{"P":"PH""#, JSON, one("P", Encoding::Json, "v")), Err(SubstituteError::Malformed("JSON")));
}

#[test]
fn base64_is_written_into_json_forms_and_xml() {
    assert_eq!(run(r#"{"d":"PH"}"#, JSON, one("d", Encoding::Base64, "??>")).unwrap(), r#"{"d":"Pz8+"}"#);
    assert_eq!(run("d=PH", FORM, one("d", Encoding::Base64, "??>")).unwrap(), "d=Pz8%2B");
    assert_eq!(run("<d>PH</d>", XML, one("d", Encoding::Base64, "??>")).unwrap(), "<d>Pz8+</d>");
}

#[test]
fn an_xml_element_gets_its_secret() {
    let body = run("<r><User><Password>PH</Password></User></r>", XML, one("User/Password", Encoding::Xml, "<&>\"'\r"));
    assert_eq!(body.unwrap(), "<r><User><Password>&lt;&amp;&gt;&quot;&apos;&#13;</Password></User></r>");
}

#[test]
fn a_placeholder_in_another_xml_place_is_refused() {
    for body in [
        "<r><P>PH</P><D>PH</D></r>",
        "<r a='PH'><P>PH</P></r>",
        "<r><P>PH</P><!-- PH --></r>",
        "<r><P>PH</P><?x PH?></r>",
        "<r><P>PH<![CDATA[PH]]></P></r>",
        "<r><P>PH<PH/></P></r>",
    ] {
        let result = run(body, XML, one("P", Encoding::Xml, "secret-value"));
        assert!(matches!(result, Err(SubstituteError::Elsewhere { .. })), "{body}: {result:?}");
    }
    for body in ["<!DOCTYPE r [<!ENTITY e 'x'>]><r><P>PH</P></r>", "<r><P>PH</P>", "<r><P>PH</D></r>"] {
        assert_eq!(run(body, XML, one("P", Encoding::Xml, "v")), Err(SubstituteError::Malformed("XML")), "{body}");
    }
    let control = run("<P>PH</P>", XML, one("P", Encoding::Xml, "a\u{1}"));
    assert!(matches!(control, Err(SubstituteError::Unwritable { .. })));
}

#[test]
fn an_encoding_that_does_not_fit_the_body_is_refused() {
    for (content_type, encoding) in [
        (JSON, Encoding::Raw),
        (FORM, Encoding::Raw),
        (XML, Encoding::Raw),
        (JSON, Encoding::Form),
        (FORM, Encoding::Json),
        (Some("text/plain"), Encoding::Json),
        (Some("text/plain"), Encoding::Form),
    ] {
        let result = run("P=PH", content_type, one("P", encoding, "v"));
        assert!(matches!(result, Err(SubstituteError::Encoding { .. })), "{content_type:?} {encoding:?}");
    }
}

#[test]
fn an_opaque_body_has_one_field() {
    assert_eq!(run("pw: PH", Some("text/plain"), one("body", Encoding::Raw, "v")).unwrap(), "pw: v");
    assert!(run("pw: PH", Some("text/plain"), one("pw", Encoding::Raw, "v")).is_err());
}

#[test]
fn placeholders_must_be_plain_and_unique() {
    for placeholder in ["short", "has space", "has+plus-sign", "ünïcödé-letters", &"x".repeat(201)] {
        let bad = Substitution { placeholder: placeholder.to_owned(), ..one("P", Encoding::Form, "v") };
        assert!(matches!(substitute(b"P=x", FORM, &[bad]), Err(SubstituteError::Placeholder(_))), "{placeholder}");
    }
    let longer = Substitution { placeholder: format!("{PLACEHOLDER}0"), ..one("Q", Encoding::Form, "v") };
    let holds = Substitution { placeholder: "another-placeholder".to_owned(), ..one("Q", Encoding::Form, PLACEHOLDER) };
    for second in [longer, holds, one("Q", Encoding::Form, "w")] {
        let result = substitute(b"P=x", FORM, &[one("P", Encoding::Form, "v"), second]);
        assert!(matches!(result, Err(SubstituteError::Ambiguous(_))));
    }
}

#[test]
fn one_secret_may_go_to_two_fields() {
    let both = [one("P", Encoding::Form, "v&"), one("Q", Encoding::Form, "v&")];
    let body = format!("P={PLACEHOLDER}&Q={PLACEHOLDER}");
    assert_eq!(substitute(body.as_bytes(), FORM, &both).unwrap(), b"P=v%26&Q=v%26");
    let missing = substitute(format!("P={PLACEHOLDER}").as_bytes(), FORM, &both);
    assert_eq!(missing, Err(SubstituteError::Missing { field: "Q".to_owned() }));
    let both = [one("/a", Encoding::Json, "v"), one("/b/0", Encoding::Json, "v")];
    let body = format!(r#"{{"a":"{PLACEHOLDER}","b":["{PLACEHOLDER}"]}}"#);
    assert_eq!(substitute(body.as_bytes(), JSON, &both).unwrap(), br#"{"a":"v","b":["v"]}"#);
}

#[test]
fn no_error_or_debug_shows_a_value() {
    let substitution = one("P", Encoding::Form, "hunter22");
    assert!(!format!("{substitution:?}").contains("hunter22"));
    let error = run("D=PH", FORM, substitution).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter22"));
}

proptest! {
    #[test]
    fn a_form_reader_gets_the_value_back(value in "\\PC{1,60}") {
        prop_assume!(!value.contains(PLACEHOLDER));
        let body = run("A=1&P=PH&B=2", FORM, one("P", Encoding::Form, &value)).unwrap();
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        prop_assert_eq!(&pairs[1], &("P".to_owned(), value));
        prop_assert_eq!(pairs.len(), 3);
    }

    #[test]
    fn a_json_reader_gets_the_value_back(value in any::<String>()) {
        let body = run(r#"{"A":1,"P":"PH"}"#, JSON, one("P", Encoding::Json, &value)).unwrap();
        let read: serde_json::Value = serde_json::from_str(&body).unwrap();
        prop_assert_eq!(read, serde_json::json!({"A": 1, "P": value}));
    }

    #[test]
    fn a_secret_never_leaves_its_field(body in "[PAB=&;%;]{0,12}", name in "[AB]") {
        let marked = body.replace('P', "PH");
        if let Ok(written) = run(&marked, FORM, one(&name, Encoding::Form, "topsecret")) {
            for (key, value) in url::form_urlencoded::parse(written.as_bytes()) {
                prop_assert!(!key.contains("topsecret"));
                prop_assert!(key == name.as_str() || !value.contains("topsecret"));
            }
        }
    }
}
