//! What other processes of this machine use, as Linux tells it under `/proc`.

use std::collections::HashMap;

use anyhow::Context;
use nix::unistd::{SysconfVar, sysconf};

/// Memory of a process that is in RAM, in MiB.
pub fn resident_mib(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("the program is gone")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no resident size")?;
    let kib: f64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kib / 1024.0)
}

/// The CPU time of a process's children, as of now. Those that end take theirs with them.
pub struct ChildrensCpu {
    ticks: HashMap<u32, u64>,
    per_second: f64,
}

impl ChildrensCpu {
    pub fn of(parent: i32) -> anyhow::Result<Self> {
        let per_second = sysconf(SysconfVar::CLK_TCK)?.context("the clock has no ticks")? as f64;
        let mut ticks = HashMap::new();
        for entry in std::fs::read_dir("/proc")? {
            let path = entry?.path();
            let Some(pid) = path.file_name().and_then(|name| name.to_str()?.parse().ok()) else { continue };
            // A process may end between the list and the look at it.
            let Ok(stat) = std::fs::read_to_string(path.join("stat")) else { continue };
            ticks.extend(ticks_of_child(&stat, parent).map(|used| (pid, used)));
        }
        Ok(Self { ticks, per_second })
    }

    /// Seconds used since `earlier` by those that still run.
    pub fn seconds_since(&self, earlier: &Self) -> f64 {
        let used = |(pid, ticks): (&u32, &u64)| ticks.saturating_sub(earlier.ticks.get(pid).copied().unwrap_or(0));
        self.ticks.iter().map(used).sum::<u64>() as f64 / self.per_second
    }
}

/// CPU seconds used so far by a process and all that descend from it and still run.
pub fn tree_cpu_seconds(root: u32) -> anyhow::Result<f64> {
    let per_second = sysconf(SysconfVar::CLK_TCK)?.context("the clock has no ticks")? as f64;
    let mut processes: HashMap<u32, (u32, u64)> = HashMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let path = entry?.path();
        let Some(pid) = path.file_name().and_then(|name| name.to_str()?.parse().ok()) else { continue };
        // A process may end between the list and the look at it.
        let Ok(stat) = std::fs::read_to_string(path.join("stat")) else { continue };
        processes.extend(parent_and_ticks(&stat).map(|found| (pid, found)));
    }
    let descends = |pid: &u32| {
        let parent = |pid: &u32| processes.get(pid).map(|(parent, _)| *parent).filter(|parent| *parent != 0);
        std::iter::successors(Some(*pid), parent).any(|ancestor| ancestor == root)
    };
    let ticks: u64 = processes.iter().filter(|(pid, _)| descends(pid)).map(|(_, (_, ticks))| ticks).sum();
    Ok(ticks as f64 / per_second)
}

/// User and system time of a line of `/proc/PID/stat`, where its process is a child of `parent`. The second field, the
/// program's name in parentheses, may hold anything, so that fields are counted from its end.
fn ticks_of_child(stat: &str, parent: i32) -> Option<u64> {
    let (of, ticks) = parent_and_ticks(stat)?;
    (i64::from(of) == i64::from(parent)).then_some(ticks)
}

fn parent_and_ticks(stat: &str) -> Option<(u32, u64)> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some((fields.get(1)?.parse().ok()?, ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_hides_no_field() {
        let stat = "4242 (postgres: a) b) S 17 4242 4242 0 -1 4194304 900 0 0 0 120 30 7 8 20 0 1 0 5 1 1";
        assert_eq!(ticks_of_child(stat, 17), Some(150));
        assert_eq!(ticks_of_child(stat, 18), None);
        assert_eq!(ticks_of_child("4242 (cut", 17), None);
    }
}
