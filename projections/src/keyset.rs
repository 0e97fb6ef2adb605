//! Pages by key: a page begins behind the last key of the page before, whatever was added meanwhile.

use uuid::Uuid;

/// The key that a list is ordered by.
pub trait Cursor: Clone + Send + Sync {
    /// Below and above every key that occurs.
    fn lowest() -> Self;
    fn highest() -> Self;
}

impl Cursor for Uuid {
    fn lowest() -> Self {
        Uuid::nil()
    }

    fn highest() -> Self {
        Uuid::max()
    }
}

impl Cursor for i64 {
    fn lowest() -> Self {
        i64::MIN
    }

    fn highest() -> Self {
        i64::MAX
    }
}

impl Cursor for String {
    fn lowest() -> Self {
        String::new()
    }

    fn highest() -> Self {
        '\u{10FFFF}'.to_string()
    }
}

/// From which end to take at most how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    First(u32),
    Last(u32),
}

/// A part of a list in ascending order of its key: behind `after`, before `before`, the first or the last of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyset<C> {
    pub after: Option<C>,
    pub before: Option<C>,
    pub take: Take,
}

impl<C: Cursor> Keyset<C> {
    pub fn first(count: u32) -> Self {
        Self { after: None, before: None, take: Take::First(count) }
    }

    pub fn last(count: u32) -> Self {
        Self { after: None, before: None, take: Take::Last(count) }
    }

    pub fn after(mut self, key: C) -> Self {
        self.after = Some(key);
        self
    }

    pub fn before(mut self, key: C) -> Self {
        self.before = Some(key);
        self
    }

    pub(crate) fn lower(&self) -> C {
        self.after.clone().unwrap_or_else(C::lowest)
    }

    pub(crate) fn upper(&self) -> C {
        self.before.clone().unwrap_or_else(C::highest)
    }

    /// `asc` or `desc`, for the ORDER BY.
    pub(crate) fn direction(&self) -> &'static str {
        match self.take {
            Take::First(_) => "asc",
            Take::Last(_) => "desc",
        }
    }

    /// One more than asked for: whether it comes tells whether there is more.
    pub(crate) fn limit(&self) -> i64 {
        let (Take::First(count) | Take::Last(count)) = self.take;
        i64::from(count) + 1
    }

    /// Puts what the statement gave into ascending order.
    pub(crate) fn page<T>(&self, mut items: Vec<T>) -> Page<T> {
        let more = items.len() as i64 >= self.limit();
        if more {
            items.pop();
        }
        match self.take {
            Take::First(_) => Page { items, has_next: more, has_previous: self.after.is_some() },
            Take::Last(_) => {
                items.reverse();
                Page { items, has_next: self.before.is_some(), has_previous: more }
            }
        }
    }
}

/// Items in ascending order of the list's key.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub has_next: bool,
    pub has_previous: bool,
}

impl<T> Page<T> {
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        let Self { items, has_next, has_previous } = self;
        Page { items: items.into_iter().map(change).collect(), has_next, has_previous }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_too_many_tells_that_there_is_more() {
        let first = Keyset::<i64>::first(2).page(vec![1, 2, 3]);
        assert_eq!(first, Page { items: vec![1, 2], has_next: true, has_previous: false });
        let rest = Keyset::first(2).after(2).page(vec![3]);
        assert_eq!(rest, Page { items: vec![3], has_next: false, has_previous: true });
        let last = Keyset::<i64>::last(2).page(vec![3, 2, 1]);
        assert_eq!(last, Page { items: vec![2, 3], has_next: false, has_previous: true });
    }
}
