//! Leaves: runs of a metric's points, packed into one row each.
//!
//! A row per point would make a rebuild write millions of rows and a chart read thousands. The leaves of a metric
//! form the bottom of a B-tree whose inner nodes are Postgres's own index over `lower_bound`. Where a leaf is cut
//! depends on nothing but the order of the points in the log, so that a rebuild cuts it the same way.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

/// Most points of a leaf: about 2 kB, what one page holds without moving the value out of line.
pub const CAPACITY: usize = 256;
/// The lower bound of a metric's first leaf.
pub const FIRST: i64 = i64::MIN;

/// Points of one leaf by microseconds since 1970, ascending.
pub type Points = Vec<(i64, Decimal)>;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a leaf of points is damaged at byte {0}")]
pub struct Damaged(pub usize);

pub fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// `None` outside the years -9999 to 9999.
pub fn instant(micros: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(micros).ok()
}

/// Byte 0: the unit of time, as a power of 1,000 microseconds. Then per point: the time since the point before, as
/// a zigzag varint in units; the scale of the value; its mantissa as a zigzag varint.
pub fn pack(points: &[(i64, Decimal)]) -> Vec<u8> {
    let shift = (1..=2).rev().find(|&n| points.iter().all(|(at, _)| at % 1_000_i64.pow(n) == 0)).unwrap_or(0);
    let unit = 1_000_i64.pow(shift);
    let mut bytes = Vec::with_capacity(1 + points.len() * 8);
    bytes.push(shift as u8);
    let mut before = 0;
    for (at, value) in points {
        let at = at / unit;
        write_varint(&mut bytes, zigzag(i128::from(at) - i128::from(before)));
        bytes.push(value.scale() as u8);
        write_varint(&mut bytes, zigzag(value.mantissa()));
        before = at;
    }
    bytes
}

pub fn unpack(bytes: &[u8]) -> Result<Points, Damaged> {
    let mut points = Vec::with_capacity(bytes.len() / 5);
    let shift = *bytes.first().filter(|shift| **shift <= 2).ok_or(Damaged(0))?;
    let unit = 1_000_i64.pow(u32::from(shift));
    let (mut i, mut before) = (1, 0_i64);
    while i < bytes.len() {
        let step = unzigzag(read_varint(bytes, &mut i)?);
        let scale = u32::from(*bytes.get(i).ok_or(Damaged(i))?);
        i += 1;
        let mantissa = unzigzag(read_varint(bytes, &mut i)?);
        let at = i64::try_from(i128::from(before) + step).map_err(|_| Damaged(i))?;
        let value = Decimal::try_from_i128_with_scale(mantissa, scale).map_err(|_| Damaged(i))?;
        points.push((at.checked_mul(unit).ok_or(Damaged(i))?, value));
        before = at;
    }
    Ok(points)
}

fn zigzag(value: i128) -> u128 {
    ((value << 1) ^ (value >> 127)) as u128
}

fn unzigzag(value: u128) -> i128 {
    (value >> 1) as i128 ^ -((value & 1) as i128)
}

fn write_varint(bytes: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn read_varint(bytes: &[u8], i: &mut usize) -> Result<u128, Damaged> {
    let mut value = 0_u128;
    for shift in (0..128).step_by(7) {
        let byte = *bytes.get(*i).ok_or(Damaged(*i))?;
        *i += 1;
        value |= u128::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Damaged(*i))
}

/// The loaded leaves of one metric. Those that a change may touch must be among them.
#[derive(Debug, Default)]
pub struct Leaves {
    leaves: BTreeMap<i64, Leaf>,
}

#[derive(Debug, Default)]
struct Leaf {
    points: Points,
    changed: bool,
    /// Whether there is a row of it.
    stored: bool,
}

/// What is to be written of a metric's leaves.
#[derive(Debug, Default, PartialEq)]
pub struct Changes {
    pub save: Vec<(i64, Points)>,
    pub remove: Vec<i64>,
}

impl Leaves {
    pub fn loaded(&mut self, lower_bound: i64, points: Points) {
        self.leaves.insert(lower_bound, Leaf { points, changed: false, stored: true });
    }

    /// Sets the value at an instant.
    pub fn set(&mut self, at: i64, value: Decimal) {
        let leaf = match self.leaf_of(at) {
            Some(lower_bound) => self.leaves.get_mut(&lower_bound).expect("its bound was just found"),
            None => self.leaves.entry(FIRST).or_default(),
        };
        let place = match leaf.points.last() {
            Some((last, _)) if *last < at => Err(leaf.points.len()),
            _ => leaf.points.binary_search_by_key(&at, |point| point.0),
        };
        match place {
            Ok(known) => {
                if leaf.points[known].1 == value && leaf.points[known].1.scale() == value.scale() {
                    return;
                }
                leaf.points[known].1 = value;
                leaf.changed = true;
            }
            // Points mostly come in order: a full leaf stays full, and the next begins here.
            Err(end) if end == leaf.points.len() && end >= CAPACITY => {
                let next = self.leaves.entry(at).or_default();
                next.points.push((at, value));
                next.changed = true;
            }
            Err(between) => {
                leaf.points.insert(between, (at, value));
                leaf.changed = true;
                if leaf.points.len() > CAPACITY {
                    let upper = leaf.points.split_off(CAPACITY / 2);
                    let split = self.leaves.entry(upper[0].0).or_default();
                    split.points = upper;
                    split.changed = true;
                }
            }
        }
    }

    /// Takes the point at an instant away, if there is one.
    pub fn clear(&mut self, at: i64) {
        let Some(leaf) = self.leaf_of(at).and_then(|lower_bound| self.leaves.get_mut(&lower_bound)) else { return };
        if let Ok(known) = leaf.points.binary_search_by_key(&at, |point| point.0) {
            leaf.points.remove(known);
            leaf.changed = true;
        }
    }

    /// The leaf whose range holds `at`. An emptied leaf is no leaf any more: whether its row was dropped by an
    /// earlier batch must make no difference.
    fn leaf_of(&self, at: i64) -> Option<i64> {
        self.leaves.range(..=at).rev().find(|(_, leaf)| !leaf.points.is_empty()).map(|(lower_bound, _)| *lower_bound)
    }

    pub fn into_changes(self) -> Changes {
        let mut changes = Changes::default();
        for (lower_bound, leaf) in self.leaves {
            if leaf.points.is_empty() {
                if leaf.stored {
                    changes.remove.push(lower_bound);
                }
            } else if leaf.changed {
                changes.save.push((lower_bound, leaf.points));
            }
        }
        changes
    }
}

#[cfg(test)]
#[path = "leaf_tests.rs"]
mod tests;
