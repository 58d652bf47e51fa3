//! Lists: a page at a time, by cursor.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::validation::FieldErrors;

/// Rows of a page when the caller does not say.
pub const LIMIT_DEFAULT: u64 = 50;
/// Most rows of a page.
pub const LIMIT_MAX: u64 = 200;

/// `?limit=&cursor=` of every list.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Rows wanted, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u64>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// Which rows to read: `limit` of them, after the row with key `after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<K> {
    /// Rows wanted.
    pub limit: u64,
    /// The last row of the page before.
    pub after: Option<K>,
}

impl PageQuery {
    /// Checks the limit (422) and reads the cursor (400).
    pub fn page<K: DeserializeOwned>(&self) -> Result<Page<K>, Error> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            let message = format!("must be 1 to {LIMIT_MAX}");
            return Err(FieldErrors::one("limit", message).into());
        }
        let after = self.cursor.as_deref().map(decode).transpose()?;
        Ok(Page { limit, after })
    }
}

/// A page of a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Paged<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; `null` on the last one.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

impl<T> Paged<T> {
    /// A list that is never longer than one page.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }

    /// Makes a page of rows that were read with one more than `limit`: the extra row says that there are more.
    pub fn new<R, K: Serialize>(
        mut rows: Vec<R>,
        limit: u64,
        key: impl Fn(&R) -> K,
        view: impl Fn(R) -> T,
    ) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        Self::of(rows, has_more, key, view)
    }

    /// Makes a page of rows after which it is known whether there are more.
    pub fn of<R, K: Serialize>(
        rows: Vec<R>,
        has_more: bool,
        key: impl Fn(&R) -> K,
        view: impl Fn(R) -> T,
    ) -> Self {
        let next_cursor = rows.last().filter(|_| has_more).map(|last| encode(&key(last)));
        Self { items: rows.into_iter().map(view).collect(), next_cursor }
    }
}

fn encode(key: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

fn decode<K: DeserializeOwned>(cursor: &str) -> Result<K, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| Error::Malformed("`cursor` is not one this list has given".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_leads_to_the_next_page_and_the_last_page_has_none() {
        let page = Paged::new(vec![1, 2, 3], 2, |row| *row, |row| row * 10);
        assert_eq!(page.items, [10, 20]);
        let query = PageQuery { limit: Some(2), cursor: page.next_cursor };
        assert_eq!(query.page::<i32>().expect("readable").after, Some(2));
        assert!(Paged::new(vec![3], 2, |row| *row, |row| row).next_cursor.is_none());
    }

    #[test]
    fn a_forged_cursor_or_limit_is_refused() {
        let forged = PageQuery { limit: None, cursor: Some("x".into()) };
        assert!(matches!(forged.page::<i32>(), Err(Error::Malformed(_))));
        let greedy = PageQuery { limit: Some(201), cursor: None };
        assert!(matches!(greedy.page::<i32>(), Err(Error::Invalid(_))));
    }
}
