//! The providers' own refusals, in their own words: what an agent is told when the account, the load or the conversation is the
//! reason.

use std::time::Duration;

use serde_json::{Value, json};

use super::talk::Api;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Too many requests, for a short time.
    Rate,
    /// The allowance of the plan is used up, with the time when it begins again.
    Limit,
    /// No money left.
    Quota,
    Overloaded,
    /// The login or key is not taken.
    Auth,
    /// The conversation is too long for the model.
    Context,
    /// There is no such model for this account.
    Model,
    Server,
}

/// A refusal as it stands on the wire.
pub struct Refused {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
}

/// When a used-up plan begins again, unless the script says so.
const RESETS_IN: Duration = Duration::from_secs(3600);

impl Failure {
    pub fn named(word: &str) -> Result<Self, String> {
        Ok(match word {
            "rate" => Self::Rate,
            "limit" => Self::Limit,
            "quota" => Self::Quota,
            "overloaded" => Self::Overloaded,
            "auth" => Self::Auth,
            "context" => Self::Context,
            "model" => Self::Model,
            "server" => Self::Server,
            other => return Err(format!("there is no failure `{other}`")),
        })
    }

    /// What the provider of this interface answers; `left`: how long it will go on refusing.
    pub fn refused(self, api: Api, model: &str, left: Option<Duration>) -> Refused {
        // Rounded up: who asks again at that time is not refused.
        let resets_in = left.unwrap_or(RESETS_IN).as_secs() + 1;
        match api {
            Api::Anthropic => self.anthropic(model, resets_in),
            Api::Responses | Api::Chat => self.openai(model, resets_in),
            Api::Gemini => self.gemini(model),
        }
    }

    fn anthropic(self, model: &str, resets_in: u64) -> Refused {
        let (status, kind, message) = match self {
            Self::Rate | Self::Limit => (
                429,
                "rate_limit_error",
                "This request would exceed your account's rate limit. Please try again later.".into(),
            ),
            Self::Quota => (
                400,
                "invalid_request_error",
                "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."
                    .into(),
            ),
            Self::Overloaded => (529, "overloaded_error", "Overloaded".into()),
            Self::Auth => (401, "authentication_error", "invalid x-api-key".into()),
            Self::Context => (
                400,
                "invalid_request_error",
                "prompt is too long: 205432 tokens > 200000 maximum".into(),
            ),
            Self::Model => (404, "not_found_error", format!("model: {model}")),
            Self::Server => (500, "api_error", "Internal server error".into()),
        };
        let mut headers = vec![("request-id", "req_011CTestTestTestTestTest".to_owned())];
        if self == Self::Limit {
            let resets = jiff::Timestamp::now().as_second().cast_unsigned() + resets_in;
            headers.extend([
                ("anthropic-ratelimit-unified-status", "rejected".to_owned()),
                ("anthropic-ratelimit-unified-reset", resets.to_string()),
                (
                    "anthropic-ratelimit-unified-representative-claim",
                    "five_hour".to_owned(),
                ),
                ("retry-after", resets_in.to_string()),
                ("x-should-retry", "false".to_owned()),
            ]);
        }
        let message: String = message;
        Refused {
            status,
            headers,
            body: json!({"type": "error", "error": {"type": kind, "message": message},
                         "request_id": "req_011CTestTestTestTestTest"}),
        }
    }

    fn openai(self, model: &str, resets_in: u64) -> Refused {
        let resets = jiff::Timestamp::now().as_second().cast_unsigned() + resets_in;
        let error = |message: &str, kind: &str, code: &str| json!({"message": message, "type": kind, "param": null, "code": code});
        let (status, error) = match self {
            Self::Rate => (
                429,
                error(
                    &format!(
                        "Rate limit reached for {model} in organization org-test on tokens per min (TPM): Limit 30000, Used 29310, Requested 1422. Please try again in 1.464s. Visit https://platform.openai.com/account/rate-limits to learn more."
                    ),
                    "tokens",
                    "rate_limit_exceeded",
                ),
            ),
            Self::Limit => (
                429,
                json!({"type": "usage_limit_reached", "message": "The usage limit has been reached", "plan_type": "plus",
                       "resets_at": resets, "resets_in_seconds": resets_in}),
            ),
            Self::Quota => (
                429,
                error(
                    "You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
                    "insufficient_quota",
                    "insufficient_quota",
                ),
            ),
            Self::Overloaded => (
                503,
                error(
                    "Our servers are currently overloaded. Please try again later.",
                    "service_unavailable_error",
                    "server_is_overloaded",
                ),
            ),
            Self::Auth => (
                401,
                error(
                    "Incorrect API key provided: sk-test. You can find your API key at https://platform.openai.com/account/api-keys.",
                    "invalid_request_error",
                    "invalid_api_key",
                ),
            ),
            Self::Context => (
                400,
                error(
                    "Your input exceeds the context window of this model. Please adjust your input and try again.",
                    "invalid_request_error",
                    "context_length_exceeded",
                ),
            ),
            Self::Model => (
                404,
                error(
                    &format!("The model `{model}` does not exist or you do not have access to it."),
                    "invalid_request_error",
                    "model_not_found",
                ),
            ),
            Self::Server => (
                500,
                error(
                    "The server had an error while processing your request. Sorry about that!",
                    "server_error",
                    "server_error",
                ),
            ),
        };
        Refused {
            status,
            headers: vec![("x-request-id", "req_test".to_owned())],
            body: json!({"error": error}),
        }
    }

    fn gemini(self, model: &str) -> Refused {
        let quota = |retry: &str, id: &str| {
            json!([
                {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [
                    {"quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests", "quotaId": id,
                     "quotaDimensions": {"location": "global", "model": model}, "quotaValue": "250"}]},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": retry}
            ])
        };
        let spent = "You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.";
        let (code, status, message, details) = match self {
            Self::Rate => (
                429,
                "RESOURCE_EXHAUSTED",
                spent.to_owned(),
                quota("2s", "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"),
            ),
            Self::Limit | Self::Quota => (
                429,
                "RESOURCE_EXHAUSTED",
                spent.to_owned(),
                quota("3600s", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
            ),
            Self::Overloaded => (
                503,
                "UNAVAILABLE",
                "The model is overloaded. Please try again later.".to_owned(),
                json!([]),
            ),
            Self::Auth => (
                400,
                "INVALID_ARGUMENT",
                "API key not valid. Please pass a valid API key.".to_owned(),
                json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com",
                        "metadata": {"service": "generativelanguage.googleapis.com"}}]),
            ),
            Self::Context => (
                400,
                "INVALID_ARGUMENT",
                "The input token count (1254321) exceeds the maximum number of tokens allowed (1048576).".to_owned(),
                json!([]),
            ),
            Self::Model => (
                404,
                "NOT_FOUND",
                format!("models/{model} is not found for API version v1beta, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods."),
                json!([]),
            ),
            Self::Server => (
                500,
                "INTERNAL",
                "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting"
                    .to_owned(),
                json!([]),
            ),
        };
        Refused {
            status: code,
            headers: Vec::new(),
            body: json!({"error": {"code": code, "message": message, "status": status, "details": details}}),
        }
    }
}
