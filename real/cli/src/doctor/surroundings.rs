//! Where this process runs: `/proc`, namespaces, and what watches over it.

use super::{Check, Question};
use nix::unistd::geteuid;
use std::fs;

const PROC: Question = Question::new("proc", "/proc shows every process");
const PIDS: Question = Question::new("pid-namespace", "that of all processes that share memory");
const USERS: Question = Question::new("user-namespace", "that of all processes that share memory");
const SECURITY: Question = Question::new("security-modules", "none that forbids what is shared");
const TRACING: Question = Question::new("ptrace-scope", "0 or 1, or root, for `lastword torture instructions`");

/// What the kernel calls the namespaces that a machine starts with.
const FIRST_PIDS: &str = "pid:[4026531836]";
const FIRST_USERS: &str = "user:[4026531837]";

/// The checks.
pub(super) fn checks() -> Vec<Check> {
    vec![
        proc_is_there(fs::read("/proc/self/stat").is_ok(), fs::read("/proc/1/stat").is_ok()),
        pids(link("/proc/self/ns/pid")),
        users(link("/proc/self/ns/user")),
        security(
            fs::read_to_string("/sys/fs/selinux/enforce").ok(),
            fs::read_to_string("/proc/self/attr/current").ok(),
        ),
        tracing(fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok(), geteuid().is_root()),
    ]
}

fn link(path: &str) -> Option<String> {
    Some(fs::read_link(path).ok()?.to_string_lossy().into_owned())
}

fn proc_is_there(has_own: bool, has_first: bool) -> Check {
    match (has_own, has_first) {
        (true, true) => PROC.ok("it is mounted"),
        (true, false) => PROC.warning(
            "other users' processes are hidden",
            "who has a role is known, and its death is not announced; as root: mount -o remount,hidepid=0 /proc",
        ),
        (false, _) => PROC.problem(
            "/proc/self/stat cannot be read",
            "deaths are not announced (`Holder::watch`); as root: mount -t proc proc /proc",
        ),
    }
}

fn pids(namespace: Option<String>) -> Check {
    match namespace.as_deref() {
        Some(FIRST_PIDS) => PIDS.ok("the machine's own"),
        Some(other) => PIDS.noted(
            format!("{other}, as in a container"),
            "containers share memory if they have the same /dev/shm (Docker: --ipc=container:NAME or --ipc=host; \
             Kubernetes: the same pod and a volume of medium Memory), and see each other's deaths if they have the \
             same process numbers (--pid=container:NAME; shareProcessNamespace)",
        ),
        None => PIDS.warning("not known: /proc/self/ns/pid cannot be read", "mount -t proc proc /proc"),
    }
}

fn users(namespace: Option<String>) -> Check {
    match namespace.as_deref() {
        Some(FIRST_USERS) => USERS.ok("the machine's own"),
        Some(other) => USERS.noted(
            format!("{other}, as in a container without root's rights"),
            "who is user 0 here is another one outside: objects from there may seem to be of user 65534, and are not \
             trusted (see `Owner`)",
        ),
        None => USERS.warning("not known: /proc/self/ns/user cannot be read", "mount -t proc proc /proc"),
    }
}

fn security(selinux: Option<String>, label: Option<String>) -> Check {
    let label = label.unwrap_or_default().trim_matches(['\0', '\n', ' ']).to_owned();
    let is_confined = label.ends_with("(enforce)");
    if selinux.as_deref().map(str::trim) == Some("1") {
        return SECURITY.noted(
            format!("SELinux is enforcing, and this process is {label:?}"),
            "if opening or mapping an object fails with EACCES though its mode allows it, see ausearch -m avc",
        );
    }
    if is_confined {
        return SECURITY.noted(
            format!("AppArmor confines this process: {label}"),
            "if opening or mapping an object fails with EACCES though its mode allows it, see dmesg for DENIED",
        );
    }
    SECURITY.ok("none")
}

fn tracing(scope: Option<String>, is_root: bool) -> Check {
    let scope = scope.as_deref().map(str::trim);
    let found = scope.unwrap_or("no such setting").to_owned();
    match scope {
        Some("3") => TRACING.warning(found, "only a restart lowers it: kernel.yama.ptrace_scope = 1 in /etc/sysctl.d"),
        Some("2") if !is_root => {
            TRACING.warning(found, "run it as root, or as root: sysctl kernel.yama.ptrace_scope=1")
        }
        _ => TRACING.ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn what_hides_processes_is_said() {
        let state = |own, first| proc_is_there(own, first).state;
        assert_eq!(
            [state(true, true), state(true, false), state(false, false)],
            [State::Ok, State::Warning, State::Problem]
        );
    }

    #[test]
    fn a_container_is_well_and_told_how_to_share() {
        let check = pids(Some("pid:[4026532999]".to_owned()));
        assert!(check.state == State::Ok && check.advice.is_some_and(|advice| advice.contains("--ipc")));
        assert_eq!(pids(Some(FIRST_PIDS.to_owned())).advice, None);
        assert!(users(Some("user:[4026532999]".to_owned())).advice.is_some_and(|advice| advice.contains("65534")));
        assert_eq!(users(None).state, State::Warning);
    }

    #[test]
    fn security_modules_are_named_where_they_enforce() {
        let found =
            |selinux: Option<&str>, label: &str| security(selinux.map(Into::into), Some(label.to_owned())).found;
        assert!(found(Some("1\n"), "system_u:system_r:container_t:s0\0").contains("container_t"));
        assert!(found(None, "docker-default (enforce)\n").contains("docker-default"));
        assert_eq!([found(Some("0"), "x"), found(None, "unconfined\n")], ["none", "none"]);
    }

    #[test]
    fn tracing_is_a_warning_only_where_it_is_forbidden() {
        let state = |scope: Option<&str>, is_root| tracing(scope.map(Into::into), is_root).state;
        assert_eq!([state(None, false), state(Some("1\n"), false), state(Some("2"), true)], [State::Ok; 3]);
        assert_eq!([state(Some("2\n"), false), state(Some("3"), true)], [State::Warning; 2]);
    }
}
