//! Everything a simulator knows, behind one lock: a call is one step, and steps never overlap.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    aws::Aws,
    calls::CallLog,
    cloud::{Cloud, Env, Label, Reply, Request},
    config::Config,
    faults::{Fault, FaultBook},
    ids::Ids,
    inventory::{self, Inventory},
};

/// The state of a simulator.
pub struct World {
    /// The settings of this moment.
    pub config: Config,
    /// The settings it started with, which a reset restores.
    initial: Config,
    /// What was called.
    pub calls: CallLog,
    /// What is to fail.
    pub faults: FaultBook,
    ids: Ids,
    clouds: Vec<Box<dyn Cloud>>,
}

/// A call that has arrived and been labelled, but not yet been processed.
pub struct Arrival {
    /// Its number.
    pub n: u64,
    /// What it says it is.
    pub label: Label,
    /// What is to happen to it.
    pub fault: Option<Fault>,
    cloud: usize,
}

impl World {
    /// A world in which nothing has happened.
    pub fn new(config: Config) -> Self {
        let clouds: Vec<Box<dyn Cloud>> = vec![Box::new(Aws::new(&config))];
        Self {
            initial: config.clone(),
            config,
            calls: CallLog::default(),
            faults: FaultBook::default(),
            ids: Ids::default(),
            clouds,
        }
    }

    /// Notes a request; `None` if no cloud knows what it is.
    pub fn arrive(&mut self, request: &Request) -> Option<Arrival> {
        let cloud = self.clouds.iter().position(|cloud| cloud.recognises(request))?;
        let label = self.clouds.get(cloud)?.label(request);
        let digest = hex::encode(Sha256::digest(&request.body));
        let n = self.calls.arrived(&label, digest.get(..16).unwrap_or_default().to_owned(), now());
        let fault = self.faults.strike(n, &label);
        if let Some(fault) = &fault {
            self.calls.struck(n, serde_json::to_value(fault).unwrap_or_default());
        }
        Some(Arrival { n, label, fault, cloud })
    }

    /// Does what the request asks for; `None` never happens for an arrival of this world.
    pub fn process(&mut self, arrival: &Arrival, request: &Request) -> Option<Reply> {
        let cloud = self.clouds.get_mut(arrival.cloud)?;
        let mut env = Env { config: &self.config, now: now(), call: arrival.n, ids: &mut self.ids };
        let reply = cloud.process(&mut env, &arrival.label, request);
        self.calls.processed(arrival.n, &reply);
        Some(reply)
    }

    /// The answer that the arrival's fault prescribes, if it prescribes one.
    pub fn refuse(&self, arrival: &Arrival) -> Option<Reply> {
        let refusal = arrival.fault.as_ref()?.refusal()?;
        Some(self.clouds.get(arrival.cloud)?.refuse(&arrival.label, &refusal))
    }

    /// Everything that exists.
    pub fn inventory(&self) -> Inventory {
        let items = self.clouds.iter().flat_map(|cloud| cloud.inventory()).collect();
        inventory::sort(items, &self.config.ownership)
    }

    /// All of the state.
    pub fn dump(&self) -> Value {
        let clouds: Vec<Value> = self.clouds.iter().map(|cloud| cloud.dump()).collect();
        json!({ "config": self.config, "clouds": clouds })
    }

    /// Does something by hand: the first cloud that understands the act does it.
    pub fn act(&mut self, act: &Value) -> Result<Value, String> {
        let mut refusal = "no cloud is simulated".to_owned();
        for cloud in &mut self.clouds {
            let mut env = Env { config: &self.config, now: now(), call: 0, ids: &mut self.ids };
            match cloud.act(&mut env, act) {
                Ok(answer) => return Ok(answer),
                Err(reason) => refusal = reason,
            }
        }
        Err(refusal)
    }

    /// Forgets everything but the settings it started with; ids and call numbers go on.
    pub fn reset(&mut self) {
        self.config = self.initial.clone();
        self.faults.clear();
        self.calls.clear();
        for cloud in &mut self.clouds {
            cloud.reset(&self.config);
        }
    }
}

/// Unix time in milliseconds.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
