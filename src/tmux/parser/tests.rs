//! The parser, by recorded replies of tmux.

use super::*;

/// Feeds a transcript and lists what came of it.
#[track_caller]
fn items(transcript: &[u8]) -> Vec<Item> {
    let mut parser = Parser::default();
    let mut items = Vec::new();
    for line in transcript.split(|b| *b == b'\n') {
        items.extend(parser.line(line).expect("a sound transcript"));
    }
    items
}

fn done(text: &str) -> Item {
    Item::Block {
        failed: false,
        text: text.into(),
    }
}

fn failed(text: &str) -> Item {
    Item::Block {
        failed: true,
        text: text.into(),
    }
}

fn gone(id: &str) -> Item {
    Item::WindowGone(id.parse().unwrap())
}

#[test]
fn a_guarded_paste_as_3_5a_answers_it() {
    let transcript = b"%begin 1795254444 282 1\n%end 1795254444 282 1\n%window-add @1\n%paste-buffer-changed b1\n\
%begin 1795254444 285 1\n%end 1795254444 285 1\n%begin 1795254444 286 1\n%end 1795254444 286 1\n\
%begin 1795254444 287 1\nOK\n%end 1795254444 287 1\n%paste-buffer-deleted b1\n";
    assert_eq!(items(transcript), [done(""), done(""), done(""), done("OK\n")]);
}

#[test]
fn a_line_may_be_answered_before_the_client_is_attached() {
    let transcript =
        b"%begin 9 399 1\nmark\n%end 9 399 1\n%begin 9 401 0\n%end 9 401 0\n%session-changed $0 telecoder\n";
    assert_eq!(items(transcript), [done("mark\n"), done(""), Item::Attached]);
}

#[test]
fn a_missing_file_is_told_late_and_bare() {
    let transcript = b"%begin 1795254443 286 1\n%end 1795254443 286 1\n/tmp/pt/missing: No such file or directory\n\
%begin 1795254443 288 1\nno buffer b1\n%error 1795254443 288 1\n";
    let stray = Item::Stray("/tmp/pt/missing: No such file or directory".into());
    assert_eq!(items(transcript), [done(""), stray, failed("no buffer b1\n")]);
}

#[test]
fn a_parse_error_is_a_failed_block() {
    let transcript = b"%begin 1 2 1\nparse error: unknown command: bad-command\n%error 1 2 1\n";
    assert_eq!(
        items(transcript),
        [failed("parse error: unknown command: bad-command\n")]
    );
}

#[test]
fn closings_are_told_in_every_form() {
    let transcript =
        b"%unlinked-window-close @1\n%window-close @2\n%window-add @3\n%sessions-changed\n%window-close x\n%exit\n";
    assert_eq!(items(transcript), [gone("@1"), gone("@2")]);
}

#[test]
fn a_screen_may_show_the_words_of_the_protocol() {
    let transcript =
        b"%begin 5 9 1\n%end 5 8 1\n%window-close @7\n%error\n%begin 5 9 1\n%exit\n%end 5 9 1\n%window-close @8\n";
    let shown = "%end 5 8 1\n%window-close @7\n%error\n%begin 5 9 1\n%exit\n";
    assert_eq!(items(transcript), [done(shown), gone("@8")]);
}

#[test]
fn invalid_utf8_is_replaced() {
    assert_eq!(
        items(b"%begin 1 1 1\na\xff\xfeb\n%end 1 1 1"),
        [done("a\u{fffd}\u{fffd}b\n")]
    );
}

#[test]
fn an_end_without_a_beginning_breaks_the_stream() {
    let mut parser = Parser::default();
    assert_eq!(parser.line(b"%begin 1 1 1"), Ok(None));
    assert!(parser.line(b"%end 1 1 1").unwrap().is_some());
    assert_eq!(parser.line(b"%end 1 1 1"), Err(Broken));
}
