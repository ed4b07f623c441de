//! What AWS allows in the names of an application's things.

use cloudark_sdk::Rules;

/// Clusters, services and task definition families: ECS takes 255 characters; shorter ones are easier to read.
pub const fn ecs() -> Rules {
    Rules::DNS_LABEL
}

/// Load balancers: at most 32 letters, digits and hyphens, and not beginning with `internal-`, which an
/// environment's name may.
pub const fn balancer() -> Rules {
    Rules::DNS_LABEL.max(32).prefix("lb-")
}

/// Target groups: at most 32 letters, digits and hyphens.
pub const fn targets() -> Rules {
    Rules::DNS_LABEL.max(32)
}

/// IAM roles: at most 64.
pub const fn role() -> Rules {
    Rules::DNS_LABEL.max(64)
}

/// Log groups: at most 512. The role may write to those with this prefix only: see the grants.
pub const fn log_group() -> Rules {
    Rules::DNS_LABEL.max(128).prefix("cloudark-")
}

/// SSM parameters: at most 1011, and not beginning with `aws` or `ssm`, which an environment's name may.
pub const fn parameter() -> Rules {
    Rules::DNS_LABEL.max(200).prefix("cloudark-")
}
