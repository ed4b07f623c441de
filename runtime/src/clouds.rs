//! The clouds that `cld setup CLOUD` has set up: whose credentials, which settings, which simulator.
//!
//! A cloud is any name. Its row is sealed; what was opened of it is kept until it is set up anew.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use cloudark_api::credential::Cloud;
use cloudark_api::environment::Binding;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::credentials::vault::Vault;
use crate::credentials::{CredentialError, CredentialSource, Credentials, SignedParts, Signer, Surroundings};
use crate::egress::scrub::{Scrubber, TooLarge as ScrubError};
use crate::extensions::Origin;
use crate::store::{Key, Store, StoreError, Table, Txn};

/// What is stored of a cloud, sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CloudRow {
    /// Where credentials come from.
    pub credentials: CredentialSource,
    /// Settings: `region` …
    pub settings: BTreeMap<String, String>,
    /// A simulator that stands for every origin of the cloud.
    pub endpoint: Option<Origin>,
}

/// Why a cloud cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// Nobody has set it up.
    #[error("no credentials for {cloud}: run `cld setup {cloud}`")]
    NotSetUp {
        /// The cloud.
        cloud: String,
    },
    /// The credentials do not work.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The row cannot be opened.
    #[error("the credentials of {cloud} cannot be opened: {reason}. Run `cld setup {cloud}` again")]
    Sealed {
        /// The cloud.
        cloud: String,
        /// Why.
        reason: String,
    },
}

/// One cloud, ready to sign.
pub struct CloudAccess {
    credentials: Credentials,
    /// Settings.
    pub settings: BTreeMap<String, String>,
    /// The simulator.
    pub endpoint: Option<Origin>,
    source: String,
    identity: RwLock<Option<(Instant, crate::credentials::Identity)>>,
    scrubber: Mutex<Option<ScrubberOf>>,
}

/// Credentials as they were, and the scrubber of them.
type ScrubberOf = (Vec<Zeroizing<String>>, Arc<Scrubber>);

/// How long an answer to "who are you" is believed: a profile can be changed under a running server.
const IDENTITY_FOR: Duration = Duration::from_secs(60);

impl CloudAccess {
    /// Signs a request for now.
    ///
    /// # Errors
    /// Those of the credentials.
    pub async fn sign(&self, signer: &Signer, parts: &mut SignedParts) -> Result<(), CredentialError> {
        self.credentials.sign(signer, parts, SystemTime::now()).await
    }

    /// What scrubs its credentials from everything that comes back; made anew when they have changed.
    ///
    /// # Errors
    /// If there are too many to search for: then nothing may be shown.
    pub fn scrubber(&self) -> Result<Arc<Scrubber>, ScrubError> {
        let secrets = self.credentials.secret_values();
        let mut cached = self.scrubber.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, scrubber)) = &*cached
            && *of == secrets
        {
            return Ok(Arc::clone(scrubber));
        }
        let scrubber = Arc::new(Scrubber::new(secrets.iter().map(|secret| ("[credential]", secret.as_str())))?);
        *cached = Some((secrets, Arc::clone(&scrubber)));
        Ok(scrubber)
    }

    /// Who the credentials are; asked again after a minute.
    ///
    /// # Errors
    /// Those of the credentials.
    pub async fn identity(&self) -> Result<crate::credentials::Identity, CredentialError> {
        let known = self.identity.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((asked, identity)) = known
            && asked.elapsed() < IDENTITY_FOR
        {
            return Ok(identity);
        }
        let region = self.settings.get("region").map_or("", String::as_str);
        let endpoint = self.endpoint.as_ref().map(ToString::to_string);
        let identity = self.credentials.identity(region, endpoint.as_deref()).await?;
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), identity.clone()));
        Ok(identity)
    }

    /// The account that an environment made now would be bound to.
    ///
    /// # Errors
    /// Those of the credentials.
    pub async fn binding(&self, region: Option<&str>) -> Result<Binding, CredentialError> {
        let identity = self.identity().await?;
        let account = identity.bound_account();
        let region = region.map(str::to_owned).or_else(|| self.settings.get("region").cloned());
        Ok(Binding { account, region })
    }
}

/// All clouds that are set up.
pub struct Clouds {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    surroundings: Surroundings,
    open: RwLock<HashMap<String, Arc<CloudAccess>>>,
    /// Counts how often a cloud was set up or removed.
    changes: AtomicU64,
}

impl Clouds {
    /// Those of this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, vault: Arc<Vault>, surroundings: Surroundings) -> Self {
        Self { store, vault, surroundings, open: RwLock::default(), changes: AtomicU64::new(0) }
    }

    /// Counts how often a cloud was set up or removed since this server started: when it has not changed, an
    /// account that was checked before is still the same.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// A cloud, ready to sign.
    ///
    /// # Errors
    /// [`CloudError::NotSetUp`] names the command that sets it up.
    pub async fn access(&self, cloud: &str) -> Result<Arc<CloudAccess>, CloudError> {
        if let Some(access) = self.open.read().unwrap_or_else(PoisonError::into_inner).get(cloud) {
            return Ok(Arc::clone(access));
        }
        let row = self.row(cloud).await?.ok_or_else(|| CloudError::NotSetUp { cloud: cloud.to_owned() })?;
        let access = Arc::new(self.access_of(cloud, row)?);
        self.open.write().unwrap_or_else(PoisonError::into_inner).insert(cloud.to_owned(), Arc::clone(&access));
        Ok(access)
    }

    /// Sets a cloud up, if its credentials answer who they are.
    ///
    /// # Errors
    /// Those of the credentials: then nothing is changed.
    pub async fn set_up(&self, cloud: &str, row: CloudRow) -> Result<Cloud, CloudError> {
        let access = self.access_of(cloud, row.clone())?;
        let shown = Self::show_access(cloud, &access).await?;
        let key = key(cloud);
        let text = serde_json::to_vec(&row).map_err(|error| self.sealed(cloud, &error))?;
        let sealed = self.vault.seal(&key, &text).map_err(|error| self.sealed(cloud, &error))?;
        self.store.commit(Txn::new().put(Table::Credential, &key, sealed)).await?;
        self.open.write().unwrap_or_else(PoisonError::into_inner).insert(cloud.to_owned(), Arc::new(access));
        self.changes.fetch_add(1, Ordering::AcqRel);
        Ok(shown)
    }

    /// Forgets a cloud.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn remove(&self, cloud: &str) -> Result<(), CloudError> {
        self.store.commit(Txn::new().delete(Table::Credential, key(cloud))).await?;
        self.open.write().unwrap_or_else(PoisonError::into_inner).remove(cloud);
        self.changes.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    /// The names of all clouds that are set up.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn names(&self) -> Result<Vec<String>, CloudError> {
        let rows = self.store.scan(Table::Credential, &[], None, usize::MAX, false).await?;
        Ok(rows.iter().filter_map(|row| crate::store::KeyReader::new(&row.key).text().ok()).collect())
    }

    /// Who a cloud's credentials are.
    ///
    /// # Errors
    /// Those of the credentials.
    pub async fn show(&self, cloud: &str) -> Result<Cloud, CloudError> {
        let access = self.access(cloud).await?;
        Self::show_access(cloud, &access).await
    }

    async fn show_access(cloud: &str, access: &CloudAccess) -> Result<Cloud, CloudError> {
        let identity = access.identity().await?;
        Ok(Cloud {
            cloud: cloud.to_owned(),
            source: access.source.clone(),
            account: identity.account,
            identity: identity.principal,
            settings: access.settings.clone(),
            endpoint: access.endpoint.as_ref().map(ToString::to_string),
        })
    }

    fn access_of(&self, cloud: &str, row: CloudRow) -> Result<CloudAccess, CloudError> {
        Ok(CloudAccess {
            credentials: Credentials::from_source(cloud, &row.credentials, self.surroundings.clone())?,
            source: row.credentials.to_string(),
            settings: row.settings,
            endpoint: row.endpoint,
            identity: RwLock::default(),
            scrubber: Mutex::default(),
        })
    }

    async fn row(&self, cloud: &str) -> Result<Option<CloudRow>, CloudError> {
        let key = key(cloud);
        let Some(row) = self.store.get(Table::Credential, &key).await? else { return Ok(None) };
        let text = self.vault.open(&key, &row.value).map_err(|error| self.sealed(cloud, &error))?;
        serde_json::from_slice(&text).map(Some).map_err(|error| self.sealed(cloud, &error))
    }

    fn sealed(&self, cloud: &str, error: &dyn std::fmt::Display) -> CloudError {
        CloudError::Sealed { cloud: cloud.to_owned(), reason: error.to_string() }
    }
}

fn key(cloud: &str) -> Key {
    Key::new().text(cloud)
}
