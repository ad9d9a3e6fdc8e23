//! Recognises a plainly sequential numbering and the versions that are missing in it.

use super::Version;

/// The most digits that a number counted one by one has; longer ones are dates.
const LONGEST_COUNTER: usize = 5;

/// A gap: the last version before it, the first one missing, and the last one missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    /// The index of the version behind the gap.
    pub(super) before: usize,
    pub(super) from: u32,
    pub(super) to: u32,
}

/// The gaps between ascending versions, if they are counted one by one: short numbers of one part, of which most follow
/// on each other or most are there. `10, 20, 30` and dates are not.
pub(super) fn gaps<'a>(versions: impl IntoIterator<Item = &'a Version>) -> Vec<Gap> {
    let counters: Option<Vec<u32>> = versions.into_iter().map(counter).collect();
    let Some(counters) = counters else { return Vec::new() };
    let (Some(first), Some(last)) = (counters.first(), counters.last()) else { return Vec::new() };
    let steps: Vec<u32> = counters.iter().zip(counters.iter().skip(1)).map(|(a, b)| b - a).collect();
    let ones = steps.iter().filter(|step| **step == 1).count();
    let span = usize::try_from(last - first).unwrap_or(usize::MAX) + 1;
    if 2 * ones < steps.len() && 2 * counters.len() < span {
        return Vec::new();
    }
    let pairs = counters.iter().zip(counters.iter().skip(1));
    (1..)
        .zip(pairs)
        .filter(|(_, (a, b))| *b - *a > 1)
        .map(|(before, (a, b))| Gap { before, from: a + 1, to: b - 1 })
        .collect()
}

fn counter(version: &Version) -> Option<u32> {
    let digits = version.as_str();
    (digits.len() <= 2 * LONGEST_COUNTER).then_some(())?;
    let number: u32 = digits.parse().ok()?;
    (number.to_string().len() <= LONGEST_COUNTER).then_some(number)
}
