//! Solves a problem file as the command `dyocense optimize` does, without the rest of the program:
//! `cargo run --release --example plan -- optimize [--time 10s] [--backend auto] [--seed 0] FILE`
//! prints one JSON document; `-` reads standard input. CPU seconds are this process's where the system
//! tells them (Linux), else wall time.

use std::io::Read;

use dyocense_optimization::backend::Backend;
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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut seconds, mut options, mut file) = (10.0, Options::default(), String::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "optimize" => {}
            "--time" => seconds = value()?.trim_end_matches('s').parse()?,
            "--backend" => options.backend = value()?.parse::<Backend>()?,
            "--seed" => options.seed = value()?.parse()?,
            other => file = other.into(),
        }
    }
    let mut text = String::new();
    match file.as_str() {
        "-" => std::io::stdin().read_to_string(&mut text).map(|_| ())?,
        path => text = std::fs::read_to_string(path)?,
    }
    let task = read_task(&text)?;
    let clock = Clock(std::time::Instant::now());
    let begin = clock.now();
    let verbose = std::env::var_os("PROGRESS").is_some();
    let progress = |p: dyocense_optimization::effort::Progress| {
        if verbose {
            eprintln!("{:6.2} s {p:?}", clock.now() - begin);
        }
    };
    let stop = || clock.now() - begin > seconds * 1.02;
    let mut effort = Effort::seconds(seconds).with_progress(&progress).with_stop(&stop);
    let outcome = run(&task, options, &mut effort)?;
    let mut printed = serde_json::to_value(&outcome)?;
    printed["cpuSeconds"] = (clock.now() - begin).into();
    println!("{printed}");
    Ok(())
}
