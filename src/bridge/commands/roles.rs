//! What a role may do, in words.

use crate::domain::person::Role;

pub(in crate::bridge) fn summary(role: Role) -> &'static str {
    match role {
        Role::Viewer => "You can look at sessions: /list, /status, /logs, /screen. /help lists what there is.",
        Role::Operator => "Send text and it becomes a prompt. /help lists what there is.",
        Role::Owner => "Send text and it becomes a prompt; you also say who else may. /help lists what there is.",
    }
}
