//! The memory models against litmus tests whose outcomes are known.
//!
//! Names as in the literature (Alglave, Maranget, Tautschnig: *Herding Cats*, TOPLAS 2014; C++20 [atomics.order]). For
//! each model, the outcomes that can be are compared with those that a test wants to see or never to see.

use lastword_protocol::memory::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};
use lastword_protocol::model::Violation;
use lastword_sim::choose::{Choose, Odometer, Question, nth_enabled};
use lastword_sim::memory::{Handover, Memory, Model, Rules};
use std::collections::BTreeSet;

#[derive(Clone, Copy)]
enum Do {
    Store(usize, u64, Ordering),
    Load(usize, Ordering),
    /// Compare-exchange of the first value by the second; both orderings are the one given.
    Exchange(usize, u64, u64, Ordering),
    Fence(Ordering),
    /// Payload.
    Read,
    Write,
}
use Do::{Exchange, Fence, Load, Read, Store, Write};

const X: usize = 0;
const Y: usize = 1;

type Outcome = Vec<Vec<u64>>;

#[derive(Clone)]
struct State {
    memory: Memory,
    at: Vec<usize>,
    found: Outcome,
    last: u32,
}

/// Every outcome: what each process's loads found. A data race is the outcome of its own.
fn outcomes(model: Model, processes: &[&[Do]]) -> BTreeSet<Result<Outcome, &'static str>> {
    let rules = Rules {
        model,
        stores_may_be_lost: false,
        handover: Handover::Synchronized,
        words: 2,
        areas: 1,
        area_words: 1,
        processes: processes.len(),
        guards: vec![None; 2],
        racy: false,
    };
    rules.check().expect("small");
    let start = State {
        memory: Memory::new(&rules, &[]),
        at: vec![0; processes.len()],
        found: vec![Vec::new(); processes.len()],
        last: 0,
    };
    let mut all = BTreeSet::new();
    let mut open = vec![start];
    while let Some(state) = open.pop() {
        let mut odometer = Odometer::default();
        loop {
            odometer.rewind();
            let mut next = state.clone();
            match step(&rules, processes, &mut next, &mut odometer) {
                Ok(true) => open.push(next),
                Ok(false) => drop(all.insert(Ok(next.found))),
                Err(violation) => drop(all.insert(Err(violation.promise))),
            }
            if !odometer.advance() {
                break;
            }
        }
    }
    all
}

fn step(rules: &Rules, processes: &[&[Do]], state: &mut State, choose: &mut impl Choose) -> Result<bool, Violation> {
    let count = processes.len();
    let goes = (0..count).fold(0, |bits, p| {
        bits | u32::from(state.at[p] < processes[p].len()) << p | u32::from(state.memory.can_flush(p)) << (count + p)
    });
    if goes == 0 {
        return Ok(false);
    }
    let ways = goes.count_ones() as usize;
    let index = if ways > 1 { choose.choose(Question::Who { enabled: goes, last: state.last }, ways) } else { 0 };
    let who = nth_enabled(goes, state.last, index);
    state.last = who;
    let who = who as usize;
    let memory = &mut state.memory;
    if who >= count {
        memory.flush(rules, who - count, choose);
        return Ok(true);
    }
    match processes[who][state.at[who]] {
        Store(cell, value, order) => memory.store(rules, who, cell, value, order, choose)?,
        Load(cell, order) => state.found[who].push(memory.load(rules, who, cell, order, choose)?),
        Exchange(cell, current, new, order) => {
            let orders = (order, if order == AcqRel { Acquire } else { order });
            state.found[who].push(memory.compare_exchange(rules, who, cell, (current, new), orders, choose)?);
        }
        Fence(order) => memory.fence(rules, who, order),
        Read => drop(memory.load(rules, who, rules.payload(0, 0), Relaxed, choose)?),
        Write => memory.store(rules, who, rules.payload(0, 0), 1, Relaxed, choose)?,
    }
    state.at[who] += 1;
    Ok(true)
}

const ALL: [Model; 4] = [Model::Sc, Model::Tso, Model::Pso, Model::Weak];

/// Checks in which models an outcome can be.
fn can_be(processes: &[&[Do]], outcome: &[&[u64]], models: &[Model]) {
    let outcome: Outcome = outcome.iter().map(|found| found.to_vec()).collect();
    for model in ALL {
        let found = outcomes(model, processes).contains(&Ok(outcome.clone()));
        assert_eq!(found, models.contains(&model), "{model:?}: {outcome:?}");
    }
}

#[test]
fn store_buffering_needs_both_stores_and_both_loads_to_be_sequentially_consistent() {
    let sb = |store, load| {
        let (left, right): (Vec<Do>, Vec<Do>) =
            (vec![Store(X, 1, store), Load(Y, load)], vec![Store(Y, 1, store), Load(X, load)]);
        (left, right)
    };
    let (left, right) = sb(Release, Acquire);
    can_be(&[&left, &right], &[&[0], &[0]], &[Model::Tso, Model::Pso, Model::Weak]);
    let (left, right) = sb(SeqCst, SeqCst);
    can_be(&[&left, &right], &[&[0], &[0]], &[]);
    // On the machine the store is what counts; in C++20 a weaker load may come before it in the total order.
    let (left, right) = sb(SeqCst, Acquire);
    can_be(&[&left, &right], &[&[0], &[0]], &[Model::Weak]);
}

#[test]
fn store_buffering_is_excluded_by_fences() {
    let left: &[Do] = &[Store(X, 1, Relaxed), Fence(SeqCst), Load(Y, Relaxed)];
    let right: &[Do] = &[Store(Y, 1, Relaxed), Fence(SeqCst), Load(X, Relaxed)];
    can_be(&[left, right], &[&[0], &[0]], &[]);
    let weaker: &[Do] = &[Store(Y, 1, Relaxed), Fence(AcqRel), Load(X, Relaxed)];
    can_be(&[left, weaker], &[&[0], &[0]], &[Model::Tso, Model::Pso, Model::Weak]);
}

#[test]
fn a_message_passed_by_a_word_needs_release_and_acquire() {
    let mp = |store, load| {
        let writer: Vec<Do> = vec![Store(X, 1, Relaxed), Store(Y, 1, store)];
        let reader: Vec<Do> = vec![Load(Y, load), Load(X, Relaxed)];
        (writer, reader)
    };
    let (writer, reader) = mp(Relaxed, Relaxed);
    can_be(&[&writer, &reader], &[&[], &[1, 0]], &[Model::Pso, Model::Weak]);
    let (writer, reader) = mp(Release, Relaxed);
    can_be(&[&writer, &reader], &[&[], &[1, 0]], &[Model::Weak]);
    let (writer, reader) = mp(Release, Acquire);
    can_be(&[&writer, &reader], &[&[], &[1, 0]], &[]);
}

#[test]
fn a_message_can_be_passed_by_fences() {
    let writer: &[Do] = &[Store(X, 1, Relaxed), Fence(Release), Store(Y, 1, Relaxed)];
    let reader: &[Do] = &[Load(Y, Relaxed), Fence(Acquire), Load(X, Relaxed)];
    can_be(&[writer, reader], &[&[], &[1, 0]], &[]);
    let without: &[Do] = &[Load(Y, Relaxed), Load(X, Relaxed)];
    can_be(&[writer, without], &[&[], &[1, 0]], &[Model::Weak]);
}

#[test]
fn a_word_never_goes_back() {
    let writer: &[Do] = &[Store(X, 1, Relaxed), Store(X, 2, Relaxed)];
    let reader: &[Do] = &[Load(X, Relaxed), Load(X, Relaxed)];
    for older in [[2, 1], [2, 0], [1, 0]] {
        can_be(&[writer, reader], &[&[], &older], &[]);
    }
    can_be(&[writer, reader], &[&[], &[1, 2]], &ALL);
}

#[test]
fn two_readers_agree_on_the_order_of_independent_stores_if_all_is_sequentially_consistent() {
    let iriw = |store, load| {
        let all: [Vec<Do>; 4] = [
            vec![Store(X, 1, store)],
            vec![Store(Y, 1, store)],
            vec![Load(X, load), Load(Y, load)],
            vec![Load(Y, load), Load(X, load)],
        ];
        all
    };
    let all = iriw(Release, Acquire);
    can_be(&[&all[0], &all[1], &all[2], &all[3]], &[&[], &[], &[1, 0], &[1, 0]], &[Model::Weak]);
    let all = iriw(SeqCst, SeqCst);
    can_be(&[&all[0], &all[1], &all[2], &all[3]], &[&[], &[], &[1, 0], &[1, 0]], &[]);
}

#[test]
fn what_was_read_is_passed_on() {
    let first: &[Do] = &[Store(X, 1, Relaxed), Store(Y, 1, Release)];
    let second: &[Do] = &[Load(Y, Acquire), Store(Y, 2, Release)];
    let third: &[Do] = &[Load(Y, Acquire), Load(X, Relaxed)];
    can_be(&[first, second, third], &[&[], &[1], &[2, 0]], &[]);
}

#[test]
fn a_read_modify_write_continues_the_release_sequence_of_the_store_it_replaces() {
    let writer: &[Do] = &[Store(X, 1, Relaxed), Store(Y, 1, Release)];
    let exchanger: &[Do] = &[Exchange(Y, 1, 2, Relaxed)];
    let reader: &[Do] = &[Load(Y, Acquire), Load(X, Relaxed)];
    can_be(&[writer, exchanger, reader], &[&[], &[1], &[2, 0]], &[]);
    // A plain store does not.
    let storer: &[Do] = &[Load(Y, Relaxed), Store(Y, 2, Relaxed)];
    can_be(&[writer, storer, reader], &[&[], &[1], &[2, 0]], &[Model::Weak]);
}

#[test]
fn two_exchanges_do_not_both_succeed() {
    let exchanger: &[Do] = &[Exchange(X, 0, 1, Relaxed)];
    can_be(&[exchanger, exchanger], &[&[0], &[0]], &[]);
    can_be(&[exchanger, exchanger], &[&[0], &[1]], &ALL);
}

#[test]
fn loads_do_not_see_stores_that_come_after_them() {
    // C++20 allows this with Relaxed accesses (load buffering); no model here has it, and the module says so.
    let left: &[Do] = &[Load(X, Relaxed), Store(Y, 1, Relaxed)];
    let right: &[Do] = &[Load(Y, Relaxed), Store(X, 1, Relaxed)];
    can_be(&[left, right], &[&[1], &[1]], &[]);
}

/// In which models payload that is passed by a word is raced for.
fn races(store: Ordering, load: Ordering) -> Vec<Model> {
    let writer: &[Do] = &[Write, Store(X, 1, store)];
    let reader: &[Do] = &[Load(X, load), Read];
    let is_read_unordered = |model: &Model| {
        outcomes(*model, &[writer, reader])
            .iter()
            .any(|outcome| matches!(outcome, Err(promise) if promise.contains("race")))
    };
    // A reader that finds 0 races anyway, so it is looked at what comes of finding 1: nothing, where it is ordered.
    ALL.into_iter().filter(|model| is_read_unordered(model) && !ordered_by(*model, store, load)).collect()
}

fn ordered_by(model: Model, store: Ordering, load: Ordering) -> bool {
    let writer: &[Do] = &[Write, Store(X, 1, store)];
    let reader: &[Do] = &[Load(X, load), Read];
    outcomes(model, &[writer, reader]).contains(&Ok(vec![vec![], vec![1]]))
}

#[test]
fn payload_is_raced_for_unless_release_and_acquire_pass_it() {
    assert_eq!(races(Relaxed, Relaxed), ALL);
    assert_eq!(races(Release, Relaxed), ALL);
    assert_eq!(races(Relaxed, Acquire), ALL);
    assert_eq!(races(Release, Acquire), []);
    assert_eq!(races(SeqCst, SeqCst), []);
}

#[test]
fn payload_that_is_read_is_not_written_unless_the_end_of_reading_is_passed_on() {
    let race = |store, load| {
        let reader: Vec<Do> = vec![Read, Store(X, 1, store)];
        let writer: Vec<Do> = vec![Load(X, load), Write];
        // Ordered if the writer can have found 1 without a race.
        ALL.map(|model| !outcomes(model, &[&reader, &writer]).contains(&Ok(vec![vec![], vec![1]])))
    };
    assert_eq!(race(Release, Acquire), [false; 4]);
    assert_eq!(race(Relaxed, Acquire), [true; 4]);
    assert_eq!(race(Release, Relaxed), [true; 4]);
}

#[test]
fn payload_can_be_passed_by_fences() {
    let writer: &[Do] = &[Write, Fence(Release), Store(X, 1, Relaxed)];
    let reader: &[Do] = &[Load(X, Relaxed), Fence(Acquire), Read];
    let without: &[Do] = &[Load(X, Relaxed), Read];
    for model in ALL {
        assert!(outcomes(model, &[writer, reader]).contains(&Ok(vec![vec![], vec![1]])), "{model:?}");
        assert!(!outcomes(model, &[writer, without]).contains(&Ok(vec![vec![], vec![1]])), "{model:?}");
        assert!(
            !outcomes(model, &[&[Write, Store(X, 1, Relaxed)], reader]).contains(&Ok(vec![vec![], vec![1]])),
            "{model:?}"
        );
    }
}
