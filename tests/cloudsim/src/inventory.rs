//! What exists: the lists that tests count orphans and duplicates with.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::Ownership;

/// One thing in a cloud.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// The account or project it is in.
    pub account: String,
    /// Its region, or `global`.
    pub region: String,
    /// `ec2`
    pub service: String,
    /// `security-group`
    #[serde(rename = "type")]
    pub kind: String,
    /// What the cloud calls it: an id or an ARN.
    pub id: String,
    /// Its name, where it has one.
    pub name: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its state in the cloud's words; empty where it has none.
    pub state: String,
    /// The number of the call that made it; 0: by hand.
    pub created_by_call: u64,
    /// What made it on its own, for things that nobody asked for (network interfaces, a service's tasks).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
    /// It is over, and only its shadow is still listed by the cloud, or it goes by itself.
    #[serde(skip)]
    pub lingering: bool,
    /// Two things of one label are duplicates only if this is equal too.
    #[serde(skip)]
    pub sameness: String,
}

/// The answer of `GET /_sim/inventory`.
#[derive(Debug, Serialize)]
pub struct Inventory {
    /// Everything that exists and was not there from the start.
    pub resources: Vec<Item>,
    /// What is over but still readable, and what goes by itself.
    pub lingering: Vec<Item>,
    /// Groups of things of which there should be one.
    pub duplicates: Vec<Vec<Item>>,
}

/// Sorts items into the three lists.
pub fn sort(items: Vec<Item>, ownership: &Ownership) -> Inventory {
    let (lingering, resources): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| item.lingering);
    let mut groups: BTreeMap<Vec<String>, Vec<Item>> = BTreeMap::new();
    for item in &resources {
        if let Some(key) = identity(item, ownership) {
            groups.entry(key).or_default().push(item.clone());
        }
    }
    let duplicates = groups.into_values().filter(|group| group.len() > 1).collect();
    Inventory { resources, lingering, duplicates }
}

/// What no two things may share; `None` for what is not marked as owned, or not made by a call of its own.
fn identity(item: &Item, ownership: &Ownership) -> Option<Vec<String>> {
    if item.managed_by.is_some() {
        return None;
    }
    let environment = item.tags.get(&ownership.environment)?;
    let piece = item.tags.get(&ownership.piece)?;
    let role = item.tags.get(&ownership.label).unwrap_or(&item.name);
    Some(
        [&item.account, &item.region, &item.service, &item.kind, environment, piece, role, &item.sameness]
            .map(Clone::clone)
            .to_vec(),
    )
}
