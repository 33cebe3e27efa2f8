//! `postrider sink`: runs the test receiver, or plays a hostile one, and prints what comes, until Ctrl-C.

use std::io::{self, Write};
use std::net::SocketAddr;

use anyhow::Context;
use postrider_core::secret::MAX_SECRET_BYTES;
use postrider_sink::{Behaviour, Received, Sink, SinkConfig, Stage, describe};
use tokio::sync::mpsc;

use super::listen::report;
use crate::args::{Behave, SinkArgs, TypedSecret, names_of_behaviours};
use crate::exit::{Failure, unless_closed};
use crate::settings::problem::{Problem, Problems};
use crate::stop;

/// Requests that wait to be printed; when there are more, answers wait, so that none goes unprinted.
const MAX_UNPRINTED: usize = 1024;

/// Listens, answers and prints until SIGINT or SIGTERM, or until nobody reads stdout any more.
pub(crate) fn run(args: SinkArgs) -> Result<(), Failure> {
    match args.behave {
        Some(Behave::List) => {
            let listed = write!(io::stdout().lock(), "{}", names_of_behaviours());
            Ok(unless_closed(listed).context("failed to print the list")?)
        }
        Some(Behave::Play(behaviour)) => on_runtime(play(args.listen, behaviour)),
        None => {
            let line = if args.json { report::line_of_sink } else { describe };
            on_runtime(serve(config(args)?, line))
        }
    }
}

fn on_runtime(work: impl Future<Output = anyhow::Result<()>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    Ok(runtime.context("failed to start the runtime")?.block_on(work)?)
}

fn config(args: SinkArgs) -> Result<SinkConfig, Problems> {
    let SinkArgs { listen, status, fail_first, delay, secret, json: _, behave: _ } = args;
    let secret = match secret {
        None => None,
        Some(TypedSecret(Some(secret))) => Some(secret),
        Some(TypedSecret(None)) => return Err(bad_secret()),
    };
    Ok(SinkConfig { listen, status, fail_first, delay, secret })
}

fn bad_secret() -> Problems {
    let rule = format!("expected visible ASCII with spaces inside, at most {MAX_SECRET_BYTES} characters");
    Problems(vec![Problem { key: "--secret".into(), origin: String::new(), value: None, rule }])
}

async fn serve(config: SinkConfig, line: fn(&Received) -> String) -> anyhow::Result<()> {
    let asked = stop::asked().context("failed to listen for signals")?;
    let listen = config.listen;
    let sink = Sink::bind(config).await.with_context(|| format!("failed to listen on {listen}"))?;
    let address = sink.local_addr().context("failed to learn the sink's address")?;
    let _ = writeln!(io::stderr().lock(), "postrider: sink listens on http://{address}");
    let (reports, received) = mpsc::channel(MAX_UNPRINTED);
    let printer = tokio::task::spawn_blocking(move || print(received, line));
    // The sink may outlive the reader of stdout by one request: it ends when the printer has.
    sink.report_to(reports.clone())
        .run(async move { until_either(asked, reports.closed()).await })
        .await
        .context("the sink broke")?;
    let printed = printer.await.context("the printer panicked")?;
    unless_closed(printed).context("failed to print a request")
}

async fn play(listen: SocketAddr, behaviour: Behaviour) -> anyhow::Result<()> {
    let asked = stop::asked().context("failed to listen for signals")?;
    let stage = Stage::bind(listen, behaviour).await;
    let stage = stage.with_context(|| format!("failed to listen on {listen}"))?;
    let _ = write!(io::stderr().lock(), "{}", introduction(&stage, behaviour));
    let (reports, received) = mpsc::channel(MAX_UNPRINTED);
    let printer = tokio::task::spawn_blocking(move || print(received, ToString::to_string));
    stage.report_to(reports.clone()).run(async move { until_either(asked, reports.closed()).await }).await;
    let printed = printer.await.context("the printer panicked")?;
    unless_closed(printed).context("failed to print what came")
}

/// What is played where, and what the worker does with it.
fn introduction(stage: &Stage, behaviour: Behaviour) -> String {
    let (url, name, words) = (stage.url(), behaviour.name(), behaviour.description());
    let also = behaviour.case().also_ok.iter().map(|other| format!(" or {other}"));
    let expected = format!("{}{}", behaviour.case().expect, also.collect::<String>());
    format!(
        "postrider: sink listens on {url}\n\
         postrider: it plays {name}: {words}\n\
         postrider: a job sent here should be {expected}\n"
    )
}

async fn until_either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    tokio::select! {
        () = one => {}
        () = other => {}
    }
}

fn print<T>(mut received: mpsc::Receiver<T>, line: impl Fn(&T) -> String) -> io::Result<()> {
    while let Some(one) = received.blocking_recv() {
        writeln!(io::stdout().lock(), "{}", line(&one))?;
    }
    Ok(())
}
