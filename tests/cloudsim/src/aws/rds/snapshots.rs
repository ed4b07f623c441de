//! Snapshots: what a deleted database leaves behind when it is asked to.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Database, checks};
use crate::{
    aws::{
        Ctx, Tags,
        error::{Answer, AwsError},
        page,
        params::Params,
        tag_list, when,
    },
    life::{Birth, Ripening},
};

/// A snapshot.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    pub id: String,
    pub arn: String,
    pub database: String,
    pub engine: String,
    pub version: String,
    pub storage: i64,
    pub username: String,
    pub creating: Option<Ripening>,
    pub tags: Tags,
    pub birth: Birth,
}

impl Snapshot {
    /// In AWS's words.
    pub fn status(&self) -> &'static str {
        if self.creating.is_some() { "creating" } else { "available" }
    }
}

/// Makes a snapshot of a database.
pub fn make(ctx: &mut Ctx<'_>, name: &str, database: &Database) -> Result<(), AwsError> {
    checks::identifier("FinalDBSnapshotIdentifier", name)?;
    let id = name.to_lowercase();
    if ctx.r.rds.snapshots.contains_key(&id) {
        return Err(AwsError::new(
            "DBSnapshotAlreadyExists",
            format!("Cannot create the snapshot because a snapshot with the identifier {id} already exists."),
        ));
    }
    let snapshot = Snapshot {
        arn: ctx.arn("rds", &format!("snapshot:{id}")),
        id,
        database: database.id.clone(),
        engine: database.engine.clone(),
        version: database.version.clone(),
        storage: database.storage,
        username: database.username.clone(),
        creating: Some(Ripening::from(ctx.now)),
        tags: database.tags.clone(),
        birth: ctx.birth(),
    };
    ctx.r.rds.snapshots.insert(snapshot.id.clone(), snapshot);
    Ok(())
}

fn view(snapshot: &Snapshot) -> Value {
    json!({
        "DBSnapshotIdentifier": snapshot.id,
        "DBSnapshotArn": snapshot.arn,
        "DBInstanceIdentifier": snapshot.database,
        "SnapshotCreateTime": when::iso(snapshot.birth.at_ms),
        "Engine": snapshot.engine,
        "EngineVersion": snapshot.version,
        "AllocatedStorage": snapshot.storage,
        "Status": snapshot.status(),
        "MasterUsername": snapshot.username,
        "SnapshotType": "manual",
        "PercentProgress": if snapshot.creating.is_some() { 50 } else { 100 },
        "TagList": tag_list(&snapshot.tags),
    })
}

/// DescribeDBSnapshots
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (id, database) = (p.text("DBSnapshotIdentifier"), p.text("DBInstanceIdentifier"));
    let _ = p.text("SnapshotType");
    let (config, now) = (ctx.config, ctx.now);
    let mut found = Vec::new();
    for snapshot in ctx.r.rds.snapshots.values_mut() {
        let wanted = id.as_ref().is_none_or(|id| id.to_lowercase() == snapshot.id)
            && database.as_ref().is_none_or(|id| id.to_lowercase() == snapshot.database);
        if wanted && snapshot.birth.look(config, now) {
            if snapshot.creating.as_mut().is_some_and(|state| state.poll(config.polls_until_ready, config, now)) {
                snapshot.creating = None;
            }
            found.push(view(snapshot));
        }
    }
    if let Some(id) = id.filter(|_| found.is_empty()) {
        return Err(missing(&id));
    }
    let (found, next) = page(ctx, p, found, ("MaxRecords", "Marker"), 100)?;
    Ok(json!({ "DBSnapshots": found, "Marker": next }))
}

/// DeleteDBSnapshot
pub fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let id = p.need("DBSnapshotIdentifier")?.to_lowercase();
    let gone = ctx.r.rds.snapshots.remove(&id).ok_or_else(|| missing(&id))?;
    Ok(json!({ "DBSnapshot": view(&gone) }))
}

fn missing(id: &str) -> AwsError {
    AwsError::with_status(404, "DBSnapshotNotFound", format!("DBSnapshot {id} not found."))
}
