//! What an extension made: instances of kinds, and deployments of applications.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::types;
use crate::secrets::Secret;
use crate::{Result, json};

/// The value of an output, or of a variable of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Shown as it is.
    Plain(String),
    /// Shown masked; handed to applications the platform's way.
    Secret(Secret),
}

impl Value {
    fn from_wit(value: types::OutputValue) -> Self {
        match value {
            types::OutputValue::Plain(text) => Self::Plain(text),
            types::OutputValue::Secret(reference) => Self::Secret(Secret::from_reference(reference)),
        }
    }

    fn into_wit(self) -> types::OutputValue {
        match self {
            Self::Plain(text) => types::OutputValue::Plain(text),
            Self::Secret(secret) => types::OutputValue::Secret(secret.reference().to_owned()),
        }
    }

    pub(crate) fn variable(variable: types::Variable) -> (String, Self) {
        (variable.name, Self::from_wit(variable.value))
    }
}

/// A thing that an extension made and can find again.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance<S = ()> {
    /// The cloud's own id or the minted name.
    pub id: String,
    /// What the extension needs to find, change and delete it.
    pub state: S,
    /// What applications may refer to, as `$CLOUDARK_<TYPE>_<Output>` or `${name.Output}`.
    pub outputs: Vec<(String, Value)>,
    /// A few words for the tree: `vpc-1a2b, 2 subnets`.
    pub summary: String,
}

impl Instance {
    /// An instance with this id of the cloud, or minted name.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), state: (), outputs: Vec::new(), summary: String::new() }
    }
}

impl<S> Instance<S> {
    /// With what the extension needs to find, change and delete it.
    #[must_use]
    pub fn state<T>(self, state: T) -> Instance<T> {
        Instance { id: self.id, state, outputs: self.outputs, summary: self.summary }
    }

    /// With an output that is shown.
    #[must_use]
    pub fn output(mut self, name: &str, value: impl ToString) -> Self {
        self.outputs.push((name.to_owned(), Value::Plain(value.to_string())));
        self
    }

    /// With an output that is a secret.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &Secret) -> Self {
        self.outputs.push((name.to_owned(), Value::Secret(value.clone())));
        self
    }

    /// With a few words for the tree.
    #[must_use]
    pub fn summary(mut self, words: impl Into<String>) -> Self {
        self.summary = words.into();
        self
    }

    /// An output, where there is one of this name.
    #[must_use]
    pub fn get(&self, output: &str) -> Option<&Value> {
        self.outputs.iter().find(|(name, _)| name == output).map(|(_, value)| value)
    }
}

impl<S: DeserializeOwned> Instance<S> {
    pub(crate) fn from_wit(instance: types::Instance, read: StateReader<S>) -> Result<Self> {
        Ok(Self {
            state: decode_state(&instance.state, instance.state_version, read)?,
            id: instance.cloud_id,
            outputs: instance.outputs.into_iter().map(|(name, value)| (name, Value::from_wit(value))).collect(),
            summary: instance.summary,
        })
    }
}

impl<S: Serialize> Instance<S> {
    pub(crate) fn into_wit(self, state_version: u32) -> Result<types::Instance> {
        Ok(types::Instance {
            state: json::encode("the state", &self.state)?,
            cloud_id: self.id,
            state_version,
            outputs: self.outputs.into_iter().map(|(name, value)| (name, value.into_wit())).collect(),
            summary: self.summary,
        })
    }
}

/// An application that runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment<S = ()> {
    /// The cloud's own id or the minted name.
    pub id: String,
    /// What the extension needs to find, change and delete it.
    pub state: S,
    /// Where to reach it.
    pub url: Option<String>,
    /// Shown with `cld app show`.
    pub outputs: Vec<(String, Value)>,
    /// A few words for the tree.
    pub summary: String,
}

impl Deployment {
    /// A deployment with this id of the cloud, or minted name.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), state: (), url: None, outputs: Vec::new(), summary: String::new() }
    }
}

impl<S> Deployment<S> {
    /// With what the extension needs to find, change and delete it.
    #[must_use]
    pub fn state<T>(self, state: T) -> Deployment<T> {
        Deployment { id: self.id, state, url: self.url, outputs: self.outputs, summary: self.summary }
    }

    /// With where to reach it.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// With an output that is shown.
    #[must_use]
    pub fn output(mut self, name: &str, value: impl ToString) -> Self {
        self.outputs.push((name.to_owned(), Value::Plain(value.to_string())));
        self
    }

    /// With an output that is a secret.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &Secret) -> Self {
        self.outputs.push((name.to_owned(), Value::Secret(value.clone())));
        self
    }

    /// With a few words for the tree.
    #[must_use]
    pub fn summary(mut self, words: impl Into<String>) -> Self {
        self.summary = words.into();
        self
    }
}

impl<S: DeserializeOwned> Deployment<S> {
    pub(crate) fn from_wit(deployment: types::Deployment, read: StateReader<S>) -> Result<Self> {
        Ok(Self {
            state: decode_state(&deployment.state, deployment.state_version, read)?,
            id: deployment.cloud_id,
            url: deployment.url,
            outputs: deployment.outputs.into_iter().map(|(name, value)| (name, Value::from_wit(value))).collect(),
            summary: deployment.summary,
        })
    }
}

impl<S: Serialize> Deployment<S> {
    pub(crate) fn into_wit(self, state_version: u32) -> Result<types::Deployment> {
        Ok(types::Deployment {
            state: json::encode("the state", &self.state)?,
            cloud_id: self.id,
            state_version,
            url: self.url,
            outputs: self.outputs.into_iter().map(|(name, value)| (name, value.into_wit())).collect(),
            summary: self.summary,
        })
    }
}

/// Reads a state of a version.
pub(crate) type StateReader<S> = fn(u32, serde_json::Value) -> serde_json::Result<S>;

fn decode_state<S: DeserializeOwned>(text: &str, version: u32, read: StateReader<S>) -> Result<S> {
    let state = json::decode("the recorded state", text)?;
    read(version, state).map_err(|error| {
        crate::failure!(permanent, "the recorded state (version {version}) cannot be read by this extension: {error}")
    })
}
