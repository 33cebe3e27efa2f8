//! Many measurements in few numbers.

use serde::Serialize;

/// Where a handful of runs lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of at least one value.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        Some(Self { median, least, most })
    }
}

/// Where many samples lie; nearest ranks, in the samples' unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) samples: usize,
    pub(crate) min: i64,
    pub(crate) p50: i64,
    pub(crate) p99: i64,
    pub(crate) max: i64,
}

impl Quantiles {
    /// Of at least one sample.
    pub(crate) fn of(mut samples: Vec<i64>) -> Option<Self> {
        samples.sort_unstable();
        let rank = |percent: usize| samples[(samples.len() * percent).div_ceil(100).max(1) - 1];
        let (min, max) = (*samples.first()?, *samples.last()?);
        Some(Self { samples: samples.len(), min, p50: rank(50), p99: rank(99), max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, least: 1.0, most: 3.0 }));
        assert_eq!(spread(&[1.0, 2.0]).unwrap().median, 1.5);
        assert_eq!(spread(&[]), None);
    }

    #[test]
    fn quantiles_are_samples() {
        let hundred = Quantiles::of((1..=100).rev().collect()).unwrap();
        assert_eq!((hundred.min, hundred.p50, hundred.p99, hundred.max), (1, 50, 99, 100));
        let one = Quantiles::of(vec![-7]).unwrap();
        assert_eq!((one.min, one.p50, one.p99, one.max), (-7, -7, -7, -7));
        assert_eq!(Quantiles::of(Vec::new()), None);
    }
}
