//! The same operations while words are overwritten: whatever is found, an operation ends, within the accesses promised,
//! with a result or an error. Then everybody is started again: where the last message's number is left, a message goes
//! through, and where it is not, it does in a new channel.

use super::judged::STEPS_MAX;
use super::{Bench, Dimensions, Garbage, Step};
use lastword_protocol::model::{MESSAGE_MAX, Scenario};
use lastword_protocol::ready::{self, SendError};
use lastword_protocol::slots::{self, PeekError, PublishError};
use lastword_protocol::status;

const PEEK_ATTEMPTS: u32 = 3;
/// What the first message after the end is made of.
const LAST: u8 = 0xa5;

/// Runs an operation, which garbage may strike, within so many actions.
fn bounded<S: Scenario, T>(
    bench: &Bench<S>,
    step: &Step,
    garbage: Option<&Garbage>,
    most: u32,
    act: impl FnOnce() -> T,
) -> Option<T> {
    if let Some(garbage) = garbage {
        bench.strike(garbage.strike(bench.cells()));
    }
    let result = bench.perform(0, step.dies_after(), || Ok(act()));
    assert!(bench.actions() <= most, "{} accesses, and {most} are promised", bench.actions());
    result.map(|result| result.expect("nobody judges"))
}

pub(super) fn slots(dimensions: &Dimensions, steps: &[Step], garbage: &[Garbage]) {
    let empty = [&[][..]; 1 + lastword_protocol::model::slots::READERS_MAX];
    let scenario = dimensions.slots(&empty);
    let bench = Bench::new(scenario, false);
    let layout = scenario.layout();
    let consumers = u32::from(layout.consumers());
    // A word that is written in part is read first; in place, a message is written in two pieces.
    let payload = 2 * (layout.capacity().div_ceil(8) as u32 + 3);
    let mut producer = None;
    let mut locked: Vec<_> = (0..layout.consumers()).map(|_| None).collect();
    let observer = slots::Observer::new(&bench, layout);
    let mut buffer = [0; MESSAGE_MAX];
    for (number, step) in steps.iter().take(STEPS_MAX).enumerate() {
        let strike = garbage.get(number);
        let bytes = &mut buffer[..step.length(dimensions.capacity).into()];
        let process = usize::from(step.process) % scenario.processes();
        if process == 0 {
            let most = 4 * consumers + 7 + payload;
            let now = producer.take();
            producer = bounded(&bench, step, strike, most, || {
                let mut now = now.or_else(|| slots::Producer::recover(&bench, layout).ok())?;
                let published = match step.operation % 3 {
                    0 => now.publish(bytes),
                    1 => now.loan(bytes.len()).and_then(|mut loan| {
                        let (left, right) = bytes.split_at(bytes.len() / 2);
                        loan.write(left.len(), right)?;
                        loan.write(0, left)?;
                        Ok(loan.publish())
                    }),
                    _ => {
                        let _ = now
                            .last_length()
                            .map(|length| length.map(|length| now.read_last(0, &mut [0; MESSAGE_MAX][..length])));
                        return Some(now);
                    }
                };
                let is_expected = matches!(published, Ok(_) | Err(PublishError::Corrupt(_) | PublishError::NoFreeSlot));
                assert!(is_expected, "{published:?}");
                Some(now)
            })
            .flatten();
        } else if let Some(place) = locked.get_mut(process - 1) {
            let now = place.take();
            *place = bounded(&bench, step, strike, 13 + payload, || {
                let start = || slots::Consumer::recover(&bench, layout, (process - 1) as u8).expect("it is there").0;
                let mut now = now.unwrap_or_else(start);
                match step.operation % 4 {
                    0 | 1 => {
                        let acquired = now.acquire();
                        assert_eq!(now.held(), acquired.unwrap_or(None), "after an error nothing is locked");
                    }
                    2 => now.release(),
                    _ => drop(now.newest()),
                }
                if let Some(message) = now.held() {
                    assert!(now.read(0, &mut [0; MESSAGE_MAX][..message.length()]), "what is held can be read");
                }
                now
            });
        } else {
            let most = PEEK_ATTEMPTS * (3 + payload);
            bounded(&bench, step, strike, most, || match observer.peek(bytes, PEEK_ATTEMPTS) {
                Ok(Some((_, length))) => assert!(length <= bytes.len()),
                Ok(None) | Err(PeekError::Overtaken { .. } | PeekError::Corrupt(_)) => {}
                Err(PeekError::BufferTooSmall { length, .. }) => assert!(length > bytes.len()),
            });
        }
    }
    if !slots_go_through(&bench) {
        assert!(slots_go_through(&Bench::new(scenario, false)), "a new channel works");
    }
}

/// Starts everybody again, and has a message go through; false where the numbering is lost.
fn slots_go_through(bench: &Bench<lastword_protocol::model::slots::Scenario<'_>>) -> bool {
    let layout = bench.scenario().layout();
    let recover = |index| slots::Consumer::recover(bench, layout, index).expect("it is there").0;
    let mut consumers: Vec<_> = (0..layout.consumers()).map(recover).collect();
    let Ok(mut producer) = slots::Producer::recover(bench, layout) else { return false };
    let message = vec![LAST; layout.capacity()];
    let stamp = producer.publish(&message).expect("every lock word has been repaired");
    for consumer in &mut consumers {
        let locked = consumer.acquire().expect("it is whole").expect("it is out");
        let mut bytes = vec![0; locked.length()];
        assert!(consumer.read(0, &mut bytes));
        assert_eq!((locked.stamp(), bytes), (stamp, message.clone()));
    }
    let mut bytes = vec![0; message.len()];
    let peeked = slots::Observer::new(bench, layout).peek(&mut bytes, 1);
    assert_eq!((peeked, bytes), (Ok(Some((stamp, message.len()))), message));
    true
}

pub(super) fn ready(dimensions: &Dimensions, steps: &[Step], garbage: &[Garbage]) {
    let scenario = dimensions.ready(&[&[], &[]]);
    let bench = Bench::new(scenario, false);
    let layout = scenario.layout();
    let payload = layout.capacity().div_ceil(8) as u32 + 2;
    let (mut writer, mut reader) = (None, None);
    let mut buffer = [0; MESSAGE_MAX];
    for (number, step) in steps.iter().take(STEPS_MAX).enumerate() {
        let strike = garbage.get(number);
        if step.process.is_multiple_of(2) {
            let bytes = &buffer[..step.length(dimensions.capacity).into()];
            let now = writer.take();
            writer = bounded(&bench, step, strike, 7 + payload, || {
                let mut now = now.or_else(|| ready::Writer::recover(&bench, layout).ok().map(|(writer, _)| writer))?;
                let sent = now.try_send(bytes);
                assert!(matches!(sent, Ok(_) | Err(SendError::Full | SendError::Corrupt(_))), "{sent:?}");
                Some(now)
            })
            .flatten();
        } else {
            let now = reader.take();
            reader = bounded(&bench, step, strike, 7 + payload, || {
                let mut now = now.or_else(|| ready::Reader::recover(&bench, layout).ok())?;
                if let Ok(Some(message)) = now.try_receive() {
                    assert!(now.read(0, &mut buffer[..message.length()]), "what is received can be read");
                    if step.operation % 2 == 1 {
                        now.clear();
                    }
                }
                Some(now)
            })
            .flatten();
        }
    }
    if !ready_go_through(&bench) {
        assert!(ready_go_through(&Bench::new(scenario, false)), "a new mailbox works");
    }
}

/// Starts both again, and has a message go through; false where the numbering or the message that waits is lost.
fn ready_go_through(bench: &Bench<lastword_protocol::model::ready::Scenario<'_>>) -> bool {
    let layout = bench.scenario().layout();
    let Ok((mut writer, _)) = ready::Writer::recover(bench, layout) else { return false };
    let Ok(mut reader) = ready::Reader::recover(bench, layout) else { return false };
    if reader.try_receive().is_err() {
        return false;
    }
    reader.clear();
    let message = vec![LAST; layout.capacity()];
    let sequence = writer.try_send(&message).expect("what waited has been consumed");
    let received = reader.try_receive().expect("it is whole").expect("it is out");
    let mut bytes = vec![0; received.length()];
    assert!(reader.read(0, &mut bytes));
    assert_eq!((received.sequence(), bytes), (sequence, message));
    true
}

pub(super) fn status(dimensions: &Dimensions, steps: &[Step], garbage: &[Garbage]) {
    let scenario = dimensions.status(&[]);
    let bench = Bench::new(scenario, false);
    let layout = scenario.layout();
    let (mut writer, monitor) = (status::Writer::recover(&bench, layout), status::Monitor::new(&bench, layout));
    for (number, step) in steps.iter().take(STEPS_MAX).enumerate() {
        let index = u16::from(step.operation) % (layout.words() + 1);
        let is_there = index < layout.words();
        let value = u64::from(step.length) << 56 | number as u64;
        bounded(&bench, step, garbage.get(number), 5, || {
            if step.process.is_multiple_of(2) {
                assert_eq!(writer.set(index, value).is_ok(), is_there);
            }
            let _ = (monitor.get::<u32>(index), monitor.get::<bool>(index), monitor.get::<f64>(index));
            assert_eq!(monitor.get::<u64>(index).is_ok(), is_there);
        });
    }
    for index in 0..layout.words() {
        writer.set(index, u64::from(LAST)).expect("it is there");
        assert_eq!(monitor.get(index), Ok(u64::from(LAST)));
    }
}
