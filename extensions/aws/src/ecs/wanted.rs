//! What an application asks for, in terms of ECS: the decisions, without the calls.

use cloudark_sdk::prelude::*;
use serde::Deserialize;

use super::fargate::Size;
use super::health_check::HealthCheck;

/// Where an application is reached when its file does not say.
const HOST_PORT: u16 = 80;
/// The keys of the file that ECS knows beyond those that all COEs know.
const KEYS: [&str; 1] = ["health_check"];

/// An application, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The port that the container listens on.
    pub container_port: u16,
    /// The port that it is reached at.
    pub host_port: u16,
    /// CPU and memory.
    pub size: Size,
    /// How many tasks.
    pub replicas: u32,
    /// How its health is checked.
    pub check: HealthCheck,
}

impl Wanted {
    /// Decide.
    ///
    /// # Errors
    /// `invalid`: the first of [`problems`].
    pub fn of(app: &Application) -> Result<Self> {
        match problems(app).into_iter().find(|problem| problem.severity == cloudark_sdk::plan::Severity::Error) {
            Some(problem) => Err(Failure::invalid(problem.message).at(problem.pointer)),
            None => Ok(Self {
                container_port: app.container_port.unwrap_or(HOST_PORT),
                host_port: app.host_port.unwrap_or(HOST_PORT),
                size: Size::at_least(app.cpu, app.memory).unwrap_or(Size { cpu: 256, memory: 512 }),
                replicas: app.replicas.unwrap_or(1),
                check: health_check(app).unwrap_or_default(),
            }),
        }
    }

    /// The size, and that it was rounded, where it was.
    pub fn size_words(&self, app: &Application) -> String {
        let asked = [app.cpu.map(|cpu| format!("{cpu} CPU units")), app.memory.map(|memory| format!("{memory} MiB"))];
        let asked: Vec<String> = asked.into_iter().flatten().collect();
        let exact = app.cpu.is_none_or(|cpu| cpu == self.size.cpu)
            && app.memory.is_none_or(|memory| memory == self.size.memory);
        if exact { self.size.to_string() } else { format!("{} (asked for: {})", self.size, asked.join(", ")) }
    }
}

/// What is wrong with an application.
pub fn problems(app: &Application) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !app.documents.is_empty() {
        problems.push(Problem::error("", "ECS runs no manifests: write `app:` with an `image:`"));
        return problems;
    }
    if app.image.trim().is_empty() {
        problems.push(Problem::error("/image", "the image to run is missing: `image: nginx:1.27`"));
    }
    if app.container_port.is_none_or(|port| port == 0) {
        problems.push(Problem::error(
            "/container_port",
            "the port that the container listens on is missing: the load balancer sends requests there",
        ));
    }
    if app.host_port == Some(0) {
        problems.push(Problem::error("/host_port", "a load balancer listens on a port from 1 to 65535"));
    }
    if Size::at_least(app.cpu, app.memory).is_none() {
        let pointer = if Size::at_least(app.cpu, None).is_none() { "/cpu" } else { "/memory" };
        problems.push(Problem::error(pointer, "Fargate has at most 16384 CPU units and 122880 MiB for a task"));
    }
    match health_check(app) {
        Ok(check) => problems.extend(check.problems()),
        Err(error) => {
            problems.push(Problem::error("/health_check", format!("{error}; it may have `path`, `codes` and `grace`")))
        }
    }
    let unknown =
        app.extra.as_object().into_iter().flat_map(|extra| extra.keys()).filter(|key| !KEYS.contains(&key.as_str()));
    problems.extend(
        unknown.map(|key| Problem::error(format!("/{key}"), format!("unknown key `{key}`: ECS knows `health_check`"))),
    );
    problems
}

fn health_check(app: &Application) -> serde_json::Result<HealthCheck> {
    match app.extra.get("health_check") {
        None | Some(serde_json::Value::Null) => Ok(HealthCheck::default()),
        Some(check) => HealthCheck::deserialize(check),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn app() -> Application {
        Application { container_port: Some(8080), ..Application::new("web", "nginx:1") }
    }

    fn pointers(app: &Application) -> Vec<String> {
        problems(app).into_iter().map(|problem| problem.pointer).collect()
    }

    #[test]
    fn an_application_that_says_little_gets_the_defaults() {
        let wanted = Wanted::of(&app()).unwrap();
        assert_eq!((wanted.container_port, wanted.host_port, wanted.replicas), (8080, 80, 1));
        assert_eq!(wanted.size, Size { cpu: 256, memory: 512 });
        assert_eq!(wanted.check, HealthCheck { path: "/".into(), codes: "200-499".into(), grace: 120 });
    }

    #[test]
    fn the_originals_sizes_are_rounded_up_and_the_choice_is_shown() {
        let small = Application { memory: Some(250), cpu: Some(10), ..app() };
        let words = Wanted::of(&small).unwrap().size_words(&small);
        assert_eq!(words, "256 CPU units and 512 MiB (asked for: 10 CPU units, 250 MiB)");
        assert_eq!(Wanted::of(&app()).unwrap().size_words(&app()), "256 CPU units and 512 MiB");
    }

    #[test]
    fn what_ecs_would_refuse_is_found_before() {
        assert_eq!(pointers(&Application { container_port: None, ..app() }), ["/container_port"]);
        assert_eq!(pointers(&Application { image: String::new(), ..app() }), ["/image"]);
        assert_eq!(pointers(&Application { memory: Some(200_000), ..app() }), ["/memory"]);
        assert_eq!(pointers(&Application { cpu: Some(20_000), ..app() }), ["/cpu"]);
        assert_eq!(
            pointers(&Application { extra: json!({ "health_check": { "code": "200" } }), ..app() }),
            ["/health_check"]
        );
        assert_eq!(pointers(&Application { extra: json!({ "replica": 2 }), ..app() }), ["/replica"]);
        assert_eq!(pointers(&Application { documents: vec![json!({})], ..app() }), [""]);
        let checked = json!({ "health_check": { "path": "/health", "codes": "200", "grace": 30 } });
        assert!(pointers(&Application { extra: checked, ..app() }).is_empty());
    }
}
