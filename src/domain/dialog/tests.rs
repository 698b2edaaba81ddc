//! What names a dialog, and what an answer means to it.

use super::*;

fn dialog(question: &str, detail: &str, labels: &[&str]) -> Dialog {
    let choices = labels
        .iter()
        .map(|label| DialogChoice::new("", label, label.starts_with("Yes").then_some(Meaning::Allow)));
    Dialog::new(DialogKind::Permission, question, detail, choices.collect())
}

#[test]
fn a_digest_holds_for_what_is_asked_and_not_for_how_it_is_drawn() {
    let one = dialog("Do you want to proceed?", "rm -rf build", &["Yes", "No"]);
    let wrapped = dialog("Do you want to\n  proceed?", "rm -rf  build", &["Yes", "No"]);
    assert_eq!(one.digest, wrapped.digest);
    for other in [
        dialog("Do you want to proceed?", "rm -rf /build", &["Yes", "No"]),
        dialog("Do you want to proceed?", "rm -rf build", &["Yes", "Always", "No"]),
        dialog("Do you want it?", "rm -rf build", &["Yes", "No"]),
        dialog("Do you want to proceed?", "rm -rf build2", &["Yes", "No"]),
        dialog("Do you want to proceed?", "rm -rfbuild", &["Yes", "No"]),
    ] {
        assert_ne!(one.digest, other.digest);
    }
    assert_eq!(one.digest.as_str().parse::<DialogDigest>().unwrap(), one.digest);
    assert!("xyz".parse::<DialogDigest>().is_err());
}

#[test]
fn a_dialog_that_counts_down_is_one_dialog() {
    let at = |text: &str| dialog(text, "", &["Yes"]).digest;
    assert_eq!(at("⠋ allow `ls`? 30 s left"), at("⠙ allow `ls`? 29 s left"));
    assert_eq!(at("allow `ls`? (30s)"), at("allow `ls`? (5s)"));
    assert_ne!(at("allow `rm 1`?"), at("allow `rm 2`?"));
    // What it is about counts nothing down.
    let about = |command: &str| dialog("Allow this?", command, &["Yes"]).digest;
    assert_ne!(about("truncate -s 5m db"), about("truncate -s 500m db"));
    assert_ne!(about("sleep 5 s"), about("sleep 50 s"));
}

#[test]
fn a_dialog_is_about_its_whole_subject_only() {
    let asked = dialog(
        "Do you want to create notes.txt?",
        "Bash command\ntouch a1 &&\n  make\nMakes it",
        &["Yes"],
    );
    for subject in ["touch a1 && make", "notes.txt", "Makes it"] {
        assert!(asked.is_about(subject), "{subject}");
    }
    for subject in ["touch a1", "touch a", "make it", "notes", ""] {
        assert!(!asked.is_about(subject), "{subject}");
    }
}

#[test]
fn an_answer_names_a_choice_or_none() {
    let dialog = dialog("Go?", "", &["Yes", "Maybe"]);
    assert_eq!(dialog.chosen(&DialogAnswer::Approve), Some(0));
    assert_eq!(dialog.chosen(&DialogAnswer::Deny), None);
    assert_eq!(dialog.chosen(&DialogAnswer::Choice(2)), Some(1));
    assert_eq!(dialog.chosen(&DialogAnswer::Choice(3)), None);
    assert_eq!(dialog.chosen(&DialogAnswer::Choice(0)), None);
}

#[track_caller]
fn means(dialog: &Dialog, said: &str, expected: Option<DialogAnswer>) {
    assert_eq!(
        dialog.understood(DialogAnswer::Said(said.to_owned())),
        expected,
        "{said:?}"
    );
}

fn several(choices: &[usize], text: Option<&str>) -> Option<DialogAnswer> {
    Some(DialogAnswer::Several {
        choices: choices.to_vec(),
        text: text.map(str::to_owned),
    })
}

#[test]
fn words_mean_a_choice_or_a_text() {
    let mut dialog = dialog("Which?", "", &["Red", "Blue", "own"]);
    dialog.choices[2].own_words = true;
    means(&dialog, " 2 ", Some(DialogAnswer::Choice(2)));
    means(&dialog, "red", Some(DialogAnswer::Choice(1)));
    for refused in ["3", "own", "green", ""] {
        means(&dialog, refused, None);
    }
    dialog.free_text = true;
    means(&dialog, "green", Some(DialogAnswer::Text("green".into())));
    means(&dialog, "3", None);
    means(&dialog, "2026", Some(DialogAnswer::Text("2026".into())));
    means(&dialog, " ", None);
}

#[test]
fn of_several_choices_a_list_is_understood() {
    let mut dialog = dialog("Which?", "", &["Red", "Dark blue", "Green"]);
    dialog.multi = true;
    means(&dialog, "1", several(&[1], None));
    means(&dialog, "3, 1,3", several(&[3, 1], None));
    means(&dialog, "red, dark blue", several(&[1, 2], None));
    means(&dialog, "1, pink", None);
    dialog.free_text = true;
    means(&dialog, "1, pink, and gold", several(&[1], Some("pink, and gold")));
    means(&dialog, "pink", several(&[], Some("pink")));
    means(&dialog, " , ", None);
    let one = DialogAnswer::Several {
        choices: vec![2],
        text: None,
    };
    dialog.multi = false;
    assert_eq!(dialog.understood(one), Some(DialogAnswer::Choice(2)));
}
