//! Message numbers.

use core::fmt;

/// The number of a message: 1, 2, ... 2^54-1, then 1 again. 0 is no message.
///
/// At ten million messages a second the numbers last 57 years before they wrap. Comparison is serial (RFC 1982): of two
/// numbers less than 2^53 apart, the later one is the one that was assigned later, across the wrap too.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sequence(u64);

impl Sequence {
    /// Bits of a number.
    pub const BITS: u32 = 54;
    /// The first number.
    pub const FIRST: Self = Self(1);
    /// The last number before the wrap.
    pub const LAST: Self = Self((1 << Self::BITS) - 1);

    /// The number `value`; `None` for 0 and for more than [`LAST`](Self::LAST).
    #[must_use]
    pub const fn new(value: u64) -> Option<Self> {
        if value == 0 || value > Self::LAST.0 { None } else { Some(Self(value)) }
    }

    /// The number as an integer, 1 to 2^54-1.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.0 == Self::LAST.0 { Self::FIRST } else { Self(self.0 + 1) }
    }

    /// The number before this one; `None` before the first, where a wrap is not told from a beginning: see
    /// [`FIRST`](Self::FIRST).
    #[must_use]
    pub const fn previous(self) -> Option<Self> {
        Self::new(self.0 - 1)
    }

    /// How many messages after `earlier` this one is; negative if it is before. Between -2^53 and 2^53.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        let count = Self::LAST.0 as i64;
        let mut difference = self.0 as i64 - earlier.0 as i64;
        if difference > count / 2 {
            difference -= count;
        } else if difference < -(count / 2) {
            difference += count;
        }
        difference
    }

    /// Whether this number was assigned after `earlier`.
    #[must_use]
    pub const fn is_after(self, earlier: Self) -> bool {
        self.since(earlier) > 0
    }
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
