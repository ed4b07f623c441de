//! What differs between a database and what is wanted: the decision, without the calls.

use cloudark_sdk::prelude::*;

use super::Seen;
use super::config::Config;
use crate::version::is_version;

/// What of a record cannot be asked of RDS.
#[derive(Debug, Clone)]
pub struct Recorded<'a> {
    /// Who may reach it.
    pub access: &'a str,
    /// Its password.
    pub password: Option<&'a Secret>,
}

/// How to get from what it is to what is wanted. A password that the user gives is compared by its reference: another
/// value is another reference.
///
/// # Errors
/// `invalid` for a smaller disk: RDS cannot shrink one, and making the database anew would lose its data for it.
pub fn plan(seen: &Seen, recorded: &Recorded<'_>, config: &Config) -> Result<Plan> {
    if config.storage < seen.storage {
        return Err(Failure::invalid(format!(
            "the disk has {} GiB, and RDS cannot make it smaller: write `storage: {}` or more",
            seen.storage, seen.storage
        ))
        .at("/storage"));
    }
    let version = config.engine_version.as_ref().filter(|wanted| !is_version(&seen.engine_version, wanted));
    let comparison = Plan::compare()
        .by_replacement("/engine", &seen.engine, &config.engine.to_string())
        .by_replacement("/dbname", &seen.dbname, &config.dbname)
        .by_replacement("/username", &seen.username, &config.username)
        .in_place("/flavor", &seen.class, &config.class())
        .in_place("/storage", &seen.storage, &config.storage)
        .in_place("/multi_az", &seen.multi_az, &config.multi_az)
        .in_place("/backup", &seen.backup, &config.backup)
        .in_place("/policy/access", &recorded.access.to_owned(), &config.policy.access.to_string());
    let comparison = match &config.password {
        Some(password) if Some(password) != recorded.password => {
            comparison.in_place("/password", &"as it is", &"another")
        }
        _ => comparison,
    };
    Ok(match version {
        Some(wanted) => comparison.in_place("/engine_version", &seen.engine_version, wanted),
        None => comparison,
    }
    .plan())
}

/// Whether everything that can be changed in place is as wanted.
pub fn fulfils(seen: &Seen, config: &Config) -> bool {
    seen.class == config.class()
        && seen.storage >= config.storage
        && seen.multi_az == config.multi_az
        && seen.backup == config.backup
        && config.engine_version.as_ref().is_none_or(|wanted| is_version(&seen.engine_version, wanted))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn seen() -> Seen {
        Seen {
            engine: "mysql".into(),
            engine_version: "8.0.39".into(),
            class: "db.t3.medium".into(),
            storage: 20,
            dbname: "testdb".into(),
            username: "testuser".into(),
            multi_az: false,
            backup: 1,
        }
    }

    fn plan_of(config: serde_json::Value) -> Result<Plan> {
        let password = Secret::from_reference("secret-1");
        let recorded = Recorded { access: "cluster", password: Some(&password) };
        plan(&seen(), &recorded, &serde_json::from_value(config).unwrap())
    }

    #[test]
    fn another_password_is_a_change_and_the_same_one_is_none() {
        let with = |password: &str| plan_of(json!({ "flavor": "db.t3.medium", "password": password })).unwrap();
        assert_eq!(with("secret-1"), Plan::Nothing);
        assert!(matches!(with("secret-2"), Plan::Update(changes) if changes.len() == 1));
    }

    #[test]
    fn a_retired_class_that_was_mapped_is_no_change() {
        assert_eq!(plan_of(json!({ "flavor": "db.m1.medium", "engine_version": "8.0" })).unwrap(), Plan::Nothing);
    }

    #[test]
    fn what_rds_can_change_is_changed_in_place_and_the_rest_made_anew() {
        let pointers = |changes: &[cloudark_sdk::plan::Change]| -> Vec<String> {
            changes.iter().map(|change| change.pointer.clone()).collect()
        };
        let bigger = json!({ "flavor": "db.t3.large", "storage": 40, "policy": { "access": "open" } });
        let Plan::Update(changes) = plan_of(bigger).unwrap() else { unreachable!("an update") };
        assert_eq!(pointers(&changes), ["/flavor", "/storage", "/policy/access"]);
        let other = json!({ "flavor": "db.t3.medium", "engine": "postgres" });
        let Plan::Replace(reasons) = plan_of(other).unwrap() else { unreachable!("a replacement") };
        assert_eq!(pointers(&reasons), ["/engine"]);
    }

    #[test]
    fn a_smaller_disk_is_refused_instead_of_losing_the_data() {
        let mut large = seen();
        large.storage = 100;
        let config: Config = serde_json::from_value(json!({ "storage": 50 })).unwrap();
        let recorded = Recorded { access: "cluster", password: None };
        let failure = plan(&large, &recorded, &config).unwrap_err();
        assert_eq!(failure.pointer.as_deref(), Some("/storage"));
        assert!(failure.message.contains("storage: 100"), "{failure}");
    }
}
