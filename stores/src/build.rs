//! A store of a URL, with what a secret or the environment says of it.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::{BackoffConfig, ClientConfigKey, ClientOptions, HeaderMap, HeaderValue, ObjectStore, RetryConfig};
use url::Url;

use crate::connect::Connector;
use crate::kind::key;
use crate::reach::Reach;
use crate::tries::Tries;
use crate::{Error, Kind, Result, Secret, Stores, hdfs};

/// Opens the store of `url`. Without a secret the environment says how, and without that nothing is signed.
///
/// # Errors
/// For a URL without a bucket or a cluster, and for settings that fit no store.
pub(crate) fn build(url: &Url, secret: Option<&Secret>, stores: &Stores) -> Result<Arc<dyn ObjectStore>> {
    let kind = Kind::of_scheme(url.scheme()).unwrap_or(Kind::Http);
    match kind {
        Kind::S3 => s3(url, secret),
        Kind::Gcs => gcs(url, secret),
        Kind::Azure => azure(url, secret),
        Kind::Http => http(url, secret, stores),
        Kind::Hdfs => Ok(Arc::new(hdfs::open(url, secret)?)),
    }
}

fn s3(url: &Url, secret: Option<&Secret>) -> Result<Arc<dyn ObjectStore>> {
    use AmazonS3ConfigKey as Key;
    let bucket = host(url, "bucket")?;
    let mut builder = match secret {
        Some(_) => AmazonS3Builder::new(),
        None => AmazonS3Builder::from_env(),
    };
    builder = builder.with_bucket_name(bucket).with_retry(retry(secret));
    if let Some(secret) = secret {
        for (key, value) in secret.given([
            ("key_id", Key::AccessKeyId),
            ("secret", Key::SecretAccessKey),
            ("session_token", Key::Token),
            ("region", Key::Region),
            ("requester_pays", Key::RequestPayer),
            ("skip_signature", Key::SkipSignature),
        ]) {
            builder = builder.with_config(key, value);
        }
        let hosts_bucket = secret.get("url_style") == Some("vhost");
        if let Some(endpoint) = endpoint(secret) {
            let with_bucket = endpoint.replacen("://", &format!("://{bucket}."), 1);
            builder = builder.with_endpoint(if hosts_bucket { with_bucket } else { endpoint });
        }
        builder = builder.with_virtual_hosted_style_request(hosts_bucket).with_allow_http(secret.allows_http());
    }
    let signs = [
        Key::AccessKeyId,
        Key::WebIdentityTokenFile,
        Key::ContainerCredentialsRelativeUri,
        Key::ContainerCredentialsFullUri,
    ];
    if signs.iter().all(|key| builder.get_config_value(key).is_none()) {
        builder = builder.with_skip_signature(true);
    }
    let endpoint = builder.get_config_value(&Key::S3Endpoint).or_else(|| builder.get_config_value(&Key::Endpoint));
    let connector = Connector { reach: of_cloud(endpoint.as_deref()) };
    opened(url, builder.with_http_connector(connector).build())
}

fn gcs(url: &Url, secret: Option<&Secret>) -> Result<Arc<dyn ObjectStore>> {
    use GoogleConfigKey as Key;
    let mut builder = match secret {
        Some(_) => GoogleCloudStorageBuilder::new(),
        None => GoogleCloudStorageBuilder::from_env(),
    };
    builder = builder.with_bucket_name(host(url, "bucket")?).with_retry(retry(secret));
    if let Some(secret) = secret {
        for (key, value) in secret.given([
            ("service_account_key", Key::ServiceAccountKey),
            ("service_account_path", Key::ServiceAccount),
            ("skip_signature", Key::SkipSignature),
        ]) {
            builder = builder.with_config(key, value);
        }
        if let Some(endpoint) = endpoint(secret) {
            builder = builder.with_config(Key::BaseUrl, endpoint);
        }
        builder = builder.with_config(Key::Client(ClientConfigKey::AllowHttp), secret.allows_http().to_string());
    }
    let signs = [Key::ServiceAccount, Key::ServiceAccountKey, Key::ApplicationCredentials];
    if signs.iter().all(|key| builder.get_config_value(key).is_none()) {
        builder = builder.with_skip_signature(true);
    }
    let base = builder.get_config_value(&Key::BaseUrl);
    let connector = Connector { reach: of_cloud(base.as_deref()) };
    opened(url, builder.with_http_connector(connector).build())
}

fn azure(url: &Url, secret: Option<&Secret>) -> Result<Arc<dyn ObjectStore>> {
    use AzureConfigKey as Key;
    let mut builder = match secret {
        Some(_) => MicrosoftAzureBuilder::new(),
        None => MicrosoftAzureBuilder::from_env(),
    };
    builder = builder.with_retry(retry(secret));
    let named = host(url, "container")?;
    builder = match url.username() {
        // az://container
        "" => builder.with_container_name(named),
        // abfss://container@account.dfs.core.windows.net
        container => builder.with_container_name(container).with_account(named.split('.').next().unwrap_or(named)),
    };
    if let Some(secret) = secret {
        for (key, value) in secret.given([
            ("account_name", Key::AccountName),
            ("account_key", Key::AccessKey),
            ("sas_token", Key::SasKey),
            ("bearer_token", Key::Token),
            ("tenant_id", Key::AuthorityId),
            ("client_id", Key::ClientId),
            ("client_secret", Key::ClientSecret),
            ("skip_signature", Key::SkipSignature),
        ]) {
            builder = builder.with_config(key, value);
        }
        if let Some(endpoint) = endpoint(secret) {
            builder = builder.with_endpoint(endpoint);
        }
        builder = builder.with_allow_http(secret.allows_http());
    }
    let signs = [Key::AccessKey, Key::SasKey, Key::Token, Key::ClientSecret, Key::FederatedTokenFile];
    if signs.iter().all(|key| builder.get_config_value(key).is_none()) {
        builder = builder.with_config(Key::SkipSignature, "true");
    }
    let endpoint = builder.get_config_value(&Key::Endpoint);
    let connector = Connector { reach: of_cloud(endpoint.as_deref()) };
    opened(url, builder.with_http_connector(connector).build())
}

fn http(url: &Url, secret: Option<&Secret>, stores: &Stores) -> Result<Arc<dyn ObjectStore>> {
    let host = host(url, "host")?;
    let mut options = ClientOptions::new().with_allow_http(url.scheme() == "http");
    if let Some(authorization) = secret.and_then(authorization) {
        let wrong = |_| Error::Value { option: "bearer_token".to_string(), takes: "a text of visible characters" };
        let mut value = HeaderValue::from_str(&authorization).map_err(wrong)?;
        value.set_sensitive(true);
        options = options.with_default_headers(HeaderMap::from_iter([(reqwest::header::AUTHORIZATION, value)]));
    }
    let reach = Reach { named: Some(host.to_string()), may_be_near: stores.may_be_near(host) };
    let builder = HttpBuilder::new().with_url(key(url)).with_client_options(options).with_retry(retry(secret));
    opened(url, builder.with_http_connector(Connector { reach }).build())
}

fn authorization(secret: &Secret) -> Option<String> {
    if let Some(token) = secret.get("bearer_token") {
        return Some(format!("Bearer {token}"));
    }
    let login = format!("{}:{}", secret.get("username")?, secret.get("password")?);
    Some(format!("Basic {}", BASE64_STANDARD.encode(login)))
}

fn host<'u>(url: &'u Url, what: &'static str) -> Result<&'u str> {
    url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| Error::Url { url: key(url), what })
}

/// The endpoint of a secret, with a scheme.
fn endpoint(secret: &Secret) -> Option<String> {
    let endpoint = secret.get("endpoint")?.trim_end_matches('/');
    let scheme = if secret.get("use_ssl") == Some("false") { "http" } else { "https" };
    Some(if endpoint.contains("://") { endpoint.to_string() } else { format!("{scheme}://{endpoint}") })
}

/// A cloud's names are its own; of an endpoint, that one.
fn of_cloud(endpoint: Option<&str>) -> Reach {
    let named = endpoint.and_then(|endpoint| Url::parse(endpoint).ok()?.host_str().map(str::to_string));
    Reach { may_be_near: named.is_some(), named }
}

fn retry(secret: Option<&Secret>) -> RetryConfig {
    let backoff =
        BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(10), base: 2.0 };
    let Tries { retries, within } = Tries::of(secret);
    RetryConfig { backoff, max_retries: retries.into(), retry_timeout: within }
}

fn opened<S: ObjectStore>(url: &Url, built: object_store::Result<S>) -> Result<Arc<dyn ObjectStore>> {
    let store = built.map_err(|source| Error::Store { url: key(url), source })?;
    Ok(Arc::new(store))
}
