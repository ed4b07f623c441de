//! Database instances.

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    catalog, checks,
    placement::{check_public, groups, place},
    snapshots,
    view::view,
};
use crate::{
    aws::{
        Ctx, Tags, ec2,
        error::{Answer, AwsError},
        page,
        params::Params,
    },
    life::{Birth, Ripening},
};

/// A database.
#[derive(Clone, Debug, Serialize)]
pub struct Database {
    pub id: String,
    pub arn: String,
    pub resource_id: String,
    pub class: String,
    pub engine: String,
    pub version: String,
    pub family: String,
    pub username: String,
    /// In plain: `/_sim/state` shows it, for tests that look for leaks elsewhere.
    pub password: String,
    pub name: Option<String>,
    pub port: i64,
    pub storage: i64,
    pub storage_type: String,
    pub encrypted: bool,
    pub public: bool,
    pub multi_az: bool,
    pub retention: i64,
    pub protected: bool,
    pub subnet_group: String,
    pub groups: Vec<String>,
    pub zone: String,
    pub status: Status,
    pub tags: Tags,
    pub birth: Birth,
}

/// What a database does at the moment.
#[derive(Clone, Debug, Serialize)]
pub enum Status {
    Creating(Ripening),
    BackingUp(Ripening),
    Available,
    Modifying(Ripening),
    Deleting(Ripening),
    /// By hand or by configuration: `failed`, `storage-full`, `incompatible-network` … It stays.
    Stuck(String),
}

impl Status {
    /// In AWS's words.
    pub fn name(&self) -> &str {
        match self {
            Self::Creating(_) => "creating",
            Self::BackingUp(_) => "backing-up",
            Self::Available => "available",
            Self::Modifying(_) => "modifying",
            Self::Deleting(_) => "deleting",
            Self::Stuck(status) => status,
        }
    }
}

/// CreateDBInstance
pub fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let id = p.need("DBInstanceIdentifier")?;
    checks::identifier("DBInstanceIdentifier", &id)?;
    let id = id.to_lowercase();
    let engine = catalog::engine(&p.need("Engine")?)?;
    let class = p.need("DBInstanceClass")?;
    let (version, family) = engine.version(p.text("EngineVersion").as_deref())?;
    catalog::check_class(ctx, &class, engine, version)?;
    let storage_type = p.text("StorageType").unwrap_or_else(|| "gp2".into());
    let storage = p.number("AllocatedStorage")?.ok_or_else(|| AwsError::missing("AllocatedStorage"))?;
    checks::storage(engine, &storage_type, storage)?;
    let username = p.need("MasterUsername")?;
    checks::username(engine, &username)?;
    let password = p.need("MasterUserPassword")?;
    checks::password(engine, &password)?;
    let name = p.text("DBName");
    name.as_deref().map_or(Ok(()), |name| checks::database_name(engine, name))?;
    let retention = p.number("BackupRetentionPeriod")?.unwrap_or(1);
    if !(0..=35).contains(&retention) {
        return Err(AwsError::invalid(format!(
            "Invalid backup retention period: {retention}. Must be between 0 and 35."
        )));
    }
    let _ = (p.flag("AutoMinorVersionUpgrade"), p.flag("CopyTagsToSnapshot"), p.text("LicenseModel"));
    if ctx.r.rds.databases.contains_key(&id) {
        return Err(AwsError::new("DBInstanceAlreadyExists", "DB instance already exists"));
    }
    let place = place(ctx, p)?;
    let database = Database {
        arn: ctx.arn("rds", &format!("db:{id}")),
        resource_id: format!("db-{}", ctx.ids.hex16().to_uppercase()),
        id,
        class,
        engine: engine.name.to_owned(),
        version: version.to_owned(),
        family: family.to_owned(),
        username,
        password,
        name,
        port: p.number("Port")?.unwrap_or(engine.port),
        storage,
        storage_type,
        encrypted: p.flag("StorageEncrypted").unwrap_or(false),
        public: p.flag("PubliclyAccessible").unwrap_or(place.public_by_default),
        multi_az: p.flag("MultiAZ").unwrap_or(false),
        retention,
        protected: p.flag("DeletionProtection").unwrap_or(false),
        subnet_group: place.group,
        groups: place.groups,
        zone: place.zone,
        status: Status::Creating(Ripening::from(ctx.now)),
        tags: p.tags("Tags")?,
        birth: ctx.birth(),
    };
    if database.public {
        check_public(ctx, &place.vpc)?;
    }
    let owner = ec2::Owner::Database(database.arn.clone());
    let what = "RDSNetworkInterface".to_owned();
    ec2::interfaces::attach(ctx, &place.subnet, database.groups.clone(), what, owner, database.public);
    let answer = json!({ "DBInstance": view(ctx, &database) });
    ctx.r.rds.databases.insert(database.id.clone(), database);
    Ok(answer)
}

/// DescribeDBInstances
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let id = p.text("DBInstanceIdentifier").map(|id| id.to_lowercase());
    let filters: Vec<(String, Vec<String>)> =
        p.objects("Filters").iter().map(|f| (f.text("Name").unwrap_or_default(), f.list("Values"))).collect();
    let (config, now) = (ctx.config, ctx.now);
    let mut shown = Vec::new();
    for database in ctx.r.rds.databases.values_mut() {
        let wanted = id.as_ref().is_none_or(|id| *id == database.id || *id == database.arn)
            && filters.iter().all(|(name, values)| match name.as_str() {
                "db-instance-id" => values.contains(&database.id) || values.contains(&database.arn),
                "engine" => values.contains(&database.engine),
                _ => true,
            });
        if wanted && database.birth.look(config, now) {
            shown.push(database.id.clone());
        }
    }
    for id in &shown {
        advance(ctx, id);
    }
    shown.retain(|id| ctx.r.rds.databases.contains_key(id));
    if let Some(id) = id.filter(|_| shown.is_empty()) {
        return Err(missing(&id));
    }
    let found: Vec<Value> =
        shown.iter().filter_map(|id| ctx.r.rds.databases.get(id)).map(|database| view(ctx, database)).collect();
    let (found, next) = page(ctx, p, found, ("MaxRecords", "Marker"), 100)?;
    Ok(json!({ "DBInstances": found, "Marker": next }))
}

/// Counts a poll for a database, and takes it to its next state when its time has come.
fn advance(ctx: &mut Ctx<'_>, id: &str) {
    let (config, now) = (ctx.config, ctx.now);
    let polls = config.polls_until_ready;
    let Some(database) = ctx.r.rds.databases.get_mut(id) else {
        return;
    };
    let due = match &mut database.status {
        Status::Creating(state) | Status::Modifying(state) | Status::Deleting(state) => state.poll(polls, config, now),
        Status::BackingUp(state) => state.poll(1, config, now),
        Status::Available | Status::Stuck(_) => false,
    };
    if !due {
        return;
    }
    match (&database.status, &config.aws.databases_end) {
        (Status::Deleting(_), _) => {
            let owner = ec2::Owner::Database(database.arn.clone());
            ctx.r.rds.databases.remove(id);
            ec2::interfaces::release(ctx, &owner);
        }
        (Status::Creating(_), Some(end)) => database.status = Status::Stuck(end.clone()),
        (Status::Creating(_), None) if database.retention > 0 => {
            database.status = Status::BackingUp(Ripening::from(now));
        }
        _ => database.status = Status::Available,
    }
}

/// A refused call counts as a poll for the databases that are being deleted.
pub fn tick_deleting(ctx: &mut Ctx<'_>, seen: impl Fn(&Database) -> bool) {
    let leaving = |database: &&Database| matches!(database.status, Status::Deleting(_)) && seen(database);
    let ids: Vec<String> = ctx.r.rds.databases.values().filter(leaving).map(|database| database.id.clone()).collect();
    for id in ids {
        advance(ctx, &id);
    }
}

/// ModifyDBInstance, at once whatever `ApplyImmediately` says.
pub fn modify(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let id = p.need("DBInstanceIdentifier")?.to_lowercase();
    let database = ctx.r.rds.databases.get(&id).ok_or_else(|| missing(&id))?.clone();
    if !matches!(database.status, Status::Available) {
        return Err(AwsError::new(
            "InvalidDBInstanceState",
            format!("Database instance is not in available state: {id} is {}.", database.status.name()),
        ));
    }
    let mut next = database.clone();
    let engine = catalog::engine(&database.engine)?;
    let _ = p.flag("ApplyImmediately");
    if let Some(class) = p.text("DBInstanceClass") {
        catalog::check_class(ctx, &class, engine, &database.version)?;
        next.class = class;
    }
    if let Some(size) = p.number("AllocatedStorage")? {
        checks::storage(engine, &database.storage_type, size)?;
        if size < database.storage {
            return Err(AwsError::new(
                "InvalidParameterCombination",
                format!("Invalid storage size: {size} is less than the current {}", database.storage),
            ));
        }
        next.storage = size;
    }
    if let Some(password) = p.text("MasterUserPassword") {
        checks::password(engine, &password)?;
        next.password = password;
    }
    if p.has("VpcSecurityGroupIds") {
        let vpc = database.groups.first().and_then(|id| ctx.r.ec2.groups.get(id)).map(|group| group.vpc.clone());
        next.groups = groups(ctx, p, &vpc.unwrap_or_default())?;
        let owner = ec2::Owner::Database(database.arn.clone());
        for eni in ctx.r.ec2.interfaces.values_mut().filter(|eni| eni.owner == owner) {
            eni.groups.clone_from(&next.groups);
        }
    }
    next.retention = p.number("BackupRetentionPeriod")?.unwrap_or(next.retention);
    next.protected = p.flag("DeletionProtection").unwrap_or(next.protected);
    next.public = p.flag("PubliclyAccessible").unwrap_or(next.public);
    next.multi_az = p.flag("MultiAZ").unwrap_or(next.multi_az);
    next.status = Status::Modifying(Ripening::from(ctx.now));
    let answer = json!({ "DBInstance": view(ctx, &next) });
    ctx.r.rds.databases.insert(id, next);
    Ok(answer)
}

/// DeleteDBInstance
pub fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let id = p.need("DBInstanceIdentifier")?.to_lowercase();
    let (skip, snapshot) = (p.flag("SkipFinalSnapshot").unwrap_or(false), p.text("FinalDBSnapshotIdentifier"));
    let _ = p.flag("DeleteAutomatedBackups");
    let database = ctx.r.rds.databases.get(&id).ok_or_else(|| missing(&id))?.clone();
    let combination = |message: &str| Err(AwsError::new("InvalidParameterCombination", message));
    if matches!(database.status, Status::Deleting(_)) {
        return Err(AwsError::new("InvalidDBInstanceState", format!("Instance {id} is already being deleted.")));
    }
    if database.protected {
        return combination("Cannot delete protected DB Instance, please disable deletion protection and try again.");
    }
    match (skip, snapshot) {
        (true, Some(_)) => {
            return combination("FinalDBSnapshotIdentifier can not be specified when deleting with SkipFinalSnapshot");
        }
        (false, None) => {
            return combination("FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.");
        }
        (false, Some(name)) => {
            if matches!(database.status, Status::Creating(_) | Status::Stuck(_)) {
                return Err(AwsError::new(
                    "InvalidDBInstanceState",
                    format!(
                        "Cannot create a snapshot because the database instance {id} is not currently in the available state."
                    ),
                ));
            }
            snapshots::make(ctx, &name, &database)?;
        }
        (true, None) => {}
    }
    let now = ctx.now;
    let Some(database) = ctx.r.rds.databases.get_mut(&id) else {
        return Err(missing(&id));
    };
    database.status = Status::Deleting(Ripening::from(now));
    let database = database.clone();
    Ok(json!({ "DBInstance": view(ctx, &database) }))
}

fn missing(id: &str) -> AwsError {
    AwsError::with_status(404, "DBInstanceNotFound", format!("DBInstance {id} not found."))
}
