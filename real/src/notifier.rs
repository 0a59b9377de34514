//! A file descriptor that becomes readable when there is another message, for event loops and async runtimes.

use crate::error::OsError;
use crate::generation::Link;
use crate::region::process_id;
use crate::slots::SlotsMemory;
use crate::waiting::BACKSTOP;
use lastword_protocol::slots::{Sequence, Waiter};
use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

/// What a consumer shares with its notifiers.
///
/// The lock is had by who notes that it goes to sleep: the threads of a process share its wait word.
#[derive(Debug, Default)]
pub(crate) struct Doze {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_over: bool,
    notifiers: Vec<Weak<Shared>>,
}

impl Doze {
    /// Runs `act` while no other thread does; `None` where the consumer has gone, and its wait word is another's.
    pub(crate) fn alone<T>(&self, act: impl FnOnce() -> T) -> Option<T> {
        let state = locked(&self.state);
        (!state.is_over).then(act)
    }

    /// From now on the wait word is not written any more. Who polls a notifier is told.
    pub(crate) fn end(&self) {
        let mut state = locked(&self.state);
        state.is_over = true;
        for notifier in state.notifiers.drain(..).filter_map(|notifier| notifier.upgrade()) {
            notifier.end();
        }
    }

    fn add(&self, notifier: &Arc<Shared>) {
        let mut state = locked(&self.state);
        state.notifiers.retain(|other| other.strong_count() > 0);
        state.notifiers.push(Arc::downgrade(notifier));
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Another message than this one.
    Other(Option<Sequence>),
    /// Nothing, until it is armed again.
    Rest,
    /// The end.
    End,
}

#[derive(Debug)]
struct Shared {
    order: Mutex<Order>,
    changed: Condvar,
    event: EventFd,
}

impl Shared {
    /// Makes the descriptor readable.
    fn fire(&self) {
        // It fails only where the counter is full, and then it is readable.
        let _ = self.event.write(1);
    }

    /// Ends the thread, and makes the descriptor readable for good.
    fn end(&self) {
        *locked(&self.order) = Order::End;
        self.changed.notify_all();
        self.fire();
    }
}

/// A file descriptor that is readable once there is a message which its consumer has not had: for poll(2), epoll(7),
/// and the runtimes that are built on them (with tokio, `AsyncFd<Notifier>`).
///
/// Made by [`Consumer::notifier`](crate::Consumer::notifier). It stays readable until
/// [`Consumer::rearm`](crate::Consumer::rearm), which is called after the message was acquired; what is published in
/// between is not missed. It is readable too when the channel was replaced, and for good once its consumer is gone.
///
/// A thread of this process sleeps for it, since the kernel has no descriptor that another process could make readable
/// by its name alone. It ends with the notifier or with the consumer, 100 ms later at most.
///
/// In a forked child nothing makes it readable.
#[derive(Debug)]
pub struct Notifier {
    shared: Arc<Shared>,
    consumer: Arc<Doze>,
    process: u32,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What it guards is one word, whole at any time.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Notifier {
    /// Notifies of messages other than `seen`.
    pub(crate) fn start(
        name: &str,
        memory: SlotsMemory,
        link: Link,
        consumer: u8,
        seen: Option<Sequence>,
        doze: Arc<Doze>,
    ) -> Result<Self, OsError> {
        let event = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
            .map_err(|errno| OsError::new(name, "eventfd", errno))?;
        let shared = Arc::new(Shared { order: Mutex::new(Order::Other(seen)), changed: Condvar::new(), event });
        let notifier = Self { shared: Arc::clone(&shared), consumer: Arc::clone(&doze), process: process_id() };
        doze.add(&shared);
        let work = move || {
            let layout = memory.layout;
            if let Some(waiter) = Waiter::new(memory, layout, consumer) {
                notify(&shared, &waiter, &link, &doze);
            }
        };
        let started = std::thread::Builder::new().name("lastword-notifier".to_owned()).spawn(work);
        // Its end is not waited for.
        started.map(drop).map_err(|error| {
            OsError::new(name, "pthread_create", Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EAGAIN as i32)))
        })?;
        Ok(notifier)
    }

    /// Makes the descriptor unreadable until there is another message than the newest one that its consumer has had,
    /// which is `seen`. If there is one already, it is readable again at once; of another consumer, it is at once.
    pub(crate) fn rearm(&self, consumer: &Arc<Doze>, seen: Option<Sequence>) {
        if !Arc::ptr_eq(&self.consumer, consumer) {
            return self.shared.fire();
        }
        let mut order = locked(&self.shared.order);
        if *order != Order::End {
            // Where it was not readable there is nothing to read.
            let _ = self.shared.event.read();
            *order = Order::Other(seen);
            // If the thread sleeps, then on what the consumer has seen, or on what a publish has ended.
            self.shared.changed.notify_all();
        }
    }
}

/// The thread's work.
fn notify(shared: &Shared, waiter: &Waiter<SlotsMemory>, link: &Link, doze: &Doze) {
    loop {
        let seen = {
            let mut order = locked(&shared.order);
            while *order == Order::Rest {
                order = shared.changed.wait(order).unwrap_or_else(PoisonError::into_inner);
            }
            match *order {
                Order::Other(seen) => seen,
                Order::Rest | Order::End => return,
            }
        };
        let dozes = if link.is_replaced() { Some(Ok(None)) } else { doze.alone(|| waiter.doze(seen)) };
        match dozes {
            Some(Ok(Some(doze))) => waiter.sleep(doze, BACKSTOP),
            // There is another message; or a word is garbage, which the consumer is told when it acquires.
            Some(Ok(None) | Err(_)) => {
                let mut order = locked(&shared.order);
                if *order == Order::Other(seen) {
                    shared.fire();
                    *order = Order::Rest;
                }
            }
            None => return,
        }
    }
}

impl AsFd for Notifier {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.event.as_fd()
    }
}

impl AsRawFd for Notifier {
    fn as_raw_fd(&self) -> RawFd {
        self.shared.event.as_fd().as_raw_fd()
    }
}

impl Drop for Notifier {
    /// The thread ends by itself, at the latest when it looks again. A forked child has no such thread, and it may have
    /// had the lock when that was forked.
    fn drop(&mut self) {
        if self.process == process_id() {
            self.shared.end();
        }
    }
}
