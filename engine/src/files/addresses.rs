//! Addresses that lead to this machine or to those around it, such as the services that clouds keep at a fixed address for
//! whoever runs on their machines: what a URL of a stranger must not reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether it is no address of the public network.
pub(super) fn is_of_this_network(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_near_v4(address),
        IpAddr::V6(address) => is_near_v6(address),
    }
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
    let segments = address.segments();
    // Addresses of version 4 in those of version 6: mapped, compatible, and translated.
    let low = || Ipv4Addr::from((u32::from(segments[6]) << 16) | u32::from(segments[7]));
    let holds_v4 =
        segments[..5] == [0; 5] && matches!(segments[5], 0 | 0xffff) || segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0];
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        || (holds_v4 && is_near_v4(low()))
}
