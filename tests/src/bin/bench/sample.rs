//! Times: taken in turns, and what is said of many.

use std::time::{Duration, Instant};

/// The median.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The 99th percentile.
pub fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

/// How long something takes, and what came of it.
pub async fn timed<T>(what: impl Future<Output = T>) -> (Duration, T) {
    let start = Instant::now();
    let done = what.await;
    (start.elapsed(), done)
}

/// How many times longer.
pub fn ratio(ours: Duration, theirs: Duration) -> Option<f64> {
    Some(ours.as_secs_f64() / theirs.as_secs_f64())
}

/// In the unit that suits it.
pub fn show(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds >= 1.0 => format!("{seconds:.2} s"),
        seconds if seconds >= 1e-3 => format!("{:.2} ms", seconds * 1e3),
        seconds => format!("{:.1} µs", seconds * 1e6),
    }
}
