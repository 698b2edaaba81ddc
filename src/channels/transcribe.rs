//! Text of speech, from a server that the configuration names.

use std::path::Path;
use std::time::Duration;

use reqwest::multipart::{Form, Part};

use crate::domain::fault::{Fault, Kind, Result};

const LIMIT: Duration = Duration::from_secs(300);

/// Sends `file` as `file` of a form; the answer is `{"text": "…"}`.
pub async fn transcribe(url: &str, file: &Path, name: &str) -> Result<String> {
    let failed = |what: String| Fault::new(Kind::Failure, format!("the transcription server: {what}"));
    let part = Part::file(file)
        .await
        .map_err(|error| Fault::io(format!("reading {}", file.display()), &error))?;
    let form = Form::new().part("file", part.file_name(name.to_owned()));
    let answer = reqwest::Client::new()
        .post(url)
        .timeout(LIMIT)
        .multipart(form)
        .send()
        .await;
    let answer = answer.map_err(|error| failed(error.without_url().to_string()))?;
    if !answer.status().is_success() {
        return Err(failed(format!("it answered {}", answer.status())));
    }
    let answer: serde_json::Value = answer
        .json()
        .await
        .map_err(|error| failed(error.without_url().to_string()))?;
    let text = answer["text"]
        .as_str()
        .ok_or_else(|| failed("its answer has no `text`".into()))?;
    Ok(text.trim().to_owned())
}
