//! What AWS allows in the names of an application's things.

use cloudark_sdk::names::{Letters, Rules};

/// Clusters, services and task definition families: ECS takes 255 characters; shorter ones are easier to read.
pub const fn ecs() -> Rules {
    Rules::DNS_LABEL
}

/// Load balancers and target groups: at most 32 letters, digits and hyphens.
pub const fn elb() -> Rules {
    Rules::DNS_LABEL.max(32)
}

/// IAM roles: at most 64.
pub const fn role() -> Rules {
    Rules::DNS_LABEL.max(64)
}

/// Log groups: at most 512, and `/` makes a hierarchy.
pub const fn log_group() -> Rules {
    Rules::DNS_LABEL
        .max(128)
        .punctuation("-/")
        .prefix("/cloudark/")
}

/// SSM parameters: at most 1011, and `/` makes a hierarchy.
pub const fn parameter() -> Rules {
    Rules::DNS_LABEL
        .max(200)
        .letters(Letters::Lower)
        .punctuation("-/")
        .prefix("/cloudark/")
}
