//! `telecoder pair` and `telecoder people`: who may talk to the bot.

use clap::Subcommand;

use super::context::Context;
use super::out;
use crate::api::client::path;
use crate::api::wire::{Pairing, PairingRequest, ShutOut};
use crate::domain::fault::Result;
use crate::domain::person::Person;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What the person may do: viewer, operator or owner.
    #[arg(long, default_value = "operator")]
    role: String,
}

/// Prints a one-time code, and a link that sends it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let request = PairingRequest { role: Some(args.role) };
    let pairing: Pairing = cx.client()?.post(&path(&["pairings"]), &request).await?;
    if cx.json {
        return out::json(&pairing);
    }
    if let Some(link) = &pairing.link {
        out::line(&format!("open  {link}"))?;
    }
    out::line(&format!("or send the bot  /start {}", pairing.code))?;
    out::note(&format!(
        "lets one person in as {}, until {}",
        pairing.role, pairing.expires_at
    ));
    Ok(())
}

#[derive(Debug, clap::Args)]
pub struct PeopleArgs {
    #[command(subcommand)]
    what: Option<PeopleCommand>,
}

#[derive(Debug, Subcommand)]
enum PeopleCommand {
    /// Shut a person (or a group, by its negative id) out, at once.
    Remove {
        #[arg(allow_negative_numbers = true)]
        id: i64,
    },
}

/// Lists who was let in, or shuts somebody out.
pub async fn people(cx: &Context, args: PeopleArgs) -> Result<()> {
    let client = cx.client()?;
    if let Some(PeopleCommand::Remove { id }) = args.what {
        let removed: ShutOut = client.delete(&path(&["people", &id.to_string()])).await?;
        if cx.json {
            return out::json(&removed);
        }
        out::note(&format!("{id} is out"));
        return Ok(());
    }
    let people: Vec<Person> = client.get(&path(&["people"])).await?;
    if cx.json {
        return out::json(&people);
    }
    for person in &people {
        let name = person.name.as_deref().unwrap_or("-");
        out::line(&format!("{}\t{}\t{name}\t{}", person.id, person.role, person.added_at))?;
    }
    if people.is_empty() {
        out::note("nobody was let in beside those of `[telegram] allow`; `telecoder pair` makes a code");
    }
    Ok(())
}
