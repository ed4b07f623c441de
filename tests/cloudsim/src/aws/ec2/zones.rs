//! Availability zones.

use serde_json::{Value, json};

use super::filters;
use crate::aws::{Ctx, Tags, error::Answer, params::Params};

/// The letters of a region's zones.
pub const ZONES: [&str; 3] = ["a", "b", "c"];

/// DescribeAvailabilityZones
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let filters = filters::of(p)?;
    let names = p.list("ZoneName");
    let mut zones: Vec<Value> = Vec::new();
    for letter in ZONES {
        let name = format!("{}{letter}", ctx.region);
        let passes = filters::pass(&filters, &Tags::new(), |field| {
            Some(vec![match field {
                "state" => "available".to_owned(),
                "zone-name" => name.clone(),
                "zone-type" => "availability-zone".to_owned(),
                "region-name" => ctx.region.to_owned(),
                "opt-in-status" => "opt-in-not-required".to_owned(),
                "zone-id" => zone_id(ctx.region, letter),
                _ => return None,
            }])
        })?;
        if passes && (names.is_empty() || names.contains(&name)) {
            zones.push(json!({
                "zoneName": name,
                "zoneState": "available",
                "zoneId": zone_id(ctx.region, letter),
                "zoneType": "availability-zone",
                "regionName": ctx.region,
                "groupName": ctx.region,
                "networkBorderGroup": ctx.region,
                "optInStatus": "opt-in-not-required",
                "messageSet": [],
            }));
        }
    }
    Ok(json!({ "availabilityZoneInfo": zones }))
}

/// `use1-az1` for `us-east-1` and `a`.
pub fn zone_id(region: &str, letter: &str) -> String {
    let mut parts = region.split('-');
    let (land, side, number) = (parts.next().unwrap_or("xx"), parts.next().unwrap_or("x"), parts.next().unwrap_or("1"));
    let at = ZONES.iter().position(|zone| *zone == letter).unwrap_or_default() + 1;
    format!("{land}{}{number}-az{at}", side.get(..1).unwrap_or("x"))
}
