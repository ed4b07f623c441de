//! The cluster. On Fargate it is a name that services run under: it costs nothing and has no machines.

use cloudark_sdk::aws::{self, Error, Expect, Json};
use cloudark_sdk::prelude::*;
use serde::Deserialize;
use serde_json::json;

use crate::{mark, presence};

/// A cluster, as far as we look at it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cluster {
    /// Its ARN.
    #[serde(rename = "clusterArn")]
    pub arn: String,
    /// `ACTIVE`, `PROVISIONING`, `DEPROVISIONING`, `FAILED`, or `INACTIVE` (deleted).
    pub status: String,
    tags: Vec<mark::JsonTag>,
}

/// The one of this name that is not deleted, if it is ours.
pub fn find(ctx: &Context, ecs: &Json, name: &str) -> Result<Option<Cluster>> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        clusters: Vec<Cluster>,
    }
    let answer: Option<Answer> =
        ecs.call("DescribeClusters", &json!({ "clusters": [name], "include": ["TAGS"] })).or_absent()?;
    let found = answer.into_iter().flat_map(|answer| answer.clusters).find(|cluster| cluster.status != "INACTIVE");
    if let Some(cluster) = &found {
        mark::require(ctx, "cluster", name, &mark::of_json(&cluster.tags))?;
    }
    Ok(found)
}

/// Make it, or adopt the one that we made, and wait until it is active.
pub fn ensure(ctx: &Context, name: &str) -> Result<Cluster> {
    let ecs = Json::new(ctx, &aws::ECS)?;
    wait::until(every(10.seconds()), at_most(5.minutes()), || {
        let made = presence::ensure(
            "cluster",
            || find(ctx, &ecs, name),
            || {
                let body = json!({ "clusterName": name, "tags": mark::json(&ctx.tags()) });
                Ok(ecs.act("CreateCluster", &body)?)
            },
        );
        match made {
            // The first cluster of an account makes ECS's own role, which takes a moment to be there.
            Err(failure) if failure.message.contains("service linked role") => {
                pending("AWS is making the role that ECS works with")
            }
            made => ready(made?),
        }
    })?;
    wait::until(every(5.seconds()), at_most(10.minutes()), || match find(ctx, &ecs, name)? {
        Some(cluster) if cluster.status == "ACTIVE" => ready(cluster),
        Some(cluster) if cluster.status == "FAILED" => {
            fail!(permanent, "ECS reports that cluster {name:?} failed")
        }
        Some(cluster) => pending(format!("cluster is {}", cluster.status)),
        None => pending("cluster is not visible yet"),
    })
}

/// Remove it, once nothing runs on it any more.
pub fn remove(ctx: &Context, name: &str) -> Result<()> {
    let ecs = Json::new(ctx, &aws::ECS)?;
    if find_settled(|| find(ctx, &ecs, name))?.is_none() {
        return Ok(());
    }
    wait::until(every(10.seconds()), at_most(30.minutes()), || {
        let Some(cluster) = find(ctx, &ecs, name)? else {
            return ready(());
        };
        match ecs.act("DeleteCluster", &json!({ "cluster": cluster.arn })).or_absent() {
            Err(Error::Refused(refusal)) if refusal.code.starts_with("ClusterContains") => {
                pending(format!("the cluster is still in use: {}", refusal.message))
            }
            deleted => {
                deleted?;
                ready(())
            }
        }
    })?;
    wait::until(every(5.seconds()), at_most(10.minutes()), || match find(ctx, &ecs, name)? {
        None => ready(()),
        Some(cluster) => pending(format!("cluster is {}", cluster.status)),
    })
}
