//! A channel that is found: taking its roles, and working with those that were had.

use super::model::{self, Verdict};
use super::planted::Pose;
use super::scratch::Scratch;
use super::{Found, Input, STEPS_MAX, Step, says};
use lastword::protocol::slots;
use lastword::zerocopy::{FromBytes, IntoBytes};
use lastword::{
    AcquireError, Channel, Consumer, Loan, Message, ObjectKind, Observer, OpenError, PeekError, Producer, PublishError,
    Recovery, Sample, Sequence, UntypedObserver,
};

type Last = Option<(Sequence, Vec<u8>)>;

/// What a channel that is created gets where nobody asks for anything.
const CONSUMERS_DEFAULT: u8 = 8;

/// A type of messages; the calls that differ between types of fixed size and bytes.
pub(super) trait Subject: Message {
    fn channel(name: &str, capacity: Option<u16>) -> Channel<Self>;
    /// The length of its messages; `None` where it varies.
    const SIZE: Option<usize>;
    fn publish(producer: &mut Producer<Self>, message: &[u8]) -> Result<Sequence, PublishError>;
    fn loan(producer: &mut Producer<Self>, length: usize) -> Result<Loan<'_, Self>, PublishError>;
    fn read(sample: &Sample<'_, Self>) -> Vec<u8>;
    fn read_last(producer: &Producer<Self>) -> Result<Option<Vec<u8>>, AcquireError>;
    fn peek(observer: &Observer<Self>) -> Result<Last, PeekError>;
}

impl Subject for [u8] {
    fn channel(name: &str, capacity: Option<u16>) -> Channel<Self> {
        let channel = Channel::new(name).expect("a name");
        capacity.map_or(channel.clone(), |capacity| channel.capacity(capacity.into()))
    }
    const SIZE: Option<usize> = None;
    fn publish(producer: &mut Producer<Self>, message: &[u8]) -> Result<Sequence, PublishError> {
        producer.publish(message)
    }
    fn loan(producer: &mut Producer<Self>, length: usize) -> Result<Loan<'_, Self>, PublishError> {
        producer.loan_bytes(length)
    }
    fn read(sample: &Sample<'_, Self>) -> Vec<u8> {
        sample.to_vec()
    }
    fn read_last(producer: &Producer<Self>) -> Result<Option<Vec<u8>>, AcquireError> {
        producer.read_last_bytes()
    }
    fn peek(observer: &Observer<Self>) -> Result<Last, PeekError> {
        observer.peek_bytes()
    }
}

macro_rules! sized {
    ($($kind:ty),*) => {$(
        impl Subject for $kind {
            fn channel(name: &str, _: Option<u16>) -> Channel<Self> {
                Channel::new(name).expect("a name")
            }
            const SIZE: Option<usize> = Some(size_of::<$kind>());
            fn publish(producer: &mut Producer<Self>, message: &[u8]) -> Result<Sequence, PublishError> {
                producer.publish(&<$kind>::read_from_bytes(message).expect("it is as long as the type"))
            }
            fn loan(producer: &mut Producer<Self>, _: usize) -> Result<Loan<'_, Self>, PublishError> {
                producer.loan()
            }
            fn read(sample: &Sample<'_, Self>) -> Vec<u8> {
                sample.read().as_bytes().to_vec()
            }
            fn read_last(producer: &Producer<Self>) -> Result<Option<Vec<u8>>, AcquireError> {
                Ok(producer.read_last()?.map(|message| message.as_bytes().to_vec()))
            }
            fn peek(observer: &Observer<Self>) -> Result<Last, PeekError> {
                Ok(observer.peek()?.map(|(sequence, message)| (sequence, message.as_bytes().to_vec())))
            }
        }
    )*};
}

sized! { Pose, u64 }

/// Takes every role of the channel found, and works with them.
pub(super) fn exercise<T: Subject + ?Sized>(scratch: &Scratch, found: &Found, input: &Input) {
    let asked = input.asked.unwrap_or_default();
    let channel = T::channel(scratch.name(), asked.capacity);
    let channel = asked.consumers.map_or(channel.clone(), |consumers| channel.consumers(consumers));
    let capacity = T::SIZE.map_or(asked.capacity.map(u64::from), |size| Some(size as u64));
    let expected = model::Asked { consumers: asked.consumers, capacity, payload: Some(T::LAYOUT) };
    let verdict = model::channel(found.of(ObjectKind::Locks), found.of(ObjectKind::Data), &expected);

    observe_untyped(scratch, found);
    let observer = says(channel.observer(), scratch);
    assert_eq!(observer.is_ok(), matches!(verdict, Verdict::Attach { .. }), "{verdict:?}");
    let created = asked.consumers.unwrap_or(CONSUMERS_DEFAULT);
    let is_possible = capacity.is_some() && (1..=lastword::CONSUMERS_MAX).contains(&created);
    // Consumers that there will be, and whether a producer finds a number to go on from.
    let (consumers, is_numbered) = match verdict {
        Verdict::Attach { count, is_numbered } => (count, is_numbered),
        Verdict::Create if is_possible => (created.into(), true),
        Verdict::Create | Verdict::Refuse => (0, false),
    };
    let take_consumer = || {
        let consumer = asked.index.map_or_else(|| channel.any_consumer(), |index| channel.consumer(index));
        let consumer = says(consumer, scratch);
        assert_eq!(consumer.is_ok(), asked.index.map_or(0, u16::from) < consumers, "{verdict:?}");
        consumer.ok()
    };
    let take_producer = || {
        let producer = says(channel.producer(), scratch);
        assert_eq!(producer.is_ok(), is_numbered, "{verdict:?}");
        if let Err(error) = &producer {
            let is_attached = matches!(verdict, Verdict::Attach { .. });
            assert_eq!(matches!(error, OpenError::Corrupt { .. }), is_attached, "{error}");
        }
        producer.ok()
    };
    let (producer, consumer) = if input.is_consumer_first {
        let consumer = take_consumer();
        (take_producer(), consumer)
    } else {
        let producer = take_producer();
        (producer, take_consumer())
    };
    if verdict == Verdict::Refuse {
        for kind in [ObjectKind::Locks, ObjectKind::Data] {
            assert_eq!(scratch.read(kind).as_deref(), found.of(kind), "what is refused is left as it is");
        }
    }
    // What was not there before may be there now.
    let observer = observer.or_else(|_| says(channel.observer(), scratch)).ok();
    assert_eq!(observer.is_some(), consumers > 0);
    let capacity = observer.as_ref().map_or(0, Observer::capacity);
    let attached = found.of(ObjectKind::Data).filter(|_| matches!(verdict, Verdict::Attach { .. }));
    let newest = attached.map_or(Ok(None), |data| model::newest(data, T::SIZE));
    let mut roles = Roles { scratch, channel, producer, consumer, observer, capacity, newest, kept: None };
    roles.take_over();
    if roles.kept.is_some() {
        let mut messages = (0..=u8::MAX).map(|slot| model::message(attached?, slot.into(), T::SIZE));
        assert!(messages.any(|message| message == roles.kept), "what is locked is a message that was there");
    }
    for step in input.steps.iter().take(STEPS_MAX) {
        roles.take_step(*step);
    }
}

/// Looks at the channel without knowing its type. What it says of its messages is what the model reads, and whatever
/// they are, they can be shown.
fn observe_untyped(scratch: &Scratch, found: &Found) {
    let (locks, data) = (found.of(ObjectKind::Locks), found.of(ObjectKind::Data));
    let fields = model::fields(locks, data);
    let observer = says(UntypedObserver::open(scratch.name()), scratch);
    assert_eq!(observer.is_ok(), fields.is_some(), "{:?}", observer.err());
    let (Ok(observer), Some(fields)) = (observer, fields) else { return };
    let description = observer.description();
    assert!(description.fields().map(|field| field.name).eq(fields.iter().map(|field| field.name.as_str())));
    let Ok(Some((_, message))) = says(observer.peek(), scratch) else { return };
    for message in [&message[..], &message[..message.len() / 2]] {
        let text = description.text(message).to_string();
        assert_eq!(text.lines().count(), fields.len());
        assert!(!text.chars().any(|char| char.is_control() && char != '\n'), "{text:?}");
        assert!(description.json(message).to_string().ends_with('}'));
        for value in description.values(message) {
            assert!(value.elements().count() <= message.len(), "{value}");
        }
    }
}

/// The roles that were had, and what is known of the messages.
struct Roles<'s, T: Subject + ?Sized> {
    scratch: &'s Scratch,
    channel: Channel<T>,
    producer: Option<Producer<T>>,
    consumer: Option<Consumer<T>>,
    observer: Option<Observer<T>>,
    capacity: usize,
    /// What was published last, as it was found or by us; `Err` where it is garbage.
    newest: Result<Last, ()>,
    /// What the consumer has locked.
    kept: Last,
}

impl<T: Subject + ?Sized> Roles<'_, T> {
    /// Looks at what a predecessor of the consumer had locked.
    fn take_over(&mut self) {
        let Some(consumer) = &mut self.consumer else { return };
        let recovery = consumer.recovery();
        if let Recovery::Repaired(corrupt) = recovery {
            assert!(!corrupt.to_string().is_empty());
        }
        self.kept = consumer.held().map(|sample| {
            let read = (sample.sequence(), T::read(&sample));
            sample.keep();
            read
        });
        assert_eq!(self.kept.is_some(), matches!(recovery, Recovery::Held(_)));
    }

    fn take_step(&mut self, step: Step) {
        match step {
            Step::Publish(length, byte) => self.publish(length, byte, false),
            Step::Loan(length, byte) => self.publish(length, byte, true),
            Step::Acquire { keeps } => self.acquire(keeps),
            Step::Held { keeps } => self.look_at_held(keeps),
            Step::Peek => self.peek(),
            Step::ReadLast => self.read_last(),
            Step::Restart => self.restart(),
            Step::Contend => self.contend(),
            Step::Set(..) | Step::Get(..) => {}
        }
    }

    fn publish(&mut self, length: u16, byte: u8, in_place: bool) {
        let Some(producer) = &mut self.producer else { return };
        // Two more than there can be, to be refused now and then.
        let length = T::SIZE.unwrap_or(usize::from(length) % (self.capacity + 3));
        let message = vec![byte; length];
        let previous = producer.last();
        let published = if in_place {
            T::loan(producer, length).and_then(|mut loan| {
                assert!(says(loan.write_at(length, &[byte]), self.scratch).is_err(), "it is outside of the loan");
                loan.write_at(0, &message)?;
                Ok(loan.publish())
            })
        } else {
            T::publish(producer, &message)
        };
        match says(published, self.scratch) {
            Ok(sequence) => {
                assert_eq!(sequence, previous.map_or(Sequence::FIRST, Sequence::next));
                self.newest = Ok(Some((sequence, message)));
            }
            Err(PublishError { source: slots::PublishError::Corrupt(_), .. }) => assert_eq!(producer.last(), previous),
            Err(error) => assert!(length > self.capacity, "{error}"),
        }
    }

    fn acquire(&mut self, keeps: bool) {
        let Some(consumer) = &mut self.consumer else { return };
        if let Err(error) = consumer.has_newer() {
            assert!(error.to_string().contains(self.scratch.name()));
        }
        self.kept = None;
        let acquired = says(consumer.acquire(), self.scratch).map(|sample| {
            sample.map(|sample| {
                let read = (sample.sequence(), T::read(&sample));
                assert!(sample.len() == read.1.len() && read.1.len() <= self.capacity);
                if keeps {
                    sample.keep();
                }
                read
            })
        });
        match acquired {
            Ok(read) => {
                assert_eq!(Ok(&read), self.newest.as_ref());
                self.kept = read.filter(|_| keeps);
            }
            Err(error) => {
                assert_eq!(self.newest, Err(()), "{error}");
                assert!(consumer.held().is_none(), "nothing is locked then");
            }
        }
    }

    /// What is locked stays as it was, whatever was published meanwhile.
    fn look_at_held(&mut self, keeps: bool) {
        let Some(consumer) = &mut self.consumer else { return };
        let held = consumer.held().map(|sample| {
            let read = (sample.sequence(), T::read(&sample));
            if keeps {
                sample.keep();
            }
            read
        });
        assert_eq!(held, self.kept);
        self.kept = held.filter(|_| keeps);
    }

    fn peek(&self) {
        let Some(observer) = &self.observer else { return };
        for peeked in [T::peek(observer), observer.peek_bytes()] {
            match says(peeked, self.scratch) {
                Ok(read) => assert_eq!(Ok(read), self.newest),
                Err(error) => assert_eq!(self.newest, Err(()), "{error}"),
            }
        }
    }

    fn read_last(&self) {
        let Some(producer) = &self.producer else { return };
        match says(T::read_last(producer), self.scratch) {
            Ok(read) => assert_eq!(Ok(read), self.newest.clone().map(|newest| newest.map(|(_, message)| message))),
            Err(error) => assert_eq!(self.newest, Err(()), "{error}"),
        }
    }

    /// A successor finds locked what its predecessor had kept.
    fn restart(&mut self) {
        let Some(consumer) = self.consumer.take() else { return };
        let index = consumer.index();
        drop(consumer);
        let kept = self.kept.take();
        self.consumer = Some(self.channel.consumer(index).expect("the role was had before"));
        self.take_over();
        assert_eq!(self.kept, kept);
    }

    fn contend(&self) {
        if self.producer.is_some() {
            assert!(says(self.channel.producer(), self.scratch).is_err(), "the role is taken");
        }
        if let Some(consumer) = &self.consumer {
            let again = says(self.channel.consumer(consumer.index()), self.scratch);
            assert!(again.is_err(), "the role is taken");
            let other = says(self.channel.any_consumer(), self.scratch);
            assert_eq!(other.is_ok(), consumer.consumers() > 1);
        }
    }
}
