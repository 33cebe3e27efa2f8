//! The machine that was measured on, for the reader of a table.

use serde::Serialize;

/// What figures depend on.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) redis: String,
    /// Processes that were running or waiting to, averaged over the last minute before the run.
    pub(crate) load_before: String,
}

impl Machine {
    /// Looks around; what can't be found out is told as unknown.
    pub(crate) fn look() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        Self {
            cpu: or_unknown(cpu_model(&read("/proc/cpuinfo"))),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: or_unknown(Some(read("/proc/sys/kernel/osrelease"))),
            redis: or_unknown(redis_version()),
            load_before: or_unknown(read("/proc/loadavg").split(' ').next().map(str::to_owned)),
        }
    }
}

fn or_unknown(found: Option<String>) -> String {
    let found = found.unwrap_or_default().trim().to_owned();
    if found.is_empty() { "unknown".to_owned() } else { found }
}

fn cpu_model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.to_owned())
}

/// Of the server that the harness starts.
fn redis_version() -> Option<String> {
    let program = std::env::var_os("REDIS_SERVER_BIN").unwrap_or_else(|| "redis-server".into());
    let output = std::process::Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split(' ').find_map(|word| word.strip_prefix("v=").map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_what_stands_behind_the_colon() {
        let found = cpu_model("processor\t: 0\nmodel name\t: Some CPU: fast\n");
        assert_eq!(or_unknown(found), "Some CPU: fast");
        assert_eq!(or_unknown(cpu_model("")), "unknown");
    }
}
