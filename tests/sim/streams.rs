//! Ten thousand cameras, family by family. Each test is one property: no rule is broken, whatever happens.

use std::cell::RefCell;
use std::env;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use crate::families;
use crate::plan::Plan;
use crate::world::{Seen, run};

/// Streams of each of the ten families.
const CASES: u32 = 1_000;
/// Makes the same cameras each time.
const SEED: u64 = 0x00be_17ed_e1e0;
/// Attempts to make a plan smaller that breaks a rule.
const SHRINKS: u32 = 600;

fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text}, which is no number")))
}

/// Runs so many plans; panics with the smallest that breaks a rule. What was seen in all.
#[track_caller]
fn family(cases: u32, plans: impl Strategy<Value = Plan>) -> Seen {
    let seed = number("SIM_SEED").unwrap_or(SEED);
    let config = Config {
        cases: number("SIM_CASES").unwrap_or(cases),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: SHRINKS,
        ..Config::default()
    };
    let seen = RefCell::new(Seen::default());
    let simulate = |plan: Plan| {
        let one = run(&plan).map_err(TestCaseError::fail)?;
        *seen.borrow_mut() += one;
        Ok(())
    };
    match TestRunner::new(config).run(&plans, simulate) {
        Ok(()) => seen.into_inner(),
        Err(TestError::Fail(why, plan)) => panic!("with SIM_SEED={seed}: {why}\nfor {plan:?}"),
        Err(error) => panic!("with SIM_SEED={seed}: {error}"),
    }
}

#[test]
fn cameras_that_do_the_same_all_the_time() {
    let seen = family(CASES, families::steady());
    assert!(seen.playlists > 0, "{seen:?}");
}

#[test]
fn gops_that_grow() {
    let seen = family(CASES, families::growing_gops());
    assert!(seen.playlists > 0, "{seen:?}");
}

#[test]
fn rates_that_fall_at_dusk_and_rise_at_dawn() {
    let seen = family(CASES, families::dusk_and_dawn());
    assert!(seen.playlists > 0, "{seen:?}");
}

#[test]
fn cameras_that_freeze_and_networks_that_clog() {
    let seen = family(CASES, families::stalls());
    assert!(seen.breaks > 0, "{seen:?}");
}

#[test]
fn new_parameters_and_lost_sessions() {
    let seen = family(CASES, families::new_epochs());
    assert!(seen.breaks > 0, "{seen:?}");
}

#[test]
fn sound_that_comes_and_goes() {
    let seen = family(CASES, families::coming_and_going_sound());
    assert!(seen.gaps > 0, "{seen:?}");
}

#[test]
fn rings_that_are_too_small() {
    let seen = family(CASES, families::tiny_rings());
    assert!(seen.segments > 0, "{seen:?}");
}

#[test]
fn two_renditions_of_one_camera() {
    let seen = family(CASES, families::two_renditions());
    assert!(seen.breaks > 0, "{seen:?}");
}

#[test]
fn two_renditions_whose_rings_go_back_unequally() {
    let seen = family(CASES, families::two_budgets());
    assert!(seen.breaks > 0, "{seen:?}");
}

#[test]
fn anything_at_once() {
    let seen = family(CASES, families::anything());
    assert!(seen.gaps > 0 && seen.breaks > 0, "{seen:?}");
}
