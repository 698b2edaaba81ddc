//! What a forge can do for a session. One implementation today; nothing outside of this folder knows which.

use crate::domain::fault::{Fault, Kind, Result};

/// A repository on a forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slug {
    pub owner: String,
    pub name: String,
}

impl Slug {
    /// Reads an address of a clone; none when it is not one of this forge's.
    pub fn of_address(address: &str, web_url: &str) -> Option<Self> {
        let host = web_url.split_once("://").map_or(web_url, |(_, host)| host);
        let bare_host = host.split(':').next().unwrap_or(host);
        let path = match address.strip_prefix(web_url) {
            Some(path) => path.strip_prefix('/')?,
            None => {
                let ssh = address.strip_prefix("ssh://").and_then(|rest| {
                    let (at, path) = rest.split_once('/')?;
                    Some((at.split(':').next().unwrap_or(at), path))
                });
                let (at, path) = ssh.or_else(|| address.split_once(':').filter(|(_, path)| !path.starts_with("//")))?;
                let at = at.rsplit('@').next().unwrap_or(at);
                (at == bare_host).then_some(path.trim_start_matches('/'))?
            }
        };
        Self::parse(path)
    }

    /// `owner/name`, perhaps with `.git`.
    pub fn parse(text: &str) -> Option<Self> {
        let (owner, name) = text.trim_end_matches('/').split_once('/')?;
        let name = name.strip_suffix(".git").unwrap_or(name);
        let ok = |part: &str| {
            !part.is_empty()
                && part.len() <= 100
                && !part.starts_with(['-', '.'])
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        (ok(owner) && ok(name)).then(|| Self {
            owner: owner.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl std::fmt::Display for Slug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullState {
    Open,
    Closed,
    Merged,
}

impl PullState {
    pub const fn as_str(self) -> &'static str {
        match self {
            PullState::Open => "open",
            PullState::Closed => "closed",
            PullState::Merged => "merged",
        }
    }
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    pub number: u64,
    pub url: String,
    pub state: PullState,
    pub draft: bool,
    pub base: String,
    pub head: String,
    /// Whether its branch is in the same repository, so that we may push to it.
    pub same_repository: bool,
    pub head_commit: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPull {
    pub head: String,
    pub base: String,
    pub title: String,
    pub body: String,
    pub draft: bool,
}

/// What is to be different about an open pull request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PullChange<'a> {
    pub title: Option<&'a str>,
    pub body: Option<&'a str>,
    pub base: Option<&'a str>,
}

/// A comment, a review or a check, as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgeNews {
    /// Unique in the repository.
    pub key: String,
    pub author: String,
    /// `OWNER`, `MEMBER` ...; none for a check.
    pub association: Option<String>,
    /// One line.
    pub what: String,
    pub text: String,
    pub url: Option<String>,
    /// Somebody asks for something, or a check failed: with `--follow` it may become a prompt.
    pub asks: bool,
}

pub trait Forge: Send + Sync {
    /// Where git finds the repository.
    fn remote(&self, at: &Slug) -> String;
    /// The login that the token speaks for: what it wrote is our own.
    fn own_login(&self) -> impl Future<Output = Result<String>> + Send;
    fn default_branch(&self, at: &Slug) -> impl Future<Output = Result<String>> + Send;
    /// The open pull request of this branch, if there is one.
    fn find_pull(&self, at: &Slug, branch: &str) -> impl Future<Output = Result<Option<Pull>>> + Send;
    fn pull(&self, at: &Slug, number: u64) -> impl Future<Output = Result<Pull>> + Send;
    /// `Uncertain` when it may have been opened; then [`Forge::find_pull`] tells.
    fn open_pull(&self, at: &Slug, new: &NewPull) -> impl Future<Output = Result<Pull>> + Send;
    fn update_pull(&self, at: &Slug, number: u64, change: PullChange<'_>) -> impl Future<Output = Result<Pull>> + Send;
    /// What was said about a pull request, and the checks of its newest commit; oldest first.
    fn news(&self, at: &Slug, pull: &Pull) -> impl Future<Output = Result<Vec<ForgeNews>>> + Send;
}

/// How often something that may have been done is looked for and tried again.
const ATTEMPTS_MAX: u32 = 3;

/// The one pull request of a branch: the open one, or a new one. However often it is called, there is one.
pub async fn ensure_pull<F: Forge>(forge: &F, at: &Slug, new: &NewPull) -> Result<(Pull, bool)> {
    let mut last = None;
    for _ in 0..ATTEMPTS_MAX {
        if let Some(pull) = forge.find_pull(at, &new.head).await? {
            return Ok((pull, false));
        }
        crate::failpoint!("P6");
        match forge.open_pull(at, new).await {
            Ok(pull) => return Ok((pull, true)),
            Err(fault) if fault.kind == Kind::Uncertain => last = Some(fault),
            Err(fault) => return Err(fault),
        }
    }
    match forge.find_pull(at, &new.head).await? {
        Some(pull) => Ok((pull, true)),
        None => Err(last
            .unwrap_or_else(|| Fault::new(Kind::Uncertain, "the pull request could not be opened"))
            .hint("Nothing is lost: the branch is there. Try again: telecoder publish SESSION")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_forge_are_told_from_others() {
        let web = "https://github.com";
        let slug = |address| Slug::of_address(address, web).map(|slug| slug.to_string());
        for address in [
            "https://github.com/o/r.git",
            "https://github.com/o/r",
            "git@github.com:o/r.git",
            "ssh://git@github.com/o/r.git",
            "ssh://git@github.com:22/o/r",
        ] {
            assert_eq!(slug(address).as_deref(), Some("o/r"), "{address}");
        }
        for address in [
            "https://github.com.evil/o/r",
            "https://github.com@evil/o/r",
            "git@evil:o/r.git",
            "https://github.com/o/r/extra",
            "https://github.com/-o/r",
            "https://github.com/o",
            "/home/github.com/o/r",
            "http://github.com/o/r",
        ] {
            assert_eq!(slug(address), None, "{address}");
        }
        assert_eq!(
            Slug::of_address("http://127.0.0.1:99/o/r.git", "http://127.0.0.1:99").map(|slug| slug.to_string()),
            Some("o/r".into())
        );
    }
}
