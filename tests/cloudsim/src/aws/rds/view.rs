//! A database as answers show it.

use serde_json::{Value, json};

use super::{Database, Status, subnets};
use crate::aws::{Ctx, tag_list, when};

/// A database.
pub fn view(ctx: &Ctx<'_>, database: &Database) -> Value {
    let rds = &ctx.r.rds;
    let group = rds.subnet_groups.get(&database.subnet_group).map(|group| subnets::view(ctx, group));
    let endpoint = (!matches!(database.status, Status::Creating(_))).then(|| {
        json!({
            "Address": format!("{}.c0udsim.{}.rds.amazonaws.com", database.id, ctx.region),
            "Port": database.port,
            "HostedZoneId": "Z2R2ITUGPM61AM",
        })
    });
    let groups: Vec<Value> =
        database.groups.iter().map(|id| json!({ "VpcSecurityGroupId": id, "Status": "active" })).collect();
    json!({
        "DBInstanceIdentifier": database.id,
        "DBInstanceArn": database.arn,
        "DbiResourceId": database.resource_id,
        "DBInstanceClass": database.class,
        "DBInstanceStatus": database.status.name(),
        "Engine": database.engine,
        "EngineVersion": database.version,
        "MasterUsername": database.username,
        "DBName": database.name,
        "Endpoint": endpoint.filter(|_| database.status.name() != "failed"),
        "AllocatedStorage": database.storage,
        "StorageType": database.storage_type,
        "StorageEncrypted": database.encrypted,
        "InstanceCreateTime": endpoint_time(database),
        "BackupRetentionPeriod": database.retention,
        "DBSecurityGroups": [],
        "VpcSecurityGroups": groups,
        "DBParameterGroups": [{
            "DBParameterGroupName": format!("default.{}", database.family),
            "ParameterApplyStatus": "in-sync",
        }],
        "AvailabilityZone": database.zone,
        "DBSubnetGroup": group,
        "MultiAZ": database.multi_az,
        "AutoMinorVersionUpgrade": true,
        "PubliclyAccessible": database.public,
        "DeletionProtection": database.protected,
        "CopyTagsToSnapshot": false,
        "DbInstancePort": 0,
        "PendingModifiedValues": {},
        "TagList": tag_list(&database.tags),
    })
}

/// The creation time is shown once the instance was created.
fn endpoint_time(database: &Database) -> Option<String> {
    (!matches!(database.status, Status::Creating(_))).then(|| when::iso(database.birth.at_ms))
}
