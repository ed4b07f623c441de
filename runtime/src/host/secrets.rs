//! The capability `secrets`: secrets that the host makes. Their values never enter the sandbox.

use super::identity::SecretOrigin;
use crate::credentials::vault;
use crate::sandbox::bindings::secrets::{Alphabet, Host, Recipe};
use crate::sandbox::bindings::types::{Failure, FailureKind};
use crate::sandbox::{Interrupt, RunState};

/// The least and most characters of a generated secret.
const LENGTHS: std::ops::RangeInclusive<u32> = 8..=128;

impl Host for RunState {
    async fn generate(&mut self, label: String, recipe: Recipe) -> wasmtime::Result<Result<String, Failure>> {
        let request = (label.clone(), recipe);
        self.noted("secrets.generate", &request, async |state| {
            if !LENGTHS.contains(&recipe.length) {
                return Ok(Err(Failure {
                    kind: FailureKind::Invalid,
                    message: format!("a secret has 8 to 128 characters, not {}", recipe.length),
                    pointer: None,
                    retry_after_s: None,
                }));
            }
            let alphabet = match recipe.alphabet {
                Alphabet::Alphanumeric => vault::Alphabet::Alphanumeric,
                Alphabet::Hex => vault::Alphabet::Hex,
                Alphabet::UrlSafe => vault::Alphabet::UrlSafe,
            };
            let host = &mut state.host;
            let value = vault::generate_secret(recipe.length as usize, alphabet)
                .map_err(|error| Interrupt::Store(error.to_string()))?;
            let (reference, write) =
                host.identity.secret(&host.services.vault, &label, SecretOrigin::Generated, || value.expose())?;
            state.journal.stage(write);
            Ok(Ok(reference))
        })
        .await
    }
}
