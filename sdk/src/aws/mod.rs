//! The AWS services, from inside the sandbox: thin typed calls over the host's HTTP.
//!
//! AWS speaks two protocols that matter here: *Query* (a form goes in, XML comes out: EC2, RDS, ELB, IAM, STS)
//! and *JSON* (an object in, an object out: ECS, CloudWatch Logs, SSM, ECR, DynamoDB). [`Query`] and [`Json`] know
//! them; what a call takes and answers is typed where it is made, with serde:
//!
//! ```no_run
//! use cloudark_sdk::aws::{self, Form, List, Query};
//! # use cloudark_sdk::{Context, Result};
//! #[derive(serde::Deserialize)]
//! struct Vpcs {
//!     #[serde(rename = "vpcSet", default)]
//!     vpcs: List<Vpc>,
//! }
//! #[derive(serde::Deserialize)]
//! struct Vpc {
//!     #[serde(rename = "vpcId")]
//!     id: String,
//! }
//!
//! # fn f(ctx: &Context) -> Result<Vec<String>> {
//! let ec2 = Query::new(ctx, &aws::EC2)?;
//! let form = Form::new().filters(&[("is-default", &["true"])]);
//! let found: Vpcs = ec2.call("DescribeVpcs", form)?;
//! # Ok(found.vpcs.into_iter().map(|vpc| vpc.id).collect())
//! # }
//! ```
//!
//! The host signs (`aws-sigv4`, for the service and region of the client) and decides what is a read and what
//! changes the world. An error answer is a [`Refusal`]: the service's own code and message, and their
//! [`Meaning`]. [`Expect`] turns the refusals that are answers ("not found" to a describe) into values.
//!
//! The setting `endpoint` sends everything to one origin instead: a simulator's.

mod call;
mod form;
mod json;
mod query;
mod refusal;
mod service;
mod xml;

pub use call::{Error, Expect};
pub use form::Form;
pub use json::Json;
pub use query::Query;
pub use refusal::{Meaning, Refusal};
pub use service::{
    DYNAMODB, EC2, ECR, ECS, ELASTICACHE, ELB, IAM, JsonService, LOGS, QueryService, RDS, SSM, STS, region,
};
pub use xml::{List, Tag, Texts, pairs};
