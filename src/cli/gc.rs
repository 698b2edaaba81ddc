//! `telecoder gc`: takes away what is finished and lost to nobody.

use super::context::Context;
use super::out;
use super::terminal_text::one_line;
use crate::api::client::path;
use crate::api::wire::{GcReport, GcRequest};
use crate::domain::fault::{Fault, Kind, Result};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only sessions that ended longer ago: `12h`, `7d`, `0`.
    #[arg(long, value_name = "AGE", default_value = "7d")]
    older_than: String,
    /// Only until sessions and mirrors take no more than this: `500M`, `20G`.
    #[arg(long, value_name = "SIZE")]
    max_disk: Option<String>,
    /// Say what would go, and take nothing away.
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let request = GcRequest {
        older_than_s: number(&args.older_than, &[("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)])?,
        max_bytes: args
            .max_disk
            .as_deref()
            .map(|size| number(size, &[("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30)]))
            .transpose()?,
        dry_run: args.dry_run,
    };
    let report: GcReport = cx.client()?.post_again(&path(&["gc"]), &request).await?;
    if cx.json {
        return out::json(&report);
    }
    for item in &report.sessions {
        let what = match (&item.stays, args.dry_run) {
            (Some(why), _) => format!("stays: {}", one_line(why)),
            (None, true) => "would go".to_owned(),
            (None, false) => "removed".to_owned(),
        };
        out::line(&format!("{:<20} {:>9}  {what}", item.name, size(item.bytes)))?;
    }
    for mirror in &report.mirrors {
        out::line(&format!("{mirror}  nobody borrows from it any more"))?;
    }
    let verb = if args.dry_run { "would be" } else { "are" };
    out::note(&format!(
        "{} {verb} free; {} are left",
        size(report.freed),
        size(report.left)
    ));
    Ok(())
}

fn number(text: &str, units: &[(&str, u64)]) -> Result<u64> {
    let unit = units
        .iter()
        .find(|(unit, _)| text.to_lowercase().ends_with(&unit.to_lowercase()));
    let (digits, factor) = match unit {
        Some((unit, factor)) => (&text[..text.len() - unit.len()], *factor),
        None => (text, 1),
    };
    let number: Option<u64> = digits.trim().parse().ok();
    number.and_then(|number| number.checked_mul(factor)).ok_or_else(|| {
        let names: Vec<&str> = units.iter().map(|(unit, _)| *unit).collect();
        Fault::new(Kind::Usage, format!("`{text}` cannot be read"))
            .hint(format!("A whole number with {} behind it.", names.join(", ")))
    })
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes / 1_048_576),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}
