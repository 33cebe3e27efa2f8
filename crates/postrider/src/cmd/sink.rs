//! `postrider sink`: runs the test receiver and prints what comes, until Ctrl-C.

use std::io::{self, Write};

use anyhow::Context;
use postrider_core::secret::MAX_SECRET_BYTES;
use postrider_sink::{Received, Sink, SinkConfig, describe};
use tokio::sync::mpsc;

use crate::args::{SinkArgs, TypedSecret};
use crate::exit::{Failure, unless_closed};
use crate::settings::problem::{Problem, Problems};
use crate::stop;

/// Requests that wait to be printed; when there are more, answers wait, so that none goes unprinted.
const MAX_UNPRINTED: usize = 1024;

/// Listens, answers and prints until SIGINT or SIGTERM, or until nobody reads stdout any more.
pub(crate) fn run(args: SinkArgs) -> Result<(), Failure> {
    let config = config(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    Ok(runtime.context("failed to start the runtime")?.block_on(serve(config))?)
}

fn config(args: SinkArgs) -> Result<SinkConfig, Problems> {
    let SinkArgs { listen, status, fail_first, delay, secret } = args;
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

async fn serve(config: SinkConfig) -> anyhow::Result<()> {
    let asked = stop::asked().context("failed to listen for signals")?;
    let listen = config.listen;
    let sink = Sink::bind(config).await.with_context(|| format!("failed to listen on {listen}"))?;
    let address = sink.local_addr().context("failed to learn the sink's address")?;
    let _ = writeln!(io::stderr().lock(), "postrider: sink listens on http://{address}");
    let (reports, received) = mpsc::channel(MAX_UNPRINTED);
    let printer = tokio::task::spawn_blocking(move || print(received));
    // The sink may outlive the reader of stdout by one request: it ends when the printer has.
    sink.report_to(reports.clone())
        .run(async move {
            tokio::select! {
                () = asked => {}
                () = reports.closed() => {}
            }
        })
        .await
        .context("the sink broke")?;
    let printed = printer.await.context("the printer panicked")?;
    unless_closed(printed).context("failed to print a request")
}

fn print(mut received: mpsc::Receiver<Received>) -> io::Result<()> {
    while let Some(request) = received.blocking_recv() {
        writeln!(io::stdout().lock(), "{}", describe(&request))?;
    }
    Ok(())
}
