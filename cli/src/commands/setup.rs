//! `cld setup CLOUD`: which credentials a cloud needs is what its extension says; nothing here knows a cloud.

use std::collections::BTreeMap;

use cloudark_api::credential::{Cloud, CloudSetup, CredentialInput};
use cloudark_api::extension::{CredentialNeed, Extension, Setting};

use crate::args::setup::{Setup, Source};
use crate::client::Client;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::render::screen::Screen;
use crate::render::table::Table;
use crate::render::text::Line;
use crate::render::words::style;

/// Runs `cld setup CLOUD`.
///
/// # Errors
/// Whatever it fails with.
pub async fn run(context: &Context, command: Setup) -> Result<Exit, Failure> {
    let client = context.client()?;
    let screen = context.screen;
    let Some(name) = command.cloud else {
        let list = client.clouds().await?;
        screen.list(&list, "no cloud is set up; set one up with: cld setup CLOUD", || {
            listed(&list).lines(screen.width())
        })?;
        return Ok(Exit::Done);
    };
    let offer = Offer::find(&client, &name).await?;
    let mut settings: BTreeMap<String, String> = command.settings.into_iter().collect();
    settings.extend(command.region.map(|region| ("region".to_owned(), region)));
    offer.check(&settings)?;
    let credentials = match given(screen, &command.source, command.token_url)? {
        Some(credentials) => credentials,
        None => asked(screen, &name, &offer.needs)?,
    };
    offer.complete(screen, &mut settings)?;
    let setup = CloudSetup { credentials, settings, endpoint: command.endpoint };
    let cloud = client.set_up(&name, &setup).await?;
    screen.answer(&cloud, || shown(&cloud))?;
    Ok(Exit::Done)
}

fn listed(list: &[Cloud]) -> Table {
    let mut table = Table::new(&["CLOUD", "ACCOUNT", "IDENTITY", "CREDENTIALS"]);
    for cloud in list {
        table.row([&cloud.cloud, &cloud.account, &cloud.identity, &cloud.source].map(|text| Line::from(text.as_str())));
    }
    table
}

fn shown(cloud: &Cloud) -> Vec<Line> {
    let mut fields = Table::bare();
    fields.field("cloud", Line::new().styled(style::STRONG, &cloud.cloud));
    fields.field("account", cloud.account.as_str());
    fields.field("identity", cloud.identity.as_str());
    fields.field("credentials", cloud.source.as_str());
    for (name, value) in &cloud.settings {
        fields.field(name, value.as_str());
    }
    if let Some(endpoint) = &cloud.endpoint {
        fields.field("endpoint", endpoint.as_str());
    }
    fields.lines(None)
}

/// What the installed extensions say about a cloud.
struct Offer {
    cloud: String,
    needs: Vec<CredentialNeed>,
    settings: Vec<Setting>,
}

impl Offer {
    async fn find(client: &Client, cloud: &str) -> Result<Self, Failure> {
        Self::of(cloud, client.extensions().await?)
    }

    fn of(cloud: &str, extensions: Vec<Extension>) -> Result<Self, Failure> {
        let mut clouds: Vec<String> = extensions.iter().map(|extension| extension.cloud.clone()).collect();
        let mut offer = Self { cloud: cloud.to_owned(), needs: Vec::new(), settings: Vec::new() };
        let mut found = false;
        for extension in extensions.into_iter().filter(|extension| extension.cloud == cloud) {
            found = true;
            for need in extension.credentials {
                if !offer.needs.contains(&need) {
                    offer.needs.push(need);
                }
            }
            for setting in extension.settings {
                if !offer.settings.iter().any(|known| known.name == setting.name) {
                    offer.settings.push(setting);
                }
            }
        }
        if found {
            return Ok(offer);
        }
        clouds.sort();
        clouds.dedup();
        let next = if clouds.is_empty() {
            "install an extension with: cld extension install FILE".to_owned()
        } else {
            format!("the installed extensions know: {}", clouds.join(", "))
        };
        let what = format!("no installed extension knows a cloud \"{cloud}\"");
        Err(Failure::Known { exit: Exit::NotFound, what, next: Some(next) })
    }

    /// Refuses settings that the cloud does not have.
    fn check(&self, settings: &BTreeMap<String, String>) -> Result<(), Failure> {
        let known: Vec<&str> = self.settings.iter().map(|setting| setting.name.as_str()).collect();
        match settings.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) if known.is_empty() => {
                Err(Failure::usage(format!("{} has no settings, and so no `{name}`", self.cloud)))
            }
            Some(name) => Err(Failure::usage_with(
                format!("{} has no setting `{name}`", self.cloud),
                format!("it has: {}", known.join(", ")),
            )),
            None => Ok(()),
        }
    }

    /// Asks for what is required and missing, where somebody can be asked.
    fn complete(&self, screen: Screen, settings: &mut BTreeMap<String, String>) -> Result<(), Failure> {
        for setting in &self.settings {
            if settings.contains_key(&setting.name) || !setting.required || setting.default.is_some() {
                continue;
            }
            let missing = || {
                let name = &setting.name;
                Failure::usage_with(
                    format!("{} needs the setting `{name}`: {}", self.cloud, setting.summary),
                    format!("pass --set {name}=…"),
                )
            };
            if !screen.can_ask() {
                return Err(missing());
            }
            let value = screen.ask(&format!("{} ({}):", setting.name, setting.summary))?;
            if value.is_empty() {
                return Err(missing());
            }
            settings.insert(setting.name.clone(), value);
        }
        Ok(())
    }
}

/// The credentials that the command line names.
fn given(screen: Screen, source: &Source, token_url: Option<String>) -> Result<Option<CredentialInput>, Failure> {
    let secret = |prompt: &str| {
        let secret = screen.secret(prompt)?;
        if secret.is_empty() {
            return Err(Failure::usage_with("the secret is empty", "give it on stdin, or when asked"));
        }
        Ok(secret.as_str().to_owned())
    };
    Ok(Some(if let Some(name) = &source.profile {
        CredentialInput::Profile { name: name.clone() }
    } else if source.from_env {
        CredentialInput::Environment
    } else if source.chain {
        CredentialInput::Chain
    } else if let Some(id) = &source.key_id {
        key(id, &secret(&format!("Secret of key {id}:"))?)
    } else if source.value_stdin {
        CredentialInput::Value { secret: secret("Value:")? }
    } else if let Some(username) = &source.user {
        CredentialInput::Basic { username: username.clone(), password: secret(&format!("Password of {username}:"))? }
    } else if let (Some(client_id), Some(token_url)) = (&source.client_id, token_url) {
        let client_secret = secret(&format!("Secret of client {client_id}:"))?;
        CredentialInput::ClientCredentials { token_url, client_id: client_id.clone(), client_secret }
    } else {
        return Ok(None);
    }))
}

/// A key's secret, and on a second line the session token of a temporary key.
fn key(id: &str, text: &str) -> CredentialInput {
    let (secret, token) = match text.split_once('\n') {
        Some((secret, token)) => (secret.trim(), Some(token.trim()).filter(|token| !token.is_empty())),
        None => (text.trim(), None),
    };
    CredentialInput::Key { id: id.to_owned(), secret: secret.to_owned(), session_token: token.map(str::to_owned) }
}

/// The credentials that the extension asks for.
fn asked(screen: Screen, cloud: &str, needs: &[CredentialNeed]) -> Result<CredentialInput, Failure> {
    let Some(need) = needs.first() else {
        return Ok(CredentialInput::Chain);
    };
    if !screen.can_ask() {
        return Err(Failure::usage_with(
            format!("{cloud} needs credentials: {}", need.prompt),
            format!("name them with {}", options(&need.signer)),
        ));
    }
    screen.note(format!("{cloud} needs {}", need.prompt));
    match need.signer.as_str() {
        "header" => Ok(CredentialInput::Value { secret: screen.secret("Value:")?.as_str().to_owned() }),
        "basic" => {
            let username = screen.ask("User:")?;
            let password = screen.secret("Password:")?.as_str().to_owned();
            Ok(CredentialInput::Basic { username, password })
        }
        "oauth2-client-credentials" => Ok(CredentialInput::ClientCredentials {
            token_url: screen.ask("URL of its tokens:")?,
            client_id: screen.ask("Client id:")?,
            client_secret: screen.secret("Client secret:")?.as_str().to_owned(),
        }),
        _ => {
            let answer = screen.ask("A profile on the server's machine (empty: its default chain):")?;
            Ok(if answer.is_empty() { CredentialInput::Chain } else { CredentialInput::Profile { name: answer } })
        }
    }
}

/// The options for a signer's credentials.
fn options(signer: &str) -> &'static str {
    match signer {
        "header" => "--value-stdin",
        "basic" => "--user NAME",
        "oauth2-client-credentials" => "--client-id ID --token-url URL",
        _ => "--profile P, --from-env, --chain or --key-id ID",
    }
}

#[cfg(test)]
#[path = "setup_tests.rs"]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
