//! What every command needs: the screen, the server's address, and how much to say.

use crate::args::Global;
use crate::client::Client;
use crate::client::address::{Address, DataDir};
use crate::exit::Failure;
use crate::render::screen::Screen;

/// What every command needs.
#[derive(Debug, Clone)]
pub struct Context {
    /// Where output goes.
    pub screen: Screen,
    /// Where the server is.
    pub address: Address,
    /// Whether to tell each call to a cloud.
    pub verbose: bool,
}

impl Context {
    /// From the options of every command.
    ///
    /// # Errors
    /// There is no data directory.
    pub fn new(global: &Global) -> Result<Self, Failure> {
        let data = DataDir::resolve(global.data.as_deref())?;
        let server = global.server.clone().filter(|server| !server.is_empty());
        Ok(Self {
            screen: Screen::new(global.output, global.quiet, global.no_color),
            address: Address::new(server, data),
            verbose: global.verbose > 0 || global.debug,
        })
    }

    /// A client for the server; nothing is sent yet.
    ///
    /// # Errors
    /// The address is wrong.
    pub fn client(&self) -> Result<Client, Failure> {
        Client::new(self.address.clone())
    }
}
