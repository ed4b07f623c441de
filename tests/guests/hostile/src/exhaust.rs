//! Attacks that use something up.

use std::hint::black_box;

use cloudark_sdk::prelude::*;

use crate::attack::{attack, request, said, sent};

const MIB: usize = 1024 * 1024;

attack! {
    /// Computes for ever.
    Spin, "spin", |_ctx, _config| loop {
        black_box(());
    }
}

attack! {
    /// Allocates for ever.
    Memory, "memory", |_ctx, _config| {
        let mut hoard: Vec<Vec<u8>> = Vec::new();
        loop {
            hoard.push(vec![black_box(1); MIB]);
        }
    }
}

attack! {
    /// Recurses for ever.
    Deep, "deep", |_ctx, _config| Ok(said(&format!("{} levels", dig(1))))
}

#[allow(unconditional_recursion)]
fn dig(level: u64) -> u64 {
    let ground = black_box([level; 64]);
    dig(black_box(level + 1)).wrapping_add(ground.iter().sum())
}

attack! {
    /// Calls the host for ever.
    Calls, "calls", |ctx, _config| loop {
        black_box(ctx.tags());
    }
}

attack! {
    /// Floods the log with 256 MiB.
    Logs, "logs", |_ctx, _config| {
        let line = "x".repeat(MIB);
        for _ in 0..256 {
            log::info(&line);
        }
        Ok(said("logged"))
    }
}

attack! {
    /// Sends a huge request.
    BigBody, "bigbody", |ctx, config| {
        let name = ctx.name("thing", Rules::DNS_LABEL.max(40))?;
        let tags: std::collections::BTreeMap<_, _> = ctx.tags().into_iter().collect();
        let filler = "x".repeat(config.mib * MIB);
        let body = serde_json::json!({ "name": name, "tags": tags, "filler": filler });
        sent("a huge request", request(ctx, "POST", "/things").json(&body))
    }
}

attack! {
    /// Returns a huge state.
    BigState, "bigstate", |_ctx, config| Ok(Instance::new("hostile").state("x".repeat(config.mib * MIB)))
}
