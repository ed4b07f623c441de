//! What is sealed opens under its key, in its place, unchanged, and in no other way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;
use proptest::prelude::*;

fn vault_at(path: &Path) -> Vault {
    Vault::new(Arc::new(FileKey::load_or_create(path).unwrap()))
}

fn vault() -> Vault {
    vault_at(&tempfile::tempdir().unwrap().path().join("key"))
}

#[test]
fn a_sealed_item_opens_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    let sealed = vault_at(&path).seal(b"row", b"secret").unwrap();
    assert_eq!(vault_at(&path).open(b"row", &sealed).unwrap().as_slice(), b"secret");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    assert_eq!(*vault_at(&path).derive("a"), *vault_at(&path).derive("a"));
    assert_ne!(*vault_at(&path).derive("a"), *vault_at(&path).derive("b"));
}

#[test]
fn an_item_moved_to_another_row_does_not_open() {
    let vault = vault();
    let sealed = vault.seal(b"secret/a", b"x").unwrap();
    for place in [b"secret/b".as_slice(), b"secret/", b""] {
        assert!(matches!(vault.open(place, &sealed), Err(VaultError::Damaged)));
    }
}

#[test]
fn another_master_key_is_named() {
    let (ours, other) = (vault(), vault());
    let error = other.open(b"row", &ours.seal(b"row", b"x").unwrap()).unwrap_err().to_string();
    assert!(error.contains(&ours.key_id().to_string()) && error.contains(&other.key_id().to_string()), "{error}");
    assert!(error.contains("put the master key file"), "{error}");
}

#[test]
fn two_seals_of_one_text_have_nothing_in_common() {
    let vault = vault();
    let (a, b) = (vault.seal(b"row", b"same").unwrap(), vault.seal(b"row", b"same").unwrap());
    assert_ne!(a[14..], b[14..]);
}

#[test]
fn every_changed_bit_and_every_cut_is_noticed() {
    let vault = vault();
    let sealed = vault.seal(b"row", b"content").unwrap();
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[at] ^= 1 << bit;
            assert!(vault.open(b"row", &changed).is_err(), "byte {at}, bit {bit}");
        }
        assert!(vault.open(b"row", &sealed[..at]).is_err(), "cut at {at}");
    }
    let longer = [sealed.as_slice(), b"x"].concat();
    assert!(vault.open(b"row", &longer).is_err());
}

#[test]
fn a_later_format_says_so() {
    let vault = vault();
    let mut sealed = vault.seal(b"row", b"x").unwrap();
    sealed[3] = 2;
    assert!(matches!(vault.open(b"row", &sealed), Err(VaultError::NewerFormat(2))));
}

#[test]
fn the_key_file_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    FileKey::load_or_create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for mode in [0o640, 0o604, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = FileKey::load_or_create(&path).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }
}

#[test]
fn a_file_that_is_no_key_is_left_alone_and_its_content_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    for content in ["", "hunter22\n", "cloudark-master-key-1 abcd\n", "cloudark-master-key-1 zz", "\u{0}"] {
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = FileKey::load_or_create(&path).unwrap_err();
        assert!(matches!(error, VaultError::NotAKey { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter22"));
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    fs::write(&path, b"\xff\xfe").unwrap();
    assert!(matches!(FileKey::load(&path), Err(VaultError::NotAKey { .. })));
    let error = FileKey::load_or_create(Path::new("/proc/no/such/folder/key")).unwrap_err();
    assert!(matches!(error, VaultError::File { doing: "written", .. }), "{error}");
}

#[test]
fn servers_that_start_at_once_get_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let ids: HashSet<KeyId> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| FileKey::load_or_create(&path).unwrap().id())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn debug_does_not_show_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let key = FileKey::load_or_create(&path).unwrap();
    let digits = fs::read_to_string(&path).unwrap().split(' ').nth(1).unwrap().trim().to_owned();
    let vault = Vault::new(Arc::new(FileKey::load(&path).unwrap()));
    assert!(!format!("{key:?} {vault:?}").contains(&digits[..8]));
    assert!(!digits.contains(&key.id().to_string()), "the id is not a part of the key");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_sealed_opens_to_the_same(aad in prop::collection::vec(any::<u8>(), 0..64), text in prop::collection::vec(any::<u8>(), 0..512)) {
        let vault = vault();
        let sealed = vault.seal(&aad, &text).unwrap();
        prop_assert_eq!(vault.open(&aad, &sealed).unwrap().to_vec(), text.clone());
        prop_assert!(text.len() < 8 || !sealed.windows(text.len()).any(|window| window == text));
    }

    #[test]
    fn arbitrary_bytes_never_open(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(vault().open(b"row", &bytes).is_err());
        let framed = [b"CAv\x01".as_slice(), &bytes].concat();
        prop_assert!(vault().open(b"row", &framed).is_err());
    }

    #[test]
    fn generated_secrets_keep_their_rules(length in 8_usize..=128) {
        let alphanumeric = generate_secret(length, Alphabet::Alphanumeric).unwrap();
        let text = alphanumeric.expose();
        prop_assert_eq!(text.len(), length);
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        prop_assert!(text.bytes().any(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte.is_ascii_uppercase()));
        let hex = generate_secret(length, Alphabet::Hex).unwrap();
        prop_assert!(hex.expose().len() == length && hex.expose().bytes().all(|byte| b"0123456789abcdef".contains(&byte)));
        let url_safe = generate_secret(length, Alphabet::UrlSafe).unwrap();
        prop_assert!(!url_safe.expose().starts_with(['-', '_']));
    }
}

#[test]
fn letters_of_generated_secrets_are_equally_likely() {
    let mut counts = [0_u32; 128];
    for _ in 0..500 {
        for byte in generate_secret(128, Alphabet::UrlSafe).unwrap().expose().bytes() {
            counts[usize::from(byte)] += 1;
        }
    }
    // 64,000 letters of 64: a thousand each, 32 the standard deviation.
    for letter in b"AZaz09-_" {
        assert!((800..1200).contains(&counts[usize::from(*letter)]), "{}", char::from(*letter));
    }
}

#[test]
fn lengths_that_make_no_secret_are_refused() {
    for length in [0, 7, 129, usize::MAX] {
        assert!(generate_secret(length, Alphabet::Hex).is_err());
    }
}
