//! `slots` with one slot less than it needs.

use super::{Piece, shortest_failure};
use crate::memory::Model;
use lastword_protocol::model::slots::{Op, Scenario};
use lastword_protocol::slots::Sequence;

pub(super) const PIECE: Piece = Piece {
    name: "one-slot-too-few",
    title: "lastword's slots with C+1 slots for C consumers",
    models: "lastword's own `slots`, unchanged but for the number of slots: the code that ships, over a layout with \
             one slot less, in a channel that has seen one message.",
    why: "C consumers may hold C messages, and the newest is one more: with C+1 slots each of them can be in use when \
          the producer needs one to write to. It takes no death, only a consumer that keeps what it holds. A design \
          with C+1 slots must have the producer wait, or overwrite, or give up. The right number is C+2, and then a \
          publish always finds a slot: `slots`, invariant 3.",
    show: |gauge| {
        let scenario = Scenario { one_slot_too_few: true, ..SCENARIO };
        shortest_failure(&scenario, Model::Sc, 0, gauge)
    },
    repaired: Some(|gauge| shortest_failure(&SCENARIO, Model::Sc, 1, gauge)),
};

const SCENARIO: Scenario<'static> =
    Scenario::new(&[&[Op::Publish(8), Op::Publish(8)], &[Op::Acquire]], 1, 8).after(Sequence::FIRST);
