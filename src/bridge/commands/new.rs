//! `/new [repo] [name]`, `/start NAME`, `/start_yolo NAME`: a session, made the active one of the chat.

use std::sync::Arc;

use super::switch::switch;
use super::{Desk, one_name};
use crate::bridge::prompt::adopt;
use crate::bridge::router::answer;
use crate::domain::fault::{Fault, Kind, Result};
use crate::sessions::{Engine, RawRequest};

/// Looks the repository up, and then makes the session, its route, the reply and the end of the update in one transaction: after a
/// crash either all of it is there or the command runs again.
pub(super) async fn new(desk: &Desk<'_>, args: &[String], policy: Option<&str>) -> Result<()> {
    let raw = RawRequest {
        policy: policy.map(str::to_owned),
        ..raw(args)?
    };
    let request = desk.engine.check(&raw).await?;
    let here = desk.here.clone();
    let request = here.request(request);
    let (engine, router): (Engine, _) = (desk.engine.clone(), Arc::clone(desk.router));
    let session = desk
        .store
        .write(move |tx| {
            let session = engine.admit(tx, &request)?;
            adopt(tx, &router, &here, &session)?;
            tx.finish_update(here.update_id)?;
            Ok(session.id)
        })
        .await?;
    desk.engine.wake(&session);
    Ok(())
}

/// `/start NAME`: the session of that name is talked to, and made when there is none.
pub(super) async fn start(desk: &Desk<'_>, args: &[String], policy: Option<&str>) -> Result<()> {
    let name = one_name(args)?.map(str::to_owned);
    let known = match name.clone() {
        None => None,
        Some(name) => desk.store.read(move |tx| Ok(tx.find_session(&name).ok())).await?,
    };
    match known {
        Some(session) if !session.status.state.is_ended() && policy.is_none() => {
            let (here, args) = (desk.here.clone(), vec![session.name.to_string()]);
            desk.store
                .write(move |tx| {
                    let reply = switch(tx, &here, &args)?;
                    answer(tx, &here, &reply)?;
                    tx.finish_update(here.update_id)
                })
                .await
        }
        _ => new(desk, args, policy).await,
    }
}

fn raw(args: &[String]) -> Result<RawRequest> {
    let (repos, names): (Vec<&String>, Vec<&String>) = args.iter().partition(|word| is_repo(word));
    if repos.len() > 1 || names.len() > 1 {
        return Err(Fault::new(Kind::Usage, "/new takes one repository and one name")
            .hint("For example `/new https://example.org/some/repo fix-login`."));
    }
    Ok(RawRequest {
        name: names.first().map(|name| (*name).clone()),
        repo: repos.first().map(|repo| (*repo).clone()),
        ..RawRequest::default()
    })
}

/// A path or an address; a bare word is a name.
fn is_repo(word: &str) -> bool {
    word.contains(['/', ':', '\\']) || word.starts_with(['.', '~'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_repositories_are_told_apart() {
        let raw = |args: &[&str]| raw(&args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>());
        let both = raw(&["fix-login", "/srv/shop"]).expect("fits");
        assert_eq!(
            (both.name.as_deref(), both.repo.as_deref()),
            (Some("fix-login"), Some("/srv/shop"))
        );
        let ssh = raw(&["git@example.org:a/b.git"]).expect("fits");
        assert_eq!((ssh.name, ssh.repo.as_deref()), (None, Some("git@example.org:a/b.git")));
        assert!(raw(&["one", "two"]).is_err());
    }
}
