//! A whole world in one line: a cloud, a server with guests installed, and its client.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::json;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::client::Client;
use crate::crash::copy;
use crate::fixture_cloud::{FixtureCloud, KEY};
use crate::server::Server;

/// A fixture cloud, and a server whose guests call it.
pub struct World {
    pub cloud: FixtureCloud,
    pub server: Server,
    pub client: Client,
    pub folder: TempDir,
}

/// What a world has that others have not.
#[derive(Default)]
pub struct Plan {
    guests: Vec<&'static str>,
    config: Option<String>,
    environment: Vec<(String, String)>,
    through: Option<String>,
    scale: Option<String>,
}

impl World {
    /// The fixture guest, and nothing else.
    pub async fn fixture() -> Self {
        Self::plan(&["fixture"]).start().await
    }

    /// With these guests: `fixture`, `dumper`, `hostile`.
    pub fn plan(guests: &[&'static str]) -> Plan {
        Plan { guests: guests.to_vec(), ..Plan::default() }
    }

    /// Where the server keeps everything.
    pub fn data(&self) -> PathBuf {
        self.server.data.clone()
    }

    /// Kills the server and starts it again.
    pub async fn restart(&mut self) {
        self.server.kill();
        self.client = self.server.start().await;
    }
}

impl Plan {
    /// With this configuration file.
    pub fn config(mut self, yaml: &str) -> Self {
        self.config = Some(yaml.to_owned());
        self
    }

    /// With this variable in the server's environment.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a shell that does this before it becomes the server.
    pub fn through(mut self, shell: &str) -> Self {
        self.through = Some(shell.to_owned());
        self
    }

    /// With time of this speed, instead of a thousand times as fast.
    pub fn timing_scale(mut self, scale: &str) -> Self {
        self.scale = Some(scale.to_owned());
        self
    }

    /// Starts all of it.
    pub async fn start(self) -> World {
        let cloud = FixtureCloud::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        std::fs::create_dir(&data).expect("a data folder");
        let mut server = Server::new(&data);
        server.environment = self.environment;
        server.through = self.through;
        if let Some(scale) = self.scale {
            server.arguments = vec!["--timing-scale".to_owned(), scale];
        }
        if let Some(config) = &self.config {
            let path = folder.path().join("config.yaml");
            std::fs::write(&path, config).expect("a configuration");
            server.arguments.extend(["--config".to_owned(), path.display().to_string()]);
        }
        copy(&template(&self.guests, &server.arguments).await, &data);
        let client = server.start().await;
        for guest in self.guests {
            let cloud_name = cloud_of(guest);
            client.set_up(cloud_name, &cloud.url, json!({ "source": "value", "secret": KEY })).await;
        }
        World { cloud, server, client, folder }
    }
}

type Templates = HashMap<String, Arc<OnceCell<TempDir>>>;

/// Data folders with guests installed and compiled, by guests and arguments: compiling takes longer than most tests.
static TEMPLATES: LazyLock<Mutex<Templates>> = LazyLock::new(Mutex::default);

async fn template(guests: &[&'static str], arguments: &[String]) -> PathBuf {
    let config = arguments.iter().filter(|argument| argument.ends_with(".yaml"));
    let config: Vec<String> = config.map(|path| std::fs::read_to_string(path).expect("a configuration")).collect();
    let key = format!("{guests:?} {config:?}");
    let cell = Arc::clone(TEMPLATES.lock().expect("no user panics").entry(key).or_default());
    let made = cell.get_or_init(async || {
        let folder = tempfile::tempdir().expect("a folder");
        let mut server = Server::new(folder.path());
        server.arguments = arguments.to_vec();
        let client = server.start().await;
        for guest in guests {
            client.install(&crate::guest(guest)).await.ok();
        }
        folder
    });
    made.await.path().to_owned()
}

/// The cloud that a guest implements.
pub fn cloud_of(guest: &str) -> &'static str {
    match guest {
        "fixture" => "fix",
        "dumper" => "dump",
        "hostile" => "hostile",
        other => panic!("there is no guest {other}"),
    }
}

/// An environment file with one resource, its configuration in YAML's flow style: `{ size: 3 }`.
pub fn one_resource(cloud: &str, kind: &str, configuration: &str) -> String {
    format!(
        "environment:\n  resources:\n    {cloud}:\n      - resource:\n          type: {kind}\n          name: it\n          configuration: {configuration}\n"
    )
}
