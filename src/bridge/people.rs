//! Letting people in: one-time codes that the machine prints, and groups that an owner opens.

use crate::channels::telegram::{CHANNEL, ChatKind, Update};
use crate::domain::fault::Result;
use crate::domain::person::Role;
use crate::domain::text::sha256_hex;
use crate::store::Tx;

use super::commands::roles;
use super::gate::Gate;
use super::router::{Here, Reply, answer};
use super::shut::shut_out;

/// What the audit log keeps of a code: nothing that would help somebody to guess one.
pub fn digest(code: &str) -> String {
    sha256_hex(code.trim().to_ascii_lowercase().as_bytes())
}

/// `/start CODE` in a private chat, of somebody unknown or of somebody who is to get another role. False when there is no such code:
/// then nothing at all is answered. A code takes no rights away: of those who have them already it is not used up.
pub(super) fn pair(tx: &Tx<'_>, update: &Update, here: &Here, text: &str, known: Option<Role>) -> Result<bool> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_private = update.chat_kind == ChatKind::Private && update.from == Some(here.chat.chat_id);
    let (["/start", code], Some(from), true) = (words.as_slice(), update.from, is_private) else {
        return Ok(false);
    };
    let digest = digest(code);
    let Some(role) = tx.pairing(CHANNEL, &digest)? else {
        return Ok(false);
    };
    if let Some(known) = known.filter(|known| *known >= role) {
        let text = format!("You are in already, as **{known}**. The code is still good for somebody else.");
        answer(tx, here, &Reply::new(text))?;
        return Ok(true);
    }
    tx.use_pairing(&digest)?;
    tx.put_person(CHANNEL, from, role, update.name.as_deref(), "a pairing code")?;
    tx.set_unreachable(CHANNEL, here.chat.chat_id, None)?;
    tx.audit(
        CHANNEL,
        &super::gate::who(update),
        &format!("let in as {role} by a code"),
    )?;
    answer(
        tx,
        here,
        &Reply::new(format!("You are in, as **{role}**. {}", roles::summary(role))),
    )?;
    Ok(true)
}

/// `/allow` of an owner in a group.
pub(super) fn allow_group(tx: &Tx<'_>, update: &Update, here: &Here) -> Result<()> {
    let by = update.from.map_or_else(String::new, |from| format!("user {from}"));
    tx.put_person(CHANNEL, here.chat.chat_id, Role::Viewer, None, &by)?;
    tx.set_unreachable(CHANNEL, here.chat.chat_id, None)?;
    tx.audit(CHANNEL, &super::gate::who(update), "opened the group")?;
    let text = "This group is open now: those whom I know can talk to me here. /forbid closes it again.";
    answer(tx, here, &Reply::new(text))
}

/// `/forbid` of an owner: in a group without a name it closes the group, else it shuts somebody out.
pub(super) fn forbid(tx: &Tx<'_>, gate: &Gate, here: &Here, args: &[String]) -> Result<Reply> {
    let id = match args {
        [] if here.chat.chat_id < 0 => here.chat.chat_id,
        [id] if id.parse::<i64>().is_ok() => id.parse().unwrap_or_default(),
        _ => return Ok(Reply::new("Say whom: `/forbid ID`. /people shows the ids.")),
    };
    if !shut_out(tx, gate, id)? {
        let text = format!(
            "{id} was not let in by pairing. Who stands in the configuration is taken out there: `[telegram] allow`."
        );
        return Ok(Reply::new(text));
    }
    let by = here
        .from
        .map_or_else(|| "unknown".to_owned(), |from| format!("user {from}"));
    tx.audit(CHANNEL, &by, &format!("shut {id} out"))?;
    Ok(Reply::new(format!("{id} is out.")))
}

/// `/people`: who was let in.
pub(super) fn list(tx: &Tx<'_>) -> Result<Reply> {
    use crate::channels::telegram::markdown::escape;
    let people = tx.people(CHANNEL)?;
    if people.is_empty() {
        return Ok(Reply::new(
            "Nobody was let in beside those of the configuration. `telecoder pair` on the machine makes a code.",
        ));
    }
    let lines: Vec<String> = people
        .iter()
        .map(|person| match person.id {
            id if id < 0 => format!("group {id}, opened by {}", escape(&person.added_by)),
            id => format!(
                "{id} **{}** {}",
                person.role,
                escape(person.name.as_deref().unwrap_or_default())
            ),
        })
        .collect();
    Ok(Reply::new(lines.join("\n")))
}
