//! How a cloud that this program has never heard of is set up.

use super::*;
use crate::render::screen::Format;

fn extension(cloud: &str, signer: &str, settings: &[(&str, bool)]) -> Extension {
    Extension {
        name: format!("ext-{cloud}"),
        version: "1.0.0".into(),
        cloud: cloud.into(),
        summary: String::new(),
        digest: String::new(),
        kinds: vec![],
        exports: vec![],
        installed_at: String::new(),
        grants: vec![],
        settings: settings
            .iter()
            .map(|(name, required)| Setting {
                name: (*name).into(),
                summary: "where".into(),
                required: *required,
                default: None,
            })
            .collect(),
        credentials: vec![CredentialNeed { signer: signer.into(), prompt: "an API key".into() }],
    }
}

fn screen() -> Screen {
    Screen { format: Format::Table, quiet: false }
}

fn pairs(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn an_unknown_cloud_gets_the_known_ones() {
    let known = || vec![extension("nimbus", "header", &[]), extension("aws", "aws-sigv4", &[])];
    let failure = Offer::of("cumulus", known()).err().unwrap();
    assert_eq!(failure.exit(), Exit::NotFound);
    assert_eq!(failure.next().unwrap(), "the installed extensions know: aws, nimbus");
    let failure = Offer::of("cumulus", vec![]).err().unwrap();
    assert!(failure.next().unwrap().contains("cld extension install"));
}

#[test]
fn settings_are_those_that_the_extension_declares() {
    let offer = Offer::of("nimbus", vec![extension("nimbus", "header", &[("zone", true)])]).unwrap();
    assert!(offer.check(&pairs(&[("zone", "1")])).is_ok());
    let failure = offer.check(&pairs(&[("region", "1")])).unwrap_err();
    assert_eq!(failure.to_string(), "nimbus has no setting `region`");
    assert_eq!(failure.next().unwrap(), "it has: zone");
}

#[test]
fn a_temporary_keys_token_is_the_second_line() {
    let CredentialInput::Key { id, secret, session_token } = key("AKIA", "s3cret\r\ntoken") else { panic!() };
    assert_eq!((id.as_str(), secret.as_str(), session_token.as_deref()), ("AKIA", "s3cret", Some("token")));
    let CredentialInput::Key { session_token, .. } = key("AKIA", "s3cret") else { panic!() };
    assert_eq!(session_token, None);
}

#[test]
fn where_the_credentials_are_is_what_the_options_say() {
    let of = |source: Source| given(screen(), &source, None).unwrap();
    assert!(of(Source::default()).is_none());
    assert!(matches!(of(Source { chain: true, ..Source::default() }), Some(CredentialInput::Chain)));
    assert!(matches!(of(Source { from_env: true, ..Source::default() }), Some(CredentialInput::Environment)));
    let profile = of(Source { profile: Some("dev".into()), ..Source::default() });
    assert!(matches!(profile, Some(CredentialInput::Profile { name }) if name == "dev"));
}
