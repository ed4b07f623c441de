//! Conditions: what must hold for a field of a request.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Facts;
use super::mark::carries_mark_in_words;
use super::template::{Template, glob};

/// What must hold for a field. A field that is missing or empty fails all but `Absent`, `Optional` and `Any`.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// A name of this environment.
    Minted,
    /// An id that an answer has shown with our mark.
    Owned,
    /// What the user's application asked for.
    FromApplication,
    /// The ownership mark: a list of keys and values, a map, or a text with `key=value` words.
    Mark,
    /// The field must not be there.
    Absent,
    /// The field must be there.
    Any,
    /// One of these texts; numbers and booleans as JSON writes them.
    OneOf(Vec<String>),
    /// `*` is any run of characters.
    Glob(String),
    /// A text with holes.
    Template(Template),
    /// A JSON text; each of its leaves must be named by one of these pointers and fulfil its condition.
    Json(Conditions),
    /// Not there, or as the condition says.
    Optional(Box<Condition>),
    /// All of them.
    All(Vec<Condition>),
    /// Any of them.
    Either(Vec<Condition>),
}

impl Condition {
    /// Whether a field with this text fulfils it, where that can be told from the text.
    pub(super) fn holds_for(&self, text: &str, facts: &dyn Facts) -> bool {
        match self {
            Self::Any => true,
            Self::Minted => !text.is_empty() && facts.is_minted(text),
            Self::Owned => !text.is_empty() && facts.is_owned(text),
            Self::FromApplication => !text.is_empty() && facts.is_from_application(text),
            Self::OneOf(texts) => texts.iter().any(|one| one == text),
            Self::Glob(pattern) => !text.is_empty() && glob(pattern, text),
            Self::Template(template) => template.matches(text, facts),
            Self::Json(conditions) => super::fields::check_document("", text, conditions, facts).is_ok(),
            Self::Optional(inner) => inner.holds_for(text, facts),
            Self::All(all) => all.iter().all(|one| one.holds_for(text, facts)),
            Self::Either(any) => any.iter().any(|one| one.holds_for(text, facts)),
            Self::Mark => carries_mark_in_words(text, facts.mark()),
            Self::Absent => false,
        }
    }

    /// Whether it binds the field to something of this environment, whatever else it allows.
    pub(super) fn binds(&self) -> bool {
        match self {
            Self::Minted | Self::Owned => true,
            Self::Template(template) => template.binds(),
            Self::All(all) => all.iter().any(Self::binds),
            Self::Either(any) => !any.is_empty() && any.iter().all(Self::binds),
            _ => false,
        }
    }

    /// Whether it says what the field may be, and not just that it is there.
    pub(super) fn is_narrow(&self) -> bool {
        match self {
            Self::Any | Self::Mark => false,
            Self::Glob(pattern) => pattern != "*",
            Self::Optional(inner) => inner.is_narrow(),
            Self::All(all) => all.iter().any(Self::is_narrow),
            Self::Either(any) => any.iter().all(Self::is_narrow),
            _ => true,
        }
    }

    /// Whether a field may be missing.
    pub(super) fn is_optional(&self) -> bool {
        matches!(self, Self::Optional(_) | Self::Absent)
    }

    /// Whether it is, or may be, the ownership mark.
    pub(super) fn is_mark(&self) -> bool {
        match self {
            Self::Mark => true,
            Self::Optional(inner) => inner.is_mark(),
            _ => false,
        }
    }

    /// The conditions on the parts of a document, if it is one.
    pub(super) fn document(&self) -> Option<&Conditions> {
        match self {
            Self::Json(conditions) => Some(conditions),
            Self::Optional(inner) => inner.document(),
            _ => None,
        }
    }

    /// The conditions it is made of.
    pub(super) fn parts(&self) -> Vec<&Condition> {
        match self {
            Self::Optional(inner) => vec![inner],
            Self::All(all) | Self::Either(all) => all.iter().collect(),
            Self::Json(conditions) => conditions.iter().map(|(_, condition)| condition).collect(),
            _ => Vec::new(),
        }
    }
}

/// Fields and what must hold for each: form fields (`Tags.member.*.Key`, with `*` for a number), JSON pointers
/// (`/subnets/*`, with `*` for any index or key), path parameters (`name`) and query parameters (`?name`).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Conditions(BTreeMap<String, Condition>);

impl Conditions {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fields and conditions, in the order of the fields' names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Condition)> {
        self.0.iter().map(|(field, condition)| (field.as_str(), condition))
    }

    /// The names of the fields.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl FromIterator<(String, Condition)> for Conditions {
    fn from_iter<I: IntoIterator<Item = (String, Condition)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for Conditions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Conditions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of fields and conditions")
            }

            // A field that is there twice would lose one of its conditions.
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Conditions, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some(field) = map.next_key::<String>()? {
                    let condition = map.next_value::<Condition>()?;
                    if fields.insert(field.clone(), condition).is_some() {
                        return Err(de::Error::custom(format!("the field `{field}` is there twice")));
                    }
                }
                Ok(Conditions(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

const WORDS: &[&str] = &["minted", "owned", "from-application", "mark", "absent", "any"];

/// The forms with one key. Serde reads and writes them; words and lists are ours.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Keyed {
    OneOf(Vec<Scalar>),
    Glob(String),
    Template(Template),
    Json(Conditions),
    Optional(Condition),
    All(Vec<Condition>),
}

/// A text, or a number or boolean that is written without quotes.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Bool(bool),
    Integer(i64),
}

impl From<Scalar> for String {
    fn from(scalar: Scalar) -> String {
        match scalar {
            Scalar::Text(text) => text,
            Scalar::Bool(value) => value.to_string(),
            Scalar::Integer(value) => value.to_string(),
        }
    }
}

impl From<Keyed> for Condition {
    fn from(keyed: Keyed) -> Self {
        match keyed {
            Keyed::OneOf(texts) => Self::OneOf(texts.into_iter().map(String::from).collect()),
            Keyed::Glob(pattern) => Self::Glob(pattern),
            Keyed::Template(template) => Self::Template(template),
            Keyed::Json(conditions) => Self::Json(conditions),
            Keyed::Optional(inner) => Self::Optional(Box::new(inner)),
            Keyed::All(all) => Self::All(all),
        }
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn entry<S: Serializer, T: Serialize + ?Sized>(s: S, key: &str, value: &T) -> Result<S::Ok, S::Error> {
            let mut map = s.serialize_map(Some(1))?;
            map.serialize_entry(key, value)?;
            map.end()
        }
        match self {
            Self::Minted => serializer.serialize_str("minted"),
            Self::Owned => serializer.serialize_str("owned"),
            Self::FromApplication => serializer.serialize_str("from-application"),
            Self::Mark => serializer.serialize_str("mark"),
            Self::Absent => serializer.serialize_str("absent"),
            Self::Any => serializer.serialize_str("any"),
            Self::OneOf(texts) => entry(serializer, "one-of", texts),
            Self::Glob(pattern) => entry(serializer, "glob", pattern),
            Self::Template(template) => entry(serializer, "template", template),
            Self::Json(conditions) => entry(serializer, "json", conditions),
            Self::Optional(inner) => entry(serializer, "optional", inner),
            Self::All(all) => entry(serializer, "all", all),
            Self::Either(any) => {
                let mut seq = serializer.serialize_seq(Some(any.len()))?;
                any.iter().try_for_each(|one| seq.serialize_element(one))?;
                seq.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConditionVisitor)
    }
}

struct ConditionVisitor;

impl<'de> Visitor<'de> for ConditionVisitor {
    type Value = Condition;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a condition: a word such as `minted`, a map with one key such as `{ glob: \"db-*\" }`, or a list of them",
        )
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Condition, E> {
        Ok(match word {
            "minted" => Condition::Minted,
            "owned" => Condition::Owned,
            "from-application" => Condition::FromApplication,
            "mark" => Condition::Mark,
            "absent" => Condition::Absent,
            "any" => Condition::Any,
            other => return Err(E::unknown_variant(other, WORDS)),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Condition, A::Error> {
        let mut any = Vec::new();
        while let Some(condition) = seq.next_element()? {
            any.push(condition);
        }
        Ok(Condition::Either(any))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Condition, A::Error> {
        Keyed::deserialize(MapAccessDeserializer::new(map)).map(Condition::from)
    }
}
