//! One attack on the host for each kind. What must stop each is in `tests/guests/README.md`.

mod attack;
mod exhaust;
mod foreign;
mod look;
mod wander;

use cloudark_sdk::prelude::*;

cloudark_sdk::export! {
    name: "hostile",
    cloud: "hostile",
    summary: "Attacks on the host, one a kind",
    resources: [
        exhaust::Spin,
        exhaust::Memory,
        exhaust::Deep,
        exhaust::Calls,
        exhaust::Logs,
        exhaust::BigBody,
        exhaust::BigState,
        look::Files,
        look::Sockets,
        look::Sleep,
        wander::Nondeterministic,
        foreign::MethodOverride,
        foreign::MislabelledRead,
        foreign::Foreign,
        foreign::MarkForge,
        foreign::WrongOrigin,
        foreign::StolenSecret,
    ],
    settings: [Setting::optional("endpoint", "where the cloud answers").or(attack::DEFAULT_ENDPOINT)],
    credentials: [Credential::new("header", "Key of the fixture cloud")],
}
