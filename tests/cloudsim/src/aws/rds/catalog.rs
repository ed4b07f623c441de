//! Engines, their versions, and the classes that can be ordered.

use serde_json::{Value, json};

use crate::aws::{
    Ctx,
    error::{Answer, AwsError},
    page,
    params::Params,
};

/// An engine.
pub struct Engine {
    pub name: &'static str,
    pub licence: &'static str,
    pub port: i64,
    /// Version and parameter group family; the first is the default.
    versions: &'static [(&'static str, &'static str)],
}

const ENGINES: [Engine; 3] = [
    Engine {
        name: "mysql",
        licence: "general-public-license",
        port: 3306,
        versions: &[("8.0.40", "mysql8.0"), ("8.4.3", "mysql8.4")],
    },
    Engine {
        name: "mariadb",
        licence: "general-public-license",
        port: 3306,
        versions: &[("11.4.4", "mariadb11.4"), ("10.11.10", "mariadb10.11")],
    },
    Engine {
        name: "postgres",
        licence: "postgresql-license",
        port: 5432,
        versions: &[("17.2", "postgres17"), ("16.6", "postgres16")],
    },
];

/// The engine of this name.
pub fn engine(name: &str) -> Result<&'static Engine, AwsError> {
    ENGINES
        .iter()
        .find(|engine| engine.name == name)
        .ok_or_else(|| AwsError::new("InvalidParameterValue", format!("Invalid DB engine: {name}")))
}

impl Engine {
    /// The full version that an asked one stands for: `8.0` is `8.0.40`.
    pub fn version(&self, asked: Option<&str>) -> Result<(&'static str, &'static str), AwsError> {
        let found = match asked {
            None => self.versions.first(),
            Some(asked) => self.versions.iter().find(|(version, _)| {
                version.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }),
        };
        found.copied().ok_or_else(|| {
            AwsError::new(
                "InvalidParameterCombination",
                format!("Cannot find version {} for {}", asked.unwrap_or_default(), self.name),
            )
        })
    }
}

/// Refuses a class that does not exist, and one that nobody can order any more.
pub fn check_class(ctx: &Ctx<'_>, class: &str, engine: &Engine, version: &str) -> Result<(), AwsError> {
    let size = class.strip_prefix("db.").filter(|size| size.contains('.'));
    let Some(size) = size else {
        return Err(AwsError::new("InvalidParameterValue", format!("Invalid DB Instance class: {class}")));
    };
    if ctx.aws().orderable_classes.iter().any(|orderable| orderable == size) {
        return Ok(());
    }
    Err(AwsError::new(
        "InvalidParameterCombination",
        format!(
            "RDS does not support creating a DB instance with the following combination: DBInstanceClass={class}, Engine={}, \
             EngineVersion={version}, LicenseModel={}. For supported combinations of instance class and database engine version, see \
             the documentation.",
            engine.name, engine.licence
        ),
    ))
}

/// DescribeOrderableDBInstanceOptions
pub fn orderable(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let engine = engine(&p.need("Engine")?)?;
    let (class, version) = (p.text("DBInstanceClass"), p.text("EngineVersion"));
    let _ = (p.flag("Vpc"), p.text("LicenseModel"));
    let zones: Vec<Value> = ["a", "b", "c"].iter().map(|z| json!({ "Name": format!("{}{z}", ctx.region) })).collect();
    let mut options = Vec::new();
    for (full, _) in engine.versions.iter().filter(|(full, _)| version.as_deref().is_none_or(|v| full.starts_with(v))) {
        for size in &ctx.aws().orderable_classes {
            let name = format!("db.{size}");
            if class.as_ref().is_some_and(|class| *class != name) {
                continue;
            }
            for storage in ["gp2", "gp3"] {
                options.push(json!({
                    "Engine": engine.name,
                    "EngineVersion": full,
                    "DBInstanceClass": name,
                    "LicenseModel": engine.licence,
                    "AvailabilityZones": zones,
                    "MultiAZCapable": true,
                    "ReadReplicaCapable": true,
                    "Vpc": true,
                    "SupportsStorageEncryption": true,
                    "StorageType": storage,
                    "SupportsIops": false,
                    "MinStorageSize": 20,
                    "MaxStorageSize": 65536,
                    "SupportsIAMDatabaseAuthentication": true,
                }));
            }
        }
    }
    let (options, next) = page(ctx, p, options, ("MaxRecords", "Marker"), 100)?;
    Ok(json!({ "OrderableDBInstanceOptions": options, "Marker": next }))
}

/// DescribeDBEngineVersions
pub fn versions(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (name, asked) = (p.text("Engine"), p.text("EngineVersion"));
    let default_only = p.flag("DefaultOnly").unwrap_or(false);
    let mut found = Vec::new();
    for engine in ENGINES.iter().filter(|engine| name.as_deref().is_none_or(|name| name == engine.name)) {
        let shown = if default_only { 1 } else { usize::MAX };
        for (version, family) in engine.versions.iter().take(shown) {
            if asked.as_deref().is_none_or(|asked| version.starts_with(asked)) {
                found.push(json!({
                    "Engine": engine.name,
                    "EngineVersion": version,
                    "DBParameterGroupFamily": family,
                    "DBEngineDescription": engine.name,
                    "DBEngineVersionDescription": format!("{} {version}", engine.name),
                    "ValidUpgradeTarget": [],
                    "Status": "available",
                }));
            }
        }
    }
    let (found, next) = page(ctx, p, found, ("MaxRecords", "Marker"), 100)?;
    Ok(json!({ "DBEngineVersions": found, "Marker": next }))
}
