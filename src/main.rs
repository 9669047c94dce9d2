//! The program: arguments, logs, signals, exit code.

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use belvedere::app::{App, EndSignals};
use belvedere::cli::{Action, Args, LOG_VARIABLE, resolve, settings_of, with_causes};
use secrecy::ExposeSecret;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let args = match Args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "belvedere: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let (again, variable) = (args.clone(), std::env::var(LOG_VARIABLE).ok());
    let filter = log_filter(args.log_filter(variable.as_deref()))?;
    match resolve(args)? {
        Action::Check(text) => Ok(write!(std::io::stdout(), "{text}")?),
        Action::Probe(look) => {
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            Ok(write!(std::io::stdout(), "{}", runtime.block_on(look.run())?)?)
        }
        Action::Say { text, note } => {
            write!(std::io::stderr(), "{}", note.expose_secret())?;
            Ok(write!(std::io::stdout(), "{}", text.expose_secret())?)
        }
        Action::Serve { settings, demo } => {
            // A log that nobody reads must stop nothing; and colours are for people, not for a journal.
            let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
            log.log_internal_errors(false).with_ansi(std::io::stderr().is_terminal()).init();
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let result = runtime.block_on(async {
                // Before anybody can be served, as from then on somebody may want it to end.
                let mut end = EndSignals::listen(again.config.is_some())?;
                let app = tokio::select! {
                    app = App::start(settings, demo) => app?,
                    () = end.next() => return Ok(()),
                };
                // Whoever does not read it still wants the server.
                let _ = writeln!(std::io::stdout(), "{}", app.greeting());
                let read = || settings_of(again.clone());
                app.follow(again.config.as_deref(), read, end.next()).await;
                tokio::select! {
                    () = app.stop() => Ok(()),
                    // Whoever asks twice does not want to wait.
                    () = end.next() => Ok(()),
                }
            });
            // A name that is being looked up cannot be called back: nobody waits for it.
            runtime.shutdown_background();
            result
        }
    }
}

/// The filter as asked for; but the RTSP library, which writes whole URLs in warnings too, and with them the passwords
/// that some cameras want there, tells of no more than errors where it is not named.
fn log_filter(asked: &str) -> Result<EnvFilter, Box<dyn Error>> {
    let filter = EnvFilter::try_new(asked)?;
    if asked.contains("retina") { Ok(filter) } else { Ok(filter.add_directive("retina=error".parse()?)) }
}
