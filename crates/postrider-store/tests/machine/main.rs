//! Any sequence of commands and faults leaves the queue as a plain model of it says: the scripts against a reference, on a
//! real Redis, after every step.
//!
//! - [`steps`]: what can happen; [`draw`]: how often; [`state`]: what Redis holds, as values; [`look`]: looks at it.
//! - [`model`]: what should become of it; [`ledger`]: no job lost, none twice; [`machine`]: does steps to both.
//! - [`explore`]: many sequences, and the shortest that is wrong; [`found`]: those that were wrong once.
//! - [`mutants`]: scripts without their guards, which must be found out; [`swap`]: puts them in the others' place.

#![allow(clippy::panic, clippy::unwrap_used, reason = "these are tests")]

mod draw;
mod explore;
mod found;
mod ledger;
mod look;
mod machine;
mod model;
mod mutants;
mod state;
mod steps;
mod swap;

use explore::{Laboratory, seed, sequences_wanted};
use mutants::mutants;

/// Sequences within which each missing guard must be missed.
const SOON: u32 = 2_000;

#[test]
fn any_sequence_of_commands_and_faults_leaves_what_the_model_says() {
    let laboratory = Laboratory::start();
    if let Err(counterexample) = laboratory.explore(sequences_wanted(), seed()) {
        panic!("{counterexample}");
    }
}

#[test]
fn each_guard_of_the_scripts_is_missed_when_it_is_gone() {
    let laboratory = Laboratory::start();
    for mutant in mutants() {
        laboratory.put_in_place(mutant.swap());
        match laboratory.drawn_until_wrong(SOON, mutant.seed) {
            Ok(drawn) => println!("{}: found by sequence {drawn}", mutant.title),
            Err(why) => panic!("{}: {why}", mutant.title),
        }
    }
}
