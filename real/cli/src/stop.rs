//! Being asked to end.

use crate::signals;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Whether a signal has asked this process to end. Clones tell of the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    signal: Mutex<Option<i32>>,
    came: Condvar,
}

impl Stop {
    /// From now on the signals that end a program ask this process to end, as [`signals::listen`] says.
    pub(crate) fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        let told = stop.clone();
        signals::listen(move |signal| told.ask(signal))?;
        Ok(stop)
    }

    /// Asks for the end, as that signal would.
    pub(crate) fn ask(&self, signal: i32) {
        self.0.signal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(signal);
        self.0.came.notify_all();
    }

    /// The first signal that came, if one did.
    pub(crate) fn signal(&self) -> Option<i32> {
        *self.0.signal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one came.
    pub(crate) fn is_asked(&self) -> bool {
        self.signal().is_some()
    }

    /// Sleeps for so long, or until a signal comes; whether one came.
    pub(crate) fn sleep(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let mut signal = self.0.signal.lock().unwrap_or_else(PoisonError::into_inner);
        while signal.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            signal = self.0.came.wait_timeout(signal, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signal_hook::consts::{SIGINT, SIGTERM};
    use std::thread;

    #[test]
    fn the_first_signal_counts_and_ends_every_sleep() {
        let stop = Stop::default();
        assert!(!stop.sleep(Duration::from_millis(1)) && !stop.is_asked());
        let asked = stop.clone();
        let asking = thread::spawn(move || [SIGTERM, SIGINT].map(|signal| asked.ask(signal)));
        assert!(stop.sleep(Duration::from_secs(60)));
        asking.join().expect("it asks");
        assert_eq!(stop.signal(), Some(SIGTERM));
    }
}
