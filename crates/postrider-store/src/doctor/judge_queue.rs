//! What the state of a queue means: pure.

use postrider_core::time::Timestamp;

use super::finding::{Code, Cure, Finding, counted};
use super::queue::QueueFacts;
use super::walks::{Fault, Tally};

/// An entry that nobody has read for so long shows that workers don't keep up.
const MAX_READY_AGE_MILLIS: u64 = 60_000;

/// A loss is worth a warning for a day: by then someone has seen it.
const LOSS_IS_NEWS_MILLIS: i64 = 24 * 3_600_000;

/// Everything that the state of a queue says about it.
pub(super) fn judge_queue(facts: &QueueFacts) -> Vec<Finding> {
    let mut findings = odd_keys(facts);
    findings.push(workers(facts));
    findings.extend(lost_workers(facts));
    findings.extend(group(facts));
    findings.extend(paused(facts));
    findings.push(backlog(facts));
    findings.extend(dead(facts));
    findings.push(loss(facts));
    findings.extend(waiting(facts));
    findings.extend(stream(facts));
    findings.extend(consumers(facts));
    findings.extend(cut_short(facts));
    findings.into_iter().map(|finding| finding.of_queue(&facts.name)).collect()
}

fn odd_keys(facts: &QueueFacts) -> Vec<Finding> {
    let odd = |(key, found, expected): &(String, String, &'static str)| {
        Finding::error(
            Code::KeyType,
            format!("{key} is a {found} and should be a {expected}: jobs can't be moved there"),
        )
        .remedy(format!("find out who wrote it, then RENAME or DEL {key}"))
    };
    facts.odd_keys.iter().map(odd).collect()
}

fn workers(facts: &QueueFacts) -> Finding {
    let living = facts.workers.living;
    if living > 0 {
        return Finding::ok(
            Code::Workers,
            format!("{} it", counted(living, "worker serves", "workers serve")),
        );
    }
    let text = "no worker serves it".to_owned();
    if facts.length + facts.waiting == 0 {
        return Finding::note(Code::Workers, text);
    }
    let jobs = counted(facts.length + facts.waiting, "job waits", "jobs wait");
    Finding::error(Code::Workers, format!("{text}, and {jobs} for one")).remedy(
        "start postrider worker with this queue in queue.names (events.stream for events) and this redis.url",
    )
}

fn lost_workers(facts: &QueueFacts) -> Option<Finding> {
    let left: u64 = facts.workers.silent.iter().map(|one| one.pending).sum();
    (left > 0).then(|| {
        let text = format!("{} leased by workers that are silent", counted(left, "job is", "jobs are"));
        if facts.workers.living > 0 {
            Finding::note(Code::Workers, format!("{text}: living workers take them over within seconds"))
        } else {
            Finding::warning(Code::Workers, text)
                .remedy("start a worker: it takes them over within seven seconds")
        }
    })
}

fn group(facts: &QueueFacts) -> Option<Finding> {
    let is_missing = facts.group.is_none() && facts.length > 0 && facts.workers.living > 0;
    is_missing.then(|| {
        Finding::warning(Code::Group, "the consumer group is missing")
            .remedy("wait a second: a worker makes it at 0; readiness is red until then")
    })
}

fn paused(facts: &QueueFacts) -> Option<Finding> {
    facts.is_paused.then(|| {
        Finding::warning(Code::Paused, "it is paused: nothing is sent")
            .remedy("go on with postrider queue resume, or HDEL the field paused of its control key")
    })
}

fn backlog(facts: &QueueFacts) -> Finding {
    let leased = facts.group.as_ref().map_or(0, |group| group.pending);
    let ready = facts.length.saturating_sub(leased);
    let text = format!("{ready} ready, {leased} leased, {} waiting", facts.waiting);
    let age = facts.oldest_ready_millis;
    if ready == 0 || age < MAX_READY_AGE_MILLIS || facts.is_paused {
        return Finding::ok(Code::Backlog, text);
    }
    Finding::warning(Code::Backlog, format!("{text}; the oldest has been ready for {}", how_long(age)))
        .remedy("start more workers, raise worker.concurrency, or look for receivers that hang")
}

fn dead(facts: &QueueFacts) -> Option<Finding> {
    (facts.dead > 0).then(|| {
        let text = format!(
            "{}, the oldest {} old",
            counted(facts.dead, "dead letter", "dead letters"),
            how_long(facts.oldest_dead_millis)
        );
        Finding::note(Code::Dead, text)
            .remedy("look why they died and replay or purge them: they are kept until someone does")
    })
}

fn loss(facts: &QueueFacts) -> Finding {
    let epoch = &facts.epoch;
    let began = match epoch.began {
        0 => "no worker has served it yet".to_owned(),
        began => format!("its data began at {}", moment(began)),
    };
    if epoch.lost == 0 {
        return Finding::ok(Code::Loss, format!("{began}; no worker has seen Redis lose any since"));
    }
    let what =
        if epoch.how == "emptied" { "Redis came back empty" } else { "Redis came back with older data" };
    let text = format!(
        "{what} at {}: jobs accepted before may be lost, jobs done before may be sent again; {began}",
        moment(epoch.lost)
    );
    let remedy =
        "have producers send again what matters; see docs/reliability.md on persistence and failover";
    if facts.now - epoch.lost < LOSS_IS_NEWS_MILLIS {
        Finding::warning(Code::Loss, text).remedy(remedy)
    } else {
        Finding::note(Code::Loss, text).remedy(remedy)
    }
}

fn waiting(facts: &QueueFacts) -> Vec<Finding> {
    let of = |fault| facts.leftovers.tally(fault);
    let orphaned = of(Fault::NoId);
    let found = [
        (
            orphaned,
            "waits without being in the retry set: nothing would ever send it",
            "wait without being in the retry set: nothing would ever send them",
            "puts it back, due now",
        ),
        (
            of(Fault::NeverDue),
            "has a due time that never comes",
            "have a due time that never comes",
            "makes it due now",
        ),
        (
            of(Fault::Unlisted),
            "is held and missing on the list of its hook: only its expiry would end it",
            "are held and missing on the lists of their hooks: only their expiry would end them",
            "lists it again",
        ),
        (
            of(Fault::Unreadable),
            "can't be read by this version: it ends dead (invalid) when it is due",
            "can't be read by this version: they end dead (invalid) when they are due",
            "makes it a dead letter now",
        ),
    ];
    let mut findings: Vec<Finding> = found
        .into_iter()
        .filter(|(tally, ..)| tally.count > 0)
        .map(|(tally, one, many, cure)| {
            let text = format!(
                "{} {}",
                counted(tally.count, "waiting job", "waiting jobs"),
                if tally.count == 1 { one } else { many }
            );
            Finding::warning(Code::Waiting, text + &named(&tally))
                .remedy(format!("doctor --fix {cure}"))
                .cure(Cure::Waiting)
        })
        .collect();
    let empty = of(Fault::NoJob);
    if empty.count > 0 {
        let text = format!("{} in the retry set without a job", counted(empty.count, "id is", "ids are"));
        findings.push(
            Finding::warning(Code::Waiting, text + &named(&empty))
                .remedy("somebody removed jobs by hand; doctor --fix removes the ids, and workers do so when they are due")
                .cure(Cure::Waiting),
        );
    }
    findings
}

fn stream(facts: &QueueFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let skipped = facts.leftovers.tally(Fault::Skipped);
    if skipped.count > 0 {
        let text = format!(
            "{} handed out and pending for nobody (consumer deleted or group set forward by hand), so nobody sends {}",
            counted(skipped.count, "entry is", "entries are"),
            if skipped.count == 1 { "it" } else { "them" },
        );
        findings.push(
            Finding::error(Code::Stream, text + &named(&skipped))
                .remedy("doctor --fix lets a worker take them over; one that is under way right now may be sent twice")
                .cure(Cure::Stream),
        );
    }
    let gone = facts.leftovers.tally(Fault::Gone);
    if gone.count > 0 {
        let text = format!(
            "{} no entry any more: it was deleted by hand",
            counted(gone.count, "lease has", "leases have")
        );
        findings.push(
            Finding::note(Code::Stream, text + &named(&gone))
                .remedy("doctor --fix takes them off the list")
                .cure(Cure::Stream),
        );
    }
    findings
}

fn consumers(facts: &QueueFacts) -> Option<Finding> {
    let idle = facts.workers.silent.iter().filter(|one| one.pending == 0).count() as u64;
    (idle > 0).then(|| {
        let text = format!(
            "{} of workers that are gone, with nothing pending",
            counted(idle, "entry on the lists is", "entries on the lists are")
        );
        Finding::note(Code::Consumers, text)
            .remedy("living workers remove them; doctor --fix does too")
            .cure(Cure::Consumers)
    })
}

fn cut_short(facts: &QueueFacts) -> Option<Finding> {
    facts.leftovers.is_cut_short.then(|| {
        Finding::note(Code::NotExamined, "it holds so much that not all of it was looked at within a minute")
    })
}

fn named(tally: &Tally) -> String {
    let more = if tally.count > tally.named.len() as u64 { ", …" } else { "" };
    format!(" ({}{more})", tally.named.join(", "))
}

fn moment(millis: i64) -> String {
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(0)).to_rfc3339()
}

fn how_long(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests;
