//! A commit's files, written by the mirror's git: it knows no filter and no hook but ours, which are none.

use std::path::Path;

use super::git::{self, Git, GitError};

/// Writes the files of `commit` into the empty directory `tree`, and their index. `read_tree` is the call in the mirror.
pub(super) async fn write_files(
    read_tree: Git,
    commit: &str,
    tree: &Path,
    index: &Path,
) -> std::result::Result<(), GitError> {
    read_tree
        .env("GIT_WORK_TREE", tree)
        .env("GIT_INDEX_FILE", index)
        .cwd(tree)
        .limit(git::WORK_TREE)
        .args(&["-m", "-u", commit])
        .run()
        .await
        .map(drop)
}
