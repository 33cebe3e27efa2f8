//! `postrider demo`: all of it on a private Redis, told as it happens. It takes no settings and leaves nothing
//! running.
//!
//! - [`stage`]: what it runs on: [`folder`], [`embedded_redis`], two [`worker`]s (each a [`child`]), the receivers
//!   ([`cast`]) and their [`hooks`], and the [`watchdog`].
//! - [`show`]: what happens, with sample [`events`] and a worker that is [`doomed`]; [`queue_view`]: what Redis says
//!   of it; [`ledger`]: the demo's own books.
//! - [`account`]: the words; [`screen`]: where they are shown.

mod account;
mod cast;
mod child;
mod doomed;
mod embedded_redis;
mod events;
mod folder;
mod hooks;
mod ledger;
mod queue_view;
mod screen;
mod show;
mod stage;
mod watchdog;
mod worker;

use anyhow::{Context, bail};

use crate::args::DemoArgs;
use crate::exit::Failure;
use crate::stop::Signals;

use account::{Figures, Line, Tone, seconds};
use folder::Folder;
use screen::Screen;
use show::{Encore, Show};
use stage::Stage;

const TITLE: &str = "\
Postrider demo: events of a Misskey server, pushed into Redis. Each becomes a job
for every hook that asked for it, and two workers deliver the jobs over HTTP. Some
receivers fail, and half-way one worker is killed; no job may be lost.

";

/// Shows it; ends well only if every job has ended and none was lost.
pub(crate) fn run(args: DemoArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    Ok(runtime.context("failed to start the runtime")?.block_on(perform(args))?)
}

async fn perform(args: DemoArgs) -> anyhow::Result<()> {
    let mut signals = Signals::listen().context("failed to listen for signals")?;
    let encore = if args.keep { Encore::UntilAsked } else { Encore::None };
    let mut folder = Folder::open(args.data_dir.as_deref())?;
    let mut screen = Screen::open();
    screen.print_text(TITLE);
    let stage = tokio::select! {
        stage = Stage::set_up(folder.path()) => stage?,
        // Nothing has been pushed yet.
        () = signals.next() => return Ok(()),
    };
    screen.print_text(&(stage.describe(&folder) + "\n"));
    let ended = play_and_take_down(stage, &mut screen, encore, &mut signals).await;
    screen.end_status();
    let ended = ended.and_then(|figures| judge(&figures, &mut screen));
    if ended.is_err() {
        folder.keep();
    }
    if folder.is_kept() {
        screen.print_text(&format!("Redis' files and the workers' logs are in {}", folder.path().display()));
    }
    ended
}

async fn play_and_take_down(
    mut stage: Stage,
    screen: &mut Screen,
    encore: Encore,
    signals: &mut Signals,
) -> anyhow::Result<Figures> {
    let figures = match Show::new(&mut stage, screen, encore).await {
        Ok(show) => show.play(signals).await,
        Err(error) => Err(error.into()),
    };
    stage.take_down().await;
    figures
}

fn judge(figures: &Figures, screen: &mut Screen) -> anyhow::Result<()> {
    screen.print_text("\n");
    figures.lines().iter().for_each(|line| screen.print(line));
    screen.print_text("\n");
    if !figures.is_good() {
        bail!("the demo failed: see the figures, and the logs in its folder");
    }
    let time = seconds(screen.elapsed());
    let text = format!("Every job was delivered or is a dead letter; nothing was lost ({time}).");
    screen.print(&Line::new(Tone::Good, text));
    Ok(())
}
