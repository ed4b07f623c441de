//! An extension that does not do the same on each run, if it can.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::{Instant, SystemTime};

use cloudark_sdk::prelude::*;

use crate::attack::{attack, request, said};

attack! {
    /// Puts all that could differ between two runs into a request, and then has the task run again, three times.
    Nondeterministic, "nondeterministic", |ctx, _config| {
        let before = differing();
        request(ctx, "GET", "/things").query("tag", &format!("seen:{before}")).send()?;
        for round in 0..3 {
            wait::sleep(1.seconds(), "coming back")?;
            request(ctx, "GET", "/things").query("tag", &format!("{round}:{}", differing())).send()?;
        }
        if differing().is_empty() { fail!(permanent, "there is nothing that could differ") }
        Ok(said("deterministic").output("Denied", before))
    }
}

fn differing() -> String {
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let order: HashMap<u32, u32> = (0..16).map(|n| (n, n)).collect();
    let order: Vec<String> = order.keys().map(u32::to_string).collect();
    let random = RandomState::new().hash_one(0);
    let address = Box::into_raw(Box::new(0_u8)) as usize;
    format!("{clock} {:?} {random} {address} {}", Instant::now(), order.join("-"))
}
