//! The database instance.

use cloudark_sdk::aws::{self, Error, Expect, Form, List, Query, Tag};
use cloudark_sdk::prelude::*;
use cloudark_sdk::wait::Look;
use serde::Deserialize;

use super::config::Config;
use crate::{mark, presence};

/// A database instance, as far as we look at it.
#[derive(Debug, Clone, Deserialize)]
pub struct Database {
    /// Its identifier.
    #[serde(rename = "DBInstanceIdentifier")]
    pub id: String,
    /// Its class.
    #[serde(rename = "DBInstanceClass", default)]
    pub class: String,
    /// `mysql` …
    #[serde(rename = "Engine", default)]
    pub engine: String,
    /// `8.0.39`
    #[serde(rename = "EngineVersion", default)]
    pub engine_version: String,
    /// `creating`, `available`, `deleting` …
    #[serde(rename = "DBInstanceStatus", default)]
    pub status: String,
    /// The master user.
    #[serde(rename = "MasterUsername", default)]
    pub username: String,
    /// The database in it.
    #[serde(rename = "DBName", default)]
    pub dbname: String,
    /// Where it answers, once it does.
    #[serde(rename = "Endpoint", default)]
    pub endpoint: Option<Endpoint>,
    /// GiB.
    #[serde(rename = "AllocatedStorage", default)]
    pub storage: u32,
    /// Days.
    #[serde(rename = "BackupRetentionPeriod", default)]
    pub backup: u32,
    /// Whether it has a standby.
    #[serde(rename = "MultiAZ", default)]
    pub multi_az: bool,
    /// Whether its address is public.
    #[serde(rename = "PubliclyAccessible", default)]
    pub public: bool,
    /// What AWS will still change by itself.
    #[serde(rename = "PendingModifiedValues", default)]
    pending: Pending,
    #[serde(rename = "TagList", default)]
    tags: List<Tag>,
}

/// Where a database answers.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Endpoint {
    /// The host name.
    #[serde(rename = "Address", default)]
    pub address: String,
    /// The port.
    #[serde(rename = "Port", default)]
    pub port: u16,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Pending {
    #[serde(rename = "DBInstanceClass", default)]
    class: Option<String>,
    #[serde(rename = "AllocatedStorage", default)]
    storage: Option<u32>,
}

impl Database {
    /// Whether it can be worked with.
    pub fn is_available(&self) -> bool {
        self.status == "available" && self.endpoint.as_ref().is_some_and(|endpoint| !endpoint.address.is_empty())
    }

    /// Whether it will never be available by itself.
    pub fn has_failed(&self) -> bool {
        matches!(self.status.as_str(), "failed" | "restore-error" | "inaccessible-encryption-credentials")
            || self.status.starts_with("incompatible-")
    }

    /// Whether a change that was asked for is still to come.
    pub fn is_settled(&self) -> bool {
        self.pending.class.is_none() && self.pending.storage.is_none()
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "DBInstances", default)]
    instances: List<Database>,
}

/// The instance with this identifier, whoever it belongs to.
fn describe(rds: &Query, id: &str) -> Result<Option<Database>, Error> {
    let answer: Option<Answer> =
        rds.call("DescribeDBInstances", Form::new().set("DBInstanceIdentifier", id)).or_absent()?;
    Ok(answer.and_then(|answer| answer.instances.into_iter().next()))
}

/// The instance with this identifier, if it is ours.
pub fn find(ctx: &Context, rds: &Query, id: &str) -> Result<Option<Database>> {
    let found = describe(rds, id)?;
    if let Some(database) = &found {
        mark::require(ctx, "database", id, &aws::pairs(&database.tags))?;
    }
    Ok(found)
}

/// Whether there is an instance with the mark of this environment that is not on its way out.
pub fn is_any_of_environment(rds: &Query, environment_id: &str) -> Result<bool> {
    #[derive(Deserialize)]
    struct Page {
        #[serde(rename = "DBInstances", default)]
        instances: List<Database>,
        #[serde(rename = "Marker", default)]
        marker: Option<String>,
    }
    let all =
        rds.pages("DescribeDBInstances", Form::new(), "Marker", |page: Page| (page.instances.items, page.marker))?;
    let is_ours = |database: &Database| database.tags.items.iter().any(|tag| tag.value == environment_id);
    Ok(all.iter().any(|database| is_ours(database) && database.status != "deleting"))
}

/// What an instance stands on.
#[derive(Debug)]
pub struct Site<'a> {
    /// The DB subnet group.
    pub subnets: &'a str,
    /// The security groups.
    pub groups: &'a [String],
}

/// Ask for it. It takes minutes to be available.
pub fn create(ctx: &Context, rds: &Query, id: &str, config: &Config, site: &Site<'_>, password: &Secret) -> Result<()> {
    let form = Form::new()
        .set("DBInstanceIdentifier", id)
        .set("DBInstanceClass", config.class())
        .set("Engine", config.engine)
        .set_some("EngineVersion", config.engine_version.as_ref())
        .set("AllocatedStorage", config.storage)
        .set("StorageType", "gp3")
        .set("StorageEncrypted", true)
        .set("DBName", &config.dbname)
        .set("MasterUsername", &config.username)
        .secret("MasterUserPassword", password)
        .set("Port", config.engine.port())
        .set("DBSubnetGroupName", site.subnets)
        .list("VpcSecurityGroupIds.VpcSecurityGroupId", site.groups)
        .set("PubliclyAccessible", config.policy.access.addresses().is_some())
        .set("MultiAZ", config.multi_az)
        .set("BackupRetentionPeriod", config.backup)
        .set("CopyTagsToSnapshot", true)
        .tags("Tags.Tag", &ctx.tags());
    Ok(rds.act("CreateDBInstance", form)?)
}

/// What RDS says of a database that is busy with another change.
const BUSY: [&str; 2] = ["InvalidDBInstanceState", "InvalidDBInstanceStateFault"];

/// Change it, at once instead of in the next maintenance window. Half-way through another change it takes none, also when
/// that is this one: an earlier copy of the call may have arrived.
pub fn modify(
    ctx: &Context,
    rds: &Query,
    id: &str,
    config: &Config,
    groups: &[String],
    password: Option<&Secret>,
) -> Result<()> {
    wait::until(every(15.seconds()), at_most(90.minutes()), || {
        let database = match look(ctx, rds, id, |_| true)? {
            Look::Ready(database) => database,
            Look::Pending(why) => return pending(why),
        };
        let form = changes(&database, config, groups, password);
        match rds.act("ModifyDBInstance", form).or_code(&BUSY)? {
            Some(()) => ready(()),
            None => pending("database is busy"),
        }
    })
}

fn changes(before: &Database, config: &Config, groups: &[String], password: Option<&Secret>) -> Form {
    let mut form = Form::new()
        .set("DBInstanceIdentifier", &before.id)
        .set("ApplyImmediately", true)
        .set("DBInstanceClass", config.class())
        .set("MultiAZ", config.multi_az)
        .set("BackupRetentionPeriod", config.backup)
        .set("PubliclyAccessible", config.policy.access.addresses().is_some())
        .list("VpcSecurityGroupIds.VpcSecurityGroupId", groups);
    // RDS takes no size that is less than a tenth larger, also not the one that it has.
    if config.storage > before.storage {
        form = form.set("AllocatedStorage", config.storage);
    }
    if let Some(version) = &config.engine_version
        && !crate::version::is_version(&before.engine_version, version)
    {
        form = form.set("EngineVersion", version).set("AllowMajorVersionUpgrade", true);
    }
    match password {
        Some(password) => form.secret("MasterUserPassword", password),
        None => form,
    }
}

/// Wait until it is available, nothing is left to change, and it is as wanted.
pub fn available(ctx: &Context, rds: &Query, id: &str, as_wanted: impl Fn(&Database) -> bool) -> Result<Database> {
    wait::until(every(15.seconds()), at_most(90.minutes()), || look(ctx, rds, id, &as_wanted))
}

fn look(ctx: &Context, rds: &Query, id: &str, as_wanted: impl Fn(&Database) -> bool) -> Result<Look<Database>> {
    match find(ctx, rds, id)? {
        Some(database) if database.is_available() && database.is_settled() && as_wanted(&database) => ready(database),
        Some(database) if database.has_failed() => fail!(
            permanent,
            "RDS reports that database {id:?} is {}: its events in the RDS console say why. Delete the resource and \
             create it again",
            database.status
        ),
        Some(database) if database.status == "deleting" => {
            fail!(conflict, "database {id:?} is being deleted by somebody: create it again once it is gone")
        }
        Some(database) if database.status == "available" => pending("database is about to be changed"),
        Some(database) => pending(format!("database is {}", database.status)),
        None => pending("database is not visible yet"),
    }
}

/// Delete it, after a last snapshot of this name where one is given, and wait until it is gone.
pub fn remove(ctx: &Context, rds: &Query, id: &str, snapshot: Option<&str>) -> Result<()> {
    let form = Form::new().set("DBInstanceIdentifier", id);
    let form = match snapshot {
        Some(name) => form.set("SkipFinalSnapshot", false).set("FinalDBSnapshotIdentifier", name),
        None => form.set("SkipFinalSnapshot", true).set("DeleteAutomatedBackups", true),
    };
    presence::remove(
        "database",
        (every(15.seconds()), at_most(90.minutes())),
        || find(ctx, rds, id),
        |database| &database.status,
        // It may be busy with something else, also with being deleted.
        || Ok(rds.act("DeleteDBInstance", form.clone()).or_absent().or_code(&BUSY)?),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use cloudark_sdk::testing::{Answer, Host, Sent};

    const SETTINGS: [(&str, &str); 1] = [("region", "eu-west-1")];

    fn action(sent: &Sent) -> String {
        sent.form().into_iter().find(|(name, _)| name == "Action").map(|(_, action)| action).unwrap_or_default()
    }

    fn described(status: &str, tags: &[(String, String)]) -> Answer {
        let tags: String =
            tags.iter().map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>")).collect();
        Answer::new(
            200,
            format!(
                "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance>\
                 <DBInstanceIdentifier>db</DBInstanceIdentifier><DBInstanceStatus>{status}</DBInstanceStatus>\
                 <Endpoint><Address>db.example</Address><Port>3306</Port></Endpoint>\
                 <TagList>{tags}</TagList></DBInstance></DBInstances></DescribeDBInstancesResult>\
                 </DescribeDBInstancesResponse>"
            ),
        )
    }

    fn refused(status: u16, code: &str, message: &str) -> Answer {
        Answer::new(
            status,
            format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"),
        )
    }

    fn config() -> Config {
        serde_json::from_value(serde_json::json!({})).unwrap()
    }

    #[test]
    fn a_database_without_our_mark_is_left_alone_and_named() {
        let host = Host::new();
        let ctx = host.context("db", &SETTINGS);
        host.on("POST", "/", |_| described("available", &[]));
        let rds = Query::new(&ctx, &aws::RDS).unwrap();
        for failure in [available(&ctx, &rds, "db", |_| true).unwrap_err(), remove(&ctx, &rds, "db", None).unwrap_err()]
        {
            assert_eq!(failure.kind, FailureKind::Conflict);
            assert!(failure.message.contains("database \"db\""), "{failure}");
        }
        assert!(host.sent().iter().all(|sent| action(sent) == "DescribeDBInstances"));
    }

    #[test]
    fn a_database_that_fails_ends_the_wait() {
        let host = Host::new();
        let ctx = host.context("db", &SETTINGS);
        let tags = ctx.tags();
        host.script("POST", "/", ["creating", "incompatible-network"].map(|status| described(status, &tags)));
        let rds = Query::new(&ctx, &aws::RDS).unwrap();
        let failure = available(&ctx, &rds, "db", |_| true).unwrap_err();
        assert!(failure.message.contains("incompatible-network"), "{failure}");
        assert_eq!(host.notes(), ["database is creating"]);
    }

    #[test]
    fn a_delete_takes_one_that_is_under_way_as_progress() {
        let host = Host::new();
        let ctx = host.context("db", &SETTINGS);
        let tags = ctx.tags();
        let gone = refused(404, "DBInstanceNotFound", "DBInstance db not found.");
        host.script("POST", "/", [described("deleting", &tags), described("deleting", &tags), gone]);
        let rds = Query::new(&ctx, &aws::RDS).unwrap();
        remove(&ctx, &rds, "db", None).unwrap();
        assert!(host.sent().iter().all(|sent| action(sent) == "DescribeDBInstances"));
    }

    #[test]
    fn the_password_is_only_a_reference_and_the_refusal_says_what_to_do() {
        let host = Host::new();
        let ctx = host.context("db", &SETTINGS);
        host.on("POST", "/", |_| refused(400, "InvalidSubnet", "The subnet group covers one zone."));
        let rds = Query::new(&ctx, &aws::RDS).unwrap();
        let site = Site { subnets: "subnets", groups: &["sg-1".to_owned()] };
        let password = Secret::from_reference("secret-1");
        let failure = create(&ctx, &rds, "db", &config(), &site, &password).unwrap_err();
        assert_eq!(
            failure.message,
            "AWS refused CreateDBInstance (InvalidSubnet): The subnet group covers one zone. Change the configuration \
             accordingly."
        );
        let sent = host.sent();
        let form = sent.first().unwrap().form();
        assert!(form.contains(&("StorageEncrypted".to_owned(), "true".to_owned())));
        assert_eq!(sent.first().unwrap().secrets(), [("MasterUserPassword".to_owned(), "secret-1".to_owned())]);
    }
}
