//! Why an extension cannot be installed beside others, or in place of an older one.

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// Two extensions offer one kind.
    #[error(
        "`{kind}` of the cloud {cloud} is offered by {installed} already, and {candidate} offers it too: keep one, and remove the other with `cld extension remove`"
    )]
    KindTaken {
        /// The kind.
        kind: String,
        /// Its cloud.
        cloud: String,
        /// Who has it.
        installed: String,
        /// Who wants it.
        candidate: String,
    },
    /// Two extensions offer one registry.
    #[error("the registry `{registry}` is offered by {installed} already: remove that first")]
    RegistryTaken {
        /// The registry.
        registry: String,
        /// Who has it.
        installed: String,
    },
    /// Two extensions make one cloud's foundation.
    #[error("{installed} makes the foundation of the cloud {cloud} already: remove that first")]
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
}
