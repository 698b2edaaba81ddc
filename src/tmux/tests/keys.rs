//! Keys reach the program as a terminal sends them, or not at all.

use super::*;

fn names(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_arrive_as_a_terminal_sends_them() {
    let bed = Bed::new().await;
    let ours = session(1);
    let place = bed.reader("r", &ours).await;
    let cases: [(&[&str], &[u8]); 13] = [
        (&["Enter"], b"\r"),
        (&["Escape"], b"\x1b"),
        (&["Tab", "BTab"], b"\t\x1b[Z"),
        (&["Space", "BSpace"], b" \x7f"),
        (&["Up", "Down", "Right", "Left"], b"\x1b[A\x1b[B\x1b[C\x1b[D"),
        (&["Home", "End"], b"\x1b[1~\x1b[4~"),
        (&["PageUp", "PgDn"], b"\x1b[5~\x1b[6~"),
        (&["Insert", "DC"], b"\x1b[2~\x1b[3~"),
        (&["F1", "F12"], b"\x1bOP\x1b[24~"),
        (&["C-c", "C-d", "Ctrl-A"], b"\x03\x04\x01"),
        (&["M-x"], b"\x1bx"),
        (&["a", "-", ";", "#", "é", "~"], "a-;#é~".as_bytes()),
        (&["1", "Enter"], b"1\r"),
    ];
    let mut expected = Vec::new();
    for (keys, bytes) in cases {
        assert_eq!(
            bed.tmux.keys(&place.pane, &ours, &names(keys)).await,
            Ok(Guarded::Done),
            "{keys:?}"
        );
        expected.extend_from_slice(bytes);
        bed.gets("r", &expected).await;
    }
    let link = bed.by_process_only();
    assert_eq!(
        link.keys(&place.pane, &ours, &names(&[";", "Enter"])).await,
        Ok(Guarded::Done)
    );
    expected.extend_from_slice(b";\r");
    bed.gets("r", &expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_keys_type_nothing() {
    let bed = Bed::new().await;
    let ours = session(1);
    let place = bed.reader("r", &ours).await;
    let press = async |session: &SessionId, keys: &[&str]| bed.tmux.keys(&place.pane, session, &names(keys)).await;
    assert_eq!(press(&ours, &["a", "Entr"]).await.unwrap_err().kind, Kind::Usage);
    assert_eq!(press(&ours, &[]).await.unwrap_err().kind, Kind::Usage);
    assert_eq!(press(&session(2), &["a"]).await, Ok(Guarded::Mismatch));
    let missing = bed.tmux.keys(&"%999".parse().unwrap(), &ours, &names(&["a"])).await;
    assert_eq!(missing, Ok(Guarded::Mismatch));

    bed.raw(&["copy-mode", "-t", place.pane.as_str()]);
    assert!(bed.tmux.screen(&place.pane).await.unwrap().in_mode);
    assert_eq!(press(&ours, &["b"]).await.unwrap_err().kind, Kind::RefusedByState);
    bed.raw(&["send-keys", "-t", place.pane.as_str(), "-X", "cancel"]);
    assert_eq!(press(&ours, &["c"]).await, Ok(Guarded::Done));
    bed.gets("r", b"c").await;
}
