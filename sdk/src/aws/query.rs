//! The Query protocol: a form in, XML out.

use serde::de::DeserializeOwned;

use super::call::{self, Call, Error};
use super::{Form, QueryService, service, xml};
use crate::http::Encoding;
use crate::{Context, Result};

/// Pages that a list is read to at most, so that a service that repeats its token cannot hold an operation.
const MOST_PAGES: usize = 100;

/// A client of one Query service.
#[derive(Debug, Clone)]
pub struct Query {
    service: &'static QueryService,
    url: String,
    region: String,
}

impl Query {
    /// The client for this service, in the region that the settings name.
    ///
    /// # Errors
    /// `invalid` without the setting `region`.
    pub fn new(ctx: &Context, service: &'static QueryService) -> Result<Self> {
        let (url, region) = service::endpoint(ctx, service.name, service.global)?;
        Ok(Self { service, url, region })
    }

    /// Make a call and read its answer.
    ///
    /// # Errors
    /// What the service or the host refused, or an answer that is not what `T` expects.
    pub fn call<T: DeserializeOwned>(&self, action: &str, form: Form) -> Result<T, Error> {
        let body = self.send(action, &form)?;
        xml::answer(action, &body).map_err(|reason| Error::unreadable(action, reason))
    }

    /// Make a call whose answer says nothing.
    ///
    /// # Errors
    /// What the service or the host refused.
    pub fn act(&self, action: &str, form: Form) -> Result<(), Error> {
        self.send(action, &form).map(|_| ())
    }

    /// All members of a paged list. `token` is the parameter that asks for the next page (`Marker`, `NextToken`);
    /// `page` takes an answer apart into its members and the next token.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn pages<T, I, P>(&self, action: &str, form: Form, token: &str, page: P) -> Result<Vec<I>, Error>
    where
        T: DeserializeOwned,
        P: Fn(T) -> (Vec<I>, Option<String>),
    {
        let mut members = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let (found, more) = page(self.call(action, form.clone().set_some(token, next.as_ref()))?);
            members.extend(found);
            match more.filter(|token| !token.is_empty()) {
                Some(token) => next = Some(token),
                None => return Ok(members),
            }
        }
        Err(Error::unreadable(action, format!("the list has more than {MOST_PAGES} pages")))
    }

    fn send(&self, action: &str, form: &Form) -> Result<String, Error> {
        let call = Call {
            action,
            service: self.service.name,
            region: &self.region,
            url: &self.url,
            headers: &[("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
            body: form.encode(action, self.service.version),
            encoding: Encoding::Form,
            secrets: form.secrets().to_vec(),
        };
        let body = call::send(call, xml::refusal)?;
        String::from_utf8(body).map_err(|_| Error::unreadable(action, "it is not UTF-8"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::aws::{Expect, List, RDS};
    use crate::testing::{Answer, Host};
    use crate::{Failure, FailureKind};

    #[derive(Deserialize)]
    struct Page {
        #[serde(rename = "DBInstances", default)]
        instances: List<Instance>,
        #[serde(rename = "Marker", default)]
        marker: Option<String>,
    }

    #[derive(Deserialize)]
    struct Instance {
        #[serde(rename = "DBInstanceIdentifier")]
        id: String,
    }

    fn page(id: &str, marker: &str) -> Answer {
        Answer::new(
            200,
            format!(
                "<DescribeDBInstancesResponse><DescribeDBInstancesResult>{marker}<DBInstances><DBInstance>\
                 <DBInstanceIdentifier>{id}</DBInstanceIdentifier></DBInstance></DBInstances>\
                 </DescribeDBInstancesResult></DescribeDBInstancesResponse>"
            ),
        )
    }

    fn refused(status: u16, code: &str) -> Answer {
        Answer::new(status, format!("<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>"))
    }

    fn client(host: &Host) -> Query {
        Query::new(&host.context("db", &[("region", "eu-west-1")]), &RDS).unwrap()
    }

    #[test]
    fn a_list_is_read_to_its_last_page() {
        let host = Host::new();
        host.script("POST", "/", [page("a", "<Marker>m</Marker>"), page("b", "")]);
        let all = client(&host)
            .pages("DescribeDBInstances", Form::new(), "Marker", |page: Page| (page.instances.items, page.marker));
        let ids: Vec<String> = all.unwrap().into_iter().map(|instance| instance.id).collect();
        assert_eq!(ids, ["a", "b"]);
        let second = host.sent().into_iter().nth(1).unwrap();
        assert!(second.form().contains(&("Marker".to_owned(), "m".to_owned())));
        assert_eq!(second.url(), "https://rds.eu-west-1.amazonaws.com/");
    }

    #[test]
    fn not_found_is_an_answer_to_whoever_asks_for_it() {
        let host = Host::new();
        host.on("POST", "/", |_| refused(404, "DBInstanceNotFound"));
        assert!(client(&host).act("DescribeDBInstances", Form::new()).or_absent().unwrap().is_none());
        let failure = Failure::from(client(&host).act("DescribeDBInstances", Form::new()).unwrap_err());
        assert_eq!(failure.kind, FailureKind::NotFound);
    }

    #[test]
    fn what_the_engine_does_next_follows_from_the_refusal() {
        for (status, code, kind) in [
            (503, "RequestLimitExceeded", FailureKind::RateLimited),
            (500, "InternalFailure", FailureKind::Transient),
            (403, "AccessDenied", FailureKind::Denied),
            (400, "DBInstanceAlreadyExists", FailureKind::Conflict),
            (400, "InvalidParameterValue", FailureKind::Invalid),
            (400, "InstanceQuotaExceeded", FailureKind::Permanent),
        ] {
            let host = Host::new();
            host.on("POST", "/", move |_| refused(status, code).header("Retry-After", "7"));
            let failure = Failure::from(client(&host).act("CreateDBInstance", Form::new()).unwrap_err());
            assert_eq!(failure.kind, kind, "{code}");
            assert!(failure.message.contains("CreateDBInstance") && failure.message.contains(code), "{failure}");
            assert_eq!(failure.retry_after, Some(std::time::Duration::from_secs(7)));
        }
    }

    #[test]
    fn a_lost_call_says_until_when_it_may_take_effect() {
        let host = Host::new();
        host.on("POST", "/", |_| Answer::lost(1_000));
        let failure = Failure::from(client(&host).act("CreateDBInstance", Form::new()).unwrap_err());
        assert_eq!(failure.kind, FailureKind::OutcomeUnknown);
        assert_eq!(failure.settles_at_ms, Some(Host::START_MS + 1_000));
    }

    #[test]
    fn a_simulator_gets_all_services_at_its_endpoint() {
        let host = Host::new();
        host.on("POST", "/", |_| page("a", ""));
        let ctx = host.context("db", &[("region", "eu-west-1"), ("endpoint", "http://127.0.0.1:7070/")]);
        Query::new(&ctx, &RDS).unwrap().act("DescribeDBInstances", Form::new()).unwrap();
        assert_eq!(host.sent().first().unwrap().url(), "http://127.0.0.1:7070/");
    }
}
