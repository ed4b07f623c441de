//! Route tables.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Cidr, done, filters, tag_set, tags, vpc};
use crate::{
    aws::{
        Ctx, Tags,
        error::{Answer, AwsError},
        page,
        params::Params,
    },
    life::Birth,
};

/// A route table.
#[derive(Clone, Debug, Serialize)]
pub struct RouteTable {
    pub id: String,
    pub vpc: String,
    pub main: bool,
    pub routes: Vec<Route>,
    /// Association id and subnet.
    pub associations: Vec<(String, String)>,
    pub tags: Tags,
    pub birth: Birth,
}

/// A route to a gateway.
#[derive(Clone, Debug, Serialize)]
pub struct Route {
    pub destination: String,
    pub gateway: String,
}

impl RouteTable {
    /// The table of every subnet that has none of its own.
    pub fn main(id: String, vpc: &str, birth: Birth) -> Self {
        Self {
            id,
            vpc: vpc.to_owned(),
            main: true,
            routes: Vec::new(),
            associations: Vec::new(),
            tags: Tags::new(),
            birth,
        }
    }

    /// Adds a route.
    pub fn add(&mut self, destination: &str, gateway: &str) {
        self.routes.push(Route { destination: destination.to_owned(), gateway: gateway.to_owned() });
    }
}

/// CreateRouteTable
pub fn create(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let network = p.need("VpcId")?;
    vpc::need(ctx, &network)?;
    let table = RouteTable {
        main: false,
        tags: tags::specified(p, "route-table")?,
        ..RouteTable::main(ctx.ids.ec2("rtb"), &network, ctx.birth())
    };
    let answer = json!({ "routeTable": view(ctx, &table) });
    ctx.r.ec2.tables.insert(table.id.clone(), table);
    Ok(answer)
}

fn view(ctx: &Ctx<'_>, table: &RouteTable) -> Value {
    let ec2 = &ctx.r.ec2;
    let local = ec2.vpcs.get(&table.vpc).map(|vpc| {
        json!({ "destinationCidrBlock": vpc.cidr, "gatewayId": "local", "state": "active", "origin": "CreateRouteTable" })
    });
    let routes = table.routes.iter().map(|route| {
        let active = ec2.gateways.get(&route.gateway).is_some_and(|gateway| gateway.vpc.as_ref() == Some(&table.vpc));
        json!({
            "destinationCidrBlock": route.destination,
            "gatewayId": route.gateway,
            "state": if active { "active" } else { "blackhole" },
            "origin": "CreateRoute",
        })
    });
    let main = table.main.then(|| {
        json!({
            "routeTableAssociationId": table.id.replace("rtb-", "rtbassoc-"),
            "routeTableId": table.id,
            "main": true,
            "associationState": { "state": "associated" },
        })
    });
    let others = table.associations.iter().map(|(id, subnet)| {
        json!({
            "routeTableAssociationId": id,
            "routeTableId": table.id,
            "subnetId": subnet,
            "main": false,
            "associationState": { "state": "associated" },
        })
    });
    json!({
        "routeTableId": table.id,
        "vpcId": table.vpc,
        "ownerId": ctx.account,
        "routeSet": local.into_iter().chain(routes).collect::<Vec<_>>(),
        "associationSet": main.into_iter().chain(others).collect::<Vec<_>>(),
        "propagatingVgwSet": [],
        "tagSet": tag_set(&table.tags),
    })
}

/// DescribeRouteTables
pub fn describe(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let filters = filters::of(p)?;
    let named = filters::Named::of(p, "RouteTableId");
    let (config, now) = (ctx.config, ctx.now);
    let mut found = Vec::new();
    for table in ctx.r.ec2.tables.values_mut().filter(|table| named.wants(&table.id)) {
        let passes = filters::pass(&filters, &table.tags, |field| {
            Some(match field {
                "route-table-id" => vec![table.id.clone()],
                "vpc-id" => vec![table.vpc.clone()],
                "association.main" => vec![table.main.to_string()],
                "association.subnet-id" => table.associations.iter().map(|(_, subnet)| subnet.clone()).collect(),
                "association.route-table-association-id" => {
                    table.associations.iter().map(|(id, _)| id.clone()).collect()
                }
                "route.gateway-id" => table.routes.iter().map(|route| route.gateway.clone()).collect(),
                "route.destination-cidr-block" => table.routes.iter().map(|route| route.destination.clone()).collect(),
                _ => return None,
            })
        })?;
        if passes && table.birth.look(config, now) {
            named.found(&table.id);
            found.push(table.clone());
        }
    }
    named.check(missing)?;
    let found: Vec<Value> = found.iter().map(|table| view(ctx, table)).collect();
    let (found, next) = page(ctx, p, found, ("MaxResults", "NextToken"), 1000)?;
    Ok(json!({ "routeTableSet": found, "nextToken": next }))
}

/// CreateRoute, to an internet gateway.
pub fn create_route(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (id, destination) = (p.need("RouteTableId")?, p.need("DestinationCidrBlock")?);
    let gateway = p.text("GatewayId").ok_or_else(|| {
        AwsError::new("MissingParameter", "cloudsim routes to internet gateways only: give GatewayId")
    })?;
    destination.parse::<Cidr>().map_err(|()| vpc::malformed(&destination))?;
    let network = need(ctx, &id)?.vpc.clone();
    match ctx.r.ec2.gateways.get(&gateway) {
        None => {
            return Err(AwsError::new(
                "InvalidGatewayID.NotFound",
                format!("The gateway ID '{gateway}' does not exist"),
            ));
        }
        Some(found) if found.vpc.as_ref() != Some(&network) => {
            return Err(AwsError::invalid(format!(
                "route table {id} and network gateway {gateway} belong to different networks"
            )));
        }
        Some(_) => {}
    }
    let table = need(ctx, &id)?;
    if table.routes.iter().any(|route| route.destination == destination) {
        return Err(AwsError::new(
            "RouteAlreadyExists",
            format!("The route identified by {destination} already exists."),
        ));
    }
    table.add(&destination, &gateway);
    done()
}

/// DeleteRoute
pub fn delete_route(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (id, destination) = (p.need("RouteTableId")?, p.need("DestinationCidrBlock")?);
    let table = need(ctx, &id)?;
    let before = table.routes.len();
    table.routes.retain(|route| route.destination != destination);
    if table.routes.len() == before {
        return Err(AwsError::new(
            "InvalidRoute.NotFound",
            format!("no route with destination-cidr-block {destination} in route table {id}"),
        ));
    }
    done()
}

/// AssociateRouteTable
pub fn associate(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let (id, subnet) = (p.need("RouteTableId")?, p.need("SubnetId")?);
    let network = need(ctx, &id)?.vpc.clone();
    let other =
        ctx.r.ec2.subnets.get(&subnet).ok_or_else(|| {
            AwsError::new("InvalidSubnetID.NotFound", format!("The subnet ID '{subnet}' does not exist"))
        })?;
    if other.vpc != network {
        return Err(AwsError::invalid(format!("route table {id} and subnet {subnet} belong to different networks")));
    }
    let holder =
        ctx.r.ec2.tables.values().find_map(|t| t.associations.iter().find(|(_, s)| *s == subnet).map(|(a, _)| (t, a)));
    if let Some((table, association)) = holder {
        if table.id == id {
            return Ok(json!({ "associationId": association, "associationState": { "state": "associated" } }));
        }
        return Err(AwsError::new(
            "Resource.AlreadyAssociated",
            format!("the specified association for route table {id} conflicts with an existing association"),
        ));
    }
    let association = ctx.ids.ec2("rtbassoc");
    need(ctx, &id)?.associations.push((association.clone(), subnet));
    Ok(json!({ "associationId": association, "associationState": { "state": "associated" } }))
}

/// DisassociateRouteTable
pub fn disassociate(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let id = p.need("AssociationId")?;
    let table = ctx.r.ec2.tables.values_mut().find(|table| table.associations.iter().any(|(a, _)| *a == id));
    let table = table.ok_or_else(|| {
        AwsError::new("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist"))
    })?;
    table.associations.retain(|(a, _)| *a != id);
    done()
}

/// DeleteRouteTable
pub fn delete(ctx: &mut Ctx<'_>, p: &Params) -> Answer {
    let id = p.need("RouteTableId")?;
    let table = need(ctx, &id)?;
    if table.main || !table.associations.is_empty() {
        return Err(AwsError::new(
            "DependencyViolation",
            format!("The routeTable '{id}' has dependencies and cannot be deleted."),
        ));
    }
    ctx.r.ec2.tables.remove(&id);
    done()
}

fn need<'a>(ctx: &'a mut Ctx<'_>, id: &str) -> Result<&'a mut RouteTable, AwsError> {
    ctx.r.ec2.tables.get_mut(id).ok_or_else(|| missing(id))
}

fn missing(id: &str) -> AwsError {
    AwsError::new("InvalidRouteTableID.NotFound", format!("The routeTable ID '{id}' does not exist"))
}
