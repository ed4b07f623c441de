//! The `app_deployment:` of an environment.

use super::super::fields::{Fields, text};
use super::super::words::{listed, shown};
use super::super::yaml::Entry;
use super::piece::Gathered;
use super::{DeploymentSpec, Reading};
use crate::extension::{Kind, KindRole};
use crate::problem::Span;

impl<'r> Reading<'r> {
    pub(super) fn deployment(&mut self, entry: &Entry) -> Option<DeploymentSpec> {
        let mut fields = Fields::of("`app_deployment`", entry.key_span, &entry.value, self.findings)?;
        let type_entry = fields.take("type");
        let target = fields.require("target", "`target:` is the cloud, such as `aws`", self.findings)?;
        let cloud = text(target, self.findings)?.to_owned();
        let place = target.value.span;
        let kind = if self.knows_cloud(&cloud, KindRole::Coe, place) {
            match type_entry {
                Some(entry) => {
                    text(entry, self.findings).and_then(|name| self.kind(name, &cloud, KindRole::Coe, entry.value.span))
                }
                None => self.only_coe(&cloud, place),
            }
        } else {
            None
        };

        let mut gathered = Gathered::new(type_entry.map_or(place, |entry| entry.value.span));
        for own in fields.rest() {
            if self.setting(own, &cloud, kind.map(|kind| &kind.config_schema)) {
                gathered.put(own, self.findings);
            }
        }
        let (config, places) = self.checked(gathered, kind, &["target", "type"]);
        Some(DeploymentSpec { cloud, kind: kind?.name.clone(), config, places })
    }

    /// The COE of a cloud that has one.
    fn only_coe(&mut self, cloud: &str, place: Span) -> Option<&'r Kind> {
        let there: Vec<&'r Kind> =
            self.kinds.iter().filter(|kind| kind.cloud == cloud && kind.role == KindRole::Coe).collect();
        match there.as_slice() {
            [only] => Some(only),
            several => {
                let names = listed(several.iter().map(|kind| kind.name.as_str())).replace(" and ", " or ");
                self.findings.error_with(
                    place,
                    format!("`{}` has several COEs", shown(cloud)),
                    format!("add `type:`: {names}"),
                );
                None
            }
        }
    }
}
