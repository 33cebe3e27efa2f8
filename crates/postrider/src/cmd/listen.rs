//! `postrider listen`: receives for a developer, checks, prints and forwards.
//!
//! - [`hook`]: the temporary hook, [`taken`]: the queue that is taken instead; [`forward`]: the developer's program;
//!   [`report`]: what is told.

mod forward;
mod hook;
pub(super) mod report;
mod taken;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use postrider_core::profile::Profile;
use postrider_core::secret::Secret;
use postrider_core::time::Timestamp;
use postrider_sink::{Question, Received, Sink, SinkConfig};
use postrider_store::hooks::fresh::fresh_secret;
use postrider_store::link::Link;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::hooks::typed;
use super::operator::block_on;
use super::tell;
use crate::args::{List, Listen};
use crate::exit::{Failure, unless_closed};
use crate::redis;
use crate::settings::Settings;
use crate::stop;
use forward::{Forwarded, Target};
use hook::{TemporaryHook, Wanted};
use taken::TakenQueue;

/// Requests that are passed on at a time; more wait. A worker sends a quarter of its 256 to one receiver.
const MAX_FORWARDED: usize = 64;

/// Receives until it is stopped, or nobody reads what it prints.
pub(crate) fn run(settings: &Settings, mut args: Listen) -> Result<(), Failure> {
    let target = args.forward.as_deref().map(Target::new).transpose()?;
    let profile = args.profile.as_deref().map(profile).transpose()?;
    let typed = typed::secret_of(std::mem::take(&mut args.secret))?;
    let secret = match (typed, &args.user) {
        (Some(secret), _) => Some(secret),
        (None, None) => None,
        (None, Some(_)) => {
            let profile = profile.unwrap_or(settings.delivery.profile);
            Some(fresh_secret(profile).context("the system gives no randomness")?)
        }
    };
    block_on(serve(settings, args, target, secret))
}

fn profile(name: &str) -> Result<Profile, Failure> {
    let unknown = || Failure::Unfit("--profile: expected misskey, standard, cloudevents or raw".into());
    Profile::parse(name.as_bytes()).ok_or_else(unknown)
}

async fn serve(
    settings: &Settings,
    args: Listen,
    target: Option<Target>,
    secret: Option<Secret>,
) -> Result<(), Failure> {
    let stopped = stop::asked().context("failed to listen for signals")?;
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port.unwrap_or(0)));
    let listen = args.listen.unwrap_or(free);
    let sink = Sink::bind(SinkConfig { secret: secret.clone(), ..SinkConfig::new(listen) }).await;
    let sink = sink.with_context(|| format!("failed to listen on {listen}"))?;
    let address = sink.local_addr().context("failed to learn the address")?;
    let hook = match (&args.user, &secret) {
        (Some(user), Some(secret)) => Some(register(settings, &args, (user, secret), address).await?),
        _ => None,
    };
    let taken = args.queue.as_ref().map(|queue| TakenQueue::of(settings, queue, address)).transpose()?;
    introduce(address, hook.as_ref(), taken.as_ref(), target.as_ref());
    let mut worked = Ok(());
    let until = async {
        match taken {
            Some(taken) => worked = taken.serve(stopped).await,
            None => stopped.await,
        }
    };
    let ended = receive(sink, target, args.json, until).await;
    // Whatever has ended it.
    if let Some(hook) = hook {
        hook.remove().await?;
    }
    ended?;
    worked
}

async fn register(
    settings: &Settings,
    args: &Listen,
    (user, secret): (&str, &Secret),
    address: SocketAddr,
) -> Result<TemporaryHook, Failure> {
    let ip = if address.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { address.ip() };
    let own = format!("http://{}/", SocketAddr::new(ip, address.port()));
    let List(on) = &args.on;
    let wanted = Wanted {
        user,
        url: args.url.as_deref().unwrap_or(&own),
        on,
        profile: args.profile.as_deref(),
        secret,
    };
    let now = Timestamp::default().after(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
    TemporaryHook::register(settings, Link::new(redis::connector(&settings.redis)?), &wanted, now).await
}

fn introduce(
    address: SocketAddr,
    hook: Option<&TemporaryHook>,
    taken: Option<&TakenQueue>,
    target: Option<&Target>,
) {
    tell::note(&format!("listens on http://{address}"));
    if let Some(taken) = taken {
        tell::note(&format!("takes the jobs of {} until this ends, wherever they lead", taken.name()));
    }
    if let Some(hook) = hook {
        tell::note(&format!(
            "hook {} is registered until this ends; should this be killed, remove it with `{}`",
            hook.name(),
            hook.removal()
        ));
    }
    match target {
        Some(target) => tell::note(&format!("forwards to {}", target.origin())),
        None => tell::note("forwards nowhere: every request is answered 200"),
    }
}

async fn receive(
    sink: Sink,
    target: Option<Target>,
    json: bool,
    stopped: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let (asking, mut asked) = mpsc::channel::<Question>(MAX_FORWARDED);
    let (stop, stopping) = oneshot::channel::<()>();
    let until = async { drop(stopping.await) };
    let serving = tokio::spawn(sink.answered_by(asking).run(until));
    let mut under_way = JoinSet::new();
    tokio::pin!(stopped);
    let told = loop {
        tokio::select! {
            () = &mut stopped => break Ok(()),
            Some(told) = under_way.join_next() => match told.context("a request's task broke")? {
                Ok(()) => {}
                broken => break broken,
            },
            Some(question) = asked.recv(), if under_way.len() < MAX_FORWARDED => {
                under_way.spawn(handle(question, target.clone(), json));
            }
        }
    };
    // What is under way is told and answered, as long as the sink waits for it.
    drop(stop);
    drop(asked);
    serving.await.context("the receiver panicked")?.context("the receiver broke")?;
    unless_closed(told).context("failed to print a request")
}

/// One request: passed on, answered, told.
async fn handle(question: Question, target: Option<Target>, json: bool) -> io::Result<()> {
    let Question { mut received, mut reply } = question;
    let started = Instant::now();
    let forwarded = tokio::select! {
        forwarded = forward(target.as_ref(), &received) => forwarded,
        () = reply.closed() => Forwarded::given_up(started.elapsed()),
    };
    received.status_sent = forwarded.answer.status;
    // Who has given up a moment ago hears of no answer.
    let _ = reply.send(forwarded.answer);
    report::tell(&received, &forwarded, target.as_ref().map(Target::origin), json)
}

async fn forward(target: Option<&Target>, received: &Received) -> Forwarded {
    match target {
        Some(target) => target.forward(received).await,
        None => Forwarded::nowhere(),
    }
}
