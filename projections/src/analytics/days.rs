//! The days on which a customer bought (or an order was placed), with how many transactions each.
//!
//! Distinct counts by day follow from these sets by difference: when a batch changes one, the days it gained and lost
//! are the days whose counts change. No day is ever counted afresh.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Days(BTreeMap<Date, u32>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a set of days is damaged at byte {0}")]
pub struct Damaged(usize);

const EPOCH: Date = date(1970, 1, 1);

impl Days {
    pub fn add(&mut self, day: Date) {
        *self.0.entry(day).or_default() += 1;
    }

    /// Takes one transaction off a day.
    pub fn take(&mut self, day: Date) {
        if let Some(count) = self.0.get_mut(&day) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&day);
            }
        }
    }

    pub fn first(&self) -> Option<Date> {
        self.0.keys().next().copied()
    }

    pub fn last(&self) -> Option<Date> {
        self.0.keys().next_back().copied()
    }

    pub fn contains(&self, day: Date) -> bool {
        self.0.contains_key(&day)
    }

    pub fn iter(&self) -> impl Iterator<Item = Date> {
        self.0.keys().copied()
    }

    /// Per day four bytes of days since 1970 and four of its count, big-endian, ascending.
    pub fn pack(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 8);
        for (day, count) in &self.0 {
            let since = day.duration_since(EPOCH).as_hours() / 24;
            let since = i32::try_from(since).expect("jiff's dates are within 8 million days of 1970");
            bytes.extend(since.to_be_bytes());
            bytes.extend(count.to_be_bytes());
        }
        bytes
    }

    pub fn unpack(bytes: &[u8]) -> Result<Self, Damaged> {
        if !bytes.len().is_multiple_of(8) {
            return Err(Damaged(bytes.len()));
        }
        let mut days = BTreeMap::new();
        for (i, part) in bytes.chunks_exact(8).enumerate() {
            let word = |at: usize| [part[at], part[at + 1], part[at + 2], part[at + 3]];
            let span = jiff::Span::new().try_days(i32::from_be_bytes(word(0))).map_err(|_| Damaged(i * 8))?;
            let day = EPOCH.checked_add(span).map_err(|_| Damaged(i * 8))?;
            days.insert(day, u32::from_be_bytes(word(4)));
        }
        Ok(Self(days))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_keeps_days_and_counts() {
        let mut days = Days::default();
        for day in [date(1997, 1, 1), date(1997, 1, 1), date(1960, 2, 29), date(9999, 12, 31), date(-9999, 1, 1)] {
            days.add(day);
        }
        assert_eq!(Days::unpack(&days.pack()), Ok(days.clone()));
        days.take(date(1997, 1, 1));
        assert!(days.contains(date(1997, 1, 1)));
        days.take(date(1997, 1, 1));
        assert!(!days.contains(date(1997, 1, 1)));
        assert_eq!(Days::unpack(&[1, 2, 3]), Err(Damaged(3)));
    }
}
