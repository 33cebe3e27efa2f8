//! What becomes of a job whose attempt couldn't be made for want of the proxy: it waits, and pays nothing.

use std::time::{Duration, Instant};

use postrider_sender::ProxyFault;
use postrider_store::settlement::{Destination, Until};

use super::Stop;
use crate::engine::{Engine, Lease};
use crate::event::{ProxyFailed, ProxyWorksAgain};
use crate::proxy_trouble::Trouble;

/// Sends the job back to wait, for longer while the trouble lasts. One that expires meanwhile ends when it does.
pub(super) fn put_off(engine: &Engine, lease: &Lease, fault: &ProxyFault) -> Stop {
    let answers = engine.sender.proxy_answers();
    let Trouble { pause, is_told } = engine.proxy_trouble.fault(answers, Instant::now(), fastrand::f64());
    ProxyFailed { fault, is_told }.emit(&engine.metrics);
    Stop::To(Destination::Deferred { until: until(engine, lease, pause), state: lease.untouched_state() })
}

fn until(engine: &Engine, lease: &Lease, pause: Duration) -> Until {
    let now = engine.pulse.borrow().redis_time_at_most(Instant::now());
    Until::After(lease.job.expires_at.map_or(pause, |expiry| expiry.since(now).min(pause)))
}

/// An attempt was made: the trouble may be over, if there was some.
pub(super) fn note_attempt(engine: &Engine) {
    if engine.proxy_trouble.is_on()
        && let Some(lasted) = engine.proxy_trouble.attempt(engine.sender.proxy_answers(), Instant::now())
    {
        ProxyWorksAgain { lasted }.emit();
    }
}
