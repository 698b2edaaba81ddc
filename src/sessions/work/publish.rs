//! `telecoder publish`: the branch to the forge, and its pull request. Each step is stored before the next one, and each may
//! be repeated: however it is cut short, the next attempt ends with one branch and one pull request.

use super::super::Engine;
use crate::config::read_token_file;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::outcome::{Claims, DiffStat, Outcome, check_line, stat};
use crate::domain::session::{Session, SessionState};
use crate::domain::work::{Publication, Work};
use crate::workspace::publish::{
    Author, Forge, Github, NewPull, Outgoing, Pull, PullChange, Slug, Wish, ensure_pull, prepare_outgoing, push,
};
use crate::workspace::{self, RepoSource};

const TITLE_CHARS_MAX: usize = 120;
const BODY_CHARS_MAX: usize = 30_000;
/// Outcomes that a pull request's text is made of.
const OUTCOMES_TOLD: u32 = 50;

#[derive(Debug, Clone, Default)]
pub struct PublishRequest {
    pub base: Option<String>,
    pub title: Option<String>,
    pub body: Option<String>,
    pub draft: bool,
    /// Say what would go out, and send nothing.
    pub dry_run: bool,
    /// Commit what is not committed.
    pub commit: bool,
    pub allow_findings: bool,
    /// The branch alone, without a pull request.
    pub push_only: bool,
}

/// What went out (or would).
#[derive(Debug, Clone)]
pub struct Published {
    pub publication: Publication,
    pub tip: String,
    /// Our own commit over files that were not committed.
    pub committed: bool,
    pub stat: DiffStat,
    pub subjects: Vec<String>,
    pub left_behind: u32,
    pub findings: Vec<String>,
    pub title: String,
    pub body: String,
    /// The pull request is new.
    pub opened: bool,
    pub dry_run: bool,
}

/// A forge and the repository on it.
pub(super) struct Place {
    pub forge: Github,
    pub at: Slug,
}

impl Engine {
    /// Publishes a session's work. Called again, it updates what is there.
    ///
    /// Errors: `Config` without a token, `NotFound` for a repository that is not on the forge, `RefusedByState` when there is
    /// nothing to publish or the scan finds something, and the forge's own, each with what to do.
    pub async fn publish(&self, id: &SessionId, request: PublishRequest) -> Result<Published> {
        // Of a turn that has just ended, neither its outcome nor whether checks follow is known yet.
        self.outcomes_made(Some(id)).await;
        self.publish_now(id, request).await
    }

    pub(super) async fn publish_now(&self, id: &SessionId, request: PublishRequest) -> Result<Published> {
        must_not_be_blank(request.title.as_deref())?;
        let _one_at_a_time = self.0.work.publishing.lock(id).await;
        let session = self.session(id).await?;
        may_publish(&session)?;
        let place = self.place(&session).await?;
        let read = id.clone();
        let (work, known, outcomes) = self
            .0
            .store
            .read(move |tx| {
                Ok((
                    tx.work(&read)?,
                    tx.publication(&read)?,
                    tx.outcomes(&read, OUTCOMES_TOLD)?,
                ))
            })
            .await?;
        let mut publication = self.intent(&session, &work, known, &request, &place).await?;
        let title = request.title.clone().unwrap_or_else(|| title_of(&session, &outcomes));
        let outgoing = self.outgoing(&session, &request, &publication, &title).await?;
        let body = request
            .body
            .clone()
            .unwrap_or_else(|| body_of(&session, &outcomes, &outgoing));
        let mut published = Published {
            tip: outgoing.tip.clone(),
            committed: outgoing.committed,
            stat: outgoing.stat.clone(),
            subjects: outgoing.subjects.clone(),
            left_behind: outgoing.left_behind,
            findings: outgoing
                .findings
                .iter()
                .map(|found| format!("{}: {}", found.path, found.what))
                .collect(),
            title,
            body,
            opened: false,
            dry_run: request.dry_run,
            publication: publication.clone(),
        };
        crate::failpoint!("P1");
        if request.dry_run {
            return Ok(published);
        }
        publication.intended = Some(outgoing.tip.clone());
        self.store_publication(id, &publication).await?;
        crate::failpoint!("P2");
        self.send(&session, &mut publication, &outgoing).await?;
        if !request.push_only {
            published.opened = self
                .open(&session, &place, &mut publication, &published, &request)
                .await?;
        }
        published.publication = publication;
        Ok(published)
    }

    /// The forge and the repository of a session.
    pub(super) async fn place(&self, session: &Session) -> Result<Place> {
        let github = &self.0.config.github;
        let Some(token_file) = &github.token_file else {
            return Err(
                Fault::new(Kind::Config, "nothing can be published without a token of the forge").hint(
                    "Put a token into a 0600 file and name it in the configuration: `[github] token_file = \"/path\"`.",
                ),
            );
        };
        let token = read_token_file(token_file)?;
        let web_url = github.web_url();
        let address = workspace::address_of(&self.0.mirrors, &session.id)?;
        let at = address
            .as_deref()
            .and_then(|address| Slug::of_address(address, &web_url));
        let at = at.ok_or_else(|| {
            let what = match &address {
                Some(address) => format!("`{address}` is no repository of {web_url}"),
                None => format!("the repository of {} has no `origin`", session.name),
            };
            Fault::new(Kind::NotFound, what)
                .hint("Give it one and start a session on it again: git remote add origin ADDRESS")
        })?;
        Ok(Place {
            forge: Github::new(&github.api_url, &web_url, token)?,
            at,
        })
    }

    /// The branch of a pull request that a session is to work on.
    pub(super) async fn branch_of_pull(&self, source: &RepoSource, number: u64) -> Result<String> {
        let github = &self.0.config.github;
        let web_url = github.web_url();
        let address = source.as_git_arg();
        let (Some(token_file), Some(at)) = (&github.token_file, Slug::of_address(&address, &web_url)) else {
            return Err(Fault::new(
                Kind::NotFound,
                format!("`{address}` is no repository of {web_url}, or there is no token"),
            )
            .hint("Name it by its address, with `[github] token_file` set: --repo OWNER/REPO --pr N"));
        };
        let forge = Github::new(&github.api_url, &web_url, read_token_file(token_file)?)?;
        let pull = forge.pull(&at, number).await?;
        if !pull.same_repository {
            return Err(Fault::new(
                Kind::RefusedByState,
                format!("pull request #{number} comes from another repository"),
            )
            .hint("Its branch cannot be pushed to from here; work on a copy of it: --base BRANCH"));
        }
        Ok(pull.head)
    }

    /// Which branch goes where. What was decided once stays: one branch, one pull request.
    async fn intent(
        &self,
        session: &Session,
        work: &Work,
        known: Option<Publication>,
        request: &PublishRequest,
        place: &Place,
    ) -> Result<Publication> {
        let remote = place.forge.remote(&place.at);
        if let Some(mut known) = known {
            if let Some(base) = &request.base {
                workspace::check_base(base)?;
                known.base.clone_from(base);
            }
            if matches!(known.state.as_deref(), Some("merged" | "closed")) {
                let message = format!(
                    "pull request #{} of {} is {}",
                    known.number.unwrap_or_default(),
                    session.name,
                    known.state.as_deref().unwrap_or_default()
                );
                return Err(Fault::new(Kind::RefusedByState, message).hint(format!(
                    "Go on in a session of its own: telecoder rerun {}",
                    session.name
                )));
            }
            return Ok(Publication { remote, ..known });
        }
        let branch = session
            .branch
            .clone()
            .unwrap_or_else(|| format!("telecoder/{}", session.id));
        let default = place.forge.default_branch(&place.at).await?;
        let base = match request.base.clone().or_else(|| work.base.clone()) {
            Some(base) => base,
            None => default.clone(),
        };
        workspace::check_base(&base)?;
        let own = match work.pull {
            // The branch of somebody's pull request: that is what was asked for.
            Some(number) => place.forge.pull(&place.at, number).await?.head,
            None => branch,
        };
        if own == base || own == default {
            return Err(Fault::new(
                Kind::NotPermitted,
                format!("`{own}` is the branch that others build on"),
            )
            .hint("Start the session with another branch: `--branch NAME`, or without one."));
        }
        Ok(Publication {
            remote,
            branch: own,
            base,
            draft: request.draft,
            ..Publication::default()
        })
    }

    async fn outgoing(
        &self,
        session: &Session,
        request: &PublishRequest,
        publication: &Publication,
        title: &str,
    ) -> Result<Outgoing> {
        let (name, address) = self.0.config.publish.author.clone();
        let author = Author { name, address };
        let wish = Wish {
            commit: request.commit,
            message: title,
            author: &author,
            pushed: publication.pushed.as_deref(),
            intended: publication.intended.as_deref(),
            file_bytes_max: self.0.config.publish.file_bytes,
            allow_findings: request.allow_findings,
        };
        prepare_outgoing(&self.0.mirrors, &session.work_dir, &session.id, &wish)
            .await
            .map_err(|fault| fault.context(format!("publishing {}", session.name)))
    }

    async fn send(&self, session: &Session, publication: &mut Publication, outgoing: &Outgoing) -> Result<()> {
        if publication.pushed.as_deref() != Some(outgoing.tip.as_str()) {
            push(
                &self.0.mirrors,
                &session.id,
                &publication.remote,
                &publication.branch,
                &outgoing.tip,
            )
            .await?;
            crate::failpoint!("P3");
            publication.pushed = Some(outgoing.tip.clone());
            self.store_publication(&session.id, publication).await?;
        }
        crate::failpoint!("P4");
        Ok(())
    }

    /// True when the pull request is new.
    async fn open(
        &self,
        session: &Session,
        place: &Place,
        publication: &mut Publication,
        published: &Published,
        request: &PublishRequest,
    ) -> Result<bool> {
        let new = NewPull {
            head: publication.branch.clone(),
            base: publication.base.clone(),
            title: published.title.clone(),
            body: published.body.clone(),
            draft: request.draft,
        };
        crate::failpoint!("P5");
        let (pull, opened) = match publication.number {
            Some(number) => (place.forge.pull(&place.at, number).await?, false),
            None => ensure_pull(&place.forge, &place.at, &new).await?,
        };
        crate::failpoint!("P7");
        note_pull(publication, &pull);
        self.store_publication(&session.id, publication).await?;
        crate::failpoint!("P8");
        let change = PullChange {
            title: request.title.as_deref(),
            body: request.body.as_deref(),
            base: request.base.as_deref().filter(|base| *base != pull.base),
        };
        if !opened && change != PullChange::default() {
            place.forge.update_pull(&place.at, pull.number, change).await?;
        }
        Ok(opened)
    }

    pub(super) async fn store_publication(&self, id: &SessionId, publication: &Publication) -> Result<()> {
        let (id, publication) = (id.clone(), publication.clone());
        self.0
            .store
            .write(move |tx| tx.set_publication(&id, &publication))
            .await
    }

    /// What a session has published.
    pub async fn publication(&self, id: &SessionId) -> Result<Option<Publication>> {
        let id = id.clone();
        self.0.store.read(move |tx| tx.publication(&id)).await
    }
}

pub(super) fn note_pull(publication: &mut Publication, pull: &Pull) {
    publication.number = Some(pull.number);
    publication.url = Some(pull.url.clone());
    publication.state = Some(pull.state.as_str().to_owned());
    publication.draft = pull.draft;
}

fn may_publish(session: &Session) -> Result<()> {
    super::must_have_workspace(session)?;
    let state = session.status.state;
    if state == SessionState::Idle || state == SessionState::NeedsInput || state.is_ended() {
        return Ok(());
    }
    let name = &session.name;
    let message = format!("{name} is at work ({state}); what goes out would be half of it");
    Err(Fault::new(Kind::RefusedByState, message).hint(match state {
        SessionState::Verifying => format!("Its checks run; what they say shows: telecoder inbox show {name}"),
        _ => format!("Wait for it, or interrupt it: telecoder interrupt {name}"),
    }))
}

fn must_not_be_blank(title: Option<&str>) -> Result<()> {
    match title {
        Some(title) if title.trim().is_empty() => Err(Fault::new(Kind::Usage, "a pull request needs a title")
            .hint("Leave `--title` out: one is made from what was done.")),
        _ => Ok(()),
    }
}

/// In the agent's words, else in those of its commit, else in the person's.
fn title_of(session: &Session, outcomes: &[Outcome]) -> String {
    let oldest = outcomes.iter().rev().find(|outcome| outcome.turn.is_some());
    let claim = outcomes
        .iter()
        .find_map(|outcome| outcome.detail.claims.changed.clone());
    let subject = outcomes
        .iter()
        .find_map(|outcome| outcome.detail.measured.as_ref()?.subjects.first().cloned());
    let prompt = oldest.map(|outcome| outcome.detail.prompt.clone());
    let text = subject.or(claim).or(prompt).unwrap_or_else(|| session.name.to_string());
    let line = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or(session.name.as_str());
    let line = line.trim_start_matches(['-', '*', '#', ' ']);
    let clean: String = line.chars().filter(|c| !c.is_control()).take(TITLE_CHARS_MAX).collect();
    if clean.is_empty() {
        session.name.to_string()
    } else {
        clean
    }
}

/// What the reviewer needs: the agent's words as its words, and beside them what was measured.
fn body_of(session: &Session, outcomes: &[Outcome], outgoing: &Outgoing) -> String {
    let mut body = String::new();
    let claims = outcomes.iter().fold(Claims::default(), |claims, outcome| {
        claims.or(outcome.detail.claims.clone())
    });
    for (title, text) in [
        ("Changed", &claims.changed),
        ("Verified (in the agent's words)", &claims.verified),
        ("Uncertain", &claims.uncertain),
        ("Next", &claims.next),
    ] {
        if let Some(text) = text {
            body.push_str(&format!("## {title}\n\n{}\n\n", unmentioned(text)));
        }
    }
    body.push_str(&format!("## Measured\n\n- {}\n", stat(&outgoing.stat)));
    let checked = outcomes.iter().find(|outcome| !outcome.detail.checks.is_empty());
    match checked {
        Some(outcome) => {
            for check in &outcome.detail.checks {
                body.push_str(&format!("- {}\n", check_line(check)));
            }
        }
        None => body.push_str("- no check was run\n"),
    }
    for flag in outcomes.first().iter().flat_map(|outcome| &outcome.detail.flags) {
        body.push_str(&format!("- ⚠ {}\n", unmentioned(&flag.text)));
    }
    body.push_str(&format!(
        "\n<sub>Made by an agent in the TeleCoder session `{}`.</sub>\n",
        session.name
    ));
    body.chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .take(BODY_CHARS_MAX)
        .collect()
}

/// An agent's text calls nobody and closes nothing: `@name` and `#1` lose their meaning.
fn unmentioned(text: &str) -> String {
    text.replace('@', "@\u{200b}").replace('#', "#\u{200b}")
}
