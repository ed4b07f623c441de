//! Errors as AWS words them, in the shape of each protocol.

use serde_json::json;

use super::service::{Protocol, Service};
use crate::cloud::{Refusal, Reply};

/// An error answer of a simulated service.
#[derive(Clone, Debug)]
pub struct AwsError {
    /// The HTTP status.
    pub status: u16,
    /// What kind of error it is.
    pub code: Code,
    /// The sentence beside the code.
    pub message: String,
}

/// The code; some errors every service has, under a code of its own.
#[derive(Clone, Debug)]
pub enum Code {
    /// This one.
    Is(String),
    /// The service's own code for a missing parameter.
    Missing,
    /// The service's own code for an invalid parameter.
    Invalid,
}

/// What simulated operations answer.
pub type Answer = Result<serde_json::Value, AwsError>;

impl AwsError {
    /// An error of status 400.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self::with_status(400, code, message)
    }

    /// An error of this status.
    pub fn with_status(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: Code::Is(code.to_owned()), message: message.into() }
    }

    /// A required parameter is missing.
    pub fn missing(name: &str) -> Self {
        Self { status: 400, code: Code::Missing, message: format!("The request must contain the parameter {name}") }
    }

    /// A parameter has a value that it cannot have.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { status: 400, code: Code::Invalid, message: message.into() }
    }

    /// The code as this service spells it.
    pub fn code_for(&self, service: Service) -> String {
        use Service::{Dynamodb, Ec2, Ecr, Ecs, Elasticache, Elb, Iam, Logs, Rds, Ssm, Sts};
        match &self.code {
            Code::Is(code) => code.clone(),
            Code::Missing => match service {
                Ec2 | Rds | Elasticache => "MissingParameter",
                Elb | Iam | Sts => "ValidationError",
                Ssm | Dynamodb => "ValidationException",
                Ecs | Logs | Ecr => "InvalidParameterException",
            }
            .into(),
            Code::Invalid => match service {
                Ec2 | Rds | Elasticache => "InvalidParameterValue",
                Elb | Iam | Sts => "ValidationError",
                Ssm | Dynamodb => "ValidationException",
                Ecs | Logs | Ecr => "InvalidParameterException",
            }
            .into(),
        }
    }

    /// The answer.
    pub fn render(&self, service: Service, request_id: &str) -> Reply {
        let code = self.code_for(service);
        let (kind, body) = match service.protocol() {
            Protocol::Ec2 => {
                let (code, message) = (escape(&code), escape(&self.message));
                let body = format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>{message}\
                     </Message></Error></Errors><RequestID>{request_id}</RequestID></Response>"
                );
                ("text/xml;charset=UTF-8", body)
            }
            Protocol::Query => {
                let fault = if self.status < 500 { "Sender" } else { "Receiver" };
                let (ns, code, message) = (service.namespace(), escape(&code), escape(&self.message));
                let body = format!(
                    "<ErrorResponse xmlns=\"{ns}\"><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message>\
                     </Error><RequestId>{request_id}</RequestId></ErrorResponse>"
                );
                ("text/xml", body)
            }
            Protocol::Json => {
                let kind = match service {
                    Service::Dynamodb => format!("com.amazonaws.dynamodb.v20120810#{code}"),
                    _ => code.clone(),
                };
                (service.content_type(), json!({ "__type": kind, "message": self.message }).to_string())
            }
        };
        Reply {
            status: self.status,
            headers: headers(kind, request_id),
            body: body.into_bytes(),
            code: Some(code),
            account: None,
            ignored: Vec::new(),
        }
    }
}

/// The headers that every answer has.
pub fn headers(content_type: &str, request_id: &str) -> Vec<(String, String)> {
    vec![("content-type".into(), content_type.into()), ("x-amzn-requestid".into(), request_id.into())]
}

/// Text for use between tags.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A scripted refusal, with the code and the status that this service really uses.
pub fn refusal(service: Service, refusal: &Refusal) -> AwsError {
    use Service::{Dynamodb, Ec2, Ecr, Ecs, Ssm};
    match refusal {
        Refusal::Throttle => match service {
            Ec2 => AwsError::with_status(503, "RequestLimitExceeded", "Request limit exceeded."),
            other if other.protocol() == Protocol::Json => AwsError::new("ThrottlingException", "Rate exceeded"),
            _ => AwsError::new("Throttling", "Rate exceeded"),
        },
        Refusal::Status500 => match service {
            Ec2 => AwsError::with_status(500, "InternalError", "An internal error has occurred"),
            Ecs | Ecr => AwsError::with_status(500, "ServerException", "Service Unavailable. Please try again later."),
            Ssm | Dynamodb => AwsError::with_status(500, "InternalServerError", "An internal error occurred."),
            _ => AwsError::with_status(500, "InternalFailure", "An internal error occurred."),
        },
        Refusal::Status503 => match service {
            Ec2 => AwsError::with_status(503, "Unavailable", "The service is unavailable. Please try again shortly."),
            other if other.protocol() == Protocol::Json => {
                AwsError::with_status(503, "ServiceUnavailableException", "Service is unavailable")
            }
            _ => AwsError::with_status(503, "ServiceUnavailable", "Service is unavailable"),
        },
        Refusal::Error { status, code, message } => AwsError::with_status(*status, code, message),
    }
}
