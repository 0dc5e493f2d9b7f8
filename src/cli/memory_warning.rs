//! A warning at startup if the container or service allows less memory than a process needs, because the
//! kernel kills it without a message. The table Limits of ARCHITECTURE.md names what bounds the memory.

use std::fs;
use std::path::Path;

const MIB: u64 = 1024 * 1024;
/// What a process needs to start and to deliver.
const LEAST: u64 = 128 * MIB;

/// Logs a warning if the process may use less memory than it needs.
pub(super) fn warn_if_too_little() {
    let Some(limit) = limit() else {
        return;
    };

    if limit < LEAST {
        tracing::warn!(
            limit_mib = limit / MIB,
            least_mib = LEAST / MIB,
            "the memory limit of this container or service is too low: the process may be killed at any time"
        );
    }
}

/// The limit of the control group of this process, in bytes; `None`: it has no limit.
fn limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let files = groups.lines().flat_map(files_of);

    files
        .filter_map(|file| parse(&fs::read_to_string(Path::new(&file)).ok()?))
        // The kernel enforces the limits of the groups around this one too.
        .min()
}

/// The files that may contain the limit, for a line of `/proc/self/cgroup`: those of the group and of
/// the groups around it. Within a container, the group is shown as the root.
fn files_of(line: &str) -> Vec<String> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
        return Vec::new();
    };
    let (root, name) = match controllers {
        "" => ("/sys/fs/cgroup", "memory.max"),
        // The first version of control groups.
        _ if controllers.split(',').any(|name| name == "memory") => {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        }
        _ => return Vec::new(),
    };

    Path::new(path)
        .ancestors()
        .map(|group| {
            let group = group.display().to_string();
            format!("{root}{}/{name}", group.trim_end_matches('/'))
        })
        .collect()
}

/// A limit as the kernel writes it: bytes, or `max`.
fn parse(text: &str) -> Option<u64> {
    // The first version writes the largest multiple of a page for "no limit".
    text.trim().parse().ok().filter(|limit| *limit < 1 << 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_group_and_of_those_around_it_are_read() {
        assert_eq!(
            files_of("0::/system.slice/bellwire.service"),
            [
                "/sys/fs/cgroup/system.slice/bellwire.service/memory.max",
                "/sys/fs/cgroup/system.slice/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        assert_eq!(
            files_of("9:cpu,memory:/"),
            ["/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        );
        assert!(files_of("3:cpuset:/x").is_empty());
        assert!(files_of("nonsense").is_empty());
    }

    #[test]
    fn no_limit_is_none() {
        assert_eq!(parse("134217728\n"), Some(128 * MIB));
        assert_eq!(parse("max\n"), None);
        assert_eq!(parse("9223372036854771712\n"), None);
    }
}
