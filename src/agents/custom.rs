//! `kind = "custom"`: any command line from the config file.
