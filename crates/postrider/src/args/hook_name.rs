//! Which hook is meant: typed alike in every command about one.

use clap::error::ErrorKind;
use clap::{ArgMatches, Command, FromArgMatches};

/// Which hook.
#[derive(Debug)]
pub(crate) struct HookName {
    pub(crate) hook: String,
    pub(crate) user: String,
}

/// As it is typed.
#[derive(clap::Args)]
struct TypedHookName {
    /// Id of the hook, or <userId>/<hookId>
    #[arg(value_name = "HOOK")]
    hook: String,
    /// Its owner, where HOOK doesn't name it
    #[arg(long, value_name = "ID")]
    user: Option<String>,
}

impl clap::Args for HookName {
    fn augment_args(command: Command) -> Command {
        TypedHookName::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        TypedHookName::augment_args(command)
    }
}

impl FromArgMatches for HookName {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let TypedHookName { hook, user } = TypedHookName::from_arg_matches(matches)?;
        let owner_and_id = hook.rsplit_once('/').map(|(user, hook)| (user.to_owned(), hook.to_owned()));
        match (user, owner_and_id) {
            (Some(user), _) => Ok(Self { hook, user }),
            (None, Some((user, hook))) => Ok(Self { hook, user }),
            (None, None) => Err(clap::Error::raw(
                ErrorKind::MissingRequiredArgument,
                "whose hook is it? Give --user <ID>, or <userId>/<hookId>; `postrider hooks list` shows both\n",
            )),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
