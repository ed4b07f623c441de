//! Which subnets to use: one public subnet in each zone.

use std::collections::BTreeMap;

use cloudark_sdk::aws::{Error, Form, List, Query};
use serde::{Deserialize, Serialize};

/// A subnet that load balancers, tasks and databases go into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// `subnet-…`
    pub id: String,
    /// The zone: `eu-west-1a`.
    pub zone: String,
}

/// A subnet, as far as we look at it.
#[derive(Debug, Clone, Deserialize)]
pub struct Found {
    #[serde(rename = "subnetId")]
    pub id: String,
    #[serde(rename = "availabilityZone")]
    pub zone: String,
    /// One of those that AWS made with the account's default network: they are public.
    #[serde(rename = "defaultForAz", default)]
    pub default: bool,
}

/// A route table, as far as we look at it.
#[derive(Debug, Clone, Deserialize)]
pub struct RouteTable {
    #[serde(rename = "associationSet", default)]
    associations: List<Association>,
    #[serde(rename = "routeSet", default)]
    routes: List<Route>,
}

#[derive(Debug, Clone, Deserialize)]
struct Association {
    #[serde(rename = "main", default)]
    main: bool,
    #[serde(rename = "subnetId", default)]
    subnet: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Route {
    #[serde(rename = "destinationCidrBlock", default)]
    destination: Option<String>,
    #[serde(rename = "gatewayId", default)]
    gateway: Option<String>,
}

impl RouteTable {
    /// Whether it leads to the internet.
    fn is_public(&self) -> bool {
        self.routes.items.iter().any(|route| {
            route.destination.as_deref() == Some("0.0.0.0/0")
                && route.gateway.as_deref().is_some_and(|gateway| gateway.starts_with("igw-"))
        })
    }
}

/// The subnets and route tables of a network.
pub(super) fn of_network(ec2: &Query, vpc: &str) -> Result<(Vec<Found>, Vec<RouteTable>), Error> {
    #[derive(Deserialize)]
    struct Subnets {
        #[serde(rename = "subnetSet", default)]
        subnets: List<Found>,
        #[serde(rename = "nextToken", default)]
        next: Option<String>,
    }
    #[derive(Deserialize)]
    struct Tables {
        #[serde(rename = "routeTableSet", default)]
        tables: List<RouteTable>,
        #[serde(rename = "nextToken", default)]
        next: Option<String>,
    }
    let form = Form::new().filters(&[("vpc-id", &[vpc])]);
    let subnets =
        ec2.pages("DescribeSubnets", form.clone(), "NextToken", |page: Subnets| (page.subnets.items, page.next))?;
    let tables = ec2.pages("DescribeRouteTables", form, "NextToken", |page: Tables| (page.tables.items, page.next))?;
    Ok((subnets, tables))
}

/// One public subnet in each zone, in the order of the zones: the decision, without the calls.
pub(super) fn choose(subnets: &[Found], tables: &[RouteTable]) -> Vec<Subnet> {
    let main = tables.iter().find(|table| table.associations.items.iter().any(|association| association.main));
    let is_public = |subnet: &Found| {
        let own = tables.iter().find(|table| {
            table.associations.items.iter().any(|association| association.subnet.as_deref() == Some(&subnet.id))
        });
        subnet.default || own.or(main).is_some_and(RouteTable::is_public)
    };
    let mut zones: BTreeMap<&str, &str> = BTreeMap::new();
    for subnet in subnets.iter().filter(|subnet| is_public(subnet)) {
        // The first by id, so that every run chooses the same.
        let chosen = zones.entry(&subnet.zone).or_insert(&subnet.id);
        *chosen = (*chosen).min(&subnet.id);
    }
    zones.into_iter().map(|(zone, id)| Subnet { id: id.to_owned(), zone: zone.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(id: &str, zone: &str) -> Found {
        Found { id: id.into(), zone: zone.into(), default: false }
    }

    fn table(main: bool, subnet: Option<&str>, gateway: &str) -> RouteTable {
        RouteTable {
            associations: List { items: vec![Association { main, subnet: subnet.map(str::to_owned) }] },
            routes: List {
                items: vec![
                    Route { destination: Some("10.0.0.0/16".into()), gateway: Some("local".into()) },
                    Route { destination: Some("0.0.0.0/0".into()), gateway: Some(gateway.into()) },
                ],
            },
        }
    }

    #[test]
    fn one_public_subnet_is_chosen_in_each_zone() {
        let subnets = [subnet("s-3", "b"), subnet("s-2", "a"), subnet("s-1", "a"), subnet("s-0", "a")];
        let tables = [table(true, None, "igw-1"), table(false, Some("s-0"), "nat-1")];
        let chosen: Vec<_> = choose(&subnets, &tables).into_iter().map(|subnet| subnet.id).collect();
        assert_eq!(chosen, ["s-1", "s-3"], "s-0 is routed through a NAT gateway: private");
    }

    #[test]
    fn the_default_networks_subnets_are_public() {
        let default = Found { default: true, ..subnet("s-1", "a") };
        assert_eq!(choose(&[default, subnet("s-2", "b")], &[]).len(), 1);
    }
}
