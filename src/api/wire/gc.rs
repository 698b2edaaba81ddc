//! What `gc` is asked and what it says.

use serde::{Deserialize, Serialize};

/// `POST /v1/gc`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GcRequest {
    pub older_than_s: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    #[serde(default)]
    pub dry_run: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GcReport {
    pub sessions: Vec<GcItem>,
    /// Mirrors that nobody borrows from any more.
    pub mirrors: Vec<String>,
    /// In bytes.
    pub freed: u64,
    pub left: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GcItem {
    pub id: String,
    pub name: String,
    pub bytes: u64,
    /// Why it stays; none when it went, or would go.
    pub stays: Option<String>,
}

impl From<crate::sessions::GcReport> for GcReport {
    fn from(report: crate::sessions::GcReport) -> Self {
        let item = |item: crate::sessions::GcItem| GcItem {
            id: item.session.id.to_string(),
            name: item.session.name.to_string(),
            bytes: item.bytes,
            stays: item.stays,
        };
        Self {
            sessions: report.items.into_iter().map(item).collect(),
            mirrors: report.mirrors,
            freed: report.freed,
            left: report.left,
        }
    }
}
