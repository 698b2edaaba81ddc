//! Which HTTP status an error has. The body says the kind exactly; the status is for clients that look no further.

use crate::domain::fault::Kind;

/// The HTTP status of a kind of error.
pub const fn of_kind(kind: Kind) -> u16 {
    match kind {
        Kind::Usage | Kind::NoMailbox => 400,
        Kind::NotPermitted => 403,
        Kind::NotFound => 404,
        Kind::Ambiguous
        | Kind::RefusedByState
        | Kind::SessionFailed
        | Kind::NeedsInput
        | Kind::Uncertain
        | Kind::AnotherDaemon => 409,
        Kind::OverLimit => 413,
        Kind::ProgramMissing => 424,
        Kind::Failure | Kind::Config => 500,
        Kind::DaemonUnreachable => 503,
        Kind::Timeout => 504,
        Kind::Storage => 507,
    }
}

/// The kind that a bare status stands for, when the body is not ours.
pub const fn to_kind(status: u16) -> Kind {
    match status {
        400 | 405 | 415 | 422 => Kind::Usage,
        401 | 403 => Kind::NotPermitted,
        404 => Kind::NotFound,
        408 | 504 => Kind::Timeout,
        409 => Kind::RefusedByState,
        413 => Kind::OverLimit,
        502 | 503 => Kind::DaemonUnreachable,
        507 => Kind::Storage,
        _ => Kind::Failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_alone_leads_to_the_same_exit_code_where_it_can() {
        for kind in [
            Kind::Usage,
            Kind::NotPermitted,
            Kind::NotFound,
            Kind::RefusedByState,
            Kind::OverLimit,
            Kind::DaemonUnreachable,
            Kind::Timeout,
            Kind::Storage,
            Kind::Failure,
        ] {
            assert_eq!(to_kind(of_kind(kind)), kind);
        }
    }
}
