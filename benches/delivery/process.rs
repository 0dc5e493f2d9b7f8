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
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // Behind the name, which may have spaces: user and system time are the 14th and 15th field.
        let rest = stat.rsplit_once(')').context("no name")?.1;
        let ticks: Vec<f64> = rest
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(str::parse)
            .collect::<Result<_, _>>()?;

        // Linux counts in hundredths of a second.
        Ok(ticks.iter().sum::<f64>() / 100.0)
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
