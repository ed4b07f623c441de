//! The installed extensions: who offers which kind, and the components themselves.
//!
//! Installing is the only way in, for ours too: a package is read, its component loaded and asked to describe
//! itself, and the operator agrees to exactly that digest. Rows say who is installed; the files lie by digest
//! in the data folder.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use cloudark_api::extension::{
    CredentialNeed, Extension, FirstGrants, GrantsDocument, Inspection, Kind, KindRole, Setting,
};
use serde::{Deserialize, Serialize};

use crate::clouds::Clouds;
use crate::engine::graph::Implementers;
use crate::engine::model::{EnvironmentRow, Made, RecordRow};
use crate::extensions::catalog::{CatalogError, StateInUse, check_beside, check_upgrade};
use crate::extensions::description::{BadDescription, Description};
use crate::extensions::grants::{Grants, GrantsError, Mode};
use crate::extensions::package::{Package, PackageError};
use crate::extensions::{ComponentDigest, Origin};
use crate::host::scope::PieceKey;
use crate::host::{Host, Identity, Scope, SharedSequence, Trail, wall};
use crate::journal::{DurableJournal, Millis};
use crate::sandbox::{ExportCall, Loaded, Returned, RunEnd, Sandbox, SandboxError};
use crate::services::{Services, Timing};
use crate::store::{Key, Store, StoreError, Table, Txn, Typed};
use crate::time::rfc3339;

/// A row of `Table::Extension`, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstalledRow {
    /// The package's name.
    pub name: String,
    /// Its component.
    pub digest: ComponentDigest,
    /// What the operator has granted.
    pub grants: Grants,
    /// What it says of itself.
    pub description: Description,
    /// The interfaces it exports.
    pub exports: Vec<String>,
    /// When it was installed.
    pub installed: Millis,
}

/// A version of an extension that is not installed.
pub struct Candidate {
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its component.
    pub digest: ComponentDigest,
    /// The component, loaded.
    pub loaded: Arc<Loaded>,
}

/// Why an extension cannot be installed, loaded or changed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There is none of this name.
    #[error("there is no extension \"{0}\"")]
    NotFound(String),
    /// The package is not one.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The grants cannot be read.
    #[error(transparent)]
    Grants(#[from] GrantsError),
    /// It does not load.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// It does not describe itself.
    #[error("the extension cannot describe itself: {0}")]
    Describe(String),
    /// The operator has not agreed to this component.
    #[error("agreed was to {agreed}, and this component is {digest}: look at what it asks for again")]
    NotAgreed {
        /// What was agreed to.
        agreed: String,
        /// What came.
        digest: ComponentDigest,
    },
    /// What it says of itself cannot be used.
    #[error(transparent)]
    Description(#[from] BadDescription),
    /// It cannot stand beside what is installed, or take its place.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// It is needed.
    #[error("{0}")]
    Conflict(String),
    /// Its file is gone.
    #[error("the file of component {digest} cannot be read: {reason}. Install the extension again")]
    File {
        /// Which.
        digest: ComponentDigest,
        /// Why.
        reason: String,
    },
    /// Waits are shortened, and it may reach beyond this machine.
    #[error(
        "timing.scale is below 1, and \"{0}\" may reach origins that are not on loopback: set its cloud up with a simulator's endpoint first"
    )]
    Hurried(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The installed extensions.
pub struct Registry {
    store: Arc<dyn Store>,
    sandbox: Arc<Sandbox>,
    folder: PathBuf,
    timing: Timing,
    installed: RwLock<Vec<InstalledRow>>,
}

impl Registry {
    /// Those of this store; their components lie in `folder`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn open(
        store: Arc<dyn Store>,
        sandbox: Arc<Sandbox>,
        folder: PathBuf,
        timing: Timing,
    ) -> Result<Self, StoreError> {
        let rows = store.scan_json::<InstalledRow>(Table::Extension, &[], None, usize::MAX, false).await?;
        let installed = rows.into_iter().map(|row| row.value).collect();
        Ok(Self { store, sandbox, folder, timing, installed: RwLock::new(installed) })
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<InstalledRow> {
        self.installed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The one of this name.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`].
    pub fn get(&self, name: &str) -> Result<InstalledRow, RegistryError> {
        let all = self.installed.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|row| row.name == name).cloned().ok_or_else(|| RegistryError::NotFound(name.to_owned()))
    }

    /// Every kind that is offered.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        self.all().iter().flat_map(|row| kinds(&row.description)).collect()
    }

    /// The kind of this name on a cloud.
    #[must_use]
    pub fn kind(&self, cloud: &str, name: &str) -> Option<Kind> {
        let installed = self.installed.read().unwrap_or_else(PoisonError::into_inner);
        let row =
            installed.iter().find(|row| row.description.cloud == cloud && row.description.kind(name).is_some())?;
        kinds(&row.description).into_iter().find(|kind| kind.name == name)
    }

    /// Whether a cloud's extensions sign requests: then its environments are bound to an account.
    #[must_use]
    pub fn needs_credentials(&self, cloud: &str) -> bool {
        self.all().iter().any(|row| row.description.cloud == cloud && !row.description.credentials.is_empty())
    }

    /// Settings that a cloud has when nobody sets them.
    #[must_use]
    pub fn default_settings(&self, cloud: &str) -> Vec<(String, String)> {
        self.all()
            .into_iter()
            .filter(|row| row.description.cloud == cloud)
            .flat_map(|row| row.description.settings)
            .filter_map(|setting| Some((setting.name, setting.default_value?)))
            .collect()
    }

    /// The component of this digest, loaded.
    ///
    /// # Errors
    /// [`RegistryError::File`], [`RegistryError::Sandbox`].
    pub async fn load(&self, digest: &ComponentDigest) -> Result<Arc<Loaded>, RegistryError> {
        if let Some(loaded) = self.sandbox.loaded(digest) {
            return Ok(loaded);
        }
        let path = self.file(digest);
        let file = |reason: String| RegistryError::File { digest: *digest, reason };
        let wasm = tokio::fs::read(&path).await.map_err(|error| file(error.to_string()))?;
        if ComponentDigest::of(&wasm) != *digest {
            return Err(file("its content has changed".to_owned()));
        }
        self.compile(wasm).await
    }

    async fn compile(&self, wasm: Vec<u8>) -> Result<Arc<Loaded>, RegistryError> {
        let sandbox = Arc::clone(&self.sandbox);
        let loaded = tokio::task::spawn_blocking(move || sandbox.load(&wasm)).await;
        Ok(loaded.map_err(|error| RegistryError::Describe(error.to_string()))??)
    }

    /// Compiles every installed component, so that the first task does not wait for it.
    pub async fn warm_up(&self) {
        for row in self.all() {
            if let Err(error) = self.load(&row.digest).await {
                tracing::error!(extension = row.name, %error, "an extension cannot be loaded");
            }
        }
    }

    /// What a component of this digest may do on a cloud: rebound to the cloud's simulator where one is set up.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`], [`RegistryError::Hurried`], and those of the cloud but that it is not set up.
    pub async fn grants(
        &self,
        digest: &ComponentDigest,
        cloud: &str,
        clouds: &Clouds,
    ) -> Result<(String, Grants), crate::engine::EngineError> {
        let granted = {
            let installed = self.installed.read().unwrap_or_else(PoisonError::into_inner);
            installed.iter().find(|row| row.digest == *digest).map(|row| (row.name.clone(), row.grants.clone()))
        };
        let (name, grants) = match granted {
            Some(granted) => granted,
            // An operation keeps the component it began with, and what was granted to it.
            None => {
                let key = Key::new().text(digest.to_string());
                let row = self.store.get_json::<(String, Grants)>(Table::Grant, &key).await?;
                row.ok_or_else(|| RegistryError::NotFound(digest.to_string()))?.value
            }
        };
        let endpoint = match clouds.access(cloud).await {
            Ok(access) => access.endpoint.clone(),
            Err(crate::clouds::CloudError::NotSetUp { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let grants = match endpoint {
            Some(endpoint) => grants.rebind(&endpoint),
            None => grants,
        };
        if self.timing.scale < 1.0 && !grants.is_loopback_only() {
            return Err(RegistryError::Hurried(name).into());
        }
        Ok((name, grants))
    }

    /// What a package asks for; nothing is installed.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub async fn inspect(&self, wasm: Vec<u8>, services: &Arc<Services>) -> Result<Inspection, RegistryError> {
        let (package, row) = self.read(wasm, services).await?;
        let current = self.get(&row.name).ok();
        let wider =
            current.as_ref().map(|current| Grants::diff(&current.grants, &row.grants).added).unwrap_or_default();
        Ok(Inspection {
            extension: shown(&row),
            asks: row.grants.explain(),
            grants_yaml: to_yaml(&package.manifest.grants)?,
            replaces: current.map(|current| current.description.version),
            wider,
        })
    }

    /// A version of an extension that is looked at and not installed.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub async fn candidate(&self, wasm: Vec<u8>, services: &Arc<Services>) -> Result<Candidate, RegistryError> {
        let (package, row) = self.read(wasm.clone(), services).await?;
        let loaded = self.compile(wasm).await?;
        Ok(Candidate { name: row.name, version: row.description.version, digest: package.digest, loaded })
    }

    /// The name of the extension that a component was installed as, now or before.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn name_of(&self, digest: &ComponentDigest) -> Result<Option<String>, StoreError> {
        let key = Key::new().text(digest.to_string());
        let row = self.store.get_json::<(String, Grants)>(Table::Grant, &key).await?;
        Ok(row.map(|row| row.value.0))
    }

    /// Installs a package, if the operator has agreed to this very component; `grants` are his own, where he
    /// has edited them.
    ///
    /// # Errors
    /// [`RegistryError::NotAgreed`], [`RegistryError::Conflict`], everything that is wrong with it.
    pub async fn install(
        &self,
        wasm: Vec<u8>,
        agreed: &str,
        grants: FirstGrants,
        services: &Arc<Services>,
    ) -> Result<Extension, RegistryError> {
        let bytes = wasm.clone();
        let (_, mut row) = self.read(wasm, services).await?;
        if grants == FirstGrants::Nothing {
            row.grants = Grants { digest: Some(row.digest), ..Grants::default() };
        }
        if row.digest.to_string() != agreed {
            return Err(RegistryError::NotAgreed { agreed: agreed.to_owned(), digest: row.digest });
        }
        let installed = self.all();
        check_beside(&row.description, installed.iter().map(|row| &row.description))?;
        if let Some(old) = installed.iter().find(|old| old.name == row.name) {
            check_upgrade(&old.description, &row.description, &self.states_in_use(&old.description.cloud).await?)?;
        }
        let path = self.file(&row.digest);
        let file = |error: std::io::Error| RegistryError::File { digest: row.digest, reason: error.to_string() };
        tokio::fs::create_dir_all(&self.folder).await.map_err(file)?;
        let temporary = path.with_extension("new");
        tokio::fs::write(&temporary, &bytes).await.map_err(file)?;
        tokio::fs::rename(&temporary, &path).await.map_err(file)?;
        self.keep(&row).await?;
        Ok(shown(&row))
    }

    /// Changes what an extension may do.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`], [`RegistryError::Grants`].
    pub async fn set_grants(&self, name: &str, yaml: &str) -> Result<GrantsDocument, RegistryError> {
        let mut row = self.get(name)?;
        row.grants = Grants::from_yaml(yaml)?;
        self.keep(&row).await?;
        Ok(GrantsDocument { yaml: to_yaml(&row.grants)?, explained: row.grants.explain() })
    }

    /// Removes an extension that no environment needs.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`], [`RegistryError::Conflict`].
    pub async fn remove(&self, name: &str) -> Result<(), RegistryError> {
        let row = self.get(name)?;
        let records = self.store.scan_json::<RecordRow>(Table::Record, &[], None, usize::MAX, false).await?;
        if let Some(record) = records.iter().find(|record| record.value.cloud == row.description.cloud) {
            return Err(RegistryError::Conflict(format!(
                "\"{name}\" is needed: it has made {} ({}). Delete that environment first",
                record.value.piece, record.value.kind
            )));
        }
        // What is being made, or could not be made, has no record yet and is deleted with it all the same.
        let environments =
            self.store.scan_json::<EnvironmentRow>(Table::Environment, &[], None, usize::MAX, false).await?;
        if let Some(environment) = environments
            .iter()
            .find(|environment| environment.value.spec.clouds().contains(row.description.cloud.as_str()))
        {
            return Err(RegistryError::Conflict(format!(
                "\"{name}\" is needed: the environment \"{}\" is on {}. Delete that environment first",
                environment.value.name, row.description.cloud
            )));
        }
        self.store.commit(Txn::new().delete(Table::Extension, Key::new().text(name))).await?;
        self.installed.write().unwrap_or_else(PoisonError::into_inner).retain(|row| row.name != name);
        Ok(())
    }

    async fn keep(&self, row: &InstalledRow) -> Result<(), RegistryError> {
        let txn = Txn::new().put_json(Table::Extension, Key::new().text(&row.name), row)?.put_json(
            Table::Grant,
            Key::new().text(row.digest.to_string()),
            &(&row.name, &row.grants),
        )?;
        self.store.commit(txn).await?;
        let mut installed = self.installed.write().unwrap_or_else(PoisonError::into_inner);
        installed.retain(|other| other.name != row.name);
        installed.push(row.clone());
        installed.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(())
    }

    async fn read(&self, wasm: Vec<u8>, services: &Arc<Services>) -> Result<(Package, InstalledRow), RegistryError> {
        let package = Package::read(&wasm, self.sandbox.limits().component_bytes)?;
        let loaded = self.compile(wasm).await?;
        let description = self.describe(&loaded, &package, services).await?;
        for kind in description.kinds() {
            if let Err(error) = jsonschema::validator_for(&kind.config_schema) {
                return Err(RegistryError::Describe(format!(
                    "the schema of \"{}\" is no JSON Schema: {error}",
                    kind.name
                )));
            }
        }
        let row = InstalledRow {
            name: package.manifest.name.clone(),
            digest: package.digest,
            grants: package.manifest.grants.clone(),
            description,
            exports: loaded.exports().into_iter().map(str::to_owned).collect(),
            installed: wall(),
        };
        Ok((package, row))
    }

    async fn describe(
        &self,
        loaded: &Loaded,
        package: &Package,
        services: &Arc<Services>,
    ) -> Result<Description, RegistryError> {
        let piece = PieceKey::Foundation(package.manifest.name.clone());
        let identity = Identity::load(&*self.store, &services.vault, "", &piece, 0, &[]).await?;
        let scope = Scope {
            environment_id: String::new(),
            environment: String::new(),
            cloud: String::new(),
            piece,
            generation: 0,
            task: None,
            label: "describe".to_owned(),
            extension: package.manifest.name.clone(),
            digest: package.digest,
            grants: Grants::default(),
            mode: Mode::Query,
            account: None,
            settings: std::collections::BTreeMap::new(),
            from_application: std::collections::BTreeSet::new(),
            cancelled: Arc::default(),
            mark: Vec::new(),
        };
        let host = Host {
            scope: Arc::new(scope),
            services: Arc::clone(services),
            identity,
            trail: Trail::default(),
            sequence: SharedSequence::default(),
        };
        let finished = self.sandbox.run(loaded, host, DurableJournal::in_memory(wall()), &ExportCall::Describe).await;
        match finished.end {
            RunEnd::Returned(Returned::Description(description)) => {
                let record =
                    serde_json::to_value(description).map_err(|error| RegistryError::Describe(error.to_string()))?;
                Ok(Description::read(record, &package.manifest, &package.exports)?)
            }
            other => Err(RegistryError::Describe(format!("{other:?}"))),
        }
    }

    /// States on record that this extension, or the one that it replaces, has written.
    async fn states_in_use(&self, cloud: &str) -> Result<Vec<StateInUse>, RegistryError> {
        let records = self.store.scan_json::<RecordRow>(Table::Record, &[], None, usize::MAX, false).await?;
        let states = records.into_iter().map(|row| row.value).filter(|record| record.cloud == cloud);
        Ok(states
            .map(|record| {
                let version = match &record.made {
                    Made::Instance(instance) => instance.state_version,
                    // An application's state belongs to its COE kind.
                    Made::Deployment(deployment) => deployment.state_version,
                };
                let kind = (!matches!(record.piece, PieceKey::Foundation(_))).then_some(record.kind);
                StateInUse { kind, version, of: record.piece.to_string() }
            })
            .collect())
    }

    fn file(&self, digest: &ComponentDigest) -> PathBuf {
        self.folder.join(format!("{}.wasm", hex::encode(digest.as_bytes())))
    }
}

impl Implementers for Registry {
    fn of_kind(&self, cloud: &str, kind: &str) -> Option<ComponentDigest> {
        let installed = self.installed.read().unwrap_or_else(PoisonError::into_inner);
        let offers = |row: &&InstalledRow| row.description.cloud == cloud && row.description.kind(kind).is_some();
        installed.iter().find(offers).map(|row| row.digest)
    }

    fn of_foundation(&self, cloud: &str) -> Option<ComponentDigest> {
        let installed = self.installed.read().unwrap_or_else(PoisonError::into_inner);
        let makes = |row: &&InstalledRow| row.description.cloud == cloud && row.description.makes_foundation();
        installed.iter().find(makes).map(|row| row.digest)
    }
}

/// The kinds that an extension offers.
#[must_use]
pub fn kinds(description: &Description) -> Vec<Kind> {
    let kind = |kind: &crate::extensions::description::Kind, role: KindRole| Kind {
        name: kind.name.clone(),
        cloud: description.cloud.clone(),
        role,
        summary: kind.summary.clone(),
        config_schema: kind.config_schema.clone(),
        outputs_schema: kind.outputs_schema.clone(),
        holds_data: kind.holds_data,
        host_ports_collide: kind.host_ports_collide,
    };
    let resources = description.resource_kinds.iter().map(|of| kind(of, KindRole::Resource));
    resources.chain(description.coe_kinds.iter().map(|of| kind(of, KindRole::Coe))).collect()
}

/// An extension, as users see it.
#[must_use]
pub fn shown(row: &InstalledRow) -> Extension {
    let description = &row.description;
    Extension {
        name: row.name.clone(),
        version: description.version.clone(),
        cloud: description.cloud.clone(),
        summary: description.summary.clone(),
        digest: row.digest.to_string(),
        kinds: kinds(description),
        exports: row.exports.clone(),
        installed_at: rfc3339(row.installed),
        grants: row.grants.explain(),
        settings: description
            .settings
            .iter()
            .map(|setting| Setting {
                name: setting.name.clone(),
                summary: setting.summary.clone(),
                required: setting.required,
                default: setting.default_value.clone(),
            })
            .collect(),
        credentials: description
            .credentials
            .iter()
            .map(|need| CredentialNeed { signer: need.signer.clone(), prompt: need.prompt.clone() })
            .collect(),
    }
}

/// A simulator's origin: loopback only.
///
/// # Errors
/// A sentence.
pub fn simulator(endpoint: &str) -> Result<Origin, String> {
    let origin: Origin = endpoint.trim_end_matches('/').parse().map_err(|error| format!("{endpoint}: {error}"))?;
    if origin.is_loopback() {
        Ok(origin)
    } else {
        Err(format!("{endpoint} is not on loopback: an endpoint stands for a simulator on this machine"))
    }
}

fn to_yaml(grants: &Grants) -> Result<String, RegistryError> {
    grants.to_yaml().map_err(|error| RegistryError::Describe(error.to_string()))
}
