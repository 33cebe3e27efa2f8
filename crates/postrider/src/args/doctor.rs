//! What is typed for `postrider doctor`.

use super::SettingFlags;

/// The sections of the settings that `doctor` uses.
pub(super) const SECTIONS: &[&str] = &["redis", "queue", "events", "worker", "log"];

const AFTER_HELP: &str = "\
Looks only, unless --fix is given. Exit codes: 0 nothing is worse than a note; 1 warnings or errors are left;
2 wrong usage or configuration; 3 Redis can't be reached.";

/// `postrider doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) work: DoctorWork,
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct DoctorWork {
    /// Mend what is safe to mend: jobs that nothing would send, ids and leases without a job, consumers of workers that are gone
    #[arg(long)]
    pub(crate) fix: bool,
    /// One JSON object a line for each finding
    #[arg(long)]
    pub(crate) json: bool,
}
