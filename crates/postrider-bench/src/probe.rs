//! What processes have used, as the kernel and Redis tell it.

use anyhow::Context;
use redis::aio::MultiplexedConnection;

/// Length of a tick of `/proc/<pid>/stat`: Linux counts 100 to the second towards programs, whatever its own rate.
const TICK_US: u64 = 10_000;

/// CPU time of all threads of a process, user and system, in microseconds, to a tick.
pub(crate) fn cpu_us(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    cpu_ticks(&stat).map(|ticks| ticks * TICK_US).with_context(|| format!("{path} is not as expected"))
}

/// The largest memory that a process ever held, in KiB.
pub(crate) fn peak_kib(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    peak_of(&status).with_context(|| format!("{path} tells no VmHWM"))
}

/// CPU time of Redis, user and system of all its threads, in microseconds.
pub(crate) async fn redis_cpu_us(redis: &mut MultiplexedConnection) -> anyhow::Result<f64> {
    let info: String =
        redis::cmd("INFO").arg("cpu").query_async(redis).await.context("failed to ask Redis for INFO")?;
    let seconds = |name| value_of(&info, name).context("INFO tells no CPU time");
    Ok((seconds("used_cpu_user")? + seconds("used_cpu_sys")?) * 1e6)
}

/// How often Redis has carried out a command since it started.
pub(crate) async fn redis_calls(redis: &mut MultiplexedConnection, command: &str) -> anyhow::Result<u64> {
    let info: String = redis::cmd("INFO")
        .arg("commandstats")
        .query_async(redis)
        .await
        .context("failed to ask Redis for INFO")?;
    Ok(calls_of(&info, command))
}

/// Fields 14 and 15; the name before them is in parentheses and may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn value_of(info: &str, name: &str) -> Option<f64> {
    info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':')?.parse().ok())
}

/// A command that was never called has no line.
fn calls_of(info: &str, command: &str) -> u64 {
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_")?.strip_prefix(command)?.strip_prefix(":calls="));
    line.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "42 (a ) 1 b) S 1 42 42 0 -1 4194304 95 0 0 0 7 5 0 0 20 0 1 0 100 200";
        assert_eq!(cpu_ticks(stat), Some(12));
        assert_eq!(cpu_ticks("nonsense"), None);
    }

    #[test]
    fn this_process_has_used_memory() {
        assert!(peak_kib(std::process::id()).unwrap() > 100);
        assert!(cpu_us(std::process::id()).is_ok());
    }

    #[test]
    fn one_value_of_info_is_not_mistaken_for_another() {
        let info = "used_cpu_sys_children:9\r\nused_cpu_sys:1.25\r\nused_cpu_user:0.5\r\n";
        assert_eq!(
            (value_of(info, "used_cpu_sys"), value_of(info, "used_cpu_user")),
            (Some(1.25), Some(0.5))
        );
    }

    #[test]
    fn calls_are_those_of_one_command() {
        let info = "cmdstat_xread:calls=9,usec=1\r\ncmdstat_xreadgroup:calls=42,usec=7\r\n";
        assert_eq!((calls_of(info, "xreadgroup"), calls_of(info, "evalsha")), (42, 0));
    }
}
