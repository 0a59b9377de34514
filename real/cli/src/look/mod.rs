//! Looking at what there is, and removing it: what `ls`, `inspect` and `rm` have in common.

pub(crate) mod inspect;
pub(crate) mod ls;
mod names;
mod record;
pub(crate) mod rm;
pub(crate) mod table;
pub(crate) mod text;

use lastword::inspect::What;

type Error = Box<dyn std::error::Error>;

/// What of a name is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    Channel,
    Mailbox,
    Board,
}

impl Kind {
    fn what(self) -> What {
        match self {
            Kind::Channel => What::Channel,
            Kind::Mailbox => What::Mailbox,
            Kind::Board => What::Board,
        }
    }
}

/// All that a name can be, or what was asked for.
fn kinds(asked: Option<Kind>) -> Vec<What> {
    asked.map_or_else(|| What::ALL.to_vec(), |kind| vec![kind.what()])
}
