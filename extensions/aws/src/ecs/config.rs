//! The configuration of the cluster.

use cloudark_sdk::prelude::*;
use cloudark_sdk::schemars::JsonSchema;
use serde::Deserialize;

/// What `app_deployment:` may say beside `target` and `type`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(crate = "cloudark_sdk::schemars")]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How many machines the cluster has. Applications run on Fargate, which has none.
    pub cluster_size: Option<u32>,
    /// What kind of machines. Applications run on Fargate, which has none.
    pub instance_type: Option<String>,
    /// The network to use: `vpc-…`. The account's default one if silent.
    pub vpc: Option<String>,
}

impl Config {
    /// What does not mean what its writer may think.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (pointer, given) in
            [("/cluster_size", self.cluster_size.is_some()), ("/instance_type", self.instance_type.is_some())]
        {
            if given {
                problems.push(Problem::warning(
                    pointer,
                    "applications run on Fargate until the EC2 launch type is supported: this has no effect, and \
                     `cpu` and `memory` of each application say what it gets",
                ));
            }
        }
        if self.vpc.as_ref().is_some_and(|vpc| !vpc.starts_with("vpc-")) {
            problems.push(Problem::error("/vpc", "a network is named by its id, which begins with `vpc-`"));
        }
        problems
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use cloudark_sdk::plan::Severity;

    #[test]
    fn machines_are_ignored_with_a_warning() {
        let old = serde_json::json!({ "cluster_size": 2, "instance_type": "t2.medium" });
        let problems = serde_json::from_value::<Config>(old).unwrap().problems();
        assert!(problems.iter().all(|problem| problem.severity == Severity::Warning));
        assert_eq!(problems.len(), 2);
    }
}
