//! What the benchmarks ran on.

use std::process::Command;

/// Processor, cores, memory, compiler, profile.
pub fn describe() -> String {
    let field = |file: &str, name: &str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kib: u64 = field("/proc/meminfo", "MemTotal").split(' ').next().and_then(|kib| kib.parse().ok()).unwrap_or(0);
    let rustc = Command::new("rustc").arg("--version").output().map(|said| said.stdout).unwrap_or_default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    format!(
        "Machine: {}, {cores} cores, {} GiB of memory, {}; profile {}; load at the end {load}.",
        field("/proc/cpuinfo", "model name"),
        kib.div_ceil(1024 * 1024),
        String::from_utf8_lossy(&rustc).trim(),
        if cfg!(debug_assertions) { "dev: the figures say little" } else { "release" },
    )
}
