//! Child processes that end with the benchmark.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};

/// A child process; killed when dropped.
pub struct Process(Child);

impl Process {
    /// Starts `command` and waits for the first line of its standard output.
    pub fn start(command: &mut Command) -> anyhow::Result<(Self, String)> {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .context("a process can't be started")?;
        let mut line = String::new();
        let output = child.stdout.take().context("no standard output")?;
        BufReader::new(output).read_line(&mut line)?;
        Ok((Self(child), line))
    }

    /// Starts `command`, with its output discarded.
    pub fn spawn(command: &mut Command) -> anyhow::Result<Self> {
        Ok(Self(
            command
                .stdout(Stdio::null())
                .spawn()
                .context("a process can't be started")?,
        ))
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Memory in use, in MB.
    pub fn rss(&self) -> anyhow::Result<f64> {
        Self::rss_of(self.id())
    }

    /// Memory that the process `id` uses, in MB.
    pub fn rss_of(id: u32) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("no VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;

        Ok(kilobytes / 1000.0)
    }

    /// CPU time until now, in seconds.
    pub fn cpu(&self) -> anyhow::Result<f64> {
        let stat = Stat::of(self.id())?;
        Ok(stat.own)
    }

    /// CPU time until now of a process, of its children, and of its children that have ended, in
    /// seconds.
    pub fn cpu_of_family(parent: u32) -> anyhow::Result<f64> {
        let stat = Stat::of(parent)?;
        let children = std::fs::read_dir("/proc")?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            // A process may end before it is looked at.
            .filter_map(|id| Stat::of(id).ok())
            .filter(|child| child.parent == parent)
            .map(|child| child.own);

        Ok(stat.own + stat.ended_children + children.sum::<f64>())
    }

    /// The process that started the process `id`.
    pub fn parent_of(id: u32) -> anyhow::Result<u32> {
        Ok(Stat::of(id)?.parent)
    }

    /// Whether it still runs.
    pub fn check(&mut self) -> anyhow::Result<()> {
        let ended = self.0.try_wait()?;
        ensure!(ended.is_none(), "a process ended: {ended:?}");
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What Linux counts of a process (`proc_pid_stat(5)`); times in seconds.
struct Stat {
    parent: u32,
    own: f64,
    ended_children: f64,
}

impl Stat {
    fn of(id: u32) -> anyhow::Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
        // Behind the name, which may have spaces: the third field and those after it.
        let rest = stat.rsplit_once(')').context("no name")?.1;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // Linux counts in hundredths of a second.
        let seconds = |index: usize| -> anyhow::Result<f64> {
            let ticks: f64 = fields.get(index).context("a field is missing")?.parse()?;
            Ok(ticks / 100.0)
        };

        Ok(Self {
            parent: fields.get(1).context("no parent")?.parse()?,
            own: seconds(11)? + seconds(12)?,
            ended_children: seconds(13)? + seconds(14)?,
        })
    }
}
