//! Bare wasmtime: the same component, with host functions that only answer.

use cloudark_runtime::sandbox::bindings::exported::resource::GuestIndices;
use cloudark_runtime::sandbox::bindings::types::{self, Context, Failure, Intent};
use cloudark_runtime::sandbox::bindings::{http, operation};
use cloudark_tests::fixture_cloud::{FixtureCloud, KEY};
use wasmtime::component::{Component, HasSelf, InstancePre, Linker, ResourceTable};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

pub struct Bare {
    pre: InstancePre<State>,
    exports: GuestIndices,
    answer: http::Response,
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    /// To each request.
    answer: http::Response,
}

impl Bare {
    /// wasmtime's own defaults, with instances from a pool as ours are.
    pub async fn new(cloud: &FixtureCloud) -> Self {
        let mut config = Config::new();
        config.allocation_strategy(InstanceAllocationStrategy::pooling());
        let engine = Engine::new(&config).expect("an engine");
        let component = Component::from_file(&engine, cloudark_tests::guest("fixture")).expect("the guest compiles");
        let mut linker = Linker::<State>::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("WASI links");
        types::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state).expect("types link");
        http::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state).expect("http links");
        operation::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state).expect("operation links");
        linker.define_unknown_imports_as_traps(&component).expect("the rest traps");
        let pre = linker.instantiate_pre(&component).expect("the guest links");
        let exports = GuestIndices::new(&pre).expect("the guest has resources");
        Self { pre, exports, answer: answer(cloud).await }
    }

    /// From a fresh instance to its end.
    pub async fn run(&self, context: &Context, intent: &Intent) {
        let state = State { wasi: WasiCtx::default(), table: ResourceTable::new(), answer: self.answer.clone() };
        let mut store = Store::new(self.pre.engine(), state);
        let instance = self.pre.instantiate_async(&mut store).await.expect("an instance");
        let guest = self.exports.load(&mut store, &instance).expect("its export");
        guest.call_create(&mut store, context, intent).await.expect("no trap").expect("no failure");
    }
}

/// What the cloud answers, asked once.
async fn answer(cloud: &FixtureCloud) -> http::Response {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = http.get(format!("{}/things/it", cloud.url)).header("x-fix-key", KEY);
    let answer = request.send().await.expect("the cloud answers");
    let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| http::Header {
        name: name.to_string(),
        value: value.to_str().unwrap_or_default().to_owned(),
    };
    http::Response {
        call: 0,
        status: answer.status().as_u16(),
        headers: answer.headers().iter().map(header).collect(),
        body: answer.bytes().await.expect("a body").to_vec(),
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl types::Host for State {}

impl http::Host for State {
    async fn send(&mut self, _: http::Request) -> wasmtime::Result<Result<http::Response, http::Error>> {
        Ok(Ok(self.answer.clone()))
    }
    async fn send_all(
        &mut self,
        requests: Vec<http::Request>,
    ) -> wasmtime::Result<Vec<Result<http::Response, http::Error>>> {
        Ok(requests.iter().map(|_| Ok(self.answer.clone())).collect())
    }
    async fn trust(&mut self, _: u64) -> wasmtime::Result<Result<http::Origin, Failure>> {
        unreachable!("not asked here")
    }
}

impl operation::Host for State {
    async fn name(&mut self, label: String, _: operation::NameRules) -> wasmtime::Result<Result<String, Failure>> {
        Ok(Ok(label))
    }
    async fn token(&mut self, label: String, _: u32) -> wasmtime::Result<String> {
        Ok(label)
    }
    async fn tags(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }
    async fn attempt(&mut self, _: u64) -> wasmtime::Result<Result<operation::AttemptInfo, Failure>> {
        unreachable!("not asked here")
    }
    async fn suspend(&mut self, _: u32, _: u64, _: String) -> wasmtime::Result<()> {
        Ok(())
    }
    async fn progress(&mut self, _: String) -> wasmtime::Result<()> {
        Ok(())
    }
}
