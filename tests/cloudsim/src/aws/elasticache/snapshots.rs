//! Snapshots: what a deleted group leaves behind when it is asked to.

use serde::Serialize;

use super::ReplicationGroup;
use crate::{
    aws::{Ctx, Tags, error::AwsError},
    life::Birth,
};

/// A snapshot.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    pub name: String,
    pub arn: String,
    pub group: String,
    pub tags: Tags,
    pub birth: Birth,
}

/// Makes a snapshot of a group.
pub fn make(ctx: &mut Ctx<'_>, name: &str, group: &ReplicationGroup) -> Result<(), AwsError> {
    if ctx.r.elasticache.snapshots.contains_key(name) {
        return Err(AwsError::new("SnapshotAlreadyExistsFault", format!("Snapshot {name} already exists.")));
    }
    let snapshot = Snapshot {
        arn: ctx.arn("elasticache", &format!("snapshot:{name}")),
        name: name.to_owned(),
        group: group.id.clone(),
        tags: group.tags.clone(),
        birth: ctx.birth(),
    };
    ctx.r.elasticache.snapshots.insert(name.to_owned(), snapshot);
    Ok(())
}
