//! AWS's own providers. They read the process's environment, which a test must not change under the others:
//! so each of these tests runs itself again in a process of its own.

use std::fs;
use std::path::Path;

use super::*;

/// In the test's own process: true. See [`world::in_own_process`].
fn in_own_process(test: &str, environment: &[(&str, &str)]) -> bool {
    // No test may find the keys, or the metadata service, of the machine it runs on.
    let mut all = vec![
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    all.extend_from_slice(environment);
    world::in_own_process(module_path!(), test, &all)
}

fn aws(source: CredentialSource) -> Credentials {
    credentials("aws", source)
}

fn profile(name: &str) -> CredentialSource {
    CredentialSource::Profile { name: name.to_owned() }
}

/// The id of the key that signs now.
async fn signs(credentials: &Credentials, now: SystemTime) -> Result<String, CredentialError> {
    let signer = Signer::AwsSigV4 { service: "rds".to_owned(), region: "eu-west-1".to_owned() };
    let mut request = request();
    credentials.sign(&signer, &mut request, now).await?;
    let authorization = &request.headers.iter().find(|(name, _)| name == "authorization").unwrap().1;
    let (_, rest) = authorization.split_once("Credential=").unwrap();
    Ok(rest.split('/').next().unwrap().to_owned())
}

fn write(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn keys_come_from_the_environment() {
    let environment = [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "secret-of-env")];
    if in_own_process("keys_come_from_the_environment", &environment) {
        for source in [CredentialSource::Environment, CredentialSource::Chain] {
            let aws = aws(source);
            assert_eq!(signs(&aws, at(0)).await.unwrap(), "AKIDENV");
            assert_eq!(aws.secret_values()[0].as_str(), "secret-of-env");
        }
    }
}

#[tokio::test]
async fn keys_come_from_a_profile() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[default]\naws_access_key_id = AKIDDEFAULT\naws_secret_access_key = s\n\
                [staging]\naws_access_key_id = AKIDSTAGING\naws_secret_access_key = s\n";
    let file = write(folder.path(), "credentials", text);
    if in_own_process("keys_come_from_a_profile", &[("AWS_SHARED_CREDENTIALS_FILE", &file)]) {
        assert_eq!(signs(&aws(profile("staging")), at(0)).await.unwrap(), "AKIDSTAGING");
        assert_eq!(signs(&aws(CredentialSource::Chain), at(0)).await.unwrap(), "AKIDDEFAULT");
        let error = signs(&aws(profile("absent")), at(0)).await.unwrap_err();
        assert!(matches!(error, CredentialError::Missing { .. }), "{error:?}");
        assert!(error.to_string().contains("profile `absent`"), "{error}");
        assert!(error.to_string().ends_with("Set them up with `cld setup aws`"), "{error}");
    }
}

#[tokio::test]
async fn a_machine_without_keys_says_where_they_were_looked_for() {
    if in_own_process("a_machine_without_keys_says_where_they_were_looked_for", &[]) {
        for (source, place) in
            [(CredentialSource::Environment, "AWS_ACCESS_KEY_ID"), (CredentialSource::Chain, "the default chain")]
        {
            let error = signs(&aws(source), at(0)).await.unwrap_err();
            assert!(matches!(error, CredentialError::Missing { .. }), "{error:?}");
            assert!(error.to_string().contains(place) && error.to_string().contains("`cld setup aws`"), "{error}");
        }
    }
}

#[tokio::test]
async fn expiring_keys_are_kept_and_renewed_and_outlive_a_hiccup() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    let script = write(
        folder.path(),
        "keys.sh",
        &format!(
            "n=$(cat {0} 2>/dev/null || echo 0); n=$((n+1)); echo $n > {0}; [ $n = 2 ] && exit 1\n\
             echo '{{\"Version\":1,\"AccessKeyId\":\"AKID'$n'\",\"SecretAccessKey\":\"secret-'$n'\",\
             \"SessionToken\":\"token-'$n'\",\"Expiration\":\"2027-01-15T09:00:00Z\"}}'\n",
            count.display()
        ),
    );
    let config = write(folder.path(), "config", &format!("[default]\ncredential_process = /bin/sh {script}\n"));
    if in_own_process("expiring_keys_are_kept_and_renewed_and_outlive_a_hiccup", &[("AWS_CONFIG_FILE", &config)]) {
        let aws = aws(profile("default"));
        // They expire 3600 s after `at(0)`, which is 2027-01-15T08:00:00Z.
        assert_eq!(signs(&aws, at(0)).await.unwrap(), "AKID1");
        assert_eq!(signs(&aws, at(3000)).await.unwrap(), "AKID1", "kept");
        assert_eq!(signs(&aws, at(3400)).await.unwrap(), "AKID1", "the provider failed, they are still good");
        assert_eq!(signs(&aws, at(3410)).await.unwrap(), "AKID3", "renewed");
        let secrets: Vec<String> = aws.secret_values().iter().map(|secret| secret.to_string()).collect();
        assert_eq!(secrets, ["secret-1", "token-1", "secret-3", "token-3"]);
    }
}
