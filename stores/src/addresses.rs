//! Addresses that lead to this machine or to those around it, such as the services that clouds keep at a fixed address for
//! whoever runs on their machines: what a URL of a stranger must not reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether it is no address of the public network.
pub fn is_of_this_network(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_near_v4(address),
        IpAddr::V6(address) => is_near_v6(address),
    }
}

/// Whether it is of the wire that this machine hangs on, where clouds answer whoever asks for the credentials of the machine.
pub fn is_of_this_link(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_link_v4(address),
        IpAddr::V6(address) => {
            // The metadata service of a cloud has an address of its own.
            let metadata = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
            address.is_unicast_link_local() || address == metadata || v4_in(address).is_some_and(is_link_v4)
        }
    }
}

/// The same, with the address of another cloud's metadata service.
fn is_link_v4(address: Ipv4Addr) -> bool {
    address.is_link_local() || address == Ipv4Addr::new(100, 100, 100, 200)
}

fn is_near_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_multicast()
        || first == 0
        || (first == 100 && second & 0xc0 == 64)
}

fn is_near_v6(address: Ipv6Addr) -> bool {
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        || v4_in(address).is_some_and(is_near_v4)
}

/// An address of version 4 in one of version 6: mapped, compatible, or translated.
fn v4_in(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let holds =
        segments[..5] == [0; 5] && matches!(segments[5], 0 | 0xffff) || segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0];
    holds.then(|| Ipv4Addr::from((u32::from(segments[6]) << 16) | u32::from(segments[7])))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn metadata_services_are_of_this_link_in_every_spelling() {
        for (text, link, network) in [
            ("169.254.169.254", true, true),
            ("::ffff:169.254.169.254", true, true),
            ("64:ff9b::a9fe:a9fe", true, true),
            ("fe80::1", true, true),
            ("fd00:ec2::254", true, true),
            ("100.100.100.200", true, true),
            ("127.0.0.1", false, true),
            ("10.0.0.1", false, true),
            ("8.8.8.8", false, false),
            ("2600::1", false, false),
        ] {
            let address = text.parse().unwrap();
            assert_eq!((is_of_this_link(address), is_of_this_network(address)), (link, network), "{text}");
        }
    }
}
