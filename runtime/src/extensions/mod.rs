//! Extensions: their packages, what they are granted, which are installed.
//!
//! Everything here decides and nothing here acts: plain functions over plain values. Files, the store and the
//! network are the callers' business.
//!
//! * [`grants`]: what an extension of one digest may do, and the matcher that every call passes
//! * [`package`]: what a `.wasm` says of itself: imports, exports, manifest, digest
//! * [`description`]: what its `metadata.describe` says: kinds, settings, credentials
//! * [`catalog`]: which extensions may stand beside each other
//! * [`cache`]: the authenticated form of compiled code
//!
//! # The manifest and its grants
//!
//! A package carries its manifest as YAML in the custom section `cloudark:manifest`. `docs/grants.md` is the
//! reference; in short:
//!
//! ```yaml
//! name: acme
//! version: 0.1.0
//! contract: 0.1.0
//! authors: [Acme Cloud <ops@acme.example>]
//! licence: Apache-2.0
//! summary: Databases of the Acme cloud
//! grants:
//!   http:
//!     - origin: https://db.*.acme.example     # exact labels; `*` is one whole label
//!       protocol: rest                        # or one of the action protocols of `credentials::wire`
//!       sign: { header: { name: X-Acme-Key, prefix: "" } }
//!       read: [/v1/databases, "/v1/databases/{name}"]
//!       query: [page-token]                   # query parameters, deny by default
//!       throttled-codes: [429]                # statuses or error codes that prove "not performed"
//!       refused-codes: [QuotaExceeded]
//!       error-code: /error/code               # where a `rest` error has its code
//!       settle-ms: 120000                     # until then "not found" proves nothing
//!       allow:
//!         - op: POST /v1/databases
//!           effect: once                      # read | idempotent | once (the default)
//!           where: { /name: minted, /labels: mark }
//!           secrets: [/password]              # where a secret may go
//!         - { op: "DELETE /v1/databases/{name}", effect: idempotent, where: { name: owned } }
//!       owns:                                 # which ids a response shows with our mark
//!         - { op: POST /v1/databases, id: /name }                                 # the request carried it
//!         - { op: GET /v1/databases, items: /databases, id: /name, tags: /labels } # the item carries it
//!       capture:
//!         - { op: POST /v1/tokens, at: /token, as: [base64-decode, 'after(":")'] }
//! ```
//!
//! A condition of `where` is a word (`minted`, `owned`, `from-application`, `mark`, `absent`, `any`), a map with
//! one key (`one-of: [a, b]`, `glob: "db-*"`, `template: "role/{minted}"`, `json: {pointer: condition}`,
//! `optional: condition`, `all: [conditions]`) or a list (any of them will do). A missing or empty field
//! fails every condition but `absent`, `optional` and `any`.

pub mod cache;
pub mod catalog;
pub mod description;
pub mod digest;
pub mod grants;
pub mod origin;
pub mod package;

pub use digest::ComponentDigest;
pub use origin::{Origin, OriginPattern};
