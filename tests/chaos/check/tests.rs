use super::*;
use crate::clock::{MILLI, SECOND};
use crate::history::{Death, Fault, JobRecord, Request, Rules, Scope, UNENDED};
use crate::job::Class;

const RULES: Rules =
    Rules { retry_base_ms: 100, retry_cap_ms: 2000, timeout_ms: 2000, max_in_flight: 2, ways: 3 };

/// A history that is made up: jobs are added at 1 s.
struct Forged(History);

impl Forged {
    fn new(classes: &[Class]) -> Self {
        let job = |(number, class): (u32, &Class)| JobRecord {
            class: *class,
            hook: class.hook(number),
            accepted: Acceptance::Sure,
            added: SECOND,
            not_before: 0,
        };
        let jobs = (0..).zip(classes).map(job).collect();
        Self(History {
            rules: RULES,
            jobs,
            requests: vec![],
            deaths: vec![],
            faults: vec![],
            stalls: vec![],
            workers: 1,
        })
    }

    /// A request so many ms after the job was added, answered 1 ms later.
    fn request(self, job: u32, attempt: u16, ms: u64, status: u16) -> Self {
        self.request_by(0, job, attempt, ms, status)
    }

    fn request_by(mut self, worker: u16, job: u32, attempt: u16, ms: u64, status: u16) -> Self {
        let arrived = SECOND + ms * MILLI;
        self.0.requests.push(Request { job, attempt, worker, status, arrived, ended: arrived + MILLI });
        self
    }

    fn death(mut self, job: u32, reason: &str, attempts: u32) -> Self {
        self.0.deaths.push(Death { job, reason: reason.to_owned(), attempts, at: 2 * SECOND });
        self
    }

    fn fault(mut self, kind: Kind, scope: Scope, from_ms: u64, to_ms: u64) -> Self {
        let (start, over) = (SECOND + from_ms * MILLI, SECOND + to_ms * MILLI);
        self.0.faults.push(Fault { kind, scope, start, healed: over, over, detail: String::new() });
        self
    }

    #[track_caller]
    fn breaks(&self, expected: &[Rule]) {
        let verdict = check(&self.0);
        let rules: Vec<_> = verdict.violations.iter().map(|violation| violation.rule).collect();
        assert_eq!(rules, expected, "{:#?}", verdict.violations);
    }
}

#[test]
fn a_history_in_which_all_goes_well_breaks_nothing() {
    let history = Forged::new(&[Class::Fine, Class::Flaky, Class::Gone, Class::Blocked])
        .request(0, 1, 5, 200)
        .request(1, 1, 5, 503)
        .request(1, 2, 107, 503)
        .request(1, 3, 410, 200)
        .request(2, 1, 5, 410)
        .death(2, "gone", 1)
        .death(3, "blocked", 0);
    history.breaks(&[]);
    let verdict = check(&history.0);
    assert_eq!((verdict.promised, verdict.delivered, verdict.dead), (4, 2, 2));
}

#[test]
fn a_lost_job_is_found() {
    Forged::new(&[Class::Fine]).breaks(&[Rule::Lost]);
    Forged::new(&[Class::Flaky]).request(0, 1, 5, 500).breaks(&[Rule::Lost]);
    let mut never_promised = Forged::new(&[Class::Fine]);
    never_promised.0.jobs[0].accepted = Acceptance::Unsure;
    never_promised.breaks(&[]);
}

#[test]
fn a_death_that_the_receiver_does_not_explain_is_found() {
    Forged::new(&[Class::Fine]).death(0, "exhausted", 50).breaks(&[Rule::Ends]);
    Forged::new(&[Class::Gone]).request(0, 1, 5, 410).death(0, "rejected", 1).breaks(&[Rule::Ends]);
    Forged::new(&[Class::Failing]).death(0, "exhausted", 2).breaks(&[Rule::Ends]);
    Forged::new(&[Class::Fine]).death(0, "poison", 0).breaks(&[Rule::Ends]);
    Forged::new(&[Class::Fine]).death(7, "gone", 1).request(0, 1, 5, 200).breaks(&[Rule::Ends]);
}

#[test]
fn two_ends_of_one_job_are_found() {
    let twice = Forged::new(&[Class::Gone]).request(0, 1, 5, 410).death(0, "gone", 1).death(0, "gone", 1);
    twice.breaks(&[Rule::Ends]);
    Forged::new(&[Class::Gone]).request(0, 1, 5, 200).breaks(&[Rule::Ends]);
}

#[test]
fn a_second_delivery_is_found_where_no_fault_explains_it() {
    let twice = || Forged::new(&[Class::Fine]).request(0, 1, 5, 200).request_by(1, 0, 1, 900, 200);
    twice().breaks(&[Rule::Repeats]);
    twice().fault(Kind::WorkerKill, Scope::Worker(0), 6, 6).breaks(&[]);
    twice().fault(Kind::WorkerKill, Scope::Worker(2), 6, 6).breaks(&[Rule::Repeats]);
    twice().fault(Kind::WorkerKill, Scope::Worker(0), 20_000, 20_000).breaks(&[Rule::Repeats]);
    let mut late = twice();
    late.0.stalls.push((SECOND, 2 * SECOND));
    late.breaks(&[]);
    // These may cost time and nothing else.
    twice().fault(Kind::RedisStop, Scope::All, 0, 800).breaks(&[Rule::Repeats]);
    twice().fault(Kind::ScriptFlush, Scope::All, 6, 6).breaks(&[Rule::Repeats]);
    twice().fault(Kind::WorkerTerm, Scope::Worker(0), 6, 500).breaks(&[Rule::Repeats]);
}

#[test]
fn a_result_that_an_outage_kept_from_being_written_is_lost_with_its_worker() {
    let twice = Forged::new(&[Class::Fine]).request(0, 1, 5, 200).request_by(1, 0, 1, 15_000, 200);
    let killed_later = twice.fault(Kind::WorkerKill, Scope::Worker(0), 8_000, 8_000);
    killed_later.breaks(&[Rule::Repeats]);
    killed_later.fault(Kind::RedisStop, Scope::All, 0, 9_000).breaks(&[]);
}

#[test]
fn an_attempt_that_is_made_again_is_found() {
    let again = Forged::new(&[Class::Flaky]).request(0, 1, 5, 500).request_by(1, 0, 1, 700, 500);
    again.request(0, 2, 900, 200).breaks(&[Rule::Repeats]);
    let resent =
        Forged::new(&[Class::Closing]).request(0, 1, 5, 0).request(0, 1, 7, 0).request(0, 2, 300, 200);
    resent.breaks(&[]);
    assert_eq!(check(&resent.0).resent, 1);
}

#[test]
fn an_early_attempt_is_found() {
    Forged::new(&[Class::Flaky]).request(0, 1, 5, 500).request(0, 2, 100, 200).breaks(&[Rule::Early]);
    Forged::new(&[Class::Flaky]).request(0, 1, 5, 500).request(0, 2, 106, 200).breaks(&[]);
    // The second attempt was never seen, but it had its wait too.
    Forged::new(&[Class::Flaky]).request(0, 1, 5, 500).request(0, 3, 300, 200).breaks(&[Rule::Early]);
    Forged::new(&[Class::Later]).request(0, 1, 5, 503).request(0, 2, 900, 200).breaks(&[Rule::Early]);
    let stepped = Forged::new(&[Class::Flaky]).request(0, 1, 5, 500).request(0, 2, 50, 200);
    stepped.fault(Kind::RedisClock, Scope::All, 20, 1000).breaks(&[]);
    let mut timed = Forged::new(&[Class::Timed]).request(0, 1, 5, 200);
    timed.0.jobs[0].not_before = SECOND + 500 * MILLI;
    timed.breaks(&[Rule::Early]);
}

#[test]
fn a_crowd_is_found() {
    let crowd = |ms: [u64; 3]| {
        let mut crowd = Forged::new(&[Class::Flood; 3]);
        for (job, ms) in (0..).zip(ms) {
            crowd = crowd.request(job, 1, ms, 200);
            crowd.0.requests.last_mut().unwrap().ended += 50 * MILLI;
        }
        crowd
    };
    crowd([5, 10, 20]).breaks(&[Rule::Crowds]);
    crowd([5, 10, 56]).breaks(&[]);
    let way = Class::Flood.hook(0).way(RULES.ways);
    crowd([5, 10, 20]).fault(Kind::WayDelay, Scope::Way(way), 0, 100).breaks(&[]);
}

#[test]
fn a_slow_recovery_is_found_where_nothing_else_was_wrong() {
    let slow = || {
        Forged::new(&[Class::Fine, Class::Fine]).request(0, 1, 5, 200).request(1, 1, 4_000, 200).fault(
            Kind::RedisKill,
            Scope::All,
            100,
            500,
        )
    };
    slow().breaks(&[Rule::Recovery]);
    slow().fault(Kind::LinkDelay, Scope::All, 400, 700).breaks(&[]);
    let mut cut_off = Forged::new(&[Class::Slow]).request(0, 1, 5, 0).request_by(1, 0, 1, 8_000, 200);
    cut_off.0.requests[0].ended = UNENDED;
    cut_off.fault(Kind::WorkerKill, Scope::Worker(0), 100, 100).breaks(&[Rule::Recovery]);
}

#[test]
fn a_trace_tells_everything_about_a_job() {
    let history = Forged::new(&[Class::Gone]).request(0, 1, 5, 410).death(0, "gone", 1).fault(
        Kind::BusyScript,
        Scope::All,
        2,
        400,
    );
    let trace = trace(&history.0, 0).join("\n");
    for told in ["must die as gone", "5 request, attempt 1", "dead: gone after 1", "fault busy-script"] {
        assert!(trace.contains(told), "{told}: {trace}");
    }
}
