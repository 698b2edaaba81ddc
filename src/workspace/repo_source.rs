//! What `--repo` may name: a local repository, or a URL of a transport that runs no program of the URL's choosing.

use std::path::{Path, PathBuf};

use url::{Host, Url};

use super::RepoSource;
use super::git::{self, Git};
use crate::domain::fault::{Fault, Kind, Result};

const WORD_BYTES_MAX: usize = 4096;
const FORMS: &str = "A repository is a path, or an https or ssh address: `--repo .`, `--repo https://host/owner/name`, \
                     `--repo git@host:owner/name`.";

/// Parses and checks `--repo`. A URL's host is not asked here; `prepare` finds out whether it answers.
///
/// Errors: `NotFound` for a path that is not there or no repository, `Usage` for what cannot be a repository or carries a
/// secret, `NotPermitted` for a transport that is not open.
pub async fn resolve_repo(word: &str, cwd: &Path) -> Result<RepoSource> {
    if word.is_empty() || word.len() > WORD_BYTES_MAX || word.contains(char::is_control) {
        return Err(Fault::new(Kind::Usage, "this cannot be the name of a repository").hint(FORMS));
    }
    if let Some((helper, _)) = word.split_once("::").filter(|(helper, _)| is_scheme(helper)) {
        return Err(not_open(helper));
    }
    if word.contains("://") {
        return from_url(word, cwd).await;
    }
    let path = cwd.join(expand_home(word));
    if is_host_and_path(word) && !path.exists() {
        return Ok(RepoSource::Url(word.into()));
    }
    local(&path).await
}

/// The address of `owner/name` on the forge; none when the word is anything else, or when such a path is there.
pub fn forge_address(word: &str, cwd: &Path, web_url: &str) -> Option<String> {
    let plain = |part: &str| !part.is_empty() && !part.starts_with(['.', '~', '-']);
    let (owner, name) = word.split_once('/')?;
    if !plain(owner) || !plain(name) || cwd.join(word).exists() {
        return None;
    }
    super::publish::Slug::parse(word).map(|slug| format!("{web_url}/{slug}.git"))
}

/// The top level of the repository that contains `dir` (for a bare repository: itself), if there is one.
pub async fn repository_of(dir: &Path) -> Option<PathBuf> {
    let bare = ask(dir, "--is-bare-repository").await?;
    let what = match bare.as_slice() {
        b"true\n" => "--absolute-git-dir",
        _ => "--show-toplevel",
    };
    let top = git::path(&ask(dir, what).await?);
    top.is_absolute().then_some(top)
}

/// `rev-parse` starts nothing that a repository's config names.
async fn ask(dir: &Path, what: &str) -> Option<Vec<u8>> {
    Git::new("rev-parse").cwd(dir).arg(what).run().await.ok()
}

async fn local(path: &Path) -> Result<RepoSource> {
    // Named without the dot of `--repo .`.
    let named: PathBuf = path.components().collect();
    let shown = named.display();
    let path = path
        .canonicalize()
        .map_err(|error| Fault::new(Kind::NotFound, format!("no repository at `{shown}`: {error}")).hint(FORMS))?;
    // Asked first with its error, so that a missing git is not mistaken for a missing repository.
    Git::new("rev-parse")
        .cwd(&path)
        .arg("--git-dir")
        .run()
        .await
        .map_err(|error| {
            if error.is_refusal() {
                Fault::new(Kind::NotFound, format!("`{shown}` is not a git repository")).hint(format!(
                    "Make it one (`git init` and a first commit in {shown}), or leave out --repo."
                ))
            } else {
                error.into_fault(&format!("looking at `{shown}`"))
            }
        })?;
    let top = repository_of(&path).await.and_then(|top| top.canonicalize().ok());
    let top = top.ok_or_else(|| {
        Fault::new(
            Kind::NotFound,
            format!("`{shown}` lies in a repository's own git directory"),
        )
        .hint("Name the directory that holds the files.")
    })?;
    match top.to_str() {
        Some(_) => Ok(RepoSource::Local(top)),
        None => Err(Fault::new(Kind::Usage, format!("the path `{shown}` is not UTF-8"))),
    }
}

async fn from_url(word: &str, cwd: &Path) -> Result<RepoSource> {
    let url = Url::parse(word).map_err(|error| {
        Fault::new(Kind::Usage, format!("the repository's address cannot be read: {error}")).hint(FORMS)
    })?;
    if url.scheme() == "file" {
        let path = url.to_file_path().map_err(|()| {
            Fault::new(Kind::Usage, format!("`{word}` names a file on another host"))
                .hint("Write file:///path, or the path alone.")
        })?;
        return local(&cwd.join(path)).await;
    }
    let open = match url.scheme() {
        "https" | "ssh" => true,
        "http" => is_loopback(&url),
        _ => false,
    };
    if !open {
        return Err(not_open(url.scheme()));
    }
    // ssh needs a user name (git@); in https a user name may be a token, and would be stored with the clone.
    if url.password().is_some() || (url.scheme() != "ssh" && !url.username().is_empty()) {
        return Err(
            Fault::new(Kind::Usage, "the repository's address carries a user name or password")
                .hint("Use ssh, or an address without credentials: they would be stored in every clone."),
        );
    }
    let host = url.host_str().unwrap_or_default();
    if host.is_empty() || host.starts_with('-') || url.username().starts_with('-') {
        return Err(Fault::new(Kind::Usage, format!("`{word}` names no host")).hint(FORMS));
    }
    Ok(RepoSource::Url(word.into()))
}

fn not_open(scheme: &str) -> Fault {
    Fault::new(
        Kind::NotPermitted,
        format!("repositories are not fetched over `{scheme}`"),
    )
    .hint("Open are https, ssh and local paths; plain http only from this machine.")
}

/// Whether plain http to this address stays on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// ssh's short form, `user@host:path` or `host:path`, where neither part could be read as an option.
fn is_host_and_path(word: &str) -> bool {
    let Some((host, path)) = word.split_once(':') else {
        return false;
    };
    let host_ok = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    let (user, host) = host.split_once('@').unwrap_or(("git", host));
    host_ok(user) && host_ok(host) && !path.is_empty() && !path.starts_with('-')
}

/// `~` and `~/…`, for words that no shell has seen (a chat message).
fn expand_home(word: &str) -> PathBuf {
    let rest = match word.strip_prefix('~') {
        Some("") => "",
        Some(rest) if rest.starts_with('/') => rest.trim_start_matches('/'),
        _ => return word.into(),
    };
    std::env::var_os("HOME").map_or_else(|| word.into(), |home| Path::new(&home).join(rest))
}
