//! The settings as flags, made from the table: name, help, default and variable of each. Reads no value.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::settings::key::Key;
use crate::settings::keys::KEYS;
use crate::settings::layers::{CONFIG_VARIABLE, Given};

/// The settings typed as flags, and the file named by `--config`.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettingFlags {
    values: Vec<(&'static Key, String)>,
    config: Option<PathBuf>,
}

const CONFIG: &str = "config";

impl SettingFlags {
    /// With the environment of this process: all that was given.
    pub(crate) fn with_environment(self) -> Given {
        Given { flags: self.values, config: self.config, environment: std::env::vars_os().collect() }
    }
}

impl clap::Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        command.arg(config_arg()).args(KEYS.iter().map(setting_arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let typed = |key: &'static Key| {
            let values: Vec<&str> = matches.get_many::<String>(key.name)?.map(String::as_str).collect();
            Some((key, values.join(",")))
        };
        Ok(Self { values: KEYS.iter().filter_map(typed).collect(), config: matches.get_one(CONFIG).cloned() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Hides from help, but still takes, the settings of other sections than these.
pub(crate) fn show_only(command: Command, sections: &[&str]) -> Command {
    command.mut_args(|arg| {
        let other =
            Key::find(arg.get_id().as_str()).is_some_and(|key| !sections.contains(&first_section(key)));
        arg.hide(other)
    })
}

/// Takes the settings also behind the commands below this one.
pub(crate) fn for_all_below(command: Command) -> Command {
    command.mut_args(|arg| {
        let is_setting = arg.get_id() == CONFIG || Key::find(arg.get_id().as_str()).is_some();
        arg.global(is_setting)
    })
}

fn config_arg() -> Arg {
    Arg::new(CONFIG)
        .long(CONFIG)
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help(format!("TOML file with settings [env: {CONFIG_VARIABLE}]"))
}

fn setting_arg(key: &'static Key) -> Arg {
    let arg = Arg::new(key.name)
        .long(key.flag())
        .value_name(key.kind.placeholder())
        .help(format!("{} [default: {}] [env: {}]", key.about, key.preset_in_words(), key.variable()))
        .help_heading(format!("Settings: {}", first_section(key)))
        .hide_short_help(true);
    match key.kind {
        kind if kind.is_switch() => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        kind if kind.is_list() => arg.action(ArgAction::Append),
        _ => arg,
    }
}

fn first_section(key: &Key) -> &'static str {
    key.name.split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};

    use super::*;

    fn typed(line: &[&str]) -> Vec<(&'static str, String)> {
        let matches = SettingFlags::augment_args(Command::new("postrider").no_binary_name(true))
            .try_get_matches_from(line)
            .unwrap();
        let flags = SettingFlags::from_arg_matches(&matches).unwrap();
        flags.values.into_iter().map(|(key, text)| (key.name, text)).collect()
    }

    #[test]
    fn what_is_not_typed_is_left_to_the_other_sources() {
        assert!(typed(&[]).is_empty());
    }

    #[test]
    fn every_key_is_a_flag() {
        for key in KEYS {
            let flag = format!("--{}=x", key.flag());
            assert_eq!(typed(&[&flag]), [(key.name, "x".to_owned())]);
        }
    }

    #[test]
    fn switches_need_no_value_and_lists_may_be_repeated() {
        assert_eq!(typed(&["--ssrf-nat64"]), [("ssrf.nat64", "true".into())]);
        assert_eq!(typed(&["--ssrf-nat64=false"]), [("ssrf.nat64", "false".into())]);
        assert_eq!(typed(&["--ssrf-allow", "a", "--ssrf-allow", "b,c"]), [("ssrf.allow", "a,b,c".into())]);
        assert_eq!(typed(&["--http-listen", ""]), [("http.listen", String::new())]);
    }

    #[test]
    fn help_shows_what_a_setting_does_its_default_and_its_variable() {
        let help = SettingFlags::augment_args(Command::new("postrider")).render_long_help().to_string();
        let flat = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for key in KEYS {
            for part in
                [format!("--{}", key.flag()), key.variable(), format!("[default: {}]", key.preset_in_words())]
            {
                assert!(flat.contains(&part), "{part}: {help}");
            }
        }
    }
}
