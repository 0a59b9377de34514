//! What memory can look like during one operation: all of it, and nothing else.

use lastword_protocol::header::{CREATING, LENGTH, MAGIC};
use lastword_protocol::memory::Numbering;
use lastword_protocol::model::{Scenario as _, fill, slots, status};
use lastword_protocol::slots::{Lock, Sequence, Stamp, Word};
use lastword_sim::images::{Images, Plan, images};
use lastword_sim::kernel::{Kernel, LENGTH_FULL, Op, Role, Scenario, Visible};
use lastword_sim::memory::Model;
use lastword_sim::world::{Kills, Setting, World};
use slots::Op::{Acquire, Publish};
use std::collections::HashSet;

const CHANNEL: slots::Scenario<'static> =
    slots::Scenario::new(&[&[Publish(8), Publish(8), Publish(8)], &[Acquire, Acquire]], 1, 8);

fn plan<'a, I>(before: &'a [usize], process: usize, meanwhile: &'a [(usize, usize)]) -> Plan<'a, I> {
    Plan { before, process, meanwhile, successor: process, deaths: 1, first_death: None }
}

fn channel(plan: &Plan<'_, Vec<u64>>) -> Images<Vec<u64>> {
    let mut world = World::new(&CHANNEL, &Setting::new(Model::Sc, 2)).expect("small");
    images(&mut world, plan).expect("nothing is broken")
}

fn words(images: &HashSet<Vec<u64>>, word: Word) -> HashSet<u64> {
    let number = CHANNEL.layout().number(word).expect("the channel has it");
    images.iter().map(|image| image[number]).collect()
}

fn stamp(sequence: u64, slot: u8) -> Stamp {
    Stamp::new(Sequence::new(sequence).expect("in range"), slot)
}

fn content(attempt: u32) -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes, attempt);
    u64::from_le_bytes(bytes)
}

#[test]
fn the_stores_of_a_publish_come_in_any_order_before_the_one_that_releases_them() {
    let found = channel(&plan(&[0], 0, &[]));
    let layout = CHANNEL.layout();
    let at = |word| layout.number(word).expect("the channel has it");
    let image = |length: u64, sequence: u64, payload: u64, latest: u64| {
        let mut image = vec![0; layout.words() + layout.areas() * layout.area_words()];
        (image[at(Word::Latest)], image[at(Word::Length(0))], image[at(Word::Sequence(0))]) =
            (latest, length, sequence);
        image[layout.words()] = payload;
        image
    };
    let mut expected: HashSet<_> =
        (0..8).map(|bits: u64| image((bits & 1) * 8, bits >> 1 & 1, (bits >> 2) * content(256), 0)).collect();
    expected.insert(image(8, 1, content(256), stamp(1, 0).bits()));
    let out = image(8, 1, content(256), stamp(1, 0).bits());
    assert_eq!(found.performed, HashSet::from([out]));
    assert_eq!(found.performing, expected);
    // Taking up the role again writes nothing.
    assert_eq!(found.recovering, expected);
}

#[test]
fn an_acquire_alone_never_claims_and_one_that_is_overtaken_does() {
    let lock = Word::Lock(0);
    let (tentative, held) = (Lock::Tentative(stamp(1, 0)).bits(), Lock::Held(stamp(1, 0)).bits());
    let alone = channel(&plan(&[0, 0, 1], 1, &[]));
    assert_eq!(words(&alone.performing, lock), HashSet::from([0, tentative, held]));
    let (claim, later) = (Lock::Claim.bits(), Lock::Held(stamp(2, 1)).bits());
    let overtaken = channel(&plan(&[0, 0, 1], 1, &[(1, 0)]));
    assert_eq!(words(&overtaken.performing, lock), HashSet::from([0, tentative, claim, later]));
    assert_eq!(words(&overtaken.recovering, lock), HashSet::from([0, tentative, claim, later]));
    // The consumer can die before the producer does anything, and recover then.
    assert_eq!(words(&overtaken.recovering, Word::Latest), HashSet::from([stamp(1, 0).bits(), stamp(2, 1).bits()]));
    let is_first = |image: &&Vec<u64>| image[0] == stamp(1, 0).bits();
    let first: HashSet<_> = overtaken.recovering.iter().filter(is_first).cloned().collect();
    assert_eq!(words(&first, lock), HashSet::from([0, tentative]));
    let latest = words(&overtaken.performing, Word::Latest);
    assert_eq!(latest, HashSet::from([stamp(1, 0).bits(), stamp(2, 1).bits()]));
    // The producer settles the second Claim, with what it has published before.
    let helped = channel(&plan(&[0, 0, 1], 1, &[(1, 0), (2, 0)]));
    assert_eq!(words(&helped.performing, lock), HashSet::from([0, tentative, claim, later]));
    assert!(words(&helped.performing, Word::Latest).contains(&stamp(3, 2).bits()));
}

#[test]
fn a_death_can_be_confined_to_one_state_of_the_lock() {
    let number = CHANNEL.layout().number(Word::Lock(0)).expect("the channel has it");
    let is_claim = move |image: &Vec<u64>| image[number] == Lock::Claim.bits();
    let found = channel(&Plan { first_death: Some(&is_claim), ..plan(&[0, 0, 1], 1, &[(1, 0)]) });
    assert_eq!(words(&found.recovering, Word::Lock(0)), HashSet::from([Lock::Claim.bits(), 0]));
    assert_eq!(words(&found.recovered, Word::Lock(0)), HashSet::from([0]));
}

#[test]
fn a_word_of_a_board_is_old_or_new() {
    let board = status::Scenario { processes: &[&[status::Op::Set(1)]], words: 2 };
    let mut world = World::new(&board, &Setting::new(Model::Sc, 1)).expect("small");
    let found = images(&mut world, &plan(&[0], 0, &[])).expect("nothing is broken");
    let set = vec![0, 1 << 32 | 1];
    assert_eq!(found.performed, HashSet::from([set.clone()]));
    assert_eq!(found.performing, HashSet::from([vec![0, 0], set]));
    assert_eq!(found.performing, found.recovering);
}

const CREATES: Scenario = Scenario {
    name: "images",
    processes: &[&[Op::Attach(Role::Producer)]],
    kills: Kills::any(1),
    board: true,
    umask: false,
    stops: false,
    calls: u16::MAX,
};

#[test]
fn a_board_is_empty_then_begun_then_reserved_then_described_then_complete() {
    let found = images(&mut Kernel::new(&CREATES, None), &plan(&[0], 0, &[])).expect("nothing is broken");
    let object = |first_word, length, pair| Some(Visible { first_word, length, pair, keeps_owner_out: false });
    let states = [
        None,
        object(0, 0, 0),
        object(CREATING, 8, 0),
        object(CREATING, LENGTH_FULL, 0),
        object(CREATING, LENGTH_FULL, 1),
        object(MAGIC, LENGTH_FULL, 1),
    ];
    assert!(usize::from(LENGTH_FULL) >= LENGTH);
    assert_eq!(found.performing, states.iter().map(|&board| [board, None]).collect());
    assert_eq!(found.recovering, found.performing);
}
