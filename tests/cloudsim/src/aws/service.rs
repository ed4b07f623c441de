//! The simulated services, and which protocol each speaks.

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Ec2,
    Elb,
    Rds,
    Iam,
    Sts,
    Ecs,
    Ssm,
    Logs,
    Ecr,
    Dynamodb,
    Elasticache,
}

/// A wire protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Form in, XML out, EC2's dialect.
    Ec2,
    /// Form in, XML out.
    Query,
    /// JSON 1.1, or 1.0: [`Service::content_type`].
    Json,
}

const ALL: [Service; 11] = [
    Service::Ec2,
    Service::Elb,
    Service::Rds,
    Service::Iam,
    Service::Sts,
    Service::Ecs,
    Service::Ssm,
    Service::Logs,
    Service::Ecr,
    Service::Dynamodb,
    Service::Elasticache,
];

impl Service {
    /// The name in the scope of a signature.
    pub fn signing_name(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::Elb => "elasticloadbalancing",
            Self::Rds => "rds",
            Self::Iam => "iam",
            Self::Sts => "sts",
            Self::Ecs => "ecs",
            Self::Ssm => "ssm",
            Self::Logs => "logs",
            Self::Ecr => "ecr",
            Self::Dynamodb => "dynamodb",
            Self::Elasticache => "elasticache",
        }
    }

    /// The service of this signing name.
    pub fn signed_as(name: &str) -> Option<Self> {
        ALL.into_iter().find(|service| service.signing_name() == name)
    }

    /// The service that this `X-Amz-Target` prefix, or this `Version` parameter, belongs to.
    pub fn speaks(prefix_or_version: &str) -> Option<Self> {
        ALL.into_iter().find(|service| service.marker() == prefix_or_version)
    }

    /// What tells its requests: the prefix of `X-Amz-Target`, or the API version.
    pub fn marker(self) -> &'static str {
        match self {
            Self::Ec2 => "2016-11-15",
            Self::Elb => "2015-12-01",
            Self::Rds => "2014-10-31",
            Self::Iam => "2010-05-08",
            Self::Sts => "2011-06-15",
            Self::Ecs => "AmazonEC2ContainerServiceV20141113",
            Self::Ssm => "AmazonSSM",
            Self::Logs => "Logs_20140328",
            Self::Ecr => "AmazonEC2ContainerRegistry_V20150921",
            Self::Dynamodb => "DynamoDB_20120810",
            Self::Elasticache => "2015-02-02",
        }
    }

    /// Its protocol.
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Ec2 => Protocol::Ec2,
            Self::Elb | Self::Rds | Self::Iam | Self::Sts | Self::Elasticache => Protocol::Query,
            Self::Ecs | Self::Ssm | Self::Logs | Self::Ecr | Self::Dynamodb => Protocol::Json,
        }
    }

    /// The content type of its requests and answers, where it speaks JSON.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Dynamodb => "application/x-amz-json-1.0",
            _ => "application/x-amz-json-1.1",
        }
    }

    /// The XML namespace of its answers.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Ec2 => "http://ec2.amazonaws.com/doc/2016-11-15/",
            Self::Elb => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
            Self::Rds => "http://rds.amazonaws.com/doc/2014-10-31/",
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::Elasticache => "http://elasticache.amazonaws.com/doc/2015-02-02/",
            Self::Ecs | Self::Ssm | Self::Logs | Self::Ecr | Self::Dynamodb => "",
        }
    }
}
