//! Samples and what is said of them.

use std::time::Duration;

/// Durations in milliseconds, in the order in which they were taken.
#[derive(Debug, Default, Clone)]
pub struct Samples(Vec<f64>);

impl Samples {
    pub fn push(&mut self, duration: Duration) {
        self.0.push(duration.as_secs_f64() * 1000.0);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value below which `share` of the samples lie (nearest rank).
    pub fn quantile(&self, share: f64) -> f64 {
        quantile(&self.0, share)
    }

    /// min / median / p95, in milliseconds.
    pub fn spread(&self) -> String {
        let [min, median, p95] = [0.0, 0.5, 0.95].map(|share| self.quantile(share));
        format!("{min:.2} / {median:.2} / {p95:.2}")
    }

    /// How many times its floor a figure is: the median over the pairs that were taken together.
    pub fn ratio_to(&self, floor: &Samples) -> f64 {
        let pairs: Vec<f64> = self
            .0
            .iter()
            .zip(&floor.0)
            .map(|(figure, floor)| figure / floor)
            .collect();
        quantile(&pairs, 0.5)
    }
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank within a short list"
    )]
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
