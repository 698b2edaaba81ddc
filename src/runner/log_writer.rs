//! `telecoder log-writer`: takes the bytes of a pane from tmux and keeps the last ones in a capped file.
