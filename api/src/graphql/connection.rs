//! Relay connections: pages of edges with opaque cursors.

use async_graphql::{OutputType, SimpleObject, TypeName};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use dyocense_projections::{Keyset, Page, Take};

use super::fault::{Code, Fault};
use super::limits::{DEFAULT_PAGE, LARGEST_PAGE};

/// Where a page stands in its list.
#[derive(SimpleObject, Debug, Clone, PartialEq, Eq)]
pub struct PageInfo {
    /// Whether there is more after this page.
    pub has_next_page: bool,
    /// Whether there is more before this page.
    pub has_previous_page: bool,
    /// The cursor of the first item; pass it as `before`.
    pub start_cursor: Option<String>,
    /// The cursor of the last item; pass it as `after`.
    pub end_cursor: Option<String>,
}

/// A page as a client asks for it, in Relay's four arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paging {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

impl Paging {
    /// The same page in terms of the list's key, which `key` reads from a cursor.
    pub fn keyset<C>(self, key: impl Fn(&str) -> Option<C>) -> Result<Keyset<C>, Fault> {
        let invalid = |message: String| Fault::new(Code::Invalid, message);
        let cursor = |cursor: Option<String>| match cursor {
            None => Ok(None),
            Some(cursor) => match decode(&cursor).and_then(|text| key(&text)) {
                Some(key) => Ok(Some(key)),
                None => Err(invalid(format!("`{}` is not a cursor of this list", shortened(&cursor)))),
            },
        };
        let count = |count: i32| match u32::try_from(count) {
            Ok(count @ 1..=LARGEST_PAGE) => Ok(count),
            _ => Err(invalid(format!("a page has 1 to {LARGEST_PAGE} items, not {count}"))),
        };
        let take = match (self.first, self.last) {
            (Some(_), Some(_)) => return Err(invalid("ask for `first` or for `last`, not for both".to_owned())),
            (Some(first), None) => Take::First(count(first)?),
            (None, Some(last)) => Take::Last(count(last)?),
            (None, None) if self.before.is_some() && self.after.is_none() => Take::Last(DEFAULT_PAGE),
            (None, None) => Take::First(DEFAULT_PAGE),
        };
        Ok(Keyset { after: cursor(self.after)?, before: cursor(self.before)?, take })
    }
}

/// A cursor is the key of its item, so that it stays good while items come and go.
pub fn encode(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

fn decode(cursor: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().filter(|bytes| bytes.len() <= 500)?;
    String::from_utf8(bytes).ok().filter(|key| !key.contains('\0'))
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A page of a list.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub struct Connection<T: OutputType + Named> {
    /// The items with their cursors.
    pub edges: Vec<Edge<T>>,
    /// Where the page stands in the list.
    pub page_info: PageInfo,
}

/// An item with its cursor.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub struct Edge<T: OutputType + Named> {
    /// The item.
    pub node: T,
    /// Where the item stands in the list.
    pub cursor: String,
}

/// The name that a type's connection and edge are called after.
pub trait Named {
    const NAME: &'static str;
}

impl<T: OutputType + Named> TypeName for Connection<T> {
    fn type_name() -> std::borrow::Cow<'static, str> {
        format!("{}Connection", T::NAME).into()
    }
}

impl<T: OutputType + Named> TypeName for Edge<T> {
    fn type_name() -> std::borrow::Cow<'static, str> {
        format!("{}Edge", T::NAME).into()
    }
}

impl<T: OutputType + Named> Connection<T> {
    /// `key` is the text of an item's place in the list.
    pub fn of<R>(page: Page<R>, key: impl Fn(&R) -> String, show: impl Fn(R) -> T) -> Self {
        let edges: Vec<Edge<T>> = page
            .items
            .into_iter()
            .map(|item| {
                let cursor = encode(&key(&item));
                Edge { node: show(item), cursor }
            })
            .collect();
        let page_info = PageInfo {
            has_next_page: page.has_next,
            has_previous_page: page.has_previous,
            start_cursor: edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: edges.last().map(|edge| edge.cursor.clone()),
        };
        Self { edges, page_info }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(first: Option<i32>, after: Option<&str>, last: Option<i32>, before: Option<&str>) -> Paging {
        Paging { first, after: after.map(str::to_owned), last, before: before.map(str::to_owned) }
    }

    fn keyset(paging: Paging) -> Result<Keyset<i64>, Fault> {
        paging.keyset(|text| text.parse().ok())
    }

    #[test]
    fn relays_arguments_make_a_keyset() {
        let seven = encode("7");
        assert_eq!(keyset(Paging::default()), Ok(Keyset::first(50)));
        assert_eq!(keyset(paging(Some(3), Some(&seven), None, None)), Ok(Keyset::first(3).after(7)));
        assert_eq!(keyset(paging(None, None, Some(3), Some(&seven))), Ok(Keyset::last(3).before(7)));
        assert_eq!(keyset(paging(None, None, None, Some(&seven))), Ok(Keyset::last(50).before(7)));
    }

    #[test]
    fn what_is_no_page_is_refused() {
        let foreign = encode("not a number");
        let refused = [
            paging(Some(1), None, Some(1), None),
            paging(Some(0), None, None, None),
            paging(Some(501), None, None, None),
            paging(Some(-1), None, None, None),
            paging(Some(1), Some("no cursor!"), None, None),
            paging(Some(1), Some(&foreign), None, None),
        ];
        for paging in refused {
            assert_eq!(keyset(paging).unwrap_err().code, Code::Invalid);
        }
    }
}
