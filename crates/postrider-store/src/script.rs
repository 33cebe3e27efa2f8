//! Running a Lua script by its hash, loading it when Redis has forgotten it.

use redis::{Cmd, RedisError, Script, Value};

use crate::connect::Connection;
use crate::fault::FaultClass;

/// A script and its name. The text starts with `#!lua flags=…`: without a flag, Redis refuses it while out of memory.
pub struct NamedScript {
    name: &'static str,
    source: &'static str,
    hash: String,
}

impl NamedScript {
    /// Names a script.
    pub fn new(name: &'static str, source: &'static str) -> Self {
        Self { name, source, hash: Script::new(source).get_hash().to_owned() }
    }

    /// Its name, for errors.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Starts a call: keys and arguments are appended by the caller, keys first.
    pub fn call(&self, number_of_keys: usize) -> Cmd {
        let mut command = Cmd::new();
        command.arg("EVALSHA").arg(&self.hash).arg(number_of_keys);
        command
    }

    /// Runs a call; when Redis doesn't know the script (restart, failover, SCRIPT FLUSH), loads it and repeats: nothing
    /// had run.
    pub async fn run(&self, connection: &mut Connection, call: &Cmd) -> Result<Value, RedisError> {
        match connection.send(call).await {
            Err(error) if FaultClass::of(&error) == FaultClass::NoScript => {
                let mut load = Cmd::new();
                load.arg("SCRIPT").arg("LOAD").arg(self.source);
                connection.send(&load).await?;
                connection.send(call).await
            }
            answer => answer,
        }
    }
}
