//! What AWS says no with, and what that means for the operation.

use std::fmt;

/// An error answer of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The call: `CreateDBInstance`.
    pub action: String,
    /// The HTTP status.
    pub status: u16,
    /// The service's own code: `DBInstanceAlreadyExists`. The status where the answer had none.
    pub code: String,
    /// The service's own message.
    pub message: String,
    /// Its `Retry-After`, in seconds.
    pub retry_after_s: Option<u32>,
}

/// What a refusal means: the decision table of the whole AWS layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Too many calls: the same call will do later.
    Throttled,
    /// AWS had a fault of its own: the same call will do later.
    Fault,
    /// The credentials may not do this, or are none.
    Denied,
    /// What the call is about is not there.
    Absent,
    /// Something of this name is there already.
    Exists,
    /// Something else is in the way, or it is in use.
    Busy,
    /// The account's quota is used up.
    Quota,
    /// The request cannot work as it is.
    Invalid,
    /// None of these.
    Other,
}

impl Refusal {
    /// What the code means. RDS appends `Fault` to some codes, the JSON services `Exception`: both are looked
    /// through.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        let code = self.code.trim_end_matches("Fault").trim_end_matches("Exception");
        let has = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
        if has(&["Throttl", "RequestLimitExceeded", "TooManyRequests", "SlowDown", "TooManyUpdates", "PriorRequestNot"])
        {
            Meaning::Throttled
        } else if has(&["AccessDenied", "UnauthorizedOperation", "AuthFailure", "NotAuthorized", "ExpiredToken"])
            || has(&["InvalidClientTokenId", "UnrecognizedClient", "SignatureDoesNotMatch", "IncompleteSignature"])
            || has(&["InvalidAccessKeyId", "OptInRequired", "MissingAuthenticationToken"])
        {
            Meaning::Denied
        } else if self.status >= 500
            || has(&["InternalFailure", "InternalError", "ServiceUnavailable", "RequestTimeout"])
        {
            Meaning::Fault
        } else if has(&["AlreadyExists", "Duplicate"]) || (code == "ResourceInUse" && self.action.starts_with("Create"))
        {
            // DynamoDB calls a table that exists "in use"; ELB means it when a target group is deleted.
            Meaning::Exists
        } else if has(&[
            "QuotaExceeded",
            "QuotaForCustomerExceeded",
            "LimitExceeded",
            "TooMany",
            "InsufficientDBInstanceCapacity",
            "InsufficientCapacity",
            "InsufficientCacheClusterCapacity",
        ]) {
            Meaning::Quota
        } else if has(&["NotFound", "NoSuchEntity", "ServiceNotActive"]) {
            Meaning::Absent
        } else if has(&["DependencyViolation", "DeleteConflict", "InUse", "InvalidDBInstanceState", "OperationAborted"])
            || has(&[
                "InvalidDBSubnetGroupState",
                "InvalidReplicationGroupState",
                "ClusterContains",
                "ConcurrentModification",
                "UpdateInProgress",
            ])
        {
            Meaning::Busy
        } else if has(&["Invalid", "Validation", "Malformed", "Missing", "Unsupported", "NotCoverEnoughAZs", "Client"])
        {
            Meaning::Invalid
        } else {
            Meaning::Other
        }
    }

    /// What to do about it, as the last sentence of the error.
    #[must_use]
    pub fn next_step(&self) -> String {
        match self.meaning() {
            Meaning::Throttled | Meaning::Fault => "It is tried again by itself".to_owned(),
            Meaning::Denied => format!(
                "Allow {} to the identity that `cld setup aws` shows (`cld extension policy aws` prints the whole policy)",
                self.action
            ),
            Meaning::Quota => "Free what is not needed, or ask AWS for a higher quota in Service Quotas".to_owned(),
            Meaning::Invalid => "Change the configuration accordingly".to_owned(),
            Meaning::Busy => "Wait until what uses it is gone, or remove that".to_owned(),
            Meaning::Exists => "Rename or remove what has its name".to_owned(),
            Meaning::Absent => "`cld env refresh` shows what is still there".to_owned(),
            Meaning::Other => "The code is explained in the AWS documentation of the call".to_owned(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message.trim().trim_end_matches('.');
        if message.is_empty() {
            write!(f, "AWS refused {} ({}). {}.", self.action, self.code, self.next_step())
        } else {
            write!(f, "AWS refused {} ({}): {message}. {}.", self.action, self.code, self.next_step())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: &str) -> Refusal {
        Refusal {
            action: "CreateThing".into(),
            status,
            code: code.into(),
            message: "it does not fit.".into(),
            retry_after_s: None,
        }
    }

    #[test]
    fn a_code_means_the_same_on_every_service() {
        for (status, code, meaning) in [
            (400, "Throttling", Meaning::Throttled),
            (503, "RequestLimitExceeded", Meaning::Throttled),
            (400, "ThrottlingException", Meaning::Throttled),
            (500, "InternalFailure", Meaning::Fault),
            (503, "ServiceUnavailable", Meaning::Fault),
            (403, "AccessDenied", Meaning::Denied),
            (400, "AccessDeniedException", Meaning::Denied),
            (403, "UnauthorizedOperation", Meaning::Denied),
            (403, "InvalidClientTokenId", Meaning::Denied),
            (404, "DBInstanceNotFound", Meaning::Absent),
            (404, "DBSubnetGroupNotFoundFault", Meaning::Absent),
            (400, "InvalidGroup.NotFound", Meaning::Absent),
            (400, "ClusterNotFoundException", Meaning::Absent),
            (404, "NoSuchEntity", Meaning::Absent),
            (400, "DBInstanceAlreadyExists", Meaning::Exists),
            (400, "InvalidGroup.Duplicate", Meaning::Exists),
            (400, "InvalidPermission.Duplicate", Meaning::Exists),
            (400, "DuplicateLoadBalancerName", Meaning::Exists),
            (409, "EntityAlreadyExists", Meaning::Exists),
            (400, "DependencyViolation", Meaning::Busy),
            (409, "DeleteConflict", Meaning::Busy),
            (400, "InvalidDBInstanceState", Meaning::Busy),
            (400, "ResourceInUse", Meaning::Exists),
            (400, "InvalidReplicationGroupState", Meaning::Busy),
            (400, "CacheSubnetGroupInUse", Meaning::Busy),
            (404, "ReplicationGroupNotFoundFault", Meaning::Absent),
            (400, "InstanceQuotaExceeded", Meaning::Quota),
            (400, "NodeQuotaForCustomerExceeded", Meaning::Quota),
            (400, "InsufficientCacheClusterCapacity", Meaning::Quota),
            (400, "VpcLimitExceeded", Meaning::Quota),
            (400, "InvalidParameterValue", Meaning::Invalid),
            (400, "DBSubnetGroupDoesNotCoverEnoughAZs", Meaning::Invalid),
            (400, "ClientException", Meaning::Invalid),
            (418, "Teapot", Meaning::Other),
        ] {
            assert_eq!(refusal(status, code).meaning(), meaning, "{code}");
        }
    }

    #[test]
    fn a_refusal_reads_as_a_sentence_with_the_next_step() {
        assert_eq!(
            refusal(400, "InvalidSubnet").to_string(),
            "AWS refused CreateThing (InvalidSubnet): it does not fit. Change the configuration accordingly."
        );
        assert!(refusal(403, "AccessDenied").to_string().contains("Allow CreateThing to the identity"));
    }
}
