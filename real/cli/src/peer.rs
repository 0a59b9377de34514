//! Waiting for what another process has yet to create.

use crate::stop::Stop;
use crate::tell::tell;
use lastword::OpenError;
use std::fmt::Display;
use std::time::Duration;

const POLL: Duration = Duration::from_millis(50);

/// What `open` opens, as soon as it is there; `None` if a signal came before. That it waits is said once, on standard
/// error, as `waiting for {what}`.
///
/// # Errors
/// Another one than that it is not there yet.
pub(crate) fn wait_for<T>(
    stop: &Stop,
    what: impl Display,
    mut open: impl FnMut() -> Result<T, OpenError>,
) -> Result<Option<T>, OpenError> {
    let mut is_said = false;
    loop {
        match open() {
            Ok(opened) => return Ok(Some(opened)),
            Err(OpenError::NotFound { .. } | OpenError::Incomplete { .. }) => {}
            Err(error) => return Err(error),
        }
        if !is_said {
            tell!("waiting for {what}");
            is_said = true;
        }
        if stop.sleep(POLL) {
            return Ok(None);
        }
    }
}
