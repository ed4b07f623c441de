//! The macro that makes a crate an extension.

/// Export these kinds as a CloudARK extension. The package's version is the crate's.
///
/// `foundation`, `resources`, `coes`, `settings` and `credentials` may be left out, but keep their order; the
/// component exports the interfaces of those that are there.
///
/// ```text
/// cloudark_sdk::export! {
///     name: "example",
///     cloud: "example",
///     summary: "The example cloud",
///     foundation: Network,
///     resources: [Database, Bucket],
///     coes: [Cluster],
///     settings: [Setting::required("region", "where things are made")],
///     credentials: [Credential::new("header", "API key")],
/// }
/// ```
#[macro_export]
macro_rules! export {
    (
        name: $name:literal,
        cloud: $cloud:literal,
        summary: $summary:literal
        $(, foundation: $foundation:ty)?
        $(, resources: [$($resource:ty),+ $(,)?])?
        $(, coes: [$($coe:ty),+ $(,)?])?
        $(, settings: [$($setting:expr),* $(,)?])?
        $(, credentials: [$($credential:expr),* $(,)?])?
        $(,)?
    ) => {
        #[doc(hidden)]
        pub struct CloudarkExtension;

        #[allow(unused_imports)]
        impl $crate::bindings::metadata::exports::cloudark::extension::metadata::Guest for CloudarkExtension {
            fn describe() -> $crate::bindings::metadata::exports::cloudark::extension::metadata::Description {
                $crate::bindings::metadata::exports::cloudark::extension::metadata::Description {
                    name: ::std::string::String::from($name),
                    version: ::std::string::String::from(::core::env!("CARGO_PKG_VERSION")),
                    cloud: ::std::string::String::from($cloud),
                    summary: ::std::string::String::from($summary),
                    resource_kinds: ::std::vec![$($($crate::describe::resource::<$resource>()),+)?],
                    coe_kinds: ::std::vec![$($($crate::describe::coe::<$coe>()),+)?],
                    settings: ::std::vec![$($($crate::describe::Setting::describe($setting)),*)?],
                    credentials: ::std::vec![$($($crate::describe::Credential::describe($credential)),*)?],
                    registries: ::std::vec![],
                    foundation_state_versions: ::core::iter::empty::<u32>()
                        $(.chain(<$foundation as $crate::Foundation>::READS.iter().copied()))?
                        .collect(),
                }
            }
        }

        #[cfg(target_arch = "wasm32")]
        $crate::bindings::metadata::export_metadata!(CloudarkExtension with_types_in $crate::bindings::metadata);

        $($crate::export_foundation_of! { $foundation })?
        $($crate::export_resources_of! { $($resource),+ })?
        $($crate::export_coes_of! { $($coe),+ })?
    };
}

/// The `foundation` interface: part of [`export!`].
#[doc(hidden)]
#[macro_export]
macro_rules! export_foundation_of {
    ($foundation:ty) => {
        impl $crate::bindings::foundation::exports::cloudark::extension::foundation::Guest for CloudarkExtension {
            fn prepare(
                ctx: $crate::bindings::types::Context,
                pieces: ::std::vec::Vec<$crate::bindings::types::Piece>,
                unsettled: ::std::vec::Vec<$crate::bindings::types::UnsettledCall>,
                current: ::core::option::Option<$crate::bindings::types::Instance>,
            ) -> ::core::result::Result<$crate::bindings::types::Instance, $crate::bindings::types::Failure> {
                $crate::dispatch::prepare::<$foundation>(ctx, pieces, &unsettled, current)
            }

            fn release(
                ctx: $crate::bindings::types::Context,
                pieces: ::std::vec::Vec<$crate::bindings::types::Piece>,
                unsettled: ::std::vec::Vec<$crate::bindings::types::UnsettledCall>,
                current: ::core::option::Option<$crate::bindings::types::Instance>,
            ) -> ::core::result::Result<(), $crate::bindings::types::Failure> {
                $crate::dispatch::release::<$foundation>(ctx, pieces, &unsettled, current)
            }
        }

        #[cfg(target_arch = "wasm32")]
        $crate::bindings::foundation::export_foundation!(CloudarkExtension with_types_in $crate::bindings::foundation);
    };
}

/// The functions that `resource` and `coe` share: part of [`export!`].
#[doc(hidden)]
#[macro_export]
macro_rules! export_instances_of {
    ($($kind:ty),+) => {
        fn validate(
            kind: ::std::string::String,
            config: ::std::string::String,
        ) -> ::std::vec::Vec<$crate::bindings::types::Problem> {
            $(if kind == <$kind as $crate::Resource>::KIND {
                return $crate::dispatch::validate::<$kind>(&config);
            })+
            ::std::vec![$crate::dispatch::unknown_kind_problem(&kind)]
        }

        fn plan(
            ctx: $crate::bindings::types::Context,
            intent: $crate::bindings::types::Intent,
            current: ::core::option::Option<$crate::bindings::types::Instance>,
        ) -> ::core::result::Result<$crate::bindings::types::Planned, $crate::bindings::types::Failure> {
            $(if intent.kind == <$kind as $crate::Resource>::KIND {
                return $crate::dispatch::plan::<$kind>(ctx, intent, current);
            })+
            ::core::result::Result::Err($crate::dispatch::unknown_kind(&intent.kind))
        }

        fn create(
            ctx: $crate::bindings::types::Context,
            intent: $crate::bindings::types::Intent,
        ) -> ::core::result::Result<$crate::bindings::types::Instance, $crate::bindings::types::Failure> {
            $(if intent.kind == <$kind as $crate::Resource>::KIND {
                return $crate::dispatch::create::<$kind>(ctx, intent);
            })+
            ::core::result::Result::Err($crate::dispatch::unknown_kind(&intent.kind))
        }

        fn read(
            ctx: $crate::bindings::types::Context,
            intent: $crate::bindings::types::Intent,
            current: $crate::bindings::types::Instance,
        ) -> ::core::result::Result<
            ::core::option::Option<$crate::bindings::types::Instance>,
            $crate::bindings::types::Failure,
        > {
            $(if intent.kind == <$kind as $crate::Resource>::KIND {
                return $crate::dispatch::read::<$kind>(ctx, intent, current);
            })+
            ::core::result::Result::Err($crate::dispatch::unknown_kind(&intent.kind))
        }

        fn update(
            ctx: $crate::bindings::types::Context,
            intent: $crate::bindings::types::Intent,
            current: $crate::bindings::types::Instance,
        ) -> ::core::result::Result<$crate::bindings::types::Instance, $crate::bindings::types::Failure> {
            $(if intent.kind == <$kind as $crate::Resource>::KIND {
                return $crate::dispatch::update::<$kind>(ctx, intent, current);
            })+
            ::core::result::Result::Err($crate::dispatch::unknown_kind(&intent.kind))
        }

        fn delete(
            ctx: $crate::bindings::types::Context,
            intent: $crate::bindings::types::Intent,
            current: ::core::option::Option<$crate::bindings::types::Instance>,
        ) -> ::core::result::Result<(), $crate::bindings::types::Failure> {
            $(if intent.kind == <$kind as $crate::Resource>::KIND {
                return $crate::dispatch::delete::<$kind>(ctx, intent, current);
            })+
            ::core::result::Result::Err($crate::dispatch::unknown_kind(&intent.kind))
        }
    };
}

/// The `resource` interface: part of [`export!`].
#[doc(hidden)]
#[macro_export]
macro_rules! export_resources_of {
    ($($kind:ty),+) => {
        impl $crate::bindings::resource::exports::cloudark::extension::resource::Guest for CloudarkExtension {
            $crate::export_instances_of! { $($kind),+ }
        }

        #[cfg(target_arch = "wasm32")]
        $crate::bindings::resource::export_resource!(CloudarkExtension with_types_in $crate::bindings::resource);
    };
}

/// The `coe` interface: part of [`export!`].
#[doc(hidden)]
#[macro_export]
macro_rules! export_coes_of {
    ($($kind:ty),+) => {
        impl $crate::bindings::coe::exports::cloudark::extension::coe::Guest for CloudarkExtension {
            $crate::export_instances_of! { $($kind),+ }

            fn validate_application(
                kind: ::std::string::String,
                app: $crate::bindings::types::Application,
            ) -> ::std::vec::Vec<$crate::bindings::types::Problem> {
                $(if kind == <$kind as $crate::Resource>::KIND {
                    return $crate::dispatch::validate_application::<$kind>(app);
                })+
                ::std::vec![$crate::dispatch::unknown_kind_problem(&kind)]
            }

            fn deploy_application(
                ctx: $crate::bindings::types::Context,
                cluster: $crate::bindings::types::Instance,
                intent: $crate::bindings::types::Intent,
                app: $crate::bindings::types::Application,
            ) -> ::core::result::Result<$crate::bindings::types::Deployment, $crate::bindings::types::Failure> {
                $(if intent.kind == <$kind as $crate::Resource>::KIND {
                    return $crate::dispatch::deploy::<$kind>(ctx, cluster, intent, app);
                })+
                ::core::result::Result::Err($crate::dispatch::unknown_kind(&intent.kind))
            }

            fn redeploy_application(
                ctx: $crate::bindings::types::Context,
                cluster: $crate::bindings::types::Instance,
                intent: $crate::bindings::types::Intent,
                current: $crate::bindings::types::Deployment,
                app: $crate::bindings::types::Application,
            ) -> ::core::result::Result<$crate::bindings::types::Deployment, $crate::bindings::types::Failure> {
                $(if intent.kind == <$kind as $crate::Resource>::KIND {
                    return $crate::dispatch::redeploy::<$kind>(ctx, cluster, intent, current, app);
                })+
                ::core::result::Result::Err($crate::dispatch::unknown_kind(&intent.kind))
            }

            fn delete_application(
                ctx: $crate::bindings::types::Context,
                cluster: ::core::option::Option<$crate::bindings::types::Instance>,
                intent: $crate::bindings::types::Intent,
                current: ::core::option::Option<$crate::bindings::types::Deployment>,
            ) -> ::core::result::Result<(), $crate::bindings::types::Failure> {
                $(if intent.kind == <$kind as $crate::Resource>::KIND {
                    return $crate::dispatch::undeploy::<$kind>(ctx, cluster, intent, current);
                })+
                ::core::result::Result::Err($crate::dispatch::unknown_kind(&intent.kind))
            }

            fn read_application(
                ctx: $crate::bindings::types::Context,
                cluster: $crate::bindings::types::Instance,
                intent: $crate::bindings::types::Intent,
                current: $crate::bindings::types::Deployment,
            ) -> ::core::result::Result<
                ::core::option::Option<$crate::bindings::types::Deployment>,
                $crate::bindings::types::Failure,
            > {
                $(if intent.kind == <$kind as $crate::Resource>::KIND {
                    return $crate::dispatch::read_application::<$kind>(ctx, cluster, intent, current);
                })+
                ::core::result::Result::Err($crate::dispatch::unknown_kind(&intent.kind))
            }

            fn application_logs(
                ctx: $crate::bindings::types::Context,
                kind: ::std::string::String,
                cluster: $crate::bindings::types::Instance,
                current: $crate::bindings::types::Deployment,
                query: $crate::bindings::types::LogQuery,
            ) -> ::core::result::Result<$crate::bindings::types::LogPage, $crate::bindings::types::Failure> {
                $(if kind == <$kind as $crate::Resource>::KIND {
                    return $crate::dispatch::logs::<$kind>(ctx, cluster, current, query);
                })+
                ::core::result::Result::Err($crate::dispatch::unknown_kind(&kind))
            }
        }

        #[cfg(target_arch = "wasm32")]
        $crate::bindings::coe::export_coe!(CloudarkExtension with_types_in $crate::bindings::coe);
    };
}
