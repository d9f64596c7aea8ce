//! The lab: one that is up, or one that is brought up and taken down again.

#![expect(clippy::unwrap_used, reason = "a helper fails the test")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use hopwatch_tests::root;

/// A lab that is up; one of our own goes down with it.
pub(crate) struct Lab {
    name: String,
    pub(crate) folder: PathBuf,
    own: bool,
}

/// The lab of this process: every test of the file takes the same one, and the last to end takes it down.
static LAB: Mutex<Weak<Lab>> = Mutex::new(Weak::new());

impl Lab {
    pub(crate) fn shared() -> Arc<Self> {
        let mut known = LAB.lock().unwrap_or_else(PoisonError::into_inner);
        known.upgrade().unwrap_or_else(|| {
            let lab = Arc::new(Self::up());
            *known = Arc::downgrade(&lab);
            lab
        })
    }

    fn up() -> Self {
        let name = std::env::var("LAB_NAME").unwrap_or_else(|_| "adlab".to_owned());
        let folder = std::env::var_os("LAB_DIR").map_or_else(|| Path::new("/var/tmp").join(&name), PathBuf::from);
        let mut lab = Self { name, folder, own: false };
        if lab.running() {
            return lab;
        }
        lab.own = true;
        for script in ["up", "populate"] {
            let output = lab.script(script).output().unwrap();
            assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        }
        lab
    }

    /// Whether the controller lives in the lab's namespace: what a machine that went down left behind says nothing.
    fn running(&self) -> bool {
        let Ok(pid) = std::fs::read_to_string(self.folder.join("pids/dc1")) else { return false };
        let namespace = Command::new("ip").args(["netns", "identify", pid.trim()]).output().unwrap().stdout;
        String::from_utf8_lossy(&namespace).trim() == format!("{}-dc1", self.name)
            && self.folder.join("directory.json").exists()
    }

    pub(crate) fn script(&self, name: &str) -> Command {
        let mut command = Command::new(root().join("tests/lab").join(name));
        command.env("LAB_NAME", &self.name).env("LAB_DIR", &self.folder);
        command
    }

    /// A script of the lab's own.
    #[expect(clippy::unused_self, reason = "it is the lab's, wherever that runs")]
    pub(crate) fn tool(&self, name: &str) -> PathBuf {
        root().join("tests/lab/lib").join(name)
    }

    /// Changes the directory by LDIF, on the client.
    pub(crate) fn modify(&self, login: (&str, &str), ldif: &str) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), ldif).unwrap();
        let mut command = self.script("on");
        command.args(["ws1", "ldapmodify", "-x", "-H", "ldap://10.77.0.10", "-D", login.0, "-w", login.1, "-f"]);
        let output = command.arg(file.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs `hopwatch collect` on the client.
    pub(crate) fn collect(&self, url: &str, login: (&str, &str), more: &[&OsStr], out: &Path) -> Output {
        let program = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("hopwatch");
        assert!(program.exists(), "no {}: run cargo build -p hopwatch first", program.display());
        let mut command = self.script("on");
        command.arg("ws1").arg(program).arg("collect").arg(url).args(["--user", login.0, "--output"]).arg(out);
        command.args(more).env("HOPWATCH_LDAP_PASSWORD", login.1).output().unwrap()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.own {
            drop(self.script("down").output());
        }
    }
}
