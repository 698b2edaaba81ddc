//! `ctl/exit.json` and `ctl/shim.json`.

use super::LaunchDir;
use crate::domain::exit::ExitRecord;
use crate::domain::fault::Result;
use crate::domain::launch::ShimRecord;

/// None while the launch runs, or when its shim died without a record.
pub fn read_exit(_dir: &LaunchDir) -> Result<Option<ExitRecord>> {
    todo!()
}

/// None until the shim has started.
pub fn read_shim(_dir: &LaunchDir) -> Result<Option<ShimRecord>> {
    todo!()
}
