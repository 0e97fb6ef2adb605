//! Solves problem files and prints one line of figures for each:
//! `cargo run --release --example plan -- SECONDS FILE...`
//!
//! Seconds are CPU seconds of this process where the system tells them (Linux), else wall time.

use dyocense_optimization::effort::Effort;
use dyocense_optimization::run::{Options, read_task, run};

/// CPU seconds of this process; wall time since the start where unknown.
struct Clock(std::time::Instant);

impl Clock {
    fn now(&self) -> f64 {
        let ran = std::fs::read_to_string("/proc/self/schedstat")
            .ok()
            .and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
        ran.map_or_else(|| self.0.elapsed().as_secs_f64(), |nanoseconds| nanoseconds * 1e-9)
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seconds: f64 = arguments.next().and_then(|s| s.parse().ok()).unwrap_or(10.0);
    for file in arguments {
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("{file}: {error}");
                continue;
            }
        };
        let clock = Clock(std::time::Instant::now());
        let begin = clock.now();
        let first = std::cell::Cell::new(None);
        let verbose = std::env::var_os("PROGRESS").is_some();
        let progress = |p: dyocense_optimization::effort::Progress| {
            if p.incumbent.is_some() && first.get().is_none() {
                first.set(Some(clock.now() - begin));
            }
            if verbose {
                eprintln!("{:6.2} s {p:?}", (clock.now() - begin));
            }
        };
        let stop = || clock.now() - begin > seconds;
        let mut effort = Effort::seconds(seconds).with_progress(&progress).with_stop(&stop);
        match read_task(&text).and_then(|task| {
            run(&task, Options::default(), &mut effort)
                .map_err(|error| dyocense_optimization::model::ModelError::Malformed(error.to_string()))
        }) {
            Ok(outcome) => println!(
                "{file} ({}): {:?} objective {:?} bound {:?} gap {:?} in {:.2} s, first plan {:.2?} s, work {} M, {} violations",
                outcome.kind,
                outcome.status,
                outcome.objective,
                outcome.bound,
                outcome.gap,
                (clock.now() - begin),
                first.get(),
                outcome.work / 1_000_000,
                outcome.violations.len(),
            ),
            Err(error) => println!("{file}: refused: {error}"),
        }
    }
}
