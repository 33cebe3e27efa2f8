//! How much memory a worker takes, as the kernel counts it.

use postrider_tests::worker_process::WorkerProcess;

/// What it takes now.
pub(super) fn now_kb(worker: &WorkerProcess) -> u64 {
    figure(worker, "VmRSS:")
}

/// The most that it ever took.
pub(super) fn peak_kb(worker: &WorkerProcess) -> u64 {
    figure(worker, "VmHWM:")
}

fn figure(worker: &WorkerProcess, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", worker.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel keeps account");
    line.trim().trim_end_matches("kB").trim().parse().expect("a figure in kB")
}
