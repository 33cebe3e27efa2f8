//! `postrider doctor`: examines Redis and what is kept there, says what to mend, and with `--fix` mends what is safe.
//!
//! - [`print`]: how findings are shown.

mod print;

use anyhow::{Context, anyhow};
use postrider_store::connect::Connector;
use postrider_store::doctor::finding::{Finding, Severity, needs_action};
use postrider_store::doctor::{Mended, Patient, examine, mend};
use postrider_store::fault::{FaultClass, StoreError};
use postrider_store::link::Link;

use crate::args::DoctorWork;
use crate::exit::Failure;
use crate::redis;
use crate::settings::Settings;

/// Examines, mends if asked to, and fails where anything is left that calls for action.
pub(crate) fn run(settings: &Settings, work: DoctorWork) -> Result<(), Failure> {
    let connector = redis::connector(&settings.redis)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("failed to start the runtime")?;
    let (findings, mended) = runtime
        .block_on(visit(&connector, &patient(settings), work.fix))
        .map_err(|error| redis_failure(&error))?;
    print::all(&connector.address(), &findings, &mended, work.json)?;
    if needs_action(&findings) { Err(anyhow!(summary(&findings)).into()) } else { Ok(()) }
}

/// What these settings make use of.
pub(super) fn patient(settings: &Settings) -> Patient {
    Patient {
        queues: settings.queue.shares.iter().map(|share| share.name.clone()).collect(),
        events: settings.events.as_ref().map(|events| (events.stream.clone(), events.queue.clone())),
        allow_eviction: settings.redis.allow_eviction,
        dead_after: settings.worker.dead_after,
    }
}

/// What is left to be told: after mending, what is true then.
async fn visit(
    connector: &Connector,
    patient: &Patient,
    fix: bool,
) -> Result<(Vec<Finding>, Vec<Mended>), StoreError> {
    let home =
        patient.queues.first().map_or_else(|| connector.clone(), |queue| connector.for_key(queue.as_str()));
    let mut link = Link::new(home);
    let findings = examine(&mut link, patient).await?;
    if !fix {
        return Ok((findings, Vec::new()));
    }
    let mended = mend(&mut link, patient, &findings).await?;
    Ok((examine(&mut link, patient).await?, mended))
}

fn summary(findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    format!("{errors} error{}, {warnings} warning{}", plural(errors), plural(warnings))
}

/// Who is refused at the door hasn't reached Redis either.
fn redis_failure(error: &StoreError) -> Failure {
    let why = anyhow!(error.line());
    match error.class() {
        FaultClass::Reconnect | FaultClass::BackOff | FaultClass::Denied => Failure::RedisUnreachable(why),
        _ => Failure::Failed(why),
    }
}
