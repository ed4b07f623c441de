//! The simulated cloud: a process of its own, which may outlive the demo.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use xshell::cmd;

use crate::project::{Outcome, Project};

/// The id of the simulated account's key (`tests/cloudsim/README.md`).
pub const KEY: &str = "AKIDEXAMPLE";
/// Its secret.
pub const SECRET: &str = "cloudsim-secret-key";

/// The simulator's program.
const PROGRAM: &str = "cloudsim";
/// The file with its process.
const PROCESS: &str = "cloudsim.pid";

/// How long it may take to listen.
const READY: Duration = Duration::from_secs(10);

/// A running simulator.
#[derive(Debug)]
pub struct Simulator {
    child: Child,
    address: String,
    url: String,
}

impl Simulator {
    /// Starts one in a process group of its own: Ctrl-C at the demo does not end it. Its log goes to `home`.
    pub fn start(project: &Project, home: &Path) -> Outcome<Self> {
        let port_file = home.join("cloudsim.port");
        let log = File::create(home.join("cloudsim.log"))?;
        let mut child = Command::new(project.program(PROGRAM))
            .arg("--port-file")
            .arg(&port_file)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        fs::write(home.join(PROCESS), child.id().to_string())?;
        let began = Instant::now();
        let port = loop {
            if let Ok(port) = fs::read_to_string(&port_file) {
                break port;
            }
            if let Some(status) = child.try_wait()? {
                return Err(format!("cloudsim ended at once ({status}); its log is in {}", home.display()).into());
            }
            if began.elapsed() > READY {
                child.kill()?;
                return Err("cloudsim does not listen".into());
            }
            thread::sleep(Duration::from_millis(10));
        };
        let address = format!("127.0.0.1:{}", port.trim());
        let url = format!("http://{address}");
        Ok(Self { child, address, url })
    }

    /// Ends the one that an earlier demo left running on `home`.
    pub fn stop_left(project: &Project, home: &Path) -> Outcome {
        let Ok(process) = fs::read_to_string(home.join(PROCESS)) else { return Ok(()) };
        // By now the number may be another program's.
        let program = fs::read_link(format!("/proc/{process}/exe")).unwrap_or_default();
        if program.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PROGRAM)) {
            let shell = project.shell();
            cmd!(shell, "kill {process}").quiet().run()?;
        }
        Ok(())
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// What is there that somebody made, as `TYPE NAME`.
    pub fn inventory(&self) -> Outcome<Vec<String>> {
        let mut stream = TcpStream::connect(&self.address)?;
        // HTTP/1.0: the answer comes in one piece, and the connection ends with it.
        write!(stream, "GET /_sim/inventory HTTP/1.0\r\nHost: {}\r\n\r\n", self.address)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or("cloudsim answered no HTTP")?;
        let inventory: Value = serde_json::from_str(body)?;
        let resources =
            inventory.pointer("/resources").and_then(Value::as_array).ok_or("cloudsim answered no inventory")?;
        let text = |thing: &Value, key: &str| thing.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(resources.iter().map(|thing| format!("{} {}", text(thing, "type"), text(thing, "id"))).collect())
    }

    /// Ends it.
    pub fn stop(&mut self) -> Outcome {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}
