//! Waiting for another process: a little spinning, then sleep.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Longest sleep without looking again.
///
/// Whoever changes what is waited for wakes. It may be killed in between, and then its successor wakes; this is for the
/// time until there is one.
pub(crate) const BACKSTOP: Duration = Duration::from_millis(100);
/// How often is looked before going to sleep: a few microseconds, which is about what going to sleep costs.
const SPINS: u32 = 100;

/// Waits until `look` breaks off, or until `timeout` has passed; what it broke off with, or false.
///
/// `look` is cheap. `sleep` sleeps until there is something to see, for at most the time it is given, or shorter.
pub(crate) fn wait<E>(
    timeout: Option<Duration>,
    mut look: impl FnMut() -> Result<ControlFlow<bool>, E>,
    mut sleep: impl FnMut(Duration) -> Result<(), E>,
) -> Result<bool, E> {
    // A time that no clock can count to is none that anybody lives to see.
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let mut spins = if timeout == Some(Duration::ZERO) { SPINS } else { 0 };
    loop {
        if let ControlFlow::Break(is_there) = look()? {
            return Ok(is_there);
        }
        if spins < SPINS {
            spins += 1;
            std::hint::spin_loop();
            continue;
        }
        let longest = longest();
        let left = deadline.map_or(longest, |deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Ok(false);
        }
        sleep(left.min(longest))?;
    }
}

/// As a look sees it: there, or not yet.
pub(crate) fn seen(is_there: bool) -> ControlFlow<bool> {
    if is_there { ControlFlow::Break(true) } else { ControlFlow::Continue(()) }
}

/// The longest sleep of this process without looking again.
#[cfg(not(feature = "broken"))]
fn longest() -> Duration {
    BACKSTOP
}

/// The same, which the environment may take away: then a lost wake-up is lost for good.
#[cfg(feature = "broken")]
fn longest() -> Duration {
    if crate::broken::has_backstop() { BACKSTOP } else { Duration::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Channel;
    use std::convert::Infallible;

    fn not_yet() -> Result<ControlFlow<bool>, Infallible> {
        Ok(seen(false))
    }

    #[test]
    fn a_time_that_is_over_is_looked_at_once_and_not_slept_through() {
        let (mut looks, mut sleeps) = (0, 0);
        let look = || {
            looks += 1;
            not_yet()
        };
        let sleep = |_| {
            sleeps += 1;
            Ok(())
        };
        assert_eq!(wait(Some(Duration::ZERO), look, sleep), Ok(false));
        assert_eq!((looks, sleeps), (1, 0));
    }

    #[test]
    fn no_sleep_is_longer_than_the_backstop_nor_than_what_is_left() {
        let (mut looks, mut limits) = (0, Vec::new());
        let look = || {
            looks += 1;
            Ok::<_, Infallible>(seen(looks == SPINS + 4))
        };
        let sleep = |limit| {
            limits.push(limit);
            Ok(())
        };
        assert_eq!(wait(None, look, sleep), Ok(true));
        assert_eq!(limits, [BACKSTOP; 3], "it looks after every sleep");
        let longest = Duration::from_millis(1);
        let sleep = |limit| {
            assert!(limit <= longest, "{limit:?}");
            std::thread::sleep(limit);
            Ok(())
        };
        assert_eq!(wait(Some(longest), not_yet, sleep), Ok(false));
        let mut slept = false;
        let never = wait(
            Some(Duration::MAX),
            || Ok::<_, Infallible>(ControlFlow::Break(false)),
            |_| {
                slept = true;
                Ok(())
            },
        );
        assert_eq!((never, slept), (Ok(false), false), "what will never be there is not waited for");
    }

    /// Without the backstop, which would make up for a lost wake-up: this test would not end.
    #[test]
    fn no_wake_up_is_lost_where_nobody_dies() {
        const ROUNDS: u64 = 20_000;
        let name = format!("test-waiting-{}", std::process::id());
        let (ball, back) = (format!("{name}.ball"), format!("{name}.back"));
        let ends = |mine: &str, other: &str| {
            let producer = Channel::<u64>::new(mine)?.consumers(1).producer()?;
            let consumer = Channel::<u64>::new(other)?.consumers(1).consumer(0)?;
            Ok::<_, crate::OpenError>((producer, consumer))
        };
        let (mut first, mut second) =
            (ends(&ball, &back).expect("the channels are new"), ends(&back, &ball).expect("the roles are free"));
        let play = |(producer, consumer): &mut (crate::Producer<u64>, crate::Consumer<u64>), serves: bool| {
            for round in 1..=ROUNDS {
                if serves {
                    producer.publish(&round).expect("published");
                }
                consumer.sleep_without_backstop();
                let sample = consumer.acquire().expect("no garbage").expect("a message");
                assert_eq!(sample.read(), round);
                drop(sample);
                if !serves {
                    producer.publish(&round).expect("published");
                }
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| play(&mut first, true));
            scope.spawn(|| play(&mut second, false));
        });
        drop((first, second));
        for name in [ball, back] {
            Channel::<u64>::new(&name).expect("a name").remove(crate::Force::No).expect("nobody uses it");
        }
    }
}
