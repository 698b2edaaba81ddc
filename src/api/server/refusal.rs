//! Errors as answers.

use axum::Json;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::api::{status, wire};
use crate::domain::fault::{Fault, Kind};

/// A fault on its way out: JSON with the status of its kind.
#[derive(Debug)]
pub struct Refusal(pub Fault);

pub type Answer<T> = std::result::Result<Json<T>, Refusal>;

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Refusal(error) = self;
        if matches!(error.kind, Kind::Failure | Kind::Storage) {
            tracing::error!(error.message = %error.message, "a request failed");
        }
        let code = StatusCode::from_u16(status::of_kind(error.kind)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (code, Json(wire::ErrorBody { error })).into_response()
    }
}

pub async fn no_such_path(uri: Uri) -> Refusal {
    Fault::new(Kind::NotFound, format!("`{}` is not a path of this API", uri.path())).into()
}

pub async fn wrong_method(method: Method, uri: Uri) -> Response {
    let fault = Fault::new(Kind::Usage, format!("`{}` does not take {method}", uri.path()));
    let mut response = Refusal(fault).into_response();
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}
