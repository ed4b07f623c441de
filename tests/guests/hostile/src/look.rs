//! Attacks that look for a way out of the sandbox.

use std::io::{self, Read};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

use cloudark_sdk::prelude::*;

use crate::attack::{attack, reached, said};

attack! {
    /// Looks for files, variables, arguments and input.
    Files, "files", |_ctx, _config| verdict(vec![
        ("read /etc/passwd", std::fs::read("/etc/passwd").map(drop)),
        ("read .", std::fs::read_dir(".").map(drop)),
        ("read /proc/self/environ", std::fs::read("/proc/self/environ").map(drop)),
        ("write /tmp/x", std::fs::write("/tmp/x", "x")),
        ("remove /tmp/x", std::fs::remove_file("/tmp/x")),
        ("make ./x", std::fs::create_dir("x")),
        ("variables", some(std::env::vars().count())),
        ("arguments", some(std::env::args().count())),
        ("input", io::stdin().read(&mut [0; 16]).and_then(some)),
    ])
}

attack! {
    /// Looks for a network.
    Sockets, "sockets", |_ctx, _config| verdict(vec![
        ("connect to 127.0.0.1", TcpStream::connect("127.0.0.1:22").map(drop)),
        ("connect to 169.254.169.254", TcpStream::connect("169.254.169.254:80").map(drop)),
        ("listen", TcpListener::bind("127.0.0.1:0").map(drop)),
        ("send a datagram", UdpSocket::bind("0.0.0.0:0").and_then(|s| s.send_to(b"x", "127.0.0.1:53")).map(drop)),
        ("resolve localhost", ("localhost", 80).to_socket_addrs().map(drop)),
    ])
}

attack! {
    /// Blocks on the clock.
    Sleep, "sleep", |_ctx, _config| {
        std::thread::sleep(5.seconds());
        Ok(reached("a sleep"))
    }
}

/// Nothing is no find.
fn some(count: usize) -> io::Result<()> {
    if count == 0 { Err(io::Error::other("there is nothing")) } else { Ok(()) }
}

fn verdict(looks: Vec<(&str, io::Result<()>)>) -> Result<Instance<String>> {
    let mut denied = Vec::new();
    for (what, look) in looks {
        match look {
            Ok(()) => return Ok(reached(what)),
            Err(error) => denied.push(format!("{what}: {error}")),
        }
    }
    Ok(said("denied").output("Denied", denied.join("; ")))
}
