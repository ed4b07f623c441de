//! What a simulated cloud is to the frame: something that labels, answers, lists and dumps.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::{config::Config, ids::Ids, inventory::Item};

/// A request, read to its end.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST`, in upper case.
    pub method: String,
    /// The path as it was sent, still encoded.
    pub path: String,
    /// What follows the `?`, still encoded.
    pub query: String,
    /// Names in lower case, in the order in which they were sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Request {
    /// The first header of this (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Headers, without length and date.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The cloud's error code, for the call log.
    pub code: Option<String>,
    /// Whose call it was, once its signature was checked.
    pub account: Option<String>,
    /// Parameters that the simulated operation did not look at.
    pub ignored: Vec<String>,
}

/// Whether a call can change anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It only looks.
    Read,
    /// It may change something.
    Mutation,
}

/// What a call is, as told by its outside: nothing in it is verified.
#[derive(Clone, Debug)]
pub struct Label {
    /// `ec2`
    pub service: String,
    /// `CreateVpc`
    pub action: String,
    /// Where.
    pub region: String,
    /// Who claims to call.
    pub access_key: Option<String>,
    /// Whether it can change anything.
    pub effect: Effect,
    /// Its parameters.
    pub params: Value,
    /// Its parameters without secrets, for the call log.
    pub shown: Value,
}

/// A scripted refusal; each cloud words it as its services do.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// Too many calls.
    Throttle,
    /// An internal error.
    Status500,
    /// Unavailable.
    Status503,
    /// Exactly this.
    Error {
        /// The HTTP status.
        status: u16,
        /// The error code.
        code: String,
        /// Its message.
        message: String,
    },
}

/// What a call may use of the world around it.
pub struct Env<'a> {
    /// The settings of this moment.
    pub config: &'a Config,
    /// Unix time in milliseconds.
    pub now: u64,
    /// The call's number in the call log; 0 for acts by hand.
    pub call: u64,
    /// Where ids come from.
    pub ids: &'a mut Ids,
}

/// A simulated cloud.
pub trait Cloud: Send {
    /// Whether this request is meant for this cloud.
    fn recognises(&self, request: &Request) -> bool;
    /// What the request says it is.
    fn label(&self, request: &Request) -> Label;
    /// Checks the signature and does it.
    fn process(&mut self, env: &mut Env<'_>, label: &Label, request: &Request) -> Reply;
    /// A scripted refusal in the words of the service.
    fn refuse(&self, label: &Label, refusal: &Refusal) -> Reply;
    /// Everything that exists and was not there from the start.
    fn inventory(&self) -> Vec<Item>;
    /// All of the state, secrets included.
    fn dump(&self) -> Value;
    /// Something done by hand; what can be done is the cloud's to say.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the act.
    fn act(&mut self, env: &mut Env<'_>, act: &Value) -> Result<Value, String>;
    /// Forgets everything.
    fn reset(&mut self, config: &Config);
}
