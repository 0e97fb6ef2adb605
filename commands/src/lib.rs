//! Use cases: load, decide, append; policies; the ports to the outside world.
