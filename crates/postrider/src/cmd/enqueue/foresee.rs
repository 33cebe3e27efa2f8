//! `--dry-run`: what a worker with these settings would make of each job or event. Adds nothing, and asks neither Redis nor DNS.

use anyhow::Context;
use postrider_core::address::AddressPolicy;
use postrider_core::fault::Fault;
use postrider_core::job::{EntryKind, Field};
use postrider_producer::{Event, Job, Rules};

use super::report::Report;
use super::source::Source;
use crate::exit::Failure;

/// What would become of a job or an event as soon as a worker reads it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Foreseen {
    /// It would be sent, or fanned out.
    Sound,
    /// It would be dead, reason `invalid`.
    Invalid(Fault),
    /// It would be dead, reason `blocked`: this part of its URL is not allowed.
    Blocked(&'static str),
}

/// Judges all, and tells of each.
pub(super) fn all(
    kind: EntryKind,
    mut source: Source,
    mut rules: Rules,
    addresses: &AddressPolicy,
    mut report: Report,
) -> Result<(), Failure> {
    loop {
        let chunk = source.next_chunk().context("failed to read stdin")?;
        if chunk.is_empty() {
            return report.end_of_foresight();
        }
        for item in chunk {
            let foreseen = match item.fields {
                Ok(fields) => foresee(kind, fields, &mut rules, addresses),
                Err(fault) => Foreseen::Invalid(fault),
            };
            report.foreseen(item.line, &foreseen);
        }
        report.flush(source.bytes_read())?;
    }
}

fn foresee(kind: EntryKind, fields: Vec<Field>, rules: &mut Rules, addresses: &AddressPolicy) -> Foreseen {
    match kind {
        EntryKind::Job => foresee_job(&Job::from_fields(fields), rules, addresses),
        EntryKind::Event => match rules.check_event(&Event::from_fields(fields)) {
            Ok(_) => Foreseen::Sound,
            Err(fault) => Foreseen::Invalid(fault),
        },
    }
}

fn foresee_job(job: &Job, rules: &mut Rules, addresses: &AddressPolicy) -> Foreseen {
    let checked = match rules.check(job) {
        Ok(checked) => checked,
        Err(fault) => return Foreseen::Invalid(fault),
    };
    match checked.to.map_or(Ok(()), |endpoint| addresses.check_endpoint(&endpoint)) {
        Ok(()) => Foreseen::Sound,
        Err(part) => Foreseen::Blocked(part),
    }
}

#[cfg(test)]
mod tests {
    use postrider_producer::ProducerOptions;

    use super::*;

    fn foreseen(job: &Job) -> Foreseen {
        foresee_job(job, &mut ProducerOptions::default().rules(), &AddressPolicy::default())
    }

    #[test]
    fn the_url_is_judged_as_the_sender_would() {
        let to = |url: &str| foreseen(&Job::to(url).event_type("note").content("{}"));
        assert_eq!(to("https://hooks.example/in"), Foreseen::Sound);
        assert_eq!(to("http://127.0.0.1/in"), Foreseen::Blocked("the address"));
        assert_eq!(to("http://hooks.example:22/in"), Foreseen::Blocked("the port"));
        assert!(matches!(to("ftp://hooks.example/in"), Foreseen::Invalid(_)));
    }

    #[test]
    fn a_job_for_a_registered_hook_is_sound_as_far_as_it_goes() {
        assert_eq!(foreseen(&Job::for_hook("u", "h").content("{}")), Foreseen::Sound);
    }
}
