//! What a campaign comes to: tables for people, JSON for programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use serde_json::{Value, json};

use crate::args::Args;
use crate::check::Violation;
use crate::fault::Kind;
use crate::phase::{Outcome, promised};

/// Violations that are told one by one.
const MAX_TOLD: usize = 30;

/// The figures of one kind of fault over all phases.
#[derive(Clone, Debug, Default)]
struct OfKind {
    count: usize,
    repeats: usize,
    /// How long it took each time that nothing else was wrong, µs, in order.
    alone: Vec<u64>,
    /// The longest it ever took.
    longest: u64,
}

/// The command that does the same again.
pub(crate) fn command(args: &Args, seed: u64) -> String {
    let mut command = format!(
        "cargo run --release -p postrider-tests --bin torture -- --seed {seed} --minutes {} --jobs {}",
        args.minutes.as_secs_f64() / 60.0,
        args.jobs()
    );
    if !args.faults.is_empty() {
        let names: Vec<_> = args.faults.iter().map(|kind| kind.name()).collect();
        let _ = write!(command, " --faults {}", names.join(","));
    }
    if let Some(phase) = args.phase {
        let _ = write!(command, " --phase {phase}");
    }
    command + if args.soak { " --soak" } else { "" }
}

/// Prints it, and keeps it in `target/chaos/report-<seed>.json`; whether everything promised was kept.
pub(crate) fn tell(args: &Args, seed: u64, outcomes: &[Outcome]) -> anyhow::Result<bool> {
    let kinds = by_kind(outcomes);
    for outcome in outcomes {
        println!("\n{}", of_phase(outcome));
    }
    println!("\n{}", table(&kinds));
    for slow in outcomes.iter().flat_map(|outcome| &outcome.verdict.slow) {
        println!("slow: {slow}");
    }
    let violations: Vec<_> = outcomes.iter().flat_map(|outcome| &outcome.verdict.violations).collect();
    tell_violations(&violations, outcomes);
    let path = keep(seed, &as_json(args, seed, outcomes, &kinds))?;
    println!("{}", summary(outcomes, &kinds, violations.len()));
    println!("report: {}\nonce more: {}", path.display(), command(args, seed));
    Ok(violations.is_empty())
}

fn by_kind(outcomes: &[Outcome]) -> BTreeMap<Kind, OfKind> {
    let mut kinds: BTreeMap<Kind, OfKind> = BTreeMap::new();
    for outcome in outcomes {
        for fault in &outcome.history.faults {
            kinds.entry(fault.kind).or_default().count += 1;
        }
        for (kind, repeats) in &outcome.verdict.repeats {
            kinds.entry(*kind).or_default().repeats += repeats;
        }
        for recovery in &outcome.verdict.recoveries {
            let of_kind = kinds.entry(recovery.kind).or_default();
            of_kind.longest = of_kind.longest.max(recovery.took);
            of_kind.alone.extend(recovery.alone.then_some(recovery.took));
        }
    }
    for of_kind in kinds.values_mut() {
        of_kind.alone.sort_unstable();
    }
    kinds
}

fn of_phase(outcome: &Outcome) -> String {
    let (verdict, history) = (&outcome.verdict, &outcome.history);
    let lost = verdict.promised - verdict.delivered - verdict.dead;
    format!(
        "{}\n  jobs accepted {} (asked for {}), delivered {}, dead {}, lost {lost}\n  requests {}, of these again {} where a \
         fault explains it, {} since the receiver had closed\n  faults {}; workers started {}; most jobs waiting at a time \
         {}; worker memory at most {} MiB, growth {} KiB/h; quiet after {}; the machine \
         stood still {} times",
        outcome.topology.name(),
        verdict.promised,
        history.jobs.len(),
        verdict.delivered,
        verdict.dead,
        history.requests.len(),
        verdict.repeats.values().sum::<usize>(),
        verdict.resent,
        history.faults.len(),
        history.workers,
        outcome.most_waiting,
        outcome.memory.peak_kib / 1024,
        outcome.memory.growth_kib_per_hour,
        outcome.quiet.map_or_else(|| "never".to_owned(), |quiet| format!("{:.1} s", quiet.as_secs_f64())),
        history.stalls.len(),
    )
}

fn table(kinds: &BTreeMap<Kind, OfKind>) -> String {
    let mut table = format!(
        "{:<18}{:>7}{:>13}   {}\n",
        "fault",
        "times",
        "came again",
        "sent again after (alone: times, p50, max; limit; longest of all), ms"
    );
    for (kind, of_kind) in kinds {
        let ms = |us: u64| (us / 1000).to_string();
        let told = |us: Option<u64>| us.map_or_else(|| "-".to_owned(), ms);
        let _ = writeln!(
            table,
            "{:<18}{:>7}{:>13}   {:>4}{:>8}{:>8}{:>8}{:>8}",
            kind.name(),
            of_kind.count,
            of_kind.repeats,
            of_kind.alone.len(),
            told(of_kind.alone.get(of_kind.alone.len() / 2).copied()),
            told(of_kind.alone.last().copied()),
            told(kind.max_recovery()),
            ms(of_kind.longest),
        );
    }
    table
}

fn tell_violations(violations: &[&Violation], outcomes: &[Outcome]) {
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for violation in violations {
        *counts.entry(violation.rule).or_default() += 1;
    }
    for (rule, count) in &counts {
        println!("VIOLATED: {rule:?}, {count} times");
    }
    for violation in violations.iter().take(MAX_TOLD) {
        println!("  {:?}: {} (job {:?})", violation.rule, violation.what, violation.job);
    }
    for trace in outcomes.iter().flat_map(|outcome| &outcome.traces) {
        println!("\n{trace}");
    }
}

fn summary(outcomes: &[Outcome], kinds: &BTreeMap<Kind, OfKind>, violations: usize) -> String {
    let jobs: usize = outcomes.iter().map(|outcome| promised(&outcome.history)).sum();
    let lost: usize = outcomes
        .iter()
        .map(|outcome| outcome.verdict.promised - outcome.verdict.delivered - outcome.verdict.dead)
        .sum();
    let faults: usize = kinds.values().map(|of_kind| of_kind.count).sum();
    format!("{jobs} jobs, {faults} faults of {} kinds, {lost} lost, {violations} violations", kinds.len())
}

fn as_json(args: &Args, seed: u64, outcomes: &[Outcome], kinds: &BTreeMap<Kind, OfKind>) -> Value {
    let faults: BTreeMap<_, _> = kinds
        .iter()
        .map(|(kind, of_kind)| {
            let p50 = of_kind.alone.get(of_kind.alone.len() / 2);
            let figures = json!({
                "times": of_kind.count, "repeats": of_kind.repeats, "measured_alone": of_kind.alone.len(),
                "recovery_p50_us": p50, "recovery_max_us": of_kind.alone.last(),
                "recovery_limit_us": kind.max_recovery(), "recovery_longest_us": of_kind.longest,
            });
            (kind.name(), figures)
        })
        .collect();
    let phases: Vec<_> = outcomes.iter().map(phase_as_json).collect();
    json!({ "seed": seed, "command": command(args, seed), "faults": faults, "phases": phases })
}

fn phase_as_json(outcome: &Outcome) -> Value {
    let verdict = &outcome.verdict;
    let rules: BTreeSet<_> =
        verdict.violations.iter().map(|violation| format!("{:?}", violation.rule)).collect();
    let told: Vec<_> = verdict
        .violations
        .iter()
        .take(MAX_TOLD)
        .map(|violation| format!("{:?}: {} (job {:?})", violation.rule, violation.what, violation.job))
        .collect();
    json!({
        "topology": outcome.topology.name(), "jobs_accepted": verdict.promised, "delivered": verdict.delivered,
        "dead": verdict.dead, "lost": verdict.promised - verdict.delivered - verdict.dead,
        "requests": outcome.history.requests.len(), "repeats": verdict.repeats.values().sum::<usize>(),
        "resent": verdict.resent, "late": verdict.late, "faults": outcome.history.faults.len(), "stalls_of_the_machine": outcome.history.stalls.len(), "workers": outcome.history.workers,
        "memory": outcome.memory, "most_waiting": outcome.most_waiting,
        "quiet_seconds": outcome.quiet.map(|quiet| quiet.as_secs_f64()), "violated": rules, "violations": told,
        "traces": outcome.traces, "slow": verdict.slow,
    })
}

fn keep(seed: u64, report: &Value) -> anyhow::Result<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/chaos"));
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let path = folder.join(format!("report-{seed}.json"));
    fs::write(&path, serde_json::to_string_pretty(report)?)
        .with_context(|| format!("failed to write {}", path.display()))?;
    Ok(path)
}
