//! A revision of an application: its secrets, what its role may do, and its task definition.

use cloudark_sdk::aws;
use cloudark_sdk::instance::Value as Variable;
use cloudark_sdk::prelude::*;

use super::names::Names;
use super::wanted::Wanted;
use super::{parameter, role, task_definition};

/// A revision that was written.
#[derive(Debug, Clone)]
pub struct Revision {
    /// The ARN of its task definition.
    pub definition: String,
    /// The names of its parameters.
    pub parameters: Vec<String>,
}

/// Write the revision of this number. `also` are parameters that the role must still be allowed to read, because an
/// older revision runs on.
pub fn write(
    ctx: &Context,
    names: &Names,
    app: &Application,
    wanted: &Wanted,
    number: u32,
    also: &[String],
) -> Result<Revision> {
    let region = aws::region(ctx)?;
    let role = role::ensure(ctx, &names.role)?;
    let account = role.account();

    let (mut parameters, mut secrets) = (Vec::new(), Vec::new());
    for (variable, value) in &app.env {
        let Variable::Secret(secret) = value else {
            continue;
        };
        let name = parameter::name(ctx, number, variable)?;
        parameter::ensure(ctx, &name, secret)?;
        secrets.push((variable.clone(), role::parameter_arn(&account, &region, &name)));
        parameters.push(name);
    }

    let readable: Vec<String> =
        also.iter().filter(|name| !parameters.contains(name)).chain(&parameters).cloned().collect();
    permit(ctx, names, &app.image, &readable, &role)?;

    let definition = task_definition::ensure(
        ctx,
        &task_definition::Wanted {
            family: &names.family,
            revision: number,
            image: &app.image,
            port: wanted.container_port,
            size: wanted.size,
            role: &role.arn,
            log_group: &names.log_group,
            region: &region,
            env: &app.env,
            secrets: &secrets,
        },
    )?;
    Ok(Revision { definition, parameters })
}

fn permit(ctx: &Context, names: &Names, image: &str, parameters: &[String], role: &role::Role) -> Result<()> {
    let region = aws::region(ctx)?;
    let permissions = role::Permissions { region: &region, image, log_group: &names.log_group, parameters };
    role::permit(ctx, &names.role, role, &permissions)
}

/// Keep this revision, and remove all that others left: task definitions, parameters, permissions.
pub fn keep_only(ctx: &Context, names: &Names, image: &str, kept: &Revision, superseded: &[String]) -> Result<()> {
    task_definition::remove_all_but(ctx, &names.family, Some(&kept.definition))?;
    for name in superseded.iter().filter(|name| !kept.parameters.contains(name)) {
        parameter::remove(ctx, name)?;
    }
    let role = role::ensure(ctx, &names.role)?;
    permit(ctx, names, image, &kept.parameters, &role)
}
