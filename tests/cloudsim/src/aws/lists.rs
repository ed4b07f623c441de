//! Pages and tag lists.

use serde_json::{Value, json};

use super::{Ctx, Tags, error::AwsError, params::Params};

/// One page of a list, and the token of the next.
pub fn page<T>(
    ctx: &Ctx<'_>,
    p: &Params,
    items: Vec<T>,
    (size, token): (&str, &str),
    default: usize,
) -> Result<(Vec<T>, Option<String>), AwsError> {
    let asked = p.number(size)?.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0).unwrap_or(default);
    let size = ctx.config.page_limit.map_or(asked, |limit| limit.clamp(1, asked.max(1)));
    let start = match p.text(token) {
        None => 0,
        Some(text) => text
            .strip_prefix("next-")
            .and_then(|rest| usize::from_str_radix(rest, 16).ok())
            .ok_or_else(|| AwsError::invalid(format!("The {token} '{text}' is not valid.")))?,
    };
    let total = items.len();
    let page: Vec<T> = items.into_iter().skip(start).take(size).collect();
    let end = start + page.len();
    Ok((page, (end < total).then(|| format!("next-{end:08x}"))))
}

/// Tags as a list of `{Key, Value}`.
pub fn tag_list(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// Tags as a list of `{key, value}`.
pub fn tag_list_lower(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}
