//! A home, a repository of a person's, mirrors and sessions in a directory of its own; and the traps that an agent can set.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{Begin, Mirrors, Prepared, RepoSource, Unpublished, prepare, resolve_repo, unpublished};
use crate::domain::fault::{Fault, Result};
use crate::domain::ids::SessionId;

pub(super) struct World {
    dir: tempfile::TempDir,
}

impl World {
    /// With one repository `source` that has one commit with one file.
    pub(super) fn new() -> Self {
        let world = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir_all(world.path("home")).unwrap();
        std::fs::write(
            world.path("home/.gitconfig"),
            "[user]\n\tname = Somebody\n\temail = somebody@example.invalid\n[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n",
        )
        .unwrap();
        world.git(".", &["init", "-q", "source"]);
        world.commit("source", "README", "hello\n");
        world
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn mirrors(&self) -> Mirrors {
        Mirrors::new(self.path("mirrors"), None)
    }

    pub(super) fn work(&self, id: &SessionId) -> PathBuf {
        self.path(&format!("sessions/{id}/work"))
    }

    /// git as a person or an agent runs it: with the person's own config, in `dir` beneath the world.
    pub(super) fn git(&self, dir: impl AsRef<Path>, args: &[&str]) -> String {
        let output = self.try_git(dir, args);
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(super) fn try_git(&self, dir: impl AsRef<Path>, args: &[&str]) -> Output {
        Command::new("git")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_ALLOW_PROTOCOL", "file:ext")
            .current_dir(self.dir.path().join(dir))
            .args(args)
            .output()
            .unwrap()
    }

    pub(super) fn commit(&self, dir: impl AsRef<Path>, file: &str, text: &str) {
        let dir = self.dir.path().join(dir);
        std::fs::write(dir.join(file), text).unwrap();
        self.git(&dir, &["add", "--", file]);
        self.git(&dir, &["commit", "-q", "-m", &format!("write {file}")]);
    }

    pub(super) async fn resolve(&self, word: &str) -> Result<RepoSource> {
        resolve_repo(word, self.dir.path()).await
    }

    pub(super) async fn prepare(&self, repo: &str, id: &SessionId) -> Result<Prepared> {
        let source = self.resolve(repo).await?;
        prepare(&source, &self.mirrors(), &self.work(id), id, &Begin::default()).await
    }

    pub(super) async fn unpublished(&self, id: &SessionId) -> Result<Unpublished> {
        unpublished(&self.mirrors(), &self.work(id), id).await
    }

    #[track_caller]
    pub(super) fn mirror(&self) -> PathBuf {
        let entries = std::fs::read_dir(self.path("mirrors"))
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut mirrors: Vec<PathBuf> = entries
            .filter(|path| path.extension().is_some_and(|e| e == "git"))
            .collect();
        assert_eq!(mirrors.len(), 1, "{mirrors:?}");
        mirrors.remove(0)
    }

    /// Every file beneath `name` with its content (links with their target).
    pub(super) fn picture(&self, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut picture = BTreeMap::new();
        let mut dirs = vec![self.path(name)];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap()) {
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    dirs.push(entry.path());
                }
                let content = if kind.is_file() {
                    std::fs::read(entry.path()).unwrap()
                } else {
                    Vec::new()
                };
                picture.insert(entry.path(), content);
            }
        }
        picture
    }

    /// Makes everything in this repository that git would run leave a mark, and says nothing about which git may run it.
    pub(super) fn set_traps(&self, repo: &Path) {
        let git_dir = repo.join(".git");
        std::fs::create_dir_all(self.path("marks")).unwrap();
        let settings: String = TRAPS.iter().map(|(key, value)| self.trap_setting(key, value)).collect();
        let config = git_dir.join("config");
        let before = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, before + &settings + &self.trap_redirects()).unwrap();
        std::fs::create_dir_all(git_dir.join("hooks")).unwrap();
        for hook in HOOKS {
            self.program(&git_dir.join("hooks").join(hook), &format!("hook-{hook}"));
        }
        std::fs::create_dir_all(git_dir.join("info")).unwrap();
        std::fs::write(git_dir.join("info/attributes"), TRAPPED).unwrap();
        std::fs::write(repo.join(".gitattributes"), TRAPPED).unwrap();
    }

    /// How many there are.
    pub(super) fn traps(&self) -> usize {
        TRAPS.len() + HOOKS.len() + 1
    }

    fn trap_setting(&self, key: &str, value: &str) -> String {
        let (section, name) = key.rsplit_once('.').unwrap();
        let section = match section.split_once('.') {
            Some((section, sub)) => format!("{section} \"{sub}\""),
            None => section.to_owned(),
        };
        let mark = self.path("marks").join(key);
        let value = value.replace("TRAP", &format!("touch '{}'", mark.display()));
        format!("[{section}]\n\t{name} = \"{value}\"\n")
    }

    /// Every address becomes one that runs a program.
    fn trap_redirects(&self) -> String {
        let mark = self.path("marks/insteadOf");
        format!(
            "[url \"ext::sh -c touch% {} \"]\n\tinsteadOf = /\n\tinsteadOf = https:\n\tinsteadOf = file:\n",
            mark.display()
        )
    }

    fn program(&self, path: &Path, mark: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(
            path,
            format!("#!/bin/sh\ntouch '{}'\n", self.path("marks").join(mark).display()),
        )
        .unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The marks that are there, and takes them away.
    pub(super) fn marks(&self) -> Vec<String> {
        let mut marks = Vec::new();
        for entry in std::fs::read_dir(self.path("marks"))
            .unwrap()
            .map(|entry| entry.unwrap())
        {
            marks.push(entry.file_name().into_string().unwrap());
            std::fs::remove_file(entry.path()).unwrap();
        }
        marks.sort();
        marks
    }
}

/// Settings whose value git runs, or that lead it to where it would. `TRAP` becomes a command that leaves a mark.
const TRAPS: &[(&str, &str)] = &[
    ("core.fsmonitor", "TRAP"),
    ("core.sshCommand", "TRAP #"),
    ("core.askPass", "TRAP #"),
    ("core.editor", "TRAP #"),
    ("core.pager", "TRAP #"),
    ("core.gitProxy", "TRAP #"),
    ("core.alternateRefsCommand", "TRAP #"),
    ("sequence.editor", "TRAP #"),
    ("credential.helper", "!TRAP #"),
    ("diff.external", "TRAP #"),
    ("diff.trap.command", "TRAP #"),
    ("diff.trap.textconv", "TRAP #"),
    ("merge.trap.driver", "TRAP #"),
    ("filter.trap.clean", "TRAP #"),
    ("filter.trap.smudge", "TRAP #"),
    ("filter.long.process", "TRAP #"),
    ("filter.trap.required", "true"),
    ("gpg.program", "TRAP #"),
    ("gpg.ssh.program", "TRAP #"),
    ("gpg.ssh.defaultKeyCommand", "TRAP #"),
    ("uploadpack.packObjectsHook", "TRAP #"),
    ("uploadpack.allowFilter", "true"),
    ("remote.origin.uploadpack", "TRAP #"),
    ("remote.origin.receivepack", "TRAP #"),
    ("remote.origin.vcs", "ext"),
    ("remote.origin.promisor", "true"),
    ("remote.origin.partialclonefilter", "blob:none"),
    ("interactive.diffFilter", "TRAP #"),
    ("pager.status", "TRAP #"),
    ("pager.log", "TRAP #"),
    ("alias.status", "!TRAP #"),
    ("trailer.x.command", "TRAP #"),
    ("submodule.x.update", "!TRAP #"),
    ("web.browser", "TRAP #"),
    ("man.viewer", "TRAP #"),
    ("protocol.ext.allow", "always"),
    ("protocol.allow", "always"),
    ("status.submoduleSummary", "true"),
    ("submodule.recurse", "true"),
];

const TRAPPED: &str = "* filter=trap diff=trap merge=trap\nlong filter=long\n";

const HOOKS: &[&str] = &[
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "pre-push",
    "pre-receive",
    "update",
    "proc-receive",
    "post-receive",
    "post-update",
    "reference-transaction",
    "push-to-checkout",
    "pre-auto-gc",
    "post-rewrite",
    "fsmonitor-watchman",
    "post-index-change",
    "pre-upload",
];

/// Serves the files beneath `dir` on a loopback port until the process ends, and gives the address. Enough for git's plain
/// http transport.
pub(super) fn serve(dir: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = answer(stream.unwrap(), &dir);
        }
    });
    address
}

fn answer(mut stream: TcpStream, dir: &Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request
        .split([' ', '?'])
        .nth(1)
        .unwrap_or_default()
        .trim_start_matches('/');
    let (status, body) = match std::fs::read(dir.join(path)) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}

pub(super) fn id(n: u64) -> SessionId {
    SessionId::from_random(n.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

#[track_caller]
pub(super) fn refused<T: std::fmt::Debug>(result: Result<T>, kind: crate::domain::fault::Kind, part: &str) -> Fault {
    let fault = result.unwrap_err();
    assert_eq!(fault.kind, kind, "{fault:?}");
    assert!(fault.message.contains(part), "{fault:?}");
    fault
}
