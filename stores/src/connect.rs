//! The HTTP client of a store: it connects to the machines within its [`Reach`] alone, whatever a name or a redirect leads to,
//! and gives up on a server that is silent for long, not on one that is slow.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::RANGE;
use reqwest::redirect::{Attempt, Policy};

use crate::Error;
use crate::part::as_part;
use crate::reach::Reach;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Without a byte.
const SILENCE_MAX: Duration = Duration::from_secs(30);
const REDIRECTS_MAX: usize = 5;
const NAME: &str = concat!("maar/", env!("CARGO_PKG_VERSION"));

/// Makes such clients.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    pub(crate) reach: Reach,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let is_plain = options.get_config_value(&ClientConfigKey::AllowHttp).is_some_and(|value| value == "true");
        let reach = self.reach.clone();
        let mut client = reqwest::Client::builder()
            .user_agent(NAME)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(SILENCE_MAX)
            .https_only(!is_plain)
            .redirect(Policy::custom(move |attempt| redirected(&reach, attempt)))
            .dns_resolver(Arc::new(Resolver { reach: self.reach.clone(), proxies: proxies() }));
        if let Some(headers) = options.get_default_headers() {
            client = client.default_headers(headers.clone());
        }
        let inner = client.build().map_err(|e| object_store::Error::Generic { store: "HTTP", source: Box::new(e) })?;
        Ok(HttpClient::new(Client { inner, reach: self.reach.clone() }))
    }
}

/// Credentials do not go along to another host: `reqwest` takes them off.
fn redirected(reach: &Reach, attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let host = attempt.url().host_str().unwrap_or_default().to_string();
    if attempt.previous().len() > REDIRECTS_MAX {
        return attempt.error("too many redirects");
    }
    if reach.allows_host(&host) { attempt.follow() } else { attempt.error(Error::Address { host }) }
}

#[derive(Debug)]
struct Client {
    inner: reqwest::Client,
    reach: Reach,
}

#[async_trait]
impl HttpService for Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let host = request.uri().host().unwrap_or_default();
        if !self.reach.allows_host(host) {
            return Err(HttpError::new(HttpErrorKind::Unknown, Error::Address { host: host.to_string() }));
        }
        let range = request.headers().get(RANGE).cloned();
        let response = self.inner.call(request).await?;
        Ok(match range {
            Some(range) => as_part(&range, response),
            None => response,
        })
    }
}

/// Names, without the addresses that are out of reach.
#[derive(Debug)]
struct Resolver {
    reach: Reach,
    /// Hosts that the environment sends all requests through, wherever they are.
    proxies: Vec<String>,
}

/// The hosts of proxies that the environment names.
fn proxies() -> Vec<String> {
    let names = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    let hosts = names.iter().filter_map(|name| {
        let value = std::env::var(name).ok()?;
        let url = if value.contains("://") { value } else { format!("http://{value}") };
        url::Url::parse(&url).ok()?.host_str().map(str::to_string)
    });
    hosts.collect()
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach.clone();
        let is_proxy = self.proxies.iter().any(|proxy| proxy.eq_ignore_ascii_case(name.as_str()));
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            let is_within = |found: &SocketAddr| is_proxy || reach.allows(host, found.ip());
            let within: Vec<SocketAddr> = found.into_iter().filter(is_within).collect();
            if within.is_empty() {
                return Err(Error::Address { host: host.to_string() }.into());
            }
            Ok(Box::new(within.into_iter()) as Addrs)
        })
    }
}
