//! What bounds a file, and what YAML is here.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::json;

use super::super::findings::Findings;
use super::super::source::Source;
use super::*;

fn read(text: &str) -> (Option<Value>, Vec<String>) {
    let mut findings = Findings::default();
    let node = load(&Source::new(text), &mut findings);
    let parsed = findings.conclude(node);
    (parsed.value.map(|node| node.to_json()), parsed.diagnostics.into_iter().map(|d| d.message).collect())
}

#[test]
fn scalars_are_those_of_yaml_1_2() {
    let (value, _) = read("a: yes\nb: true\nc: 1\nd: 1.5\ne: '1'\nf:\ng: !!str 2\nh: 0o10\ni: .inf\n");
    let wanted = json!({"a": "yes", "b": true, "c": 1, "d": 1.5, "e": "1", "f": null, "g": "2", "h": 8, "i": ".inf"});
    assert_eq!(value, Some(wanted));
}

#[test]
fn every_duplicate_key_is_reported() {
    let (_, messages) = read("a: 1\nb: {c: 1, c: 2}\na: 2\n");
    assert_eq!(messages, ["`c` is given twice; the first is in line 2", "`a` is given twice; the first is in line 1"]);
}

#[test]
fn an_alias_bomb_does_not_go_off() {
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, of) in ('b'..'k').zip('a'..) {
        text += &format!("{name}: &{name} [{}]\n", vec![format!("*{of}"); 10].join(", "));
    }
    let (value, messages) = read(&text);
    assert_eq!(value, None);
    assert_eq!(messages, ["the file has more than 200000 keys and values, counting what aliases repeat"]);
}

#[test]
fn an_alias_repeats_its_value() {
    assert_eq!(read("a: &x {k: v}\nb: *x\n").0, Some(json!({"a": {"k": "v"}, "b": {"k": "v"}})));
    assert_eq!(read("a: &x [*x]\n").1, ["`*x` refers to something that contains it"]);
}

#[test]
fn depth_size_and_documents_are_bounded() {
    assert_eq!(read(&"[".repeat(2000)).1, ["mappings and lists nest more than 64 deep here"]);
    assert_eq!(read(&"- ".repeat(2000)).1, ["mappings and lists nest more than 64 deep here"]);
    assert!(read(&"#".repeat(MAX_BYTES + 1)).1[0].starts_with("the file is 1048577 bytes long"));
    assert_eq!(read("a: 1\n---\nb: 2\n").1, ["a second document begins here; one file is one document"]);
    assert_eq!(read("# nothing\n").1, ["the file is empty"]);
}

#[test]
fn odd_keys_are_refused() {
    assert_eq!(read("? [a]\n: b\n").1, ["a key must be a word, not a list or a mapping"]);
    assert_eq!(read("a: &x {k: v}\nb:\n  <<: *x\n").1, ["merge keys (`<<`) are not part of YAML 1.2"]);
    assert_eq!(read("a: !password x\n").1, ["the tag `!password` means nothing here"]);
}

#[test]
fn a_block_scalar_spans_its_header_and_nothing_after() {
    let text = "a: | # |\n  one\n  two\n\nb: 1\n";
    let source = Source::new(text);
    let node = load(&source, &mut Findings::default()).unwrap();
    let Content::Mapping(entries) = node.content else { unreachable!() };
    assert_eq!(source.slice(entries[0].value.span), "| # |\n  one\n  two");
}
