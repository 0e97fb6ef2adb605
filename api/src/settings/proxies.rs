//! The address a request comes from. Behind a proxy the connection's peer is the proxy; whom it took the request from
//! is in `X-Forwarded-For`, to which every proxy adds its own peer at the end. What stands further left was sent by
//! someone who may say anything, so only what trusted proxies added is believed.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

const HEADER: &str = "x-forwarded-for";

/// The proxies whose word is taken for where a request comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Addresses and networks, as `10.0.0.1` and `10.0.0.0/8`. Err: the first that is neither.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let parsed = texts.iter().map(|text| match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
            (Ok(network), _) => Ok(network),
            (_, Ok(address)) => Ok(address.to_canonical().into()),
            _ => Err(format!("`{text}` is neither an address nor a network, such as 10.0.0.0/8")),
        });
        parsed.collect::<Result<_, _>>().map(Self)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The rightmost address on the request's way that is not a trusted proxy's; the furthest known one where all are,
    /// or where a proxy wrote something that is no address.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        // Several lines of one header are one list.
        let lines = headers.get_all(HEADER).iter().rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        for hop in hops {
            if !self.trusts(client) {
                break;
            }
            let Some(before) = address(hop.trim()) else { break };
            client = before;
        }
        client
    }
}

/// Some proxies add the port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = || text.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    bare().or_else(with_port).or_else(in_brackets).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let texts: Vec<String> = trusted.split_whitespace().map(str::to_owned).collect();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(HEADER, line.parse().unwrap());
        }
        TrustedProxies::parse(&texts).unwrap().client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        assert_eq!(client("", "192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(client("10.0.0.0/8", "192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn the_rightmost_address_that_is_no_trusted_proxy_is_the_clients() {
        let trusted = "10.0.0.0/8 2001:db8::1";
        assert_eq!(client(trusted, "10.1.2.3", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(trusted, "::ffff:10.1.2.3", &["203.0.113.9"]), "203.0.113.9");
        // What the client sent itself stands to the left of what its proxy added.
        assert_eq!(client(trusted, "10.1.2.3", &["198.51.100.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(trusted, "10.1.2.3", &["198.51.100.1, 203.0.113.9, 10.9.9.9"]), "203.0.113.9");
        assert_eq!(client(trusted, "10.1.2.3", &["198.51.100.1", "203.0.113.9", "2001:db8::1"]), "203.0.113.9");
        assert_eq!(client(trusted, "10.1.2.3", &["10.4.4.4, 10.9.9.9"]), "10.4.4.4");
    }

    #[test]
    fn ports_are_left_out_and_what_is_no_address_ends_the_way() {
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["[2001:db8::7]"]), "2001:db8::7");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["203.0.113.9, unknown, 10.9.9.9"]), "10.9.9.9");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &[""]), "10.1.2.3");
    }

    #[test]
    fn what_is_no_network_is_named() {
        let refused = TrustedProxies::parse(&["10.0.0.0/8".to_owned(), "ingress".to_owned()]).unwrap_err();
        assert!(refused.contains("`ingress`"), "{refused}");
    }
}
