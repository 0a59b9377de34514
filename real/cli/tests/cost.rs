//! What a tick costs the server, counted in its instructions: the same with nobody and with a hundred monitors watching.
//!
//! The server is stepped by ptrace from the return of one sleep to the entry of the next. Nothing is timed.
//! `cargo test -p lastword-cli --test cost -- --nocapture` prints the figures.
//!
//! The clock is read in the vDSO, whose code tries again when the kernel has just set the time. That has nothing to do
//! with who watches, so its instructions are counted by themselves. Outside of it a tick's number differs where the
//! arithmetic of times carries a second; the number that most ticks have is compared. A tick that is stepped so slowly
//! that its time is over before the sleep goes on with the next: the board tells, and such are left out.
#![cfg(target_arch = "x86_64")]

mod common;

use common::{Board, Running, lastword};
use lastword::status::Monitor;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::ops::Range;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

const MONITORS: usize = 100;
/// These read as fast as they can, besides.
const READERS: usize = 2;
const TICKS: usize = 30;
const INTERVAL_MS: &str = "100";
/// The two bytes of the instruction `syscall`.
const SYSCALL: i64 = 0x050f;
/// More than a tick has, by far.
const INSTRUCTIONS_MAX: u64 = 1_000_000;

/// What a tick took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tick {
    /// Without the clock's.
    instructions: u64,
    system_calls: u64,
}

/// The server's first thread, stepped.
struct Stepped {
    pid: Pid,
    /// Whether the instruction at an address is a system call.
    calls: HashMap<u64, bool>,
    /// Where the clock is read.
    vdso: Range<u64>,
    /// Instructions there.
    clock: u64,
}

impl Stepped {
    fn attach(pid: u32) -> Self {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("it lives");
        let vdso = maps.lines().find(|line| line.ends_with("[vdso]")).and_then(|line| line.split(' ').next());
        let address = |hex| u64::from_str_radix(hex, 16).expect("it is an address");
        let vdso = vdso.and_then(|range| range.split_once('-')).map_or(0..0, |(from, to)| address(from)..address(to));
        let pid = Pid::from_raw(pid.cast_signed());
        ptrace::seize(pid, Options::PTRACE_O_EXITKILL).expect(
            "a process may trace its child; where not, allow it (kernel.yama.ptrace_scope below 3, or \
             --cap-add=SYS_PTRACE in a container)",
        );
        ptrace::interrupt(pid).expect("it is traced");
        let stopped = waitpid(pid, None).expect("it is traced");
        assert!(matches!(stopped, WaitStatus::PtraceEvent(..)), "{stopped:?}");
        Self { pid, calls: HashMap::new(), vdso, clock: 0 }
    }

    /// Steps to the return of the next sleep; what came before it.
    fn tick(&mut self) -> Tick {
        let mut tick = Tick { instructions: 0, system_calls: 0 };
        loop {
            let (address, call) = self.next();
            ptrace::step(self.pid, None).expect("it is traced");
            // If it is a sleep, this is its end.
            let stopped = waitpid(self.pid, None).expect("it is traced");
            assert!(matches!(stopped, WaitStatus::Stopped(_, Signal::SIGTRAP)), "{stopped:?}");
            if call.is_some_and(is_sleep) {
                return tick;
            }
            let is_clock = self.vdso.contains(&address);
            self.clock += u64::from(is_clock);
            tick.instructions += u64::from(!is_clock);
            tick.system_calls += u64::from(call.is_some());
            assert!(tick.instructions < INSTRUCTIONS_MAX, "it does not sleep");
        }
    }

    /// The address of the next instruction, and, if it is a system call, its number and what it is asked to do.
    fn next(&mut self) -> (u64, Option<(u64, u64)>) {
        let registers = ptrace::getregs(self.pid).expect("it is traced");
        let is_call = *self.calls.entry(registers.rip).or_insert_with(|| {
            let bytes = ptrace::read(self.pid, registers.rip as *mut _).expect("it is traced");
            bytes & 0xffff == SYSCALL
        });
        (registers.rip, is_call.then_some((registers.rax, registers.rsi)))
    }

    fn detach(self) {
        ptrace::detach(self.pid, None).expect("it is traced");
    }
}

/// Whether this is futex(2), asked to wait; or it or nanosleep(2) gone on with after the interruption.
fn is_sleep((number, asks): (u64, u64)) -> bool {
    const FUTEX: u64 = 202;
    const WAITS: [u64; 2] = [0, 9];
    const FLAGS: u64 = 0x180;
    const OTHERS: [u64; 3] = [35, 219, 230];
    number == FUTEX && WAITS.contains(&(asks & !FLAGS)) || OTHERS.contains(&number)
}

/// How many ticks took how much.
fn count(pid: u32, board: &str, watched_by: &str) -> BTreeMap<Tick, usize> {
    let monitor = Monitor::open(board).expect("it is there");
    let number = monitor.key::<u64>("user_count").expect("it is a word");
    let number = || monitor.get(number).expect("it is a number");
    let mut server = Stepped::attach(pid);
    // The first is not whole.
    server.tick();
    server.clock = 0;
    let (mut counts, mut counted, mut left_out) = (BTreeMap::new(), 0, 0);
    while counted < TICKS {
        let (before, clock) = (number(), server.clock);
        let tick = server.tick();
        if number() == before + 1 {
            *counts.entry(tick).or_default() += 1;
            counted += 1;
        } else {
            server.clock = clock;
            left_out += 1;
            assert!(left_out < TICKS * 10, "this machine is too busy to step a tick within {INTERVAL_MS} ms");
        }
    }
    println!("{TICKS} ticks, {watched_by}; {} instructions of the clock in each:", server.clock / TICKS as u64);
    for (Tick { instructions, system_calls }, ticks) in &counts {
        println!("  {instructions} instructions, {system_calls} system calls besides the sleep: {ticks} ticks");
    }
    println!("  {left_out} were left out");
    server.detach();
    counts
}

/// What most ticks took.
fn usual(counts: &BTreeMap<Tick, usize>) -> Tick {
    let (&tick, &ticks) = counts.iter().max_by_key(|(_, ticks)| **ticks).expect("there are ticks");
    assert!(ticks * 2 > TICKS, "no number of instructions is the usual one: {counts:?}");
    tick
}

/// A process without a word, which ends with this.
struct Silent(Child);

impl Silent {
    fn start(arguments: &[&str]) -> Self {
        let mut command = lastword();
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("it starts"))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_tick_takes_the_same_instructions_with_nobody_and_with_a_hundred_monitors_watching() {
    let board = &Board::new("cost").0;
    let server = Silent::start(&["status", "serve", "--name", board, "--interval-ms", INTERVAL_MS]);
    common::wait_for("the server", || {
        let monitor = Monitor::open(board).ok()?;
        (monitor.reading(0).ok()?.value != lastword::Value::Unsigned(0)).then_some(())
    });

    let alone = count(server.0.id(), board, "nobody watching");
    let watch = ["status", "monitor", "--name", board, "--interval-ms", "20"];
    let mut watchers = (1..MONITORS).map(|_| Silent::start(&watch)).collect::<Vec<_>>();
    // The last one is heard, when all others have had time to begin.
    let mut heard = Running::start(&watch);
    heard.hear("user_count: ");
    let (is_over, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    let watched = thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                let monitor = Monitor::open(board).expect("it is there");
                while !is_over.load(Ordering::Relaxed) {
                    reads.fetch_add(monitor.readings().flatten().count() as u64, Ordering::Relaxed);
                }
            });
        }
        // They end whatever happens here.
        let watched = std::panic::catch_unwind(|| {
            let what = format!("{MONITORS} processes and {READERS} threads watching");
            count(server.0.id(), board, &what)
        });
        is_over.store(true, Ordering::Relaxed);
        watched.expect("it is counted")
    });
    println!("the threads read {} words meanwhile", reads.load(Ordering::Relaxed));
    for Silent(watcher) in &mut watchers {
        assert_eq!(watcher.try_wait().expect("it is a child"), None, "a monitor has ended");
    }
    heard.hear("user_count: ");
    assert!(reads.load(Ordering::Relaxed) > 0);
    assert_eq!(usual(&alone), usual(&watched), "monitors cost the server instructions");
}
