//! The pane process of a launch; see docs/architecture.md, "The shim".
