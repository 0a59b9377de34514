//! What is particular to `slots`: its modules, what its constants are, what is to follow, and what has to fail.

use super::instance::{Chosen, Instance};
use super::sort::Sort;
use super::translate::Kind;
use std::collections::BTreeMap;

/// The module with the invariant.
pub(crate) const MODULE: &str = "SlotsInductive";

/// The module with the broken actions.
pub(crate) const BROKEN_MODULE: &str = "BrokenSlots";

pub(crate) const INIT: &str = "Init";
pub(crate) const NEXT: &str = "Next";
pub(crate) const INDUCTIVE: &str = "Inductive";

/// The instance of the promise that is kept, and its formulas.
pub(crate) const PROMISE: &str = "Promise";
pub(crate) const PROMISE_INIT: &str = "Init";
pub(crate) const PROMISE_NEXT: &str = "Next";
pub(crate) const PROMISE_VARIABLES: &str = "vars";

/// What follows from the inductive invariant in one state.
pub(crate) const INVARIANTS: [&str; 7] = [
    "TypeOK",
    "Inv1HeldSlotsAreNotWritten",
    "Inv2MessagesAreComplete",
    "Inv2ReadsAreWhole",
    "Inv4ReadsAreNotOld",
    "Inv6TentativeIsNotRead",
    "Inv7NoSleeperIsForgotten",
];

/// What follows by the pigeonhole.
pub(crate) const FREE_SLOT: &str = "Inv3AFreeSlotExists";

/// The sorts of the constants. What the variables are is taken from `Init`.
pub(crate) fn constants() -> [(&'static str, Kind); 8] {
    let set = Kind::Set(Sort::Int);
    [
        ("Consumers", set.clone()),
        ("Observers", set.clone()),
        ("Producer", Kind::Scalar(Sort::Int)),
        ("Slots", set.clone()),
        ("Sleeping", set),
        ("Attempts", Kind::Scalar(Sort::Int)),
        ("Leaves", Kind::Scalar(Sort::Text)),
        ("InOrder", Kind::Scalar(Sort::Bool)),
    ]
}

/// Two consumers, which may sleep, and an observer.
pub(crate) fn small() -> Instance<'static> {
    BTreeMap::from([
        ("Consumers", Chosen::Set(vec![0, 1])),
        ("Observers", Chosen::Set(vec![101])),
        ("Producer", Chosen::Int(100)),
        ("Slots", Chosen::Set(vec![0, 1, 2, 3])),
        ("Sleeping", Chosen::Set(vec![0, 1])),
        ("Attempts", Chosen::Int(2)),
        ("Leaves", Chosen::Text("any")),
        ("InOrder", Chosen::Bool(false)),
    ])
}

/// The same with a slot too few.
pub(crate) fn one_slot_too_few() -> Instance<'static> {
    let mut instance = small();
    instance.insert("Slots", Chosen::Set(vec![0, 1, 2]));
    instance
}

/// Instances in which the translation is compared with the specification.
pub(crate) fn compared() -> [Instance<'static>; 2] {
    let mut other = small();
    other.insert("Consumers", Chosen::Set(vec![0]));
    other.insert("Observers", Chosen::Set(vec![101, 102]));
    other.insert("Slots", Chosen::Set(vec![0, 1, 2]));
    other.insert("Sleeping", Chosen::Set(vec![0]));
    other.insert("Leaves", Chosen::Text("garbage"));
    other.insert("InOrder", Chosen::Bool(true));
    [small(), other]
}

/// Actions, and the broken ones in their places.
pub(crate) const BROKEN: [(&str, &str); 20] = [
    ("Recheck", "RecheckNothing"),
    ("Scan", "ScanWithoutHelp"),
    ("Scan", "ScanWithoutTentative"),
    ("Help", "HelpWithoutRescan"),
    ("Help", "HelpByStore"),
    ("Settle", "SettleRegardless"),
    ("Observe", "ObserveWhatIsHeld"),
    ("Recover", "RecoverFromTentative"),
    ("Recover", "RecoverAndForget"),
    ("Release", "ReleaseBeforeReading"),
    ("Resume", "ResumeFromNothing"),
    ("FillSecond", "FillSecondLater"),
    ("Retire", "RetireWithoutClearing"),
    ("RetireFence", "RetireFenceOfNothing"),
    ("PeekVerify", "PeekVerifyNothing"),
    ("Sleepers", "SleepersNone"),
    ("Sleepers", "SleepersFirst"),
    ("Resume", "ResumeWithoutWake"),
    ("Doze", "DozeWithoutNote"),
    ("Sleep", "SleepRegardless"),
];
