//! A launch in a temporary data directory, with the built binary in its `bin/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use telecoder::domain::exit::ExitRecord;
use telecoder::domain::ids::{LaunchNo, SessionId};
use telecoder::domain::launch::LaunchSpec;
use telecoder::domain::letter::ProcessRef;
use telecoder::runner::script::{ScriptContext, prepare};
use telecoder::runner::{LaunchDir, process, read_exit, read_shim};

use super::pty::{PATIENCE, Pty};

pub const BINARY: &str = env!("CARGO_BIN_EXE_telecoder");
/// Between two looks at something that gives no signal to a test.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

pub struct Launch {
    pub root: tempfile::TempDir,
    pub dir: LaunchDir,
    pub session: SessionId,
    pub pty: Pty,
    runs: Vec<Child>,
}

impl Launch {
    /// A launch of `/bin/sh -c SCRIPT`; `$ROOT` is the temporary directory.
    pub fn of_shell(script: &str) -> Self {
        Self::of(&["/bin/sh", "-c", script])
    }

    pub fn of(argv: &[&str]) -> Self {
        let root = tempfile::tempdir().expect("temp dir");
        for part in ["bin", "work"] {
            std::fs::create_dir(root.path().join(part)).expect("mkdir");
        }
        std::os::unix::fs::symlink(BINARY, root.path().join("bin/telecoder")).expect("link");
        let launch = Self {
            dir: LaunchDir::new(root.path().join("launches/1")),
            session: SessionId::from_random(u64::from(std::process::id()) << 20 | random_bits()),
            pty: Pty::new(),
            runs: Vec::new(),
            root,
        };
        launch.prepare(argv);
        launch
    }

    fn prepare(&self, argv: &[&str]) {
        let root = self.root.path();
        let context = ScriptContext {
            session: &self.session,
            name: &"test".parse().expect("a name"),
            launch: LaunchNo(1),
            work_dir: &root.join("work"),
            bin_dir: &root.join("bin"),
            agents_md: &root.join("agents.md"),
        };
        let spec = LaunchSpec {
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            env: BTreeMap::from([("ROOT".into(), root.display().to_string())]),
            secret_env: BTreeMap::from([("SECRET".into(), "s3 'cret".into())]),
            files: Vec::new(),
        };
        prepare(&self.dir, &context, &spec).expect("prepared");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Runs `run.sh` in the terminal.
    pub fn start(&mut self) {
        let child = self.pty.spawn(&self.dir.run_sh());
        self.runs.push(child);
    }

    /// Waits for the exit record.
    #[track_caller]
    pub fn exit(&self) -> ExitRecord {
        wait_for("the exit record", || read_exit(&self.dir).expect("readable"))
    }

    #[track_caller]
    pub fn shim(&self) -> ProcessRef {
        wait_for("shim.json", || read_shim(&self.dir).expect("readable")).shim
    }

    /// Waits for the shim itself and gives its exit code.
    #[track_caller]
    pub fn code(&mut self) -> Option<i32> {
        let run = self.runs.last_mut().expect("started");
        wait_for("the end of the shim", || run.try_wait().expect("wait")).code()
    }

    /// The processes whose numbers were written to a file, one a line; waits until there are `count`.
    #[track_caller]
    pub fn processes(&self, file: &str, count: usize) -> Vec<ProcessRef> {
        let path = self.path(file);
        let pids = wait_for(file, || {
            let text = std::fs::read_to_string(&path).ok()?;
            let pids: Vec<u32> = text.lines().filter_map(|line| line.parse().ok()).collect();
            (pids.len() == count).then_some(pids)
        });
        pids.into_iter()
            .map(|pid| process::identify(pid).expect("it runs"))
            .collect()
    }
}

impl Drop for Launch {
    /// A failed test leaves nothing running either.
    fn drop(&mut self) {
        let left = process::end_launch_processes(self.session.as_str(), 1, None, Duration::ZERO);
        for run in &mut self.runs {
            let _ = run.kill();
            let _ = run.wait();
        }
        if !std::thread::panicking() {
            assert_eq!(left, 0, "processes of the launch were left");
        }
    }
}

fn random_bits() -> u64 {
    uuid::Uuid::now_v7().as_u64_pair().1 & 0xf_ffff
}

#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} never came");
        std::thread::sleep(LOOK_AGAIN);
    }
}

pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("readable")
}
