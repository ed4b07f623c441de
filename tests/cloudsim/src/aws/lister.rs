//! Collects things for the inventory.

use super::Tags;
use crate::inventory::Item;

/// Collects the things of one region for the inventory.
pub struct Lister<'a> {
    pub account: &'a str,
    pub region: &'a str,
    pub items: &'a mut Vec<Item>,
}

impl Lister<'_> {
    /// Adds a thing; `more` says more about it.
    pub fn add(&mut self, service: &str, kind: &str, thing: Thing<'_>, more: impl FnOnce(&mut Item)) {
        let mut item = Item {
            account: self.account.to_owned(),
            region: self.region.to_owned(),
            service: service.to_owned(),
            kind: kind.to_owned(),
            id: thing.id.to_owned(),
            name: thing.name.to_owned(),
            tags: thing.tags.clone(),
            state: String::new(),
            created_by_call: thing.birth.call,
            managed_by: None,
            lingering: false,
            sameness: String::new(),
        };
        more(&mut item);
        self.items.push(item);
    }
}

/// What every thing in the inventory has.
pub struct Thing<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub tags: &'a Tags,
    pub birth: &'a crate::life::Birth,
}
