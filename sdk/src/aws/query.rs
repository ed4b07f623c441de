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
