//! Lists, page by page.

use cloudark_api::page::{Page, PageQuery};

use super::refusal::Refusal;

/// Items of a page when nothing is said.
const USUAL: usize = 100;
/// The most items of a page.
const MOST: usize = 1_000;

/// How many items this page may have.
///
/// # Errors
/// None, or more than 1,000.
pub fn limit(query: &PageQuery) -> Result<usize, Refusal> {
    match query.limit {
        None => Ok(USUAL),
        Some(limit) if (1..=MOST).contains(&limit) => Ok(limit),
        Some(limit) => Err(Refusal::invalid(format!("limit is {limit}: a page has 1 to {MOST} items"))),
    }
}

/// A page of items that were read with one more than the limit; that one is left out.
pub fn cut<T>(mut items: Vec<T>, limit: usize, key: impl Fn(&T) -> String) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(key);
    Page { items, next }
}

/// A page of a whole list, in the order of its keys.
///
/// # Errors
/// As for [`limit`].
pub fn page<T>(mut items: Vec<T>, query: &PageQuery, key: impl Fn(&T) -> String) -> Result<Page<T>, Refusal> {
    let limit = limit(query)?;
    items.sort_by_cached_key(&key);
    if let Some(cursor) = &query.cursor {
        items.retain(|item| key(item) > *cursor);
    }
    Ok(cut(items, limit, key))
}

/// A page of a whole list in its own order; cursors count.
///
/// # Errors
/// As for [`limit`]; a cursor that is none.
pub fn counted<T>(items: Vec<T>, query: &PageQuery) -> Result<Page<T>, Refusal> {
    let limit = limit(query)?;
    let from: usize = match &query.cursor {
        None => 0,
        Some(cursor) => cursor.parse().map_err(|_| Refusal::invalid("the cursor is not one of this list"))?,
    };
    let rest = items.into_iter().skip(from).take(limit.saturating_add(1)).collect();
    let end = from.saturating_add(limit);
    Ok(cut(rest, limit, |_| end.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn all(of: impl Fn(&PageQuery) -> Page<u32>) -> Vec<u32> {
        let mut query = PageQuery { cursor: None, limit: Some(2) };
        let mut items = Vec::new();
        loop {
            let page = of(&query);
            assert!(page.items.len() <= 2);
            items.extend(page.items);
            query.cursor = page.next;
            if query.cursor.is_none() {
                return items;
            }
        }
    }

    #[test]
    fn pages_together_are_the_list() {
        for length in 0..6 {
            let list: Vec<u32> = (0..length).collect();
            let reversed: Vec<u32> = list.iter().rev().copied().collect();
            assert_eq!(all(|query| page(reversed.clone(), query, ToString::to_string).unwrap()), list);
            assert_eq!(all(|query| counted(reversed.clone(), query).unwrap()), reversed);
        }
    }

    #[test]
    fn a_page_is_never_empty_nor_endless_by_request() {
        for limit in [0, 1_001] {
            let query = PageQuery { cursor: None, limit: Some(limit) };
            assert_eq!(page(vec![1], &query, ToString::to_string).unwrap_err().status().as_u16(), 422);
        }
    }
}
