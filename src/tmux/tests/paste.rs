//! What is pasted arrives to the byte, or not at all.

use super::*;

const AWKWARD: [&str; 26] = [
    "x",
    "plain words",
    "it's \"quoted\" and 'more'",
    "$(touch /tmp/never) `id` $HOME ${PATH}",
    "#{pid} #(id) #[fg=red] ##",
    "%s %d %H:%M %% %if %end",
    "-n foo",
    "--",
    "-",
    "ends with ;",
    ";",
    r"ends with \;",
    r"\",
    r"\n is no line feed",
    "a\ttab\tand\t",
    "one\ntwo\n\n\nfive",
    "\n",
    "last line feed\n",
    "Enter",
    "C-c 0x41",
    "{ braces } ~ ~root",
    "👩‍👩‍👧‍👦 e\u{301} 日本語 \u{202e}rtl",
    " leading and trailing ",
    "# comment",
    "!important @3 %0 =x {last}",
    "\u{a0}\u{200b}\u{feff}",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn awkward_texts_arrive_to_the_byte() {
    let bed = Bed::new().await;
    bed.attached().await;
    let ours = session(1);
    let place = bed.reader("r", &ours).await;
    let mut expected = Vec::new();
    for text in AWKWARD {
        assert_eq!(bed.paste(&place, &ours, text).await, Ok(Guarded::Done), "{text:?}");
        expected.extend(bracketed(text));
        bed.gets("r", &expected).await;
    }
    assert_eq!(bed.raw(&["list-buffers"]), "");
    assert_eq!(bed.paste_files(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn awkward_texts_arrive_by_process_too() {
    let bed = Bed::new().await;
    let ours = session(1);
    let place = bed.reader("r", &ours).await;
    let link = bed.by_process_only();
    let mut expected = Vec::new();
    for text in AWKWARD {
        let done = link.paste(&place.pane, &ours, &sanitise(text)).await;
        assert_eq!(done, Ok(Guarded::Done), "{text:?}");
        expected.extend(bracketed(text));
    }
    bed.gets("r", &expected).await;
    let other = link.paste(&place.pane, &session(2), &sanitise("no")).await;
    assert_eq!(other, Ok(Guarded::Mismatch));
    let missing = link.paste(&"%99".parse().unwrap(), &ours, &sanitise("no")).await;
    assert_eq!(missing, Ok(Guarded::Mismatch));
    bed.gets("r", &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_size_arrives_whole() {
    let bed = Bed::new().await;
    let ours = session(1);
    let place = bed.reader("r", &ours).await;
    let mut expected = Vec::new();
    for size in [1, 1000, 4095, 4097, 16_384, 100_000, 1_000_000] {
        let text: String = ('a'..='z').chain(['\n', 'é']).cycle().take(size).collect();
        assert_eq!(bed.paste(&place, &ours, &text).await, Ok(Guarded::Done));
        expected.extend(bracketed(&text));
        bed.gets("r", &expected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_typed_into_what_is_not_ours() {
    let bed = Bed::new().await;
    let ours = session(1);
    let place = bed.reader("r", &ours).await;
    assert_eq!(
        bed.paste(&place, &session(2), "not for you").await,
        Ok(Guarded::Mismatch)
    );

    let home: PaneId = bed
        .raw(&["list-panes", "-t", "=telecoder:0", "-F", "#{pane_id}"])
        .parse()
        .unwrap();
    let into_home = bed.tmux.paste(&home, &ours, &sanitise("not for home")).await;
    assert_eq!(into_home, Ok(Guarded::Mismatch));
    let missing = bed
        .tmux
        .paste(&"%999".parse().unwrap(), &ours, &sanitise("nowhere"))
        .await;
    assert_eq!(missing, Ok(Guarded::Mismatch));

    assert_eq!(bed.paste(&place, &ours, "").await.unwrap_err().kind, Kind::Usage);
    bed.raw(&["select-pane", "-d", "-t", place.pane.as_str()]);
    assert_eq!(
        bed.paste(&place, &ours, "off").await.unwrap_err().kind,
        Kind::RefusedByState
    );
    bed.raw(&["select-pane", "-e", "-t", place.pane.as_str()]);

    assert_eq!(bed.paste(&place, &ours, "only this").await, Ok(Guarded::Done));
    bed.gets("r", &bracketed("only this")).await;
    assert!(!bed.tmux.screen(&home).await.unwrap().text().contains("not for"));
    assert_eq!(bed.raw(&["list-buffers"]), "");
    assert_eq!(bed.paste_files(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_pane_that_remains_is_a_mismatch_and_the_server_lives() {
    let bed = Bed::new().await;
    let ours = session(1);
    let place = bed.window("w", &ours, "read x").await;
    bed.raw(&["set-option", "-w", "-t", place.window.as_str(), "remain-on-exit", "on"]);
    let enter = bed.tmux.keys(&place.pane, &ours, &["Enter".into()]).await;
    assert_eq!(enter, Ok(Guarded::Done));
    let dead = || bed.raw(&["list-panes", "-t", place.window.as_str(), "-F", "#{pane_dead}"]) == "1";
    until("the pane's death", dead).await;
    assert_eq!(bed.paste(&place, &ours, "x").await, Ok(Guarded::Mismatch));
    let keys = bed.tmux.keys(&place.pane, &ours, &["a".into()]).await;
    assert_eq!(keys, Ok(Guarded::Mismatch));
    let server = bed.tmux.ensure_server().await.unwrap();
    assert_eq!(server, place.server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_pastes_do_not_mix() {
    let bed = Bed::new().await;
    let ours = session(1);
    let mut places = Vec::new();
    for name in ["r0", "r1", "r2", "r3"] {
        places.push(bed.reader(name, &ours).await);
    }
    let text = |pane: usize, n: usize| format!("<{pane}.{n}> {}", "word ".repeat(500));
    let mut pastes = tokio::task::JoinSet::new();
    // One to each of four panes, and twenty more to the first.
    for (pane, n) in (0..4).map(|pane| (pane, 0)).chain((1..=20).map(|n| (0, n))) {
        let (tmux, pane_id, text) = (bed.tmux.clone(), places[pane].pane.clone(), text(pane, n));
        let ours = ours.clone();
        pastes.spawn(async move { tmux.paste(&pane_id, &ours, &sanitise(&text)).await });
    }
    while let Some(done) = pastes.join_next().await {
        assert_eq!(done.unwrap(), Ok(Guarded::Done));
    }
    for (pane, name) in ["r1", "r2", "r3"].iter().enumerate() {
        bed.gets(name, &bracketed(&text(pane + 1, 0))).await;
    }
    let total: usize = (0..=20).map(|n| bracketed(&text(0, n)).len()).sum();
    until("all pastes of the first pane", || bed.got("r0").len() >= total).await;
    let got = String::from_utf8(bed.got("r0")).unwrap();
    assert_eq!(got.len(), total);
    for n in 0..=20 {
        let one = String::from_utf8(bracketed(&text(0, n))).unwrap();
        assert_eq!(got.matches(&one).count(), 1, "paste {n}");
    }
}
