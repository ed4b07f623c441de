//! Task definitions: what a task runs. Each registration is a new revision of a family; a revision never changes.

use cloudark_sdk::aws::{self, Error, Expect, Json};
use cloudark_sdk::instance::Value as Variable;
use cloudark_sdk::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fargate::Size;
use crate::{mark, presence};

/// The name of the one container of a task, and how its log streams begin.
pub const CONTAINER: &str = "app";

/// The tag that tells a revision from those of other attempts: a digest of what it says.
const CONTENT: &str = "cloudark-content";

/// What a task runs.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The family: the minted name.
    pub family: &'a str,
    /// Which deployment of the application it is, from 1.
    pub revision: u32,
    /// The image reference.
    pub image: &'a str,
    /// The port that the container listens on.
    pub port: u16,
    /// CPU and memory.
    pub size: Size,
    /// The ARN of the execution role.
    pub role: &'a str,
    /// The log group, and the region that it is in.
    pub log_group: &'a str,
    /// The region of the logs.
    pub region: &'a str,
    /// The variables; secrets are left out.
    pub env: &'a [(String, Variable)],
    /// The variables that are secrets: name and ARN of the parameter.
    pub secrets: &'a [(String, String)],
}

impl Wanted<'_> {
    /// The body of RegisterTaskDefinition, without tags.
    fn body(&self) -> Value {
        let environment: Value = self
            .env
            .iter()
            .filter_map(|(name, value)| match value {
                Variable::Plain(text) => Some(json!({ "name": name, "value": text })),
                // Inactive revisions stay readable: a secret never stands in one.
                Variable::Secret(_) => None,
            })
            .collect();
        let secrets: Value =
            self.secrets.iter().map(|(name, parameter)| json!({ "name": name, "valueFrom": parameter })).collect();
        json!({
            "family": self.family,
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": self.size.cpu.to_string(),
            "memory": self.size.memory.to_string(),
            "executionRoleArn": self.role,
            "containerDefinitions": [{
                "name": CONTAINER,
                "image": self.image,
                "essential": true,
                "portMappings": [{ "containerPort": self.port, "protocol": "tcp" }],
                "environment": environment,
                "secrets": secrets,
                "logConfiguration": { "logDriver": "awslogs", "options": {
                    "awslogs-group": self.log_group,
                    "awslogs-region": self.region,
                    "awslogs-stream-prefix": CONTAINER,
                }},
            }],
        })
    }

    fn content(&self) -> String {
        digest(&format!("{}\n{}", self.revision, self.body()))
    }
}

/// FNV-1a, 64 bits: it tells contents apart, and nothing depends on nobody being able to make two alike.
fn digest(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    task_definition: TaskDefinition,
    #[serde(default)]
    tags: Vec<mark::JsonTag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskDefinition {
    #[serde(rename = "taskDefinitionArn")]
    arn: String,
}

/// The newest active revision of a family; none where there is none (which ECS calls a client's fault).
fn newest(ecs: &Json, family: &str) -> Result<Option<Described>, Error> {
    ecs.call("DescribeTaskDefinition", &json!({ "taskDefinition": family, "include": ["TAGS"] }))
        .or_code(&["ClientException"])
}

/// Register it, or adopt the revision that an earlier run of this attempt registered. Answers its ARN.
pub fn ensure(ctx: &Context, wanted: &Wanted<'_>) -> Result<String> {
    let ecs = Json::new(ctx, &aws::ECS)?;
    let content = (CONTENT.to_owned(), wanted.content());
    presence::ensure(
        "task definition",
        || {
            let Some(found) = newest(&ecs, wanted.family)? else {
                return Ok(None);
            };
            let tags = mark::of_json(&found.tags);
            mark::require(ctx, "task definition", wanted.family, &tags)?;
            Ok(tags.contains(&content).then_some(found.task_definition.arn))
        },
        || {
            let mut tags = ctx.tags();
            tags.push(content.clone());
            let mut body = wanted.body();
            if let Value::Object(fields) = &mut body {
                fields.insert("tags".to_owned(), mark::json(&tags));
            }
            Ok(ecs.act("RegisterTaskDefinition", &body)?)
        },
    )
}

/// The ARNs of a family's revisions with this status: `ACTIVE` or `INACTIVE`.
fn revisions(ecs: &Json, family: &str, status: &str) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Page {
        #[serde(default)]
        task_definition_arns: Vec<String>,
        next_token: Option<String>,
    }
    let body = json!({ "familyPrefix": family, "status": status });
    ecs.pages("ListTaskDefinitions", &body, "nextToken", |page: Page| (page.task_definition_arns, page.next_token))
}

/// Remove the whole family.
pub fn remove(ctx: &Context, family: &str) -> Result<()> {
    let ecs = Json::new(ctx, &aws::ECS)?;
    find_settled(|| Ok(newest(&ecs, family)?))?;
    // Lists lag behind, and the newest hides the one before: until there is none.
    wait::until(every(2.seconds()), at_most(10.minutes()), || {
        remove_all_but(ctx, family, None)?;
        match newest(&ecs, family)? {
            None => ready(()),
            Some(_) => pending("task definitions are being removed"),
        }
    })
}

/// Remove all revisions of a family but `keep`. Deregistered alone, they would stay readable for ever.
pub fn remove_all_but(ctx: &Context, family: &str, keep: Option<&str>) -> Result<()> {
    let ecs = Json::new(ctx, &aws::ECS)?;
    let other = |arn: &String| Some(arn.as_str()) != keep;
    let mut superseded = revisions(&ecs, family, "ACTIVE")?;
    // Lists lag behind: the newest revision may be missing from this one.
    superseded.extend(newest(&ecs, family)?.map(|found| found.task_definition.arn));
    superseded.retain(other);
    superseded.sort();
    superseded.dedup();
    for arn in &superseded {
        ecs.act("DeregisterTaskDefinition", &json!({ "taskDefinition": arn }))
            .or_absent()
            .or_code(&["ClientException"])?;
    }
    superseded.extend(revisions(&ecs, family, "INACTIVE")?.into_iter().filter(other));
    superseded.sort();
    superseded.dedup();
    // DeleteTaskDefinitions takes ten at a time.
    for arns in superseded.chunks(10) {
        ecs.act("DeleteTaskDefinitions", &json!({ "taskDefinitions": arns })).or_absent()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted<'a>(env: &'a [(String, Variable)], secrets: &'a [(String, String)]) -> Wanted<'a> {
        Wanted {
            family: "web",
            revision: 1,
            image: "nginx:1",
            port: 80,
            size: Size { cpu: 256, memory: 512 },
            role: "arn:role",
            log_group: "/cloudark/web",
            region: "eu-west-1",
            env,
            secrets,
        }
    }

    #[test]
    fn a_secret_stands_in_no_task_definition() {
        let env = [
            ("HOST".to_owned(), Variable::Plain("db".into())),
            ("PASSWORD".to_owned(), Variable::Secret(Secret::from_reference("s3cr3t-reference"))),
        ];
        let secrets = [("PASSWORD".to_owned(), "arn:parameter".to_owned())];
        let body = wanted(&env, &secrets).body().to_string();
        assert!(body.contains(r#"{"name":"HOST","value":"db"}"#), "{body}");
        assert!(body.contains(r#"{"name":"PASSWORD","valueFrom":"arn:parameter"}"#), "{body}");
        assert!(!body.contains("s3cr3t-reference"), "{body}");
    }

    #[test]
    fn only_the_same_attempt_with_the_same_content_adopts_a_revision() {
        let first = wanted(&[], &[]);
        assert_eq!(first.content(), first.clone().content());
        assert_ne!(first.content(), Wanted { revision: 2, ..first.clone() }.content());
        assert_ne!(first.content(), Wanted { image: "nginx:2", ..first.clone() }.content());
    }
}
