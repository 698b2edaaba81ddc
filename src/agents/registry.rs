//! Which agents there are: the built-in ones and those of `[agents.NAME]`.

use std::sync::Arc;

use super::Adapter;
use crate::domain::fault::Result;

#[derive(Clone, Default)]
pub struct Registry {}

impl Registry {
    /// The agent of this name. `NotFound` names the nearest and lists all.
    pub fn get(&self, _name: &str) -> Result<Arc<dyn Adapter>> {
        todo!()
    }
    /// What `auto` means here: the first installed real agent in the order of the registry; never the bundled one.
    pub fn auto(&self) -> Result<Arc<dyn Adapter>> {
        todo!()
    }
    pub fn names(&self) -> Vec<String> {
        todo!()
    }
}
