//! The server settings that suit this program; [`super::Options::settings`] overrides them.

const MIB: u64 = 1 << 20;

/// Defaults, as `(name, value)`.
pub(super) fn defaults() -> Vec<(String, String)> {
    let memory = usable_memory_bytes(
        &std::fs::read_to_string("/proc/meminfo").unwrap_or_default(),
        &std::fs::read_to_string("/sys/fs/cgroup/memory.max").unwrap_or_default(),
    );
    let shared_buffers = (memory / 8).clamp(128 * MIB, 1024 * MIB) / MIB;
    [
        ("shared_buffers", format!("{shared_buffers}MB")),
        ("max_connections", "100".to_owned()),
        // A checkpoint writes each touched page to the log in full: with few of them appends cost half the log.
        ("max_wal_size", "2GB".to_owned()),
        ("checkpoint_timeout", "15min".to_owned()),
        // All queries are short; compiling them costs more than it saves, and shows as spikes.
        ("jit", "off".to_owned()),
        // The data is on a solid-state disk more often than not.
        ("random_page_cost", "1.1".to_owned()),
        // A generation of read models has many tables and partitions, and is dropped in one transaction.
        ("max_locks_per_transaction", "256".to_owned()),
        ("timezone", "UTC".to_owned()),
        ("log_timezone", "UTC".to_owned()),
        ("log_checkpoints", "off".to_owned()),
        ("log_line_prefix", "%m [%p] %q%a ".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// The smaller of the machine's memory and the container's limit; 1 GiB when neither is known.
fn usable_memory_bytes(meminfo: &str, cgroup_limit: &str) -> u64 {
    let machine = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|kib| kib.parse::<u64>().ok())
        .map(|kib| kib * 1024);
    let limit = cgroup_limit.trim().parse::<u64>().ok();
    machine.into_iter().chain(limit).min().unwrap_or(1024 * MIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_limit_below_the_machine_counts() {
        let meminfo = "MemTotal:       16384000 kB\nMemFree: 1 kB\n";
        assert_eq!(usable_memory_bytes(meminfo, "max\n"), 16_384_000 * 1024);
        assert_eq!(usable_memory_bytes(meminfo, "536870912\n"), 536_870_912);
        assert_eq!(usable_memory_bytes("", ""), 1024 * MIB);
    }
}
