//! An application to run on a cluster, and its logs.

use serde_json::Value as Json;

use crate::bindings::types;
use crate::instance::Value;
use crate::secrets::Secret;
use crate::{Result, json};

pub use crate::bindings::types::{LogLine, LogPage, LogQuery, LogStream};

/// An application to run on a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// The image reference to run.
    pub image: String,
    /// The port that the container listens on.
    pub container_port: Option<u16>,
    /// The port the user asked to reach it at; each COE has a default.
    pub host_port: Option<u16>,
    /// MiB.
    pub memory: Option<u32>,
    /// CPU units, 1024 for one virtual CPU.
    pub cpu: Option<u32>,
    /// How many copies; 1 when silent.
    pub replicas: Option<u32>,
    /// Its environment, interpolated.
    pub env: Vec<(String, Value)>,
    /// Everything else of the application's file: `health_check`, and keys of later formats.
    pub extra: Json,
    /// Documents of a native format, interpolated.
    pub documents: Vec<Json>,
    /// The secrets that `documents` refer to, each by the placeholder that stands for it there.
    pub document_secrets: Vec<(String, Secret)>,
}

impl Application {
    /// An application of this name and image, and nothing else said: for tests.
    #[must_use]
    pub fn new(name: &str, image: &str) -> Self {
        Self {
            name: name.to_owned(),
            image: image.to_owned(),
            container_port: None,
            host_port: None,
            memory: None,
            cpu: None,
            replicas: None,
            env: Vec::new(),
            extra: Json::Null,
            documents: Vec::new(),
            document_secrets: Vec::new(),
        }
    }

    pub(crate) fn from_wit(app: types::Application) -> Result<Self> {
        Ok(Self {
            extra: json::decode("the application", &app.extra)?,
            documents: app
                .documents
                .iter()
                .map(|document| json::decode("a document of the application", document))
                .collect::<Result<_>>()?,
            name: app.name,
            image: app.image,
            container_port: app.container_port,
            host_port: app.host_port,
            memory: app.memory,
            cpu: app.cpu,
            replicas: app.replicas,
            env: app.env.into_iter().map(Value::variable).collect(),
            document_secrets: app
                .document_secrets
                .into_iter()
                .map(|(placeholder, reference)| (placeholder, Secret::from_reference(reference)))
                .collect(),
        })
    }
}
