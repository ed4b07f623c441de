//! CloudWatch Logs: groups, streams and events.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Ctx, Lister, Tags,
    ec2::thing,
    error::{Answer, AwsError},
    page,
    params::Params,
    service::Service,
    unknown_action,
};
use crate::life::Birth;

/// The retentions that can be chosen, in days.
const RETENTIONS: [i64; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// What Logs knows in a region.
#[derive(Default, Serialize)]
pub struct Logs {
    pub groups: BTreeMap<String, LogGroup>,
}

/// A log group.
#[derive(Clone, Debug, Serialize)]
pub struct LogGroup {
    pub name: String,
    pub arn: String,
    pub retention: Option<i64>,
    pub streams: BTreeMap<String, Stream>,
    pub tags: Tags,
    pub birth: Birth,
}

/// A stream.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Stream {
    pub created_ms: u64,
    pub events: Vec<Event>,
}

/// A line.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    pub id: String,
    pub at_ms: u64,
    pub message: String,
}

/// Answers a call.
pub fn call(ctx: &mut Ctx<'_>, action: &str, p: &Params) -> Answer {
    match action {
        "CreateLogGroup" => create(ctx, p),
        "DescribeLogGroups" => describe(ctx, p),
        "PutRetentionPolicy" => retain(ctx, p),
        "DeleteRetentionPolicy" => {
            need(ctx, &p.need("logGroupName")?)?.retention = None;
            Ok(Value::Null)
        }
        "DeleteLogGroup" => {
            let name = p.need("logGroupName")?;
            ctx.r.logs.groups.remove(&name).ok_or_else(no_group)?;
            Ok(Value::Null)
        }
        "DescribeLogStreams" => streams(ctx, p),
        "FilterLogEvents" => filter(ctx, p),
        "GetLogEvents" => get(ctx, p),
        "TagResource" => {
            let tags = map(p, "tags");
            by_arn(ctx, p)?.tags.extend(tags);
            Ok(Value::Null)
        }
        "UntagResource" => {
            let keys = p.list("tagKeys");
            by_arn(ctx, p)?.tags.retain(|key, _| !keys.contains(key));
            Ok(Value::Null)
        }
        "ListTagsForResource" => Ok(json!({ "tags": by_arn(ctx, p)?.tags })),
        "ListTagsLogGroup" => Ok(json!({ "tags": need(ctx, &p.need("logGroupName")?)?.tags })),
        _ => Err(unknown_action(ctx, Service::Logs, action)),
    }
}

fn map(p: &Params, name: &str) -> Tags {
    let fields = p.value(name).and_then(Value::as_object);
    let texts = fields.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    texts.collect()
}

fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("logGroupName")?;
    let odd = |c: char| !c.is_ascii_alphanumeric() && !"_-/.#".contains(c);
    if name.is_empty() || name.len() > 512 || name.chars().any(odd) {
        return Err(AwsError::new(
            "InvalidParameterException",
            format!(
                "1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy constraint: Member must satisfy \
                 regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
            ),
        ));
    }
    if ctx.r.logs.groups.contains_key(&name) {
        return Err(AwsError::new("ResourceAlreadyExistsException", "The specified log group already exists"));
    }
    let group = LogGroup {
        arn: ctx.arn("logs", &format!("log-group:{name}")),
        name,
        retention: None,
        streams: BTreeMap::new(),
        tags: map(p, "tags"),
        birth: ctx.birth(),
    };
    ctx.r.logs.groups.insert(group.name.clone(), group);
    Ok(Value::Null)
}

fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (prefix, pattern) = (p.text("logGroupNamePrefix"), p.text("logGroupNamePattern"));
    let (config, now) = (ctx.config, ctx.now);
    let mut found = Vec::new();
    for group in ctx.r.logs.groups.values_mut() {
        let wanted = prefix.as_ref().is_none_or(|prefix| group.name.starts_with(prefix.as_str()))
            && pattern.as_ref().is_none_or(|pattern| group.name.contains(pattern.as_str()));
        if wanted && group.birth.look(config, now) {
            found.push(json!({
                "logGroupName": group.name,
                "creationTime": group.birth.at_ms,
                "retentionInDays": group.retention,
                "metricFilterCount": 0,
                "arn": format!("{}:*", group.arn),
                "logGroupArn": group.arn,
                "storedBytes": 0,
                "logGroupClass": "STANDARD",
            }));
        }
    }
    let (found, next) = page(ctx, p, found, ("limit", "nextToken"), 50)?;
    Ok(json!({ "logGroups": found, "nextToken": next }))
}

fn retain(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let days = p.number("retentionInDays")?.ok_or_else(|| AwsError::missing("retentionInDays"))?;
    if !RETENTIONS.contains(&days) {
        return Err(AwsError::new("InvalidParameterException", format!("Invalid retention value: {days}")));
    }
    need(ctx, &p.need("logGroupName")?)?.retention = Some(days);
    Ok(Value::Null)
}

fn streams(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let prefix = p.text("logStreamNamePrefix").unwrap_or_default();
    let _ = (p.text("orderBy"), p.flag("descending"));
    let group = addressed(ctx, p)?;
    let found: Vec<Value> = group
        .streams
        .iter()
        .filter(|(name, _)| name.starts_with(&prefix))
        .map(|(name, stream)| {
            json!({
                "logStreamName": name,
                "creationTime": stream.created_ms,
                "firstEventTimestamp": stream.events.first().map(|event| event.at_ms),
                "lastEventTimestamp": stream.events.last().map(|event| event.at_ms),
                "arn": format!("{}:log-stream:{name}", group.arn),
                "storedBytes": 0,
            })
        })
        .collect();
    let (found, next) = page(ctx, p, found, ("limit", "nextToken"), 50)?;
    Ok(json!({ "logStreams": found, "nextToken": next }))
}

fn filter(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (prefix, names) = (p.text("logStreamNamePrefix"), p.list("logStreamNames"));
    if prefix.is_some() && !names.is_empty() {
        return Err(AwsError::new(
            "InvalidParameterException",
            "logStreamNamePrefix and logStreamNames can not both be specified",
        ));
    }
    let start = p.number("startTime")?.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0);
    let end = p.number("endTime")?.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(u64::MAX);
    let pattern = p.text("filterPattern").map(|text| text.trim_matches('"').to_owned()).unwrap_or_default();
    let group = addressed(ctx, p)?;
    if let Some(missing) = names.iter().find(|name| !group.streams.contains_key(*name)) {
        return Err(AwsError::new(
            "ResourceNotFoundException",
            format!("The specified log stream does not exist. ({missing})"),
        ));
    }
    let mut found: Vec<(u64, Value)> = Vec::new();
    for (name, stream) in &group.streams {
        let wanted = prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix.as_str()))
            && (names.is_empty() || names.contains(name));
        for event in stream.events.iter().filter(|_| wanted) {
            if (start..=end).contains(&event.at_ms) && event.message.contains(&pattern) {
                found.push((
                    event.at_ms,
                    json!({
                        "logStreamName": name,
                        "timestamp": event.at_ms,
                        "message": event.message,
                        "ingestionTime": event.at_ms,
                        "eventId": event.id,
                    }),
                ));
            }
        }
    }
    found.sort_by_key(|(at, _)| *at);
    let events: Vec<Value> = found.into_iter().map(|(_, event)| event).collect();
    let (events, next) = page(ctx, p, events, ("limit", "nextToken"), 10_000)?;
    Ok(json!({ "events": events, "searchedLogStreams": [], "nextToken": next }))
}

fn get(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let name = p.need("logStreamName")?;
    let start = p.number("startTime")?.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0);
    let limit = p.number("limit")?.and_then(|n| usize::try_from(n).ok()).unwrap_or(10_000);
    let from_head = p.flag("startFromHead").unwrap_or(false);
    let group = addressed(ctx, p)?;
    let stream = group
        .streams
        .get(&name)
        .ok_or_else(|| AwsError::new("ResourceNotFoundException", "The specified log stream does not exist."))?;
    let events: Vec<&Event> = stream.events.iter().filter(|event| event.at_ms >= start).collect();
    let total = events.len();
    // A token is a place in the stream; the same one comes back when there is nothing more.
    let place = |text: String| text.get(2..).and_then(|digits| digits.parse::<usize>().ok());
    let first = match p.text("nextToken").and_then(place) {
        Some(place) => place.min(total),
        None if from_head => 0,
        None => total.saturating_sub(limit),
    };
    let shown: Vec<Value> = events
        .iter()
        .skip(first)
        .take(limit)
        .map(|event| json!({ "timestamp": event.at_ms, "message": event.message, "ingestionTime": event.at_ms }))
        .collect();
    let end = first + shown.len();
    Ok(json!({
        "events": shown,
        "nextForwardToken": format!("f/{end:020}"),
        "nextBackwardToken": format!("b/{:020}", first.saturating_sub(limit)),
    }))
}

/// A container writes. Answers whether it could.
pub fn write(ctx: &mut Ctx<'_>, group: &str, stream: &str, lines: &[String]) -> bool {
    let (now, ids) = (ctx.now, &mut *ctx.ids);
    let Some(group) = ctx.r.logs.groups.get_mut(group) else {
        return false;
    };
    let stream =
        group.streams.entry(stream.to_owned()).or_insert_with(|| Stream { created_ms: now, events: Vec::new() });
    for line in lines {
        stream.events.push(Event { id: ids.hex32(), at_ms: now, message: line.clone() });
    }
    true
}

fn need<'a>(ctx: &'a mut Ctx<'_>, name: &str) -> Result<&'a mut LogGroup, AwsError> {
    ctx.r.logs.groups.get_mut(name).ok_or_else(no_group)
}

/// By name, or by ARN as `logGroupIdentifier`.
fn addressed<'a>(ctx: &'a Ctx<'_>, p: &Params) -> Result<&'a LogGroup, AwsError> {
    let name = p
        .text("logGroupName")
        .or_else(|| p.text("logGroupIdentifier"))
        .ok_or_else(|| AwsError::missing("logGroupName"))?;
    ctx.r.logs.groups.values().find(|group| group.name == name || group.arn == name).ok_or_else(no_group)
}

fn by_arn<'a>(ctx: &'a mut Ctx<'_>, p: &Params) -> Result<&'a mut LogGroup, AwsError> {
    let arn = p.need("resourceArn")?;
    ctx.r
        .logs
        .groups
        .values_mut()
        .find(|group| group.arn == arn)
        .ok_or_else(|| AwsError::new("ResourceNotFoundException", "The specified resource does not exist."))
}

fn no_group() -> AwsError {
    AwsError::new("ResourceNotFoundException", "The specified log group does not exist.")
}

impl Logs {
    /// Everything for the inventory.
    pub fn list(&self, list: &mut Lister<'_>) {
        for group in self.groups.values() {
            list.add("logs", "log-group", thing(&group.arn, &group.name, &group.tags, &group.birth), |_| {});
        }
    }
}
