//! Which machines the requests of a store may go to: names are judged by the addresses that they have when they are connected to.

use std::net::IpAddr;

use crate::addresses::{is_of_this_link, is_of_this_network};

/// The machines of one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reach {
    /// The host that a URL or a secret names; none where a cloud's own names are made of a bucket's.
    pub(crate) named: Option<String>,
    /// Whether the named host may have an address of this network.
    pub(crate) may_be_near: bool,
}

impl Reach {
    /// Whether a host of that name may be connected to at `address`.
    pub(crate) fn allows(&self, host: &str, address: IpAddr) -> bool {
        match &self.named {
            _ if is_of_this_link(address) => false,
            _ if !is_of_this_network(address) => true,
            None => true,
            Some(_) => self.may_be_near && self.is_named(host),
        }
    }

    /// Whether requests may go to `host`, as far as its name says.
    pub(crate) fn allows_host(&self, host: &str) -> bool {
        let plain = host.trim_start_matches('[').trim_end_matches(']');
        match plain.parse::<IpAddr>() {
            // An address that is named is meant.
            Ok(address) if is_of_this_network(address) => self.may_be_near && self.is_named(host),
            _ => true,
        }
    }

    /// A bucket may stand before the name.
    fn is_named(&self, host: &str) -> bool {
        let Some(named) = &self.named else { return false };
        host.eq_ignore_ascii_case(named)
            || host
                .to_ascii_lowercase()
                .strip_suffix(&named.to_ascii_lowercase())
                .is_some_and(|rest| rest.ends_with('.'))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_by_their_addresses() {
        let named = |host: &str, may_be_near| Reach { named: Some(host.to_string()), may_be_near };
        let cloud = Reach { named: None, may_be_near: false };
        let own = named("minio.corp", true);
        for (reach, host, address, allowed) in [
            (&cloud, "s3.amazonaws.com", "52.1.2.3", true),
            (&cloud, "s3.amazonaws.com", "10.0.0.7", true),
            (&cloud, "s3.amazonaws.com", "169.254.169.254", false),
            (&own, "minio.corp", "10.0.0.7", true),
            (&own, "bucket.minio.corp", "10.0.0.7", true),
            (&own, "minio.corp", "169.254.169.254", false),
            (&own, "other.corp", "10.0.0.7", false),
            (&own, "other.corp", "8.8.8.8", true),
            (&named("example.com", false), "example.com", "127.0.0.1", false),
        ] {
            assert_eq!(reach.allows(host, address.parse().unwrap()), allowed, "{reach:?} {host} {address}");
        }
        assert!(named("127.0.0.1", true).allows_host("127.0.0.1") && named("[::1]", true).allows_host("[::1]"));
        assert!(named("example.com", true).allows_host("8.8.8.8"));
        for refused in ["127.0.0.1", "169.254.169.254", "[fd00:ec2::254]"] {
            assert!(!own.allows_host(refused) && !cloud.allows_host(refused), "{refused}");
        }
    }
}
