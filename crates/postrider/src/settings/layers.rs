//! Which source wins: flag, then environment, then file, then default. Texts only; what they mean is read
//! later.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::file;
use super::key::{Key, VARIABLE_PREFIX};
use super::keys::KEYS;
use super::problem::{Problem, Problems};

/// The variable that names the configuration file.
pub(crate) const CONFIG_VARIABLE: &str = "POSTRIDER_CONFIG";

/// Variables of the program that aren't settings: the file's name, and the options of `postrider sink`.
const OTHER_VARIABLES: &[&str] = &[CONFIG_VARIABLE, "POSTRIDER_ENQUEUE_*", "POSTRIDER_SINK_*"];

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Flag,
    Environment,
    File,
    Default,
}

impl Source {
    /// Its name in `postrider config`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "env",
            Self::File => "file",
            Self::Default => "default",
        }
    }
}

/// What was given, before anything is known about it.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// Settings typed as flags.
    pub(crate) flags: Vec<(&'static Key, String)>,
    /// The file named by `--config`.
    pub(crate) config: Option<PathBuf>,
    /// The environment.
    pub(crate) environment: Vec<(OsString, OsString)>,
}

/// The text in force for one key.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) key: &'static Key,
    pub(crate) text: String,
    pub(crate) source: Source,
    /// The flag, variable or file; empty for a default.
    pub(crate) origin: String,
}

/// The texts in force for all keys, in the table's order.
#[derive(Debug)]
pub(crate) struct Layers {
    pub(crate) chosen: Vec<Chosen>,
    /// What is wrong already: an unreadable file, unknown keys, variables that aren't text.
    pub(crate) problems: Problems,
    /// What is odd but harmless, a sentence each.
    pub(crate) warnings: Vec<String>,
}

impl Layers {
    /// Lays the sources over each other.
    pub(crate) fn of(given: &Given) -> Self {
        let config = given.config.clone().or_else(|| config_of(&given.environment));
        let contents = config.as_deref().map(file::read).unwrap_or_default();
        let file_name = config.map(|path| path.display().to_string()).unwrap_or_default();
        let mut problems = contents.problems;
        let from_environment = variables(&given.environment, &mut problems);
        let layers = [
            (Source::Flag, &given.flags),
            (Source::Environment, &from_environment),
            (Source::File, &contents.values),
        ];
        let chosen = KEYS.iter().map(|key| choose(key, &layers, &file_name)).collect();
        Self { chosen, problems, warnings: unknown_variables(&given.environment) }
    }
}

type Layer<'a> = (Source, &'a Vec<(&'static Key, String)>);

fn choose(key: &'static Key, layers: &[Layer<'_>], file: &str) -> Chosen {
    let given = layers.iter().find_map(|(source, values)| {
        let (_, text) = values.iter().find(|(other, _)| other.name == key.name)?;
        Some((*source, text.clone()))
    });
    let (source, text) = given.unwrap_or_else(|| (Source::Default, key.preset_text().to_owned()));
    let origin = match source {
        Source::Flag => format!("--{}", key.flag()),
        Source::Environment => key.variable(),
        Source::File => file.to_owned(),
        Source::Default => String::new(),
    };
    Chosen { key, text, source, origin }
}

fn config_of(environment: &[(OsString, OsString)]) -> Option<PathBuf> {
    let (_, path) = environment.iter().find(|(name, _)| name == CONFIG_VARIABLE)?;
    (!path.is_empty()).then(|| PathBuf::from(path))
}

fn variables(environment: &[(OsString, OsString)], problems: &mut Problems) -> Vec<(&'static Key, String)> {
    let mut found = Vec::new();
    for key in KEYS {
        let variable = key.variable();
        let Some((_, value)) = environment.iter().find(|(name, _)| name == OsStr::new(&variable)) else {
            continue;
        };
        match value.to_str() {
            Some(text) => found.push((key, text.to_owned())),
            None => problems.0.push(not_text(key, variable)),
        }
    }
    found
}

fn not_text(key: &Key, variable: String) -> Problem {
    let rule = format!("not UTF-8; expected {}", key.accepts());
    Problem { key: key.name.to_owned(), origin: variable, value: None, rule }
}

/// Unknown `POSTRIDER_*` variables are told, not refused: an orchestrator sets some that nobody wrote (for a
/// Service named `postrider`, Kubernetes does), and a test or wrapper has its own.
fn unknown_variables(environment: &[(OsString, OsString)]) -> Vec<String> {
    let named = environment.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
    let unknown = named.filter(|(name, value)| {
        name.starts_with(VARIABLE_PREFIX) && !is_known(name) && !is_service_link(name, value)
    });
    unknown.map(|(name, _)| format!("{} is no setting and has no effect", name.escape_debug())).collect()
}

fn is_known(name: &str) -> bool {
    let other = |pattern: &&str| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *pattern,
    };
    OTHER_VARIABLES.iter().any(other) || KEYS.iter().any(|key| key.variable() == name)
}

/// Whether Kubernetes set it for a Service: `…_SERVICE_HOST`, `…_SERVICE_PORT…`, `…_PORT` and
/// `…_PORT_80_TCP…`.
fn is_service_link(name: &str, value: &str) -> bool {
    let about_port = name.contains("_PORT_") && (name.contains("_TCP") || name.contains("_UDP"));
    let address = value.starts_with("tcp://") || value.starts_with("udp://");
    about_port || address || name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    fn chosen(given: &Given, name: &str) -> (String, Source, String) {
        let layers = Layers::of(given);
        assert_eq!(layers.problems, Problems::default());
        let found = layers.chosen.into_iter().find(|chosen| chosen.key.name == name).unwrap();
        (found.text, found.source, found.origin)
    }

    #[test]
    fn a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"[worker]\nthreads = 3\nconcurrency = 3\ngrace = \"3s\"\n").unwrap();
        let threads = Key::find("worker.threads").unwrap();
        let given = Given {
            flags: vec![(threads, "1".into())],
            config: Some(file.path().into()),
            environment: environment(&[
                ("POSTRIDER_WORKER_THREADS", "2"),
                ("POSTRIDER_WORKER_CONCURRENCY", "2"),
            ]),
        };
        let path = file.path().display().to_string();
        assert_eq!(chosen(&given, "worker.threads"), ("1".into(), Source::Flag, "--worker-threads".into()));
        let variable = "POSTRIDER_WORKER_CONCURRENCY".to_owned();
        assert_eq!(chosen(&given, "worker.concurrency"), ("2".into(), Source::Environment, variable));
        assert_eq!(chosen(&given, "worker.grace"), ("3s".into(), Source::File, path));
        assert_eq!(chosen(&given, "worker.heartbeat"), ("1s".into(), Source::Default, String::new()));
    }

    #[test]
    fn the_file_may_be_named_by_the_environment_and_the_flag_wins() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let variables = environment(&[(CONFIG_VARIABLE, "/nonexistent")]);
        let given = Given { config: Some(file.path().into()), environment: variables, ..Given::default() };
        assert_eq!(Layers::of(&given).problems, Problems::default());
        let given = Given { config: None, ..given };
        assert!(Layers::of(&given).problems.to_string().contains("/nonexistent"));
    }

    #[test]
    fn an_empty_variable_is_a_value() {
        let given = Given { environment: environment(&[("POSTRIDER_HTTP_LISTEN", "")]), ..Given::default() };
        assert_eq!(chosen(&given, "http.listen").0, "");
    }

    #[test]
    fn unknown_variables_are_told_unless_an_orchestrator_sets_them() {
        let given = Given {
            environment: environment(&[
                ("POSTRIDER_WORKER_CONCURENCY", "5"),
                ("POSTRIDER_HTTP_PORT", "8080"),
                ("POSTRIDER_PORT", "tcp://10.0.0.1:80"),
                ("POSTRIDER_PORT_80_TCP_ADDR", "10.0.0.1"),
                ("POSTRIDER_SERVICE_HOST", "10.0.0.1"),
                ("POSTRIDER_SERVICE_PORT_HTTP", "80"),
                ("POSTRIDER_CONFIG", ""),
                ("POSTRIDER_SINK_LISTEN", "x"),
                ("POSTRIDER_LOG_LEVEL", "info"),
                ("PATH", "/bin"),
            ]),
            ..Given::default()
        };
        let warnings = Layers::of(&given).warnings;
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].starts_with("POSTRIDER_WORKER_CONCURENCY "), "{warnings:?}");
        assert!(warnings[1].starts_with("POSTRIDER_HTTP_PORT "), "{warnings:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_text_is_a_problem_of_its_key() {
        use std::os::unix::ffi::OsStringExt;
        let value = OsString::from_vec(vec![0xff]);
        let given = Given { environment: vec![("POSTRIDER_SERVER_URL".into(), value)], ..Given::default() };
        let problems = Layers::of(&given).problems.to_string();
        assert!(problems.contains("server.url (from POSTRIDER_SERVER_URL): not UTF-8"), "{problems}");
    }
}
