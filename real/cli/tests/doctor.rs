//! What the doctor says of a `/dev/shm` that is full, closed, not there, or full of other people's things: each in a
//! namespace of its own.

mod common;

use common::run;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A namespace of its own for the mounts of a shell script; `$LASTWORD` is the command there.
const OWN_MOUNTS: [&str; 3] = ["--mount", "--user", "--map-root-user"];

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Runs a script under `unshare` with these options; `None` where this user may not.
fn in_namespace(options: &[&str], script: &str) -> Option<Output> {
    let mut probe = Command::new("unshare");
    if !probe.args(options).arg("true").output().is_ok_and(|output| output.status.success()) {
        eprintln!("NOT TESTED: {script:?}, since this user may not have a namespace of his own (unshare(1))");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(options).args(["sh", "-euc", script]).env("LASTWORD", common::lastword().get_program());
    Some(command.stdin(Stdio::null()).output().expect("it starts"))
}

/// The checks, by their ids, and the exit code.
struct Checks {
    by_id: BTreeMap<String, Value>,
    code: Option<i32>,
}

impl Checks {
    fn parse(output: &Output) -> Self {
        let text = String::from_utf8_lossy(&output.stdout);
        let checks: Vec<Value> = serde_json::from_str(text.lines().last().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{error} in {text}\n{}", String::from_utf8_lossy(&output.stderr)));
        let id = |check: &Value| check["id"].as_str().expect("each has an id").to_owned();
        let by_id: BTreeMap<String, Value> = checks.iter().map(|check| (id(check), check.clone())).collect();
        assert_eq!(by_id.len(), checks.len(), "an id is there twice");
        for check in &checks {
            let state = check["state"].as_str().expect("each has a state");
            assert!(["ok", "warning", "problem"].contains(&state), "{check}");
            assert!(check["found"].is_string() && check["expected"].is_string(), "{check}");
            assert!(state == "ok" || check["advice"].as_str().is_some_and(|advice| !advice.is_empty()), "{check}");
        }
        let has_problem = checks.iter().any(|check| check["state"] == "problem");
        assert_eq!(output.status.code(), Some(i32::from(has_problem)), "{text}");
        Self { by_id, code: output.status.code() }
    }

    /// The doctor's words after a script has prepared its namespace.
    fn after(script: &str) -> Option<Self> {
        in_namespace(&OWN_MOUNTS, &format!("{script}\n\"$LASTWORD\" doctor --json")).map(|output| Self::parse(&output))
    }

    /// A check in this state, with these words in what was found and in the advice.
    fn assert(&self, id: &str, state: &str, found: &str, advice: &str) {
        let check = self.by_id.get(id).unwrap_or_else(|| panic!("no {id} in {:?}", self.by_id));
        assert_eq!(check["state"], state, "{check}");
        assert!(check["found"].as_str().is_some_and(|words| words.contains(found)), "{check}");
        assert!(check["advice"].as_str().unwrap_or_default().contains(advice), "{check}");
    }

    /// The ids of the checks that ended so, in order.
    fn that_are(&self, state: &str) -> Vec<&str> {
        self.by_id.values().filter(|check| check["state"] == state).filter_map(|check| check["id"].as_str()).collect()
    }
}

#[test]
fn on_an_ordinary_system_there_is_no_problem_and_nothing_is_left() {
    let mount = "mount -t tmpfs -o mode=1777,size=20m,nr_inodes=1000,noexec,nosuid,nodev tmpfs /dev/shm";
    let Some(checks) = Checks::after(mount) else { return };
    assert_eq!((checks.code, checks.that_are("problem")), (Some(0), vec![]));
    checks.assert("shm-file-system", "ok", "tmpfs", "");
    checks.assert("shm-create", "ok", "", "");
    checks.assert("shm-space", "ok", "20 MiB of 20 MiB free", "");
    checks.assert("shm-inodes", "ok", "of 1000 free", "");
    checks.assert("objects", "ok", "0 objects", "");
    for id in ["kernel-locks", "kernel-pidfd", "kernel-futex", "kernel-eventfd", "shm-reserve"] {
        checks.assert(id, "ok", "", "");
    }
    let listed = in_namespace(&OWN_MOUNTS, &format!("{mount}\n\"$LASTWORD\" doctor >&2\nls -A /dev/shm"));
    let listed = listed.expect("it worked above");
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "", "something is left");
    let table = String::from_utf8_lossy(&listed.stderr);
    assert!(table.contains("ok       shm-create") && table.trim_end().ends_with(" 0 problems"), "{table}");
    assert!(!table.contains('\u{1b}'), "{table}");
}

#[test]
fn it_runs_outside_of_any_namespace_too() {
    let checks = Checks::parse(&run(&["doctor", "--json"]));
    checks.assert("shm-directory", "ok", "", "");
    checks.assert("architecture", if cfg!(target_arch = "x86_64") { "ok" } else { "warning" }, "", "");
    assert_eq!(run(&["doctor", "x"]).status.code(), Some(2));
}

#[test]
fn a_missing_dev_shm_is_a_problem_with_the_mount_command() {
    let Some(checks) = Checks::after("mount -t tmpfs tmpfs /dev") else { return };
    checks.assert("shm-directory", "problem", "No such file", "mount -t tmpfs -o mode=1777");
    assert_eq!(checks.that_are("problem"), ["shm-directory"]);
    assert!(!checks.by_id.contains_key("shm-space") && !checks.by_id.contains_key("objects"));
    let Some(checks) = Checks::after("mount -t tmpfs tmpfs /dev; : > /dev/shm") else { return };
    checks.assert("shm-directory", "problem", "no directory", "rm /dev/shm");
    checks.assert("shm-directory", "problem", "no directory", "mount -t tmpfs");
    for id in ["shm-space", "memory-available", "memory-overcommit", "objects", "objects-damaged"] {
        assert!(!checks.by_id.contains_key(id), "{id} is of another file system");
    }
}

#[test]
fn a_full_dev_shm_is_a_problem_that_says_how_to_make_room() {
    let Some(checks) =
        Checks::after("mount -t tmpfs -o mode=1777,size=256k tmpfs /dev/shm; head -c 256k /dev/zero > /dev/shm/x")
    else {
        return;
    };
    checks.assert("shm-reserve", "problem", "No space left", "mount -o remount,size=");
    checks.assert("shm-space", "problem", "0 bytes of 256 KiB free", "lastword clean");
    checks.assert("shm-create", "ok", "", "");
    let Some(checks) = Checks::after("mount -t tmpfs -o mode=1777,size=16k tmpfs /dev/shm") else { return };
    checks.assert("shm-space", "problem", "16 KiB of 16 KiB free", "--shm-size");
    let Some(checks) = Checks::after("mount -t tmpfs -o mode=1777,size=2m tmpfs /dev/shm") else { return };
    checks.assert("shm-space", "warning", "2 MiB of 2 MiB free", "size=");
    assert_eq!(checks.code, Some(0));
}

#[test]
fn a_dev_shm_that_is_read_only_or_out_of_inodes_is_a_problem() {
    let Some(checks) = Checks::after("mount -t tmpfs -o mode=1777,ro tmpfs /dev/shm") else { return };
    checks.assert("shm-create", "problem", "Read-only file system", "mount -o remount,rw");
    assert_eq!(checks.that_are("problem"), ["shm-create"]);
    let Some(checks) = Checks::after(
        "mount -t tmpfs -o mode=1777,size=20m,nr_inodes=3 tmpfs /dev/shm; : > /dev/shm/x; : > /dev/shm/y",
    ) else {
        return;
    };
    checks.assert("shm-create", "problem", "No space left", "nr_inodes=");
    checks.assert("shm-inodes", "problem", "0 of 3 free", "nr_inodes=");
    checks.assert("shm-space", "ok", "free", "");
}

#[test]
fn another_mode_or_file_system_is_a_warning() {
    let Some(checks) = Checks::after("mount -t tmpfs -o mode=777,size=20m tmpfs /dev/shm") else { return };
    checks.assert("shm-mode", "warning", "0777", "chmod 1777 /dev/shm");
    let Some(checks) = Checks::after("mount -t tmpfs -o mode=755,size=20m tmpfs /dev/shm") else { return };
    checks.assert("shm-mode", "warning", "0755", "not everybody");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(checks) = Checks::after(&format!("mount --bind '{}' /dev/shm", directory.display())) else { return };
    checks.assert("shm-file-system", "warning", "type 0x", "mount -t tmpfs");
}

#[test]
fn limits_and_a_missing_proc_are_said() {
    let mount = "mount -t tmpfs -o mode=1777,size=20m tmpfs /dev/shm";
    let Some(checks) = Checks::after(&format!("{mount}; ulimit -f 0")) else { return };
    checks.assert("limit-file-size", "problem", "0 bytes", "ulimit -f unlimited");
    checks.assert("shm-reserve", "problem", "File too large", "ulimit -f");
    let Some(checks) = Checks::after(&format!("{mount}; ulimit -n 16")) else { return };
    checks.assert("limit-open-files", "problem", "16", "ulimit -n");
    let Some(checks) = Checks::after(&format!("{mount}; mount -t tmpfs tmpfs /proc")) else { return };
    checks.assert("proc", "problem", "/proc/self/stat", "mount -t proc");
    checks.assert("memory-available", "warning", "not known", "proc");
    checks.assert("kernel-locks", "ok", "", "");
}

#[test]
fn in_a_namespace_of_processes_it_says_how_containers_share_memory() {
    let own_processes = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];
    let Some(output) = in_namespace(&own_processes, "\"$LASTWORD\" doctor --json") else { return };
    let checks = Checks::parse(&output);
    checks.assert("pid-namespace", "ok", "pid:[", "--ipc");
    checks.assert("user-namespace", "ok", "user:[", "65534");
}

#[test]
fn what_lies_about_is_named_and_what_is_used_is_not() {
    let script = r#"
        mount -t tmpfs -o mode=1777,size=20m tmpfs /dev/shm
        # A party of two whose only process was killed; one that was killed before it had begun; garbage; and what is
        # no object.
        "$LASTWORD" exchange 2 --session left --index 0 > /dev/null & left=$!
        until [ -e /dev/shm/lastword-left.0.locks ]; do sleep 0.01; done
        sleep 0.2
        kill -9 $left
        : > /dev/shm/lastword-half.status
        head -c 8192 /dev/zero | tr '\0' x > /dev/shm/lastword-garbage.locks
        cp /dev/shm/lastword-left.0.status /dev/shm/lastword-newer.status
        printf '\143' | dd of=/dev/shm/lastword-newer.status bs=1 seek=VERSION conv=notrunc 2> /dev/null
        mkdir /dev/shm/lastword-directory.status
        : > /dev/shm/lastword-strange.object
        : > /dev/shm/somebody-else
        # And one that runs.
        "$LASTWORD" exchange 2 --seconds 100 > /dev/null & runs=$!
        until ls /dev/shm | grep -q '^lastword-exchange.*\.1\.locks'; do sleep 0.01; done
        "$LASTWORD" doctor --json || code=$?
        kill $runs
        wait $runs || true
        exit $code
    "#;
    let script = script.replace("VERSION", "12");
    let Some(output) = in_namespace(&OWN_MOUNTS, &script) else { return };
    let checks = Checks::parse(&output);
    checks.assert("objects-unused", "warning", "/lastword-left.0.data", "lastword clean");
    checks.assert("objects-incomplete", "warning", "1: board half", "lastword clean");
    checks.assert("objects-damaged", "problem", "1: channel garbage", "lastword rm NAME");
    checks.assert("objects-version", "warning", "1: board newer (version 99)", "replace");
    checks.assert("objects-unknown", "warning", "2: lastword-directory.status, lastword-strange.object", "delete");
    assert!(checks.by_id.values().all(|check| !check["found"].to_string().contains("lastword-exchange")));
    assert_eq!(checks.that_are("problem"), ["objects-damaged"]);
}

#[test]
fn what_another_user_keeps_from_this_one_is_counted() {
    if !is_root() {
        return eprintln!("NOT TESTED: another user's objects, since this user is not root");
    }
    let script = r#"
        mount -t tmpfs -o mode=1777,size=200m tmpfs /dev/shm
        cp "$LASTWORD" /dev/shm/command
        chmod 755 /dev/shm/command
        "$LASTWORD" exchange 2 --session left --index 0 > /dev/null & left=$!
        until [ -e /dev/shm/lastword-left.0.locks ]; do sleep 0.01; done
        sleep 0.2
        kill -9 $left
        exec setpriv --reuid 65534 --regid 65534 --clear-groups /dev/shm/command doctor --json
    "#;
    let Some(output) = in_namespace(&["--mount"], script) else { return };
    let checks = Checks::parse(&output);
    checks.assert("objects-other-users", "ok", "3: channel left.0, board left.0, channel left.1", "this is user 65534");
    checks.assert("objects-unused", "ok", "none", "");
}
