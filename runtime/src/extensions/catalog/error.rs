//! Why the catalog cannot change as it was asked to.

/// Why the catalog cannot change so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// Two extensions offer one kind.
    #[error(
        "`{kind}` is offered by {installed} already, and {candidate} offers it too: choose one of them for it, or remove {installed} first"
    )]
    KindTaken {
        /// The kind.
        kind: String,
        /// Who has it.
        installed: String,
        /// Who wants it.
        candidate: String,
    },
    /// Two extensions offer one registry.
    #[error("the registry `{registry}` is offered by {installed} already: remove it first")]
    RegistryTaken {
        /// The registry.
        registry: String,
        /// Who has it.
        installed: String,
    },
    /// Two extensions make one cloud's foundation.
    #[error("{installed} makes the foundation of the cloud {cloud} already: remove it first")]
    FoundationTaken {
        /// The cloud.
        cloud: String,
        /// Who has it.
        installed: String,
    },
    /// A name changes its cloud.
    #[error("{name} is an extension for the cloud {old}, and the new version one for {new}: give it another name")]
    OtherCloud {
        /// The extension.
        name: String,
        /// Of the installed version.
        old: String,
        /// Of the new one.
        new: String,
    },
    /// A recorded state cannot be read.
    #[error(
        "{name} {version} cannot read the state of {of} (version {state}): {can}; upgrade by way of a version that can"
    )]
    StateUnreadable {
        /// The extension.
        name: String,
        /// Its new version.
        version: String,
        /// Whose state.
        of: String,
        /// The state's version.
        state: u32,
        /// What it can read.
        can: String,
    },
    /// It is in use.
    #[error("{name} is in use: {of} was made by it; delete that first")]
    InUse {
        /// The extension.
        name: String,
        /// By what.
        of: String,
    },
    /// There is no such extension.
    #[error("no extension `{name}` is installed; there are: {known}")]
    NotInstalled {
        /// The name.
        name: String,
        /// Those that are.
        known: String,
    },
}
