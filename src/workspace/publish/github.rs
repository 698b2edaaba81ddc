//! GitHub's REST API, or an Enterprise server's.
//!
//! Every answer is told by its status: what a person can do about it stands in the hint. Nothing is sent twice on a guess:
//! a request that may have arrived is `Uncertain`, and its caller looks.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::forge::{Forge, ForgeNews, NewPull, Pull, PullChange, PullState, Slug};
use crate::domain::fault::{Fault, Kind, Result};

const TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Entries of one page; more than one page of news at a time is not looked at.
const PAGE: &str = "100";
const VERSION: &str = "2022-11-28";
/// Conclusions of a check that somebody has to look at.
const BAD_CONCLUSIONS: &[&str] = &["failure", "timed_out", "action_required", "startup_failure"];

pub struct Github {
    api_url: String,
    web_url: String,
    token: SecretString,
    client: reqwest::Client,
}

#[derive(Deserialize)]
struct WirePull {
    number: u64,
    html_url: String,
    state: String,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    merged_at: Option<String>,
    base: WireBranch,
    head: WireBranch,
}

#[derive(Deserialize)]
struct WireBranch {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
    #[serde(default)]
    repo: Option<WireRepo>,
}

#[derive(Deserialize)]
struct WireRepo {
    full_name: String,
}

#[derive(Deserialize)]
struct WireComment {
    id: u64,
    #[serde(default)]
    user: Option<WireUser>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    author_association: Option<String>,
    #[serde(default)]
    html_url: Option<String>,
    /// Of a review.
    #[serde(default)]
    state: Option<String>,
    /// Of a comment on a line.
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    line: Option<u64>,
}

#[derive(Deserialize)]
struct WireUser {
    login: String,
}

#[derive(Deserialize)]
struct WireCheck {
    id: u64,
    name: String,
    #[serde(default)]
    conclusion: Option<String>,
    #[serde(default)]
    html_url: Option<String>,
    #[serde(default)]
    output: Option<WireOutput>,
}

#[derive(Deserialize)]
struct WireOutput {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    summary: Option<String>,
}

impl Github {
    pub fn new(api_url: &str, web_url: &str, token: SecretString) -> Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("telecoder/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Fault::new(Kind::Failure, format!("building the client of the forge: {error}")))?;
        Ok(Self {
            api_url: api_url.to_owned(),
            web_url: web_url.to_owned(),
            token,
            client,
        })
    }

    async fn call(&self, method: Method, path: &str, query: &[(&str, &str)], body: Option<Value>) -> Result<Value> {
        let writes = method != Method::GET;
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.api_url))
            .query(query)
            .bearer_auth(self.token.expose_secret())
            .header("Accept", "application/vnd.github+json")
            .header("X-GitHub-Api-Version", VERSION);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let lost = |error: reqwest::Error| {
            let kind = if writes && !error.is_connect() {
                Kind::Uncertain
            } else {
                Kind::Failure
            };
            Fault::new(kind, format!("asking {}: {}", self.api_url, error.without_url()))
                .hint("Check that the API can be reached from this machine (`[github] api_url`), then try again.")
        };
        let response = request.send().await.map_err(lost)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.map_err(lost)?;
        if bytes.len() > ANSWER_BYTES_MAX {
            return Err(Fault::new(
                Kind::OverLimit,
                format!("the answer of {} is too long", self.api_url),
            ));
        }
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|error| self.odd(&error.to_string()));
        }
        let said: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let header = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let limits = Limits {
            remaining: header("x-ratelimit-remaining"),
            reset: header("x-ratelimit-reset"),
            retry_after: header("retry-after"),
        };
        Err(explain(status, path, &words_of(&said), &limits, writes))
    }

    fn odd(&self, why: &str) -> Fault {
        Fault::new(
            Kind::Failure,
            format!("the answer of {} does not fit: {why}", self.api_url),
        )
        .hint("Is `[github] api_url` the address of an API?")
    }

    fn read<T: serde::de::DeserializeOwned>(&self, value: Value) -> Result<T> {
        serde_json::from_value(value).map_err(|error| self.odd(&error.to_string()))
    }

    async fn comments(&self, path: &str) -> Result<Vec<WireComment>> {
        let value = self.call(Method::GET, path, &[("per_page", PAGE)], None).await?;
        self.read(value)
    }
}

struct Limits {
    remaining: Option<String>,
    reset: Option<String>,
    retry_after: Option<String>,
}

/// The message and the messages of its errors.
fn words_of(said: &Value) -> String {
    let mut words = vec![said["message"].as_str().unwrap_or_default().to_owned()];
    for error in said["errors"].as_array().into_iter().flatten() {
        words.extend(error["message"].as_str().or_else(|| error.as_str()).map(str::to_owned));
    }
    words.retain(|word| !word.is_empty());
    let words: String = words.join(": ").chars().filter(|c| !c.is_control()).take(300).collect();
    words
}

fn explain(status: StatusCode, path: &str, words: &str, limits: &Limits, writes: bool) -> Fault {
    let fault =
        |kind, what: &str, hint: String| Fault::new(kind, format!("{what} ({status} for {path}: {words})")).hint(hint);
    let limited = limits.retry_after.is_some() || limits.remaining.as_deref() == Some("0");
    match status {
        StatusCode::UNAUTHORIZED => fault(
            Kind::NotPermitted,
            "the forge does not know the token",
            "Make a new token and put it into the file of `[github] token_file`; it may have expired.".into(),
        ),
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS if limited => {
            let when = match (&limits.retry_after, &limits.reset) {
                (Some(seconds), _) => format!("in {seconds} s"),
                (None, Some(at)) => match at
                    .parse()
                    .ok()
                    .and_then(|at| crate::domain::Timestamp::from_second(at).ok())
                {
                    Some(at) => format!("after {at}"),
                    None => "later".to_owned(),
                },
                (None, None) => "later".to_owned(),
            };
            fault(
                Kind::OverLimit,
                "the forge's rate limit is used up",
                format!("Try again {when}; nothing was changed."),
            )
        }
        StatusCode::FORBIDDEN => fault(
            Kind::NotPermitted,
            "the token may not do this",
            "It needs read and write on `Contents` and `Pull requests` of this repository.".into(),
        ),
        StatusCode::NOT_FOUND => fault(
            Kind::NotFound,
            "the forge shows no such repository or pull request to this token",
            "Check the repository's name, and that the token was given access to it.".into(),
        ),
        StatusCode::UNPROCESSABLE_ENTITY if words.contains("No commits between") => fault(
            Kind::RefusedByState,
            "the branch has nothing that its base does not have",
            "Name another base with `--base`, or let the agent commit something first.".into(),
        ),
        StatusCode::UNPROCESSABLE_ENTITY if words.contains("already exists") => fault(
            Kind::Uncertain,
            "the forge has a pull request of this branch",
            "Try again: it is looked for first.".into(),
        ),
        StatusCode::UNPROCESSABLE_ENTITY => fault(
            Kind::RefusedByState,
            "the forge does not take the pull request",
            "It says why; often the base branch does not exist there (`--base`).".into(),
        ),
        status if status.is_server_error() => fault(
            if writes { Kind::Uncertain } else { Kind::Failure },
            "the forge is in trouble",
            "Try again later; what was done is found again.".into(),
        ),
        status if status.is_redirection() => fault(
            Kind::NotFound,
            "the repository has moved",
            "Use its new address: git remote set-url origin ADDRESS".into(),
        ),
        _ => fault(Kind::Failure, "the forge refuses", "Look at what it says.".into()),
    }
}

fn pull_of(at: &Slug, wire: WirePull) -> Pull {
    let own = at.to_string();
    Pull {
        number: wire.number,
        url: wire.html_url,
        state: match (wire.state.as_str(), &wire.merged_at) {
            ("open", _) => PullState::Open,
            (_, Some(_)) => PullState::Merged,
            _ => PullState::Closed,
        },
        draft: wire.draft,
        base: wire.base.name,
        head: wire.head.name,
        same_repository: wire
            .head
            .repo
            .is_none_or(|repo| repo.full_name.eq_ignore_ascii_case(&own)),
        head_commit: wire.head.sha,
    }
}

impl Forge for Github {
    fn remote(&self, at: &Slug) -> String {
        format!("{}/{at}.git", self.web_url)
    }

    async fn own_login(&self) -> Result<String> {
        let user: WireUser = self.read(self.call(Method::GET, "/user", &[], None).await?)?;
        Ok(user.login)
    }

    async fn default_branch(&self, at: &Slug) -> Result<String> {
        let value = self.call(Method::GET, &format!("/repos/{at}"), &[], None).await?;
        match value["default_branch"].as_str() {
            Some(branch) => Ok(branch.to_owned()),
            None => Err(self.odd("a repository without a default branch")),
        }
    }

    async fn find_pull(&self, at: &Slug, branch: &str) -> Result<Option<Pull>> {
        let head = format!("{}:{branch}", at.owner);
        let query = [("head", head.as_str()), ("state", "open"), ("per_page", PAGE)];
        let value = self
            .call(Method::GET, &format!("/repos/{at}/pulls"), &query, None)
            .await?;
        let pulls: Vec<WirePull> = self.read(value)?;
        // The oldest: it is the one that people know.
        let mut pulls: Vec<Pull> = pulls
            .into_iter()
            .map(|wire| pull_of(at, wire))
            .filter(|pull| pull.head == branch)
            .collect();
        pulls.sort_by_key(|pull| pull.number);
        Ok(pulls.into_iter().next())
    }

    async fn pull(&self, at: &Slug, number: u64) -> Result<Pull> {
        let value = self
            .call(Method::GET, &format!("/repos/{at}/pulls/{number}"), &[], None)
            .await?;
        Ok(pull_of(at, self.read(value)?))
    }

    async fn open_pull(&self, at: &Slug, new: &NewPull) -> Result<Pull> {
        let body = json!({
            "title": new.title, "head": new.head, "base": new.base, "body": new.body, "draft": new.draft,
            "maintainer_can_modify": true,
        });
        let value = self
            .call(Method::POST, &format!("/repos/{at}/pulls"), &[], Some(body))
            .await?;
        Ok(pull_of(at, self.read(value)?))
    }

    async fn update_pull(&self, at: &Slug, number: u64, change: PullChange<'_>) -> Result<Pull> {
        let fields = [("title", change.title), ("body", change.body), ("base", change.base)];
        let change = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.into())))
            .collect();
        let path = format!("/repos/{at}/pulls/{number}");
        let value = self
            .call(Method::PATCH, &path, &[], Some(Value::Object(change)))
            .await?;
        Ok(pull_of(at, self.read(value)?))
    }

    async fn news(&self, at: &Slug, pull: &Pull) -> Result<Vec<ForgeNews>> {
        let (number, mut news) = (pull.number, Vec::new());
        for (kind, path) in [
            ("comment", format!("/repos/{at}/issues/{number}/comments")),
            ("review", format!("/repos/{at}/pulls/{number}/reviews")),
            ("line", format!("/repos/{at}/pulls/{number}/comments")),
        ] {
            let comments = self.comments(&path).await?;
            news.extend(
                comments
                    .into_iter()
                    .filter_map(|comment| news_of_comment(kind, comment)),
            );
        }
        let path = format!("/repos/{at}/commits/{}/check-runs", pull.head_commit);
        let value = self.call(Method::GET, &path, &[("per_page", PAGE)], None).await?;
        let checks: Vec<WireCheck> = self.read(value["check_runs"].clone())?;
        news.extend(checks.into_iter().filter_map(news_of_check));
        Ok(news)
    }
}

fn news_of_comment(kind: &str, comment: WireComment) -> Option<ForgeNews> {
    let author = comment.user.map_or_else(|| "ghost".to_owned(), |user| user.login);
    let text = comment.body.unwrap_or_default();
    let (what, asks) = match (kind, comment.state.as_deref()) {
        ("review", Some("CHANGES_REQUESTED")) => (format!("{author} asks for changes"), true),
        ("review", Some("APPROVED")) => (format!("{author} approves"), false),
        // A review that has comments on lines comes with an empty body of its own.
        ("review", _) if text.trim().is_empty() => return None,
        ("review", _) => (format!("{author} reviewed"), true),
        ("line", _) => {
            let line = comment.line.map(|line| format!(":{line}")).unwrap_or_default();
            (format!("{author} on {}{line}", comment.path.unwrap_or_default()), true)
        }
        _ => (format!("{author} commented"), true),
    };
    Some(ForgeNews {
        key: format!("{kind}:{}", comment.id),
        author,
        association: Some(comment.author_association.unwrap_or_else(|| "NONE".into())),
        what: one_line(&what),
        text,
        url: comment.html_url,
        asks,
    })
}

fn news_of_check(check: WireCheck) -> Option<ForgeNews> {
    let conclusion = check.conclusion?;
    let bad = BAD_CONCLUSIONS.contains(&conclusion.as_str());
    let output = check.output.map(|output| [output.title, output.summary]);
    let text: Vec<String> = output.into_iter().flatten().flatten().collect();
    bad.then(|| ForgeNews {
        key: format!("check:{}:{conclusion}", check.id),
        author: "checks".into(),
        association: None,
        what: one_line(&format!("check `{}`: {conclusion}", check.name)),
        text: text.join("\n"),
        url: check.html_url,
        asks: true,
    })
}

fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
