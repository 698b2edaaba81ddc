//! What is printed: each figure as soon as it is there, and the verdicts once more at the end.

use crate::rig::Rig;
use crate::stats::Samples;

#[derive(Default)]
pub struct Report {
    verdicts: Vec<String>,
}

impl Report {
    pub fn begin(rig: &Rig) -> Self {
        let build = if cfg!(debug_assertions) {
            "DEBUG BUILD, not to be compared"
        } else {
            "release build"
        };
        let tmux = rig.env.tmux(&["-V"]).ok().stdout;
        println!("{build}, {}, times in ms as min / median / p95", tmux.trim());
        Self::default()
    }

    pub fn heading(&self, text: &str) {
        println!("\n{text}");
    }

    /// A figure without a target of its own.
    pub fn figure(&self, what: &str, samples: &Samples) {
        println!("  {what:<58} {}  (n {})", samples.spread(), samples.len());
    }

    pub fn note(&self, text: &str) {
        println!("  {text}");
    }

    /// A figure beside its floor; at most `limit` times as long.
    pub fn against(&mut self, what: &str, samples: &Samples, floor_is: &str, floor: &Samples, limit: f64) {
        self.figure(what, samples);
        self.figure(&format!("  floor: {floor_is}"), floor);
        let ratio = samples.ratio_to(floor);
        self.verdict(
            what,
            &format!("{ratio:.2} x the floor"),
            &format!("{limit} x"),
            ratio <= limit,
        );
    }

    pub fn at_most(&mut self, what: &str, value: f64, limit: f64, unit: &str) {
        self.verdict(
            what,
            &format!("{value:.2} {unit}"),
            &format!("{limit} {unit}"),
            value <= limit,
        );
    }

    fn verdict(&mut self, what: &str, value: &str, limit: &str, holds: bool) {
        let word = if holds { "ok" } else { "OVER" };
        let line = format!("{word:<5} {what:<58} {value:<22} at most {limit}");
        println!("  {line}");
        self.verdicts.push(line);
    }

    pub fn end(&self) {
        println!("\ntargets");
        for line in &self.verdicts {
            println!("  {line}");
        }
    }
}
