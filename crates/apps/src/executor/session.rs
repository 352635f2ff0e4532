//! The requests of one attempt, one after the other, with everything that is recorded about them.

use http::{HeaderName, HeaderValue, Method};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Executor;
use super::redact::{Redactor, places};
use super::request::{Rendered, Request, evaluate};
use super::verdict::Reply;
use crate::action::Risk;
use crate::app::{AuthScheme, Service};
use crate::attempt::{Attempt, Exchange, Failed, Failure, Performed};
use crate::link::{Link, LinkCredentials};
use crate::rates::{Exchanged, NotNow, Pace, RateRefused};

/// Lists longer than this are not fanned out inside one action; a workflow's `for` does that durably.
const LONGEST_EACH: usize = 200;

/// An exchange before anything in it is masked: what is secret is known only at the end.
struct Recorded {
    exchange: Exchange,
    query: Vec<(String, String)>,
}

pub(super) struct Session<'a> {
    executor: &'a Executor,
    link: &'a Link,
    service: &'a Service,
    pub(super) redactor: Redactor,
    recorded: Vec<Recorded>,
    /// Whether sending any of its writes again does nothing more.
    repeatable: bool,
    /// Whether none of its requests has an effect.
    reads: bool,
    /// Whether a request that is no read succeeded.
    wrote: bool,
    key: &'a str,
    correlation: &'a str,
    secret_outputs: &'a [String],
    pace: Option<&'a dyn Pace>,
    bucket: &'a str,
}

/// What the transport needs besides the request itself.
pub(super) struct Outgoing<'a> {
    pub(super) link: &'a Link,
    pub(super) service: &'a Service,
    pub(super) request: &'a Rendered,
    /// Sending it again does nothing more.
    pub(super) harmless: bool,
    /// It has no effect, whatever its method.
    pub(super) reads: bool,
}

impl<'a> Session<'a> {
    pub(super) fn new(executor: &'a Executor, link: &'a Link, attempt: &'a Attempt<'_>) -> Self {
        let action = attempt.action;
        let mut session = Self::for_test(executor, link, &action.service);
        session.repeatable = action.is_repeatable(&attempt.arguments);
        session.reads = action.risk_of(&attempt.arguments) == Risk::Read;
        session.key = &attempt.key;
        session.correlation = &attempt.correlation;
        session.secret_outputs = &action.secret_outputs;
        session.pace = attempt.pace.as_deref();
        session.bucket = &action.bucket;
        session.redactor.show(&action.show);
        for secret in &attempt.secrets {
            session.redactor.hide(secret.expose_secret());
        }
        for name in action.input.secret_properties() {
            session.redactor.hide_all(&attempt.arguments[name]);
        }
        session
    }

    /// Without an attempt: only reads.
    pub(super) fn for_test(executor: &'a Executor, link: &'a Link, service: &'a Service) -> Self {
        let mut redactor = Redactor::new(&service.redact);
        match &link.credentials {
            LinkCredentials::Open => {}
            LinkCredentials::Secret(secret)
            | LinkCredentials::ClientCredentials { client_secret: secret, .. } => {
                redactor.hide(secret.expose_secret());
            }
        }
        Self {
            executor,
            link,
            service,
            redactor,
            recorded: Vec::new(),
            repeatable: true,
            reads: true,
            wrote: false,
            key: "",
            correlation: "",
            secret_outputs: &[],
            pace: None,
            bucket: "",
        }
    }

    pub(super) fn into_exchanges(self) -> Vec<Exchange> {
        let redactor = self.redactor;
        let masked = self.recorded.into_iter().map(|Recorded { exchange, query }| Exchange {
            url: redactor.url(&exchange.url, &query),
            request: exchange.request.map(|body| redactor.body(&body)),
            answer: exchange.answer.map(|body| redactor.body(&body)),
            note: exchange.note.map(|note| redactor.text(&note)),
            ..exchange
        });
        masked.collect()
    }

    /// The requests succeeded, and what they answered is not what was expected.
    pub(super) fn unreadable(&self, why: &str) -> Failure {
        if self.reads {
            return super::request::mismatch(why);
        }
        Failure::Unreadable { why: format!("it happened, but its answer cannot be read: {why}") }
    }

    /// A failure holds what the service said, so secrets that it repeats are masked.
    pub(super) fn failed(self, failure: Failure) -> Failed {
        let text = |text: &str| self.redactor.text(text);
        let failure = match failure {
            Failure::InvalidArguments(_) if self.wrote => Failure::Unreadable {
                why: text(&format!(
                    "a part of it happened, and the rest cannot be sent: {failure}"
                )),
            },
            Failure::Rejected { status, title, body } => {
                Failure::Rejected { status, title: text(&title), body: self.redactor.body(&body) }
            }
            Failure::Later { retry_at, why } => Failure::Later { retry_at, why: text(&why) },
            Failure::Unsure { why } => Failure::Unsure { why: text(&why) },
            Failure::Unreadable { why } => Failure::Unreadable { why: text(&why) },
            Failure::Credentials { why, remedy } => {
                Failure::Credentials { why: text(&why), remedy }
            }
            // Messages of expressions quote values.
            Failure::InvalidArguments(mut mismatches) => {
                for mismatch in &mut mismatches {
                    mismatch.message = text(&mismatch.message);
                }
                Failure::InvalidArguments(mismatches)
            }
        };
        let partial = self.wrote;
        Failed { failure, partial, repeated: false, exchanges: self.into_exchanges() }
    }

    /// An output may repeat what it was sent; only declared secrets leave unmasked.
    pub(super) fn performed(mut self, output: &Value, before: Option<Value>) -> Performed {
        let secrets = self.secret_outputs.iter().flat_map(|pointer| places(output, pointer));
        let secrets: Vec<(String, Value)> = secrets.collect();
        for (_, secret) in &secrets {
            self.redactor.hide_all(secret);
        }
        let mut masked = self.redactor.values_only(output);
        for (pointer, secret) in secrets {
            if let Some(place) = masked.pointer_mut(&pointer) {
                *place = secret;
            }
        }
        Performed { output: masked, before, exchanges: self.into_exchanges() }
    }

    /// Sends the requests in order; answers are added to `.results`. Answers the body of the last one.
    pub(super) async fn run(
        &mut self,
        requests: &[Request],
        context: &mut Value,
    ) -> Result<Value, Failure> {
        let mut last = Value::Null;
        for (index, request) in requests.iter().enumerate() {
            if let Some(when) = &request.when
                && !evaluate_condition(when, context)?
            {
                continue;
            }
            let suffix = if index == 0 { String::new() } else { format!(":{}", request.name) };
            let result = match &request.each {
                Some(each) => self.run_each(request, each, context, &suffix).await?,
                None => self.run_one(request, context, &suffix).await?,
            };
            last = result["body"].clone();
            context["results"][&request.name] = result;
        }
        Ok(last)
    }

    async fn run_each(
        &mut self,
        request: &Request,
        each: &crate::template::Template,
        context: &mut Value,
        suffix: &str,
    ) -> Result<Value, Failure> {
        let list = evaluate(each, context)?;
        let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
        if items.len() > LONGEST_EACH {
            let message =
                format!("{} items at once are too many; {LONGEST_EACH} are allowed", items.len());
            return Err(super::request::mismatch(&message));
        }
        let mut bodies = Vec::new();
        for (index, item) in items.iter().enumerate() {
            context["item"] = item.clone();
            let result = self.run_one(request, context, &format!("{suffix}:{index}")).await?;
            bodies.push(result["body"].clone());
        }
        Ok(json!({ "body": bodies }))
    }

    async fn run_one(
        &mut self,
        request: &Request,
        context: &mut Value,
        suffix: &str,
    ) -> Result<Value, Failure> {
        let mut rendered = request.render(context)?;
        self.add_headers(&mut rendered, suffix);
        let Some(pages) = &request.pages else {
            return Ok(self.send(request, &rendered).await?.context());
        };
        let first_query = rendered.query.clone();
        let mut items = Vec::new();
        for page in 1..=pages.at_most {
            let reply = self.send(request, &rendered).await?;
            let mut result = reply.context();
            context["page"] = result.clone();
            context["page"]["number"] = Value::from(page);
            if let Value::Array(found) = evaluate(&pages.items, context)? {
                items.extend(found);
            }
            let next = evaluate(&pages.next, context)?;
            if next.is_null() || page == pages.at_most {
                result["items"] = Value::Array(items);
                result["complete"] = Value::Bool(next.is_null());
                return Ok(result);
            }
            rendered.query.clone_from(&first_query);
            let more = super::request::pairs(&next);
            rendered.query.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
            rendered.query.extend(more);
        }
        Ok(Value::Null)
    }

    async fn send(&mut self, request: &Request, rendered: &Rendered) -> Result<Reply, Failure> {
        let reads = self.reads || rendered.method.is_safe();
        let outgoing = Outgoing {
            link: self.link,
            service: self.service,
            request: rendered,
            harmless: self.repeatable || reads,
            reads,
        };
        let at = (self.executor.options.clock)();
        let sent = match self.service.auth {
            AuthScheme::Auth0 => self.executor.tenants.send(&outgoing, self.pace).await,
            _ => self.send_paced(&outgoing).await,
        };
        self.record(rendered, at, &sent);
        let reply = sent?;
        self.wrote |= reply.is_success() && !reads;
        let context = reply.context();
        let tolerated =
            request.tolerate.iter().any(|tolerance| tolerance.accepts(reply.status, &context));
        if reply.is_success() || tolerated {
            Ok(reply)
        } else {
            Err(reply.failure(self.service, reads))
        }
    }

    async fn send_paced(&self, outgoing: &Outgoing<'_>) -> Result<Reply, Failure> {
        let Some(pace) = self.pace else { return self.executor.transport.send(outgoing).await };
        pace.admit(self.bucket).await.map_err(not_now)?;
        let sent = self.executor.transport.send(outgoing).await;
        let ended = sent.as_ref().map_or(Exchanged::Lost, |reply| Exchanged::Answered {
            rate: reply.rate,
            refused: (reply.status == 429)
                .then_some(RateRefused { until: reply.retry_at, everything: false }),
        });
        pace.ended(self.bucket, ended);
        sent
    }

    fn record(&mut self, rendered: &Rendered, at: jiff::Timestamp, sent: &Result<Reply, Failure>) {
        let took = (self.executor.options.clock)().duration_since(at).as_millis();
        let base =
            format!("{}{}", self.link.base_url.as_str().trim_end_matches('/'), rendered.path);
        let (status, answer, note) = match sent {
            Ok(reply) => (Some(reply.status), Some(reply.body.clone()), None),
            Err(failure) => (None, None, Some(failure.to_string())),
        };
        let exchange = Exchange {
            method: rendered.method.to_string(),
            url: base,
            status,
            at,
            duration_ms: u64::try_from(took).unwrap_or(0),
            request: rendered.body.clone(),
            answer,
            note,
        };
        self.recorded.push(Recorded { exchange, query: rendered.query.clone() });
    }

    /// Every write carries its key and the run it belongs to, whether or not the service looks at them.
    fn add_headers(&self, rendered: &mut Rendered, suffix: &str) {
        let writes = !matches!(rendered.method, Method::GET | Method::HEAD | Method::OPTIONS);
        if !writes || self.key.is_empty() {
            return;
        }
        let key = header_text(&format!("{}{suffix}", self.key), 255);
        let correlation = header_text(self.correlation, 64);
        for (name, text) in [("idempotency-key", key), ("x-correlation-id", correlation)] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                rendered.headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

/// The exchange was not sent.
pub(super) fn not_now(NotNow { until, why }: NotNow) -> Failure {
    Failure::Later { retry_at: Some(until), why }
}

/// Visible ASCII of bounded length: what does not fit becomes its hash, so that it stays one of a kind.
fn header_text(text: &str, longest: usize) -> String {
    if text.len() <= longest && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return text.to_owned();
    }
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn evaluate_condition(
    condition: &crate::template::Template,
    context: &Value,
) -> Result<bool, Failure> {
    condition.holds(context).map_err(|error| super::request::unfit(&error))
}
