//! Settings of the simulated AWS.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How kind or unkind the simulated AWS is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AwsConfig {
    /// Who may call.
    pub accounts: Vec<AccountConfig>,
    /// Whether a region starts with a default VPC. Takes effect for regions that were not used yet.
    pub default_vpc: bool,
    /// The very first CreateCluster of an account fails: its service-linked role was only just made.
    pub first_cluster_fails: bool,
    /// How often a new role cannot be assumed before it can.
    pub role_uses_refused: u32,
    /// How many polls a network interface outlives its load balancer, task or database.
    pub interface_polls: u32,
    /// How many polls a target is `initial` before its health is known.
    pub health_polls: u32,
    /// How many polls a service stays DRAINING after its tasks have stopped.
    pub draining_polls: u32,
    /// VPCs an account may have in a region, the default one included.
    pub vpc_limit: usize,
    /// The database classes that are orderable, without `db.`.
    pub orderable_classes: Vec<String>,
    /// Every new database ends in this status instead of `available`, when it is set.
    pub databases_end: Option<String>,
    /// Every new cache ends as `create-failed` instead of `available`.
    pub caches_fail: bool,
    /// Every new task fails to start.
    pub tasks_fail: bool,
    /// What images do, by exact reference; before the rules on tags.
    pub images: BTreeMap<String, App>,
    /// How far the date of a signature may be off, in seconds. AWS: 15 minutes.
    pub skew_seconds: i64,
}

impl Default for AwsConfig {
    fn default() -> Self {
        Self {
            accounts: vec![
                AccountConfig::new("123456789012", "AKIDEXAMPLE", "cloudsim-secret-key"),
                AccountConfig::new("210987654321", "AKIDOTHER", "cloudsim-other-secret"),
            ],
            default_vpc: true,
            first_cluster_fails: true,
            role_uses_refused: 1,
            interface_polls: 3,
            health_polls: 1,
            draining_polls: 1,
            vpc_limit: 5,
            orderable_classes: CLASSES.iter().map(|class| (*class).to_owned()).collect(),
            databases_end: None,
            caches_fail: false,
            tasks_fail: false,
            images: BTreeMap::new(),
            skew_seconds: 15 * 60,
        }
    }
}

/// Current classes for MySQL, MariaDB and PostgreSQL.
const CLASSES: [&str; 16] = [
    "t3.micro",
    "t3.small",
    "t3.medium",
    "t3.large",
    "t4g.micro",
    "t4g.small",
    "t4g.medium",
    "t4g.large",
    "m5.large",
    "m6g.large",
    "m6i.large",
    "m7g.large",
    "m7g.xlarge",
    "r5.large",
    "r6g.large",
    "r7g.large",
];

/// An access key and whose it is. Two entries may name one account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountConfig {
    /// Twelve digits.
    pub id: String,
    /// The access key's id.
    pub access_key: String,
    /// The secret that belongs to it.
    pub secret_key: String,
    /// What GetCallerIdentity answers.
    pub arn: String,
    /// The session token that must come with the key, for temporary credentials.
    #[serde(default)]
    pub session_token: Option<String>,
}

impl AccountConfig {
    /// A user's permanent key.
    pub fn new(id: &str, access_key: &str, secret_key: &str) -> Self {
        Self {
            id: id.into(),
            access_key: access_key.into(),
            secret_key: secret_key.into(),
            arn: format!("arn:aws:iam::{id}:user/cloudark"),
            session_token: None,
        }
    }
}

/// What a simulated application does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct App {
    /// Whether its image can be pulled.
    pub pulls: bool,
    /// It ends with this code soon after its start.
    pub exits: Option<i64>,
    /// The HTTP status of its answers.
    pub answers: u16,
    /// What it writes when it starts.
    pub logs: Vec<String>,
}

impl Default for App {
    fn default() -> Self {
        Self {
            pulls: true,
            exits: None,
            answers: 200,
            logs: vec!["starting".into(), "configuration read".into(), "listening".into()],
        }
    }
}

impl AwsConfig {
    /// What an image does: as configured, or told by its tag.
    pub fn app(&self, image: &str) -> App {
        if let Some(app) = self.images.get(image) {
            return app.clone();
        }
        let name = image.split('@').next().unwrap_or_default();
        let file = name.rsplit('/').next().unwrap_or_default();
        let tag = file.split_once(':').map_or("latest", |(_, tag)| tag);
        let mut app = App::default();
        if tag.contains("crash") {
            app.exits = Some(1);
            app.logs = vec!["starting".into(), "fatal: cannot go on".into()];
        } else if tag.contains("noimage") || tag.contains("missing") {
            app.pulls = false;
        } else if tag.contains("unhealthy") {
            app.answers = 500;
        } else if let Some(status) = tag.split('-').find_map(status) {
            app.answers = status;
        }
        app
    }
}

/// `302` is an HTTP status; `1513024691383` and `12` are not.
fn status(part: &str) -> Option<u16> {
    part.parse().ok().filter(|status| part.len() == 3 && (200..600).contains(status))
}
