//! `cld setup CLOUD`

use clap::Args;

use super::setting;

/// `cld setup CLOUD`
#[derive(Debug, Args)]
pub struct Setup {
    /// The cloud, as an installed extension names it; without one, the clouds that are set up are listed
    pub cloud: Option<String>,
    /// Where the credentials come from.
    #[command(flatten)]
    pub source: Source,
    /// Where the OAuth client gets its tokens
    #[arg(long, value_name = "URL", requires = "client_id")]
    pub token_url: Option<String>,
    /// The region; short for --set region=R
    #[arg(long, value_name = "R")]
    pub region: Option<String>,
    /// A setting of the cloud
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    pub settings: Vec<(String, String)>,
    /// A simulator's address that stands for the whole cloud; on this machine only
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
}

/// Where the credentials come from. Secrets are asked for, or read from stdin; never arguments.
#[derive(Debug, Default, Args)]
#[group(multiple = false)]
pub struct Source {
    /// A named profile of the cloud's own configuration, on the server's machine
    #[arg(long, value_name = "P")]
    pub profile: Option<String>,
    /// The server's environment variables
    #[arg(long)]
    pub from_env: bool,
    /// The cloud's default chain on the server's machine: environment, profile, role
    #[arg(long)]
    pub chain: bool,
    /// A key's id; its secret is asked for or read from stdin (and after a line break its session token)
    #[arg(long, value_name = "ID")]
    pub key_id: Option<String>,
    /// One value, such as an API key; asked for or read from stdin
    #[arg(long)]
    pub value_stdin: bool,
    /// A user; the password is asked for or read from stdin
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// An OAuth client; its secret is asked for or read from stdin
    #[arg(long, value_name = "ID", requires = "token_url")]
    pub client_id: Option<String>,
}
