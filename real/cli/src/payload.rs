//! Messages that prove themselves: a header, and bytes that follow from it.
//!
//! ```text
//! +-----------+--------+-----------------------+-----------+----------------------------+
//! | sequence 8| nonce 8| channel 1 , length 7  | checksum 8| body, length - 32          |
//! +-----------+--------+-----------------------+-----------+----------------------------+
//! ```
//!
//! The checksum is of the three words before it, and every word of the body follows from the checksum and its own
//! position. So each byte is checked against what it must be; two attempts at one sequence number, of which the first
//! was killed, differ in every byte after the first eight because of their nonces.

use std::fmt;

/// Length of the header, and so of the shortest message.
pub(crate) const HEADER: usize = 32;
const HEADER_WORDS: usize = HEADER / 8;
const LENGTH_BITS: u32 = 56;
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// What a message says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Its number.
    pub(crate) sequence: u64,
    /// A random number of the attempt to publish it.
    pub(crate) nonce: u64,
    /// The process that publishes it.
    pub(crate) channel: u8,
    /// Its whole length in bytes.
    pub(crate) length: usize,
}

impl Header {
    fn words(&self) -> [u64; HEADER_WORDS - 1] {
        [self.sequence, self.nonce, u64::from(self.channel) << LENGTH_BITS | self.length as u64]
    }

    fn checksum(&self) -> u64 {
        self.words().into_iter().fold(GOLDEN, |hash, word| mix(hash ^ word))
    }

    /// Writes the whole message, which may be shorter than a header.
    ///
    /// Such a short one is the beginning of what follows from its number, channel and length. It has no nonce.
    pub(crate) fn write(&self, into: &mut [u8]) {
        if self.length >= HEADER {
            return self.fill(0, into);
        }
        let checksum = Header { nonce: 0, ..*self }.checksum();
        for (position, bytes) in into.chunks_mut(8).enumerate() {
            bytes.copy_from_slice(&body(checksum, position).to_le_bytes()[..bytes.len()]);
        }
    }

    /// Writes the message's bytes from `offset` on, which must be a multiple of 8.
    pub(crate) fn fill(&self, offset: usize, into: &mut [u8]) {
        let checksum = self.checksum();
        let [sequence, nonce, dimensions] = self.words();
        let head = [sequence, nonce, dimensions, checksum];
        let word =
            |position: usize| head.get(position).copied().unwrap_or_else(|| body(checksum, position)).to_le_bytes();
        let first = offset / 8;
        let (words, rest) = into.as_chunks_mut::<8>();
        for (position, bytes) in words.iter_mut().enumerate() {
            *bytes = word(first + position);
        }
        let last = word(first + words.len());
        let count = rest.len();
        rest.copy_from_slice(&last[..count]);
    }
}

/// A length for the message of this number, from nothing to the capacity, which a reader can work out too.
pub(crate) fn length_of(channel: u8, sequence: u64, capacity: usize) -> usize {
    let random = mix(mix(sequence) ^ u64::from(channel));
    match random % 8 {
        0 => 0,
        1 | 2 => capacity,
        _ => (random / 8 % (capacity as u64 + 1)) as usize,
    }
}

/// A bijection that spreads every bit (the finaliser of `SplitMix64`).
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The body's word at `position`, counted from the start of the message.
fn body(checksum: u64, position: usize) -> u64 {
    let word = checksum.wrapping_add(GOLDEN.wrapping_mul(position as u64));
    word ^ (word >> 29)
}

/// Why bytes are not one whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Torn {
    /// There is not even a header.
    Short { found: usize },
    /// The header does not match its checksum.
    Checksum { computed: u64, found: u64 },
    /// The header notes another length.
    Length { found: usize, noted: u64 },
    /// The body differs from what the header makes it.
    Body { offset: usize, expected: u8, found: u8, nonce: u64 },
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Torn::Short { found } => write!(f, "{found} bytes, fewer than a header"),
            Torn::Checksum { computed, found } => write!(f, "header checksum {found:#x}, computed {computed:#x}"),
            Torn::Length { found, noted } => write!(f, "{found} bytes, and the header notes {noted}"),
            Torn::Body { offset, expected, found, nonce } => {
                write!(f, "byte {offset} is {found:#04x}, not {expected:#04x} (attempt {nonce:#x})")
            }
        }
    }
}

/// Checks every byte of a message.
pub(crate) fn verify(message: &[u8]) -> Result<Header, Torn> {
    let (words, rest) = message.as_chunks::<8>();
    let Some((head, words)) = words.split_first_chunk::<HEADER_WORDS>() else {
        return Err(Torn::Short { found: message.len() });
    };
    let [sequence, nonce, dimensions, found] = head.map(u64::from_le_bytes);
    let noted = dimensions & ((1 << LENGTH_BITS) - 1);
    let header = Header { sequence, nonce, channel: (dimensions >> LENGTH_BITS) as u8, length: noted as usize };
    let computed = header.checksum();
    if computed != found {
        return Err(Torn::Checksum { computed, found });
    }
    if header.length != message.len() {
        return Err(Torn::Length { found: message.len(), noted });
    }
    // One pass without a branch, which the compiler vectorises; the place is looked for only if there is one.
    let difference = words.iter().enumerate().fold(0, |difference, (position, bytes)| {
        difference | (u64::from_le_bytes(*bytes) ^ body(computed, HEADER_WORDS + position))
    });
    let last = body(computed, HEADER_WORDS + words.len()).to_le_bytes();
    if difference == 0 && last.starts_with(rest) {
        return Ok(header);
    }
    let mut expected = vec![0; message.len()];
    header.fill(0, &mut expected);
    let offset = expected.iter().zip(message).position(|(expected, found)| expected != found).unwrap_or(0);
    Err(Torn::Body { offset, expected: expected[offset], found: message[offset], nonce })
}

/// Checks every byte of a message whose number, channel and length are known, and which may be shorter than a header.
/// That the header of a longer one says the same number and channel is not looked at here.
pub(crate) fn verify_known(message: &[u8], known: &Header) -> Result<Header, Torn> {
    if message.len() != known.length {
        return Err(Torn::Length { found: message.len(), noted: known.length as u64 });
    }
    if known.length >= HEADER {
        return verify(message);
    }
    let header = Header { nonce: 0, ..*known };
    let mut expected = [0; HEADER];
    header.write(&mut expected[..known.length]);
    match expected.iter().zip(message).position(|(expected, found)| expected != found) {
        None => Ok(header),
        Some(offset) => Err(Torn::Body { offset, expected: expected[offset], found: message[offset], nonce: 0 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(header: &Header) -> Vec<u8> {
        let mut bytes = vec![0; header.length];
        header.fill(0, &mut bytes);
        bytes
    }

    #[test]
    fn a_message_of_any_length_verifies() {
        for length in (HEADER..200).chain([4096, 1 << 20]) {
            let header = Header { sequence: 7, nonce: 99, channel: 63, length };
            assert_eq!(verify(&message(&header)), Ok(header));
        }
    }

    #[test]
    fn a_message_written_in_pieces_is_the_same() {
        let header = Header { sequence: 1, nonce: 2, channel: 3, length: 1001 };
        let mut pieces = vec![0; header.length];
        for (number, piece) in pieces.chunks_mut(24).enumerate() {
            header.fill(number * 24, piece);
        }
        assert_eq!(pieces, message(&header));
    }

    #[test]
    fn one_wrong_bit_anywhere_is_found() {
        let header = Header { sequence: 5, nonce: 6, channel: 1, length: 75 };
        let whole = message(&header);
        for byte in 0..whole.len() {
            for bit in 0..8 {
                let mut broken = whole.clone();
                broken[byte] ^= 1 << bit;
                assert!(verify(&broken).is_err(), "bit {bit} of byte {byte}");
            }
        }
    }

    #[test]
    fn a_mixture_of_two_attempts_is_found_wherever_it_is_cut() {
        let first = message(&Header { sequence: 5, nonce: 1, channel: 1, length: 96 });
        let second = message(&Header { sequence: 5, nonce: 2, channel: 1, length: 96 });
        // The first eight bytes are the same in both.
        for cut in 9..96 {
            let mixture = [&first[..cut], &second[cut..]].concat();
            assert!(verify(&mixture).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_message_shorter_than_a_header_proves_itself_too() {
        for length in 0..100 {
            let header = Header { sequence: 7, nonce: 99, channel: 3, length };
            let mut message = vec![0; length];
            header.write(&mut message);
            let nonce = if length < HEADER { 0 } else { 99 };
            assert_eq!(verify_known(&message, &header), Ok(Header { nonce, ..header }));
            assert!(verify_known(&message, &Header { length: length + 1, ..header }).is_err());
            for byte in 0..length {
                message[byte] ^= 1;
                assert!(verify_known(&message, &header).is_err(), "byte {byte} of {length}");
                message[byte] ^= 1;
            }
        }
    }

    #[test]
    fn lengths_go_from_nothing_to_the_capacity() {
        let lengths: Vec<usize> = (0..1000).map(|sequence| length_of(1, sequence, 40)).collect();
        for length in 0..=40 {
            assert!(lengths.contains(&length), "{length}");
        }
        assert!(lengths.iter().all(|&length| length <= 40));
        assert!((0..100).all(|sequence| length_of(0, sequence, 0) == 0));
    }

    #[test]
    fn a_message_cut_short_is_found() {
        let whole = message(&Header { sequence: 5, nonce: 6, channel: 1, length: 75 });
        assert_eq!(verify(&whole[..31]), Err(Torn::Short { found: 31 }));
        assert_eq!(verify(&whole[..74]), Err(Torn::Length { found: 74, noted: 75 }));
    }
}
