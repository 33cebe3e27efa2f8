//! One phase: a scene, a load, a storm; then quiet, and the check of everything.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::check::{Rule, Verdict, Violation, check, trace};
use crate::fault::{Kind, Topology};
use crate::history::{Acceptance, History};
use crate::job::{event_id, id_of};
use crate::load::Load;
use crate::scene::Scene;
use crate::storm::Storm;
use crate::watch::{self as look, Memory, used_memory};
use crate::{quiet, records};

/// The storm ends this much before the load does, so that what the last fault costs is seen.
const CALM: Duration = Duration::from_secs(3);

/// Jobs whose whole trace is told.
const MAX_TRACED: usize = 5;

/// What a worker may hold at most, KiB. Its jobs are small and its slots few.
const MAX_RESIDENT_KIB: u64 = 64 * 1024;

/// What a worker may grow by in an hour once it is warm, KiB; only lives of minutes are measured.
const MAX_GROWTH_KIB_PER_HOUR: i64 = 16 * 1024;

/// What is to be run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) topology: Topology,
    pub(crate) lasts: Duration,
    pub(crate) jobs: usize,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) seed: u64,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) topology: Topology,
    pub(crate) history: History,
    pub(crate) verdict: Verdict,
    pub(crate) memory: Memory,
    pub(crate) most_waiting: u64,
    /// From the last job to the end of all.
    pub(crate) quiet: Option<Duration>,
    /// The traces of the first violations.
    pub(crate) traces: Vec<String>,
}

/// Runs it.
pub(crate) async fn run(plan: Plan) -> anyhow::Result<Outcome> {
    println!("\n{}: {} jobs in {:?}", plan.topology.name(), plan.jobs, plan.lasts);
    let scene = Arc::new(Scene::start(plan.topology).await?);
    let before = used_memory(&mut scene.servers.primary().await?).await?;
    let (stop_looking, stopped) = watch::channel(false);
    let noticing = tokio::spawn(look::notice_stalls(Arc::clone(&scene), stopped.clone()));
    let looking = tokio::spawn(look::run(Arc::clone(&scene), stopped));
    load_and_storm(&plan, &scene).await?;
    let quiet = quiet::wait(&scene).await;
    stop_looking.send_replace(true);
    let seen = looking.await?;
    noticing.await?;
    judge(&plan, &scene, quiet, seen, before).await
}

async fn load_and_storm(plan: &Plan, scene: &Arc<Scene>) -> anyhow::Result<()> {
    let (stop, stopped) = watch::channel(false);
    let load = Load { rate: plan.jobs as f64 / plan.lasts.as_secs_f64(), seed: plan.seed ^ 1 };
    let loading = tokio::spawn(load.run(Arc::clone(scene), stopped));
    let lasts = plan.lasts.saturating_sub(CALM);
    if plan.kinds.is_empty() {
        sleep(lasts).await;
    }
    Storm { kinds: plan.kinds.clone(), seed: plan.seed, lasts }.run(Arc::clone(scene)).await;
    sleep(CALM).await;
    stop.send_replace(true);
    Ok(loading.await?)
}

async fn judge(
    plan: &Plan,
    scene: &Scene,
    quiet: Result<Duration, String>,
    seen: look::Seen,
    before: u64,
) -> anyhow::Result<Outcome> {
    scene.ledger.buried(records::deaths(scene).await?);
    let history = scene.ledger.history();
    let mut verdict = check(&history);
    let memory = seen.memory();
    let mut others: Vec<_> = scene.ledger.problems().into_iter().map(|what| (Rule::Seen, what)).collect();
    others.extend(panics(scene).await.into_iter().map(|what| (Rule::Seen, what)));
    others.extend(too_much(&memory).into_iter().map(|what| (Rule::Leftovers, what)));
    others.extend(quiet.as_ref().err().map(|left| (Rule::Leftovers, left.clone())));
    let traces = traces(scene, &history, &verdict).await?;
    others.extend(records::leftovers(scene, before).await?.into_iter().map(|what| (Rule::Leftovers, what)));
    verdict.violations.extend(others.into_iter().map(|(rule, what)| Violation { rule, job: None, what }));
    let (topology, most_waiting) = (plan.topology, seen.most_waiting);
    Ok(Outcome { topology, history, verdict, memory, most_waiting, quiet: quiet.ok(), traces })
}

async fn panics(scene: &Scene) -> Vec<String> {
    let crew = scene.crew.lock().await;
    let panics = crew.logs().filter_map(|(number, log)| {
        let line = log.lines().find(|line| line.contains("panic"))?;
        Some(format!("the log of worker {number} tells of a panic: {line}"))
    });
    panics.collect()
}

fn too_much(memory: &Memory) -> Vec<String> {
    let mut found = Vec::new();
    if memory.peak_kib > MAX_RESIDENT_KIB {
        found.push(format!("a worker held {} KiB, not at most {MAX_RESIDENT_KIB}", memory.peak_kib));
    }
    if memory.growth_kib_per_hour > MAX_GROWTH_KIB_PER_HOUR {
        found.push(format!("a worker grows by {} KiB an hour", memory.growth_kib_per_hour));
    }
    found
}

/// Everything about the first jobs that show a violation.
async fn traces(scene: &Scene, history: &History, verdict: &Verdict) -> anyhow::Result<Vec<String>> {
    let jobs: Vec<u32> =
        verdict.violations.iter().filter_map(|violation| violation.job).take(MAX_TRACED).collect();
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<String> = jobs.iter().map(|job| id(history, *job)).collect();
    let records = records::records_of(scene, &ids).await?;
    let lines = jobs.iter().zip(&ids).map(|(job, id)| {
        let mut lines = trace(history, *job);
        lines
            .extend(records.get(id).into_iter().flatten().map(|record| format!("         record: {record}")));
        lines.join("\n")
    });
    Ok(lines.collect())
}

/// The id that a job bears in Redis.
fn id(history: &History, number: u32) -> String {
    let job = &history.jobs[number as usize];
    match job.hook.registered_nth() {
        Some(nth) => format!("{}:h{nth}", event_id(number - nth)),
        None => id_of(job.class, number),
    }
}

/// How many jobs were promised.
pub(crate) fn promised(history: &History) -> usize {
    history.jobs.iter().filter(|job| job.accepted == Acceptance::Sure).count()
}
