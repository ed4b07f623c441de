//! What `wit-bindgen` makes of `wit/`: the imports once, and each exported interface as a world of its own,
//! so that an extension exports exactly the interfaces that its [`export!`](crate::export) names.
//!
//! Public only because that macro expands in the extension's crate. Write against the rest of the SDK.
#![allow(missing_docs, unsafe_code, clippy::all, clippy::pedantic)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

/// The imports, and all types.
pub mod imports {
    wit_bindgen::generate!({
        path: "../wit",
        world: "cloudark:extension/imports",
        additional_derives: [PartialEq],
        generate_unused_types: true,
    });
}

pub use imports::cloudark::extension::{http, log, operation, secrets, types};

/// Declares the module of one exported interface: `$module`, its world, and the macro that exports it.
macro_rules! exported {
    ($module:ident, $macro_name:literal, $bindings:literal, $world:literal) => {
        pub mod $module {
            wit_bindgen::generate!({
                inline: $world,
                path: "../wit",
                with: { "cloudark:extension/types@0.1.0": crate::bindings::types },
                pub_export_macro: true,
                export_macro_name: $macro_name,
                default_bindings_module: $bindings,
            });
        }
    };
}

exported!(
    metadata,
    "export_metadata",
    "cloudark_sdk::bindings::metadata",
    "package cloudark:sdk-metadata; world with-metadata { export cloudark:extension/metadata@0.1.0; }"
);
exported!(
    foundation,
    "export_foundation",
    "cloudark_sdk::bindings::foundation",
    "package cloudark:sdk-foundation; world with-foundation { export cloudark:extension/foundation@0.1.0; }"
);
exported!(
    resource,
    "export_resource",
    "cloudark_sdk::bindings::resource",
    "package cloudark:sdk-resource; world with-resource { export cloudark:extension/%resource@0.1.0; }"
);
exported!(
    coe,
    "export_coe",
    "cloudark_sdk::bindings::coe",
    "package cloudark:sdk-coe; world with-coe { export cloudark:extension/coe@0.1.0; }"
);
