//! Where the gateway may call: addresses of the public network, and of private ones that the operator named.
//!
//! A name that partners or strangers control can point anywhere, so addresses are judged after every look-up, all of
//! them, and the call goes to one that was judged. Here is only the judgement; looking up and calling is elsewhere.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use url::{Host, Url};

/// The longest address of an endpoint, in bytes.
pub const URL_BYTES_MAX: usize = 2_000;

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Of the public network.
    Public,
    /// Of a network that an operator may open for calls.
    Private(&'static str),
    /// Never called, whatever anybody allows.
    Never(&'static str),
}

/// Ranges of version 4 that are not public: network, length of its prefix, what it is.
const RANGES_V4: [(Ipv4Addr, u32, Reach); 21] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, Reach::Never("unspecified")),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Reach::Private("private")),
    (Ipv4Addr::new(100, 100, 100, 200), 32, Reach::Never("metadata")),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Reach::Private("shared")),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Reach::Private("loopback")),
    (Ipv4Addr::new(168, 63, 129, 16), 32, Reach::Never("metadata")),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Reach::Never("link-local")),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Reach::Private("private")),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Reach::Never("protocol")),
    (Ipv4Addr::new(192, 0, 2, 0), 24, Reach::Never("documentation")),
    (Ipv4Addr::new(192, 31, 196, 0), 24, Reach::Never("protocol")),
    (Ipv4Addr::new(192, 52, 193, 0), 24, Reach::Never("protocol")),
    (Ipv4Addr::new(192, 88, 99, 0), 24, Reach::Never("transition")),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Reach::Private("private")),
    (Ipv4Addr::new(192, 175, 48, 0), 24, Reach::Never("protocol")),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Reach::Private("benchmark")),
    (Ipv4Addr::new(198, 51, 100, 0), 24, Reach::Never("documentation")),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Reach::Never("documentation")),
    (Ipv4Addr::new(224, 0, 0, 0), 4, Reach::Never("multicast")),
    (Ipv4Addr::new(255, 255, 255, 255), 32, Reach::Never("broadcast")),
    (Ipv4Addr::new(240, 0, 0, 0), 4, Reach::Never("reserved")),
];

/// Ranges of version 6 that are not public. What none of them and not 2000::/3 holds is reserved.
const RANGES_V6: [(Ipv6Addr, u32, Reach); 20] = [
    (Ipv6Addr::UNSPECIFIED, 128, Reach::Never("unspecified")),
    (Ipv6Addr::LOCALHOST, 128, Reach::Private("loopback")),
    // An address of version 4 in another dress, as old programs wrote it.
    (Ipv6Addr::UNSPECIFIED, 96, Reach::Never("transition")),
    (Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96, Reach::Never("transition")),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, Reach::Never("transition")),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64, Reach::Never("discard")),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, Reach::Never("transition")),
    (Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48, Reach::Never("benchmark")),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, Reach::Never("protocol")),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, Reach::Never("documentation")),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, Reach::Never("transition")),
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48, Reach::Never("protocol")),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Reach::Never("documentation")),
    (Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0), 16, Reach::Never("protocol")),
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0), 32, Reach::Never("metadata")),
    (Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128, Reach::Never("metadata")),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Reach::Private("private")),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, Reach::Never("link-local")),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, Reach::Never("site-local")),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, Reach::Never("multicast")),
];

/// What an address is.
pub fn reach(address: IpAddr) -> Reach {
    match plain(address) {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

/// An address of version 4 that is written as one of version 6 (`::ffff:a.b.c.d`) is that address.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4),
        address => address,
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    let is_in = |(network, length, _): &&(Ipv4Addr, u32, Reach)| {
        address.to_bits().checked_shr(32 - length) == network.to_bits().checked_shr(32 - length)
    };
    RANGES_V4.iter().find(is_in).map_or(Reach::Public, |(_, _, reach)| *reach)
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let is_in = |(network, length, _): &&(Ipv6Addr, u32, Reach)| {
        address.to_bits().checked_shr(128 - length) == network.to_bits().checked_shr(128 - length)
    };
    if let Some((_, _, reach)) = RANGES_V6.iter().find(is_in) {
        return *reach;
    }
    let words = address.segments();
    match words {
        // Translated by the network to an address of version 4, whose reach it has; nobody can name it in a list.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            match reach_v4(Ipv4Addr::new(a, b, c, d)) {
                Reach::Public => Reach::Public,
                _ => Reach::Never("transition"),
            }
        }
        // ISATAP: the interface says which address of version 4 it goes to.
        [_, _, _, _, 0 | 0x200, 0x5efe, _, _] => Reach::Never("transition"),
        _ if words[0] >> 13 == 1 => Reach::Public,
        _ => Reach::Never("reserved"),
    }
}

/// A network in the form `10.0.0.0/8` or `fd12::/48`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    length: u32,
}

impl Network {
    /// Reads a network; one with bits behind its prefix is none.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, length) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let is_number = !length.is_empty() && length.len() <= 3 && length.bytes().all(|byte| byte.is_ascii_digit());
        let length: u32 = length.parse().ok().filter(|_| is_number)?;
        let rest_is_zero = match address {
            IpAddr::V4(address) => length <= 32 && address.to_bits().checked_shl(length).unwrap_or(0) == 0,
            IpAddr::V6(address) => length <= 128 && address.to_bits().checked_shl(length).unwrap_or(0) == 0,
        };
        rest_is_zero.then_some(Network { address, length })
    }

    /// Whether an address is of this network.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, plain(address)) {
            (IpAddr::V4(own), IpAddr::V4(address)) => {
                (own.to_bits() ^ address.to_bits()).checked_shr(32 - self.length).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(address)) => {
                (own.to_bits() ^ address.to_bits()).checked_shr(128 - self.length).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// What may be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    /// Private networks that may be called all the same.
    pub allowed: Vec<Network>,
}

/// Why an endpoint is not called. It carries no address: who set it up knows it, and nobody else need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forbidden {
    /// The name has no address.
    NoAddress,
    /// One of its addresses must not be called, for this reason.
    Address(&'static str),
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Forbidden::NoAddress => f.write_str("its name has no address"),
            Forbidden::Address(reach) => write!(f, "it has an address that may not be called ({reach})"),
        }
    }
}

impl Guard {
    /// Judges the addresses of a name: all may be called, or none is.
    ///
    /// # Errors
    /// There is none, or one of them is forbidden.
    pub fn vet(&self, addresses: &[SocketAddr]) -> Result<(), Forbidden> {
        if addresses.is_empty() {
            return Err(Forbidden::NoAddress);
        }
        addresses.iter().try_for_each(|address| self.vet_one(address.ip()))
    }

    fn vet_one(&self, address: IpAddr) -> Result<(), Forbidden> {
        match reach(address) {
            Reach::Public => Ok(()),
            Reach::Private(_) if self.allowed.iter().any(|network| network.contains(address)) => Ok(()),
            Reach::Private(reach) | Reach::Never(reach) => Err(Forbidden::Address(reach)),
        }
    }
}

/// The address of an endpoint, as far as its text can be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
}

/// What is wrong with the address of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointFault {
    /// It is no address.
    Form,
    /// It names a user, a password or a fragment.
    Parts,
    /// It would be called in the clear.
    InsecureHttp,
    /// It is an address that may not be called.
    Forbidden(Forbidden),
}

impl fmt::Display for EndpointFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndpointFault::Form => write!(f, "must be https://HOST[:PORT][/PATH], at most {URL_BYTES_MAX} bytes"),
            EndpointFault::Parts => f.write_str("must name no user, password or fragment"),
            EndpointFault::InsecureHttp => f.write_str(
                "must be https: over http everybody on the way reads it (insecureHttp allows it where you must)",
            ),
            EndpointFault::Forbidden(Forbidden::Address(reach)) => write!(
                f,
                "must not lead to an address that is {reach}; a private network can be allowed by its name (allow)"
            ),
            EndpointFault::Forbidden(forbidden) => write!(f, "cannot be called: {forbidden}"),
        }
    }
}

impl Endpoint {
    /// Reads an address. Plain HTTP is for loopback, or where somebody insists.
    ///
    /// # Errors
    /// It cannot be called, whatever its name may mean later.
    pub fn parse(text: &str, guard: &Guard, is_insecure_allowed: bool) -> Result<Endpoint, EndpointFault> {
        let has_odd = text.bytes().any(|byte| byte.is_ascii_control() || byte.is_ascii_whitespace() || byte == b'\\');
        // A reader of addresses overlooks slashes that are missing or too many, and takes the path for the host.
        let has_host = text.split_once("://").is_some_and(|(_, rest)| !rest.starts_with('/'));
        if text.len() > URL_BYTES_MAX || has_odd || !has_host {
            return Err(EndpointFault::Form);
        }
        let url = Url::parse(text).map_err(|_| EndpointFault::Form)?;
        let host = url.host().ok_or(EndpointFault::Form)?;
        if !matches!(url.scheme(), "https" | "http") || url.port() == Some(0) {
            return Err(EndpointFault::Form);
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(EndpointFault::Parts);
        }
        let literal = match &host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            Host::Ipv6(address) => Some(IpAddr::V6(*address)),
        };
        let is_loopback = match &host {
            Host::Domain(name) => *name == "localhost",
            _ => literal.is_some_and(|address| reach(address) == Reach::Private("loopback")),
        };
        if url.scheme() == "http" && !is_loopback && !is_insecure_allowed {
            return Err(EndpointFault::InsecureHttp);
        }
        if let Some(address) = literal {
            guard.vet_one(address).map_err(EndpointFault::Forbidden)?;
        }
        Ok(Endpoint { url })
    }

    /// Whether it is called over TLS.
    pub fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Its name or address, without the brackets of one of version 6.
    pub fn host(&self) -> String {
        match self.url.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(host) => host.to_string(),
            None => String::new(),
        }
    }

    /// Its address, where it is not a name.
    pub fn literal(&self) -> Option<IpAddr> {
        match self.url.host()? {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
        }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(443)
    }

    /// Host and, where it is not the usual one, port: the header `Host`.
    pub fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Path and query.
    pub fn target(&self) -> String {
        let path = self.url.path();
        self.url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Addresses of version 4 that are never called unless a network is opened.
    const FORBIDDEN_V4: [[u8; 4]; 24] = [
        [0, 0, 0, 0],
        [0, 1, 2, 3],
        [10, 0, 0, 1],
        [10, 255, 255, 255],
        [100, 64, 0, 1],
        [100, 100, 100, 200],
        [100, 127, 255, 255],
        [127, 0, 0, 1],
        [127, 255, 255, 254],
        [168, 63, 129, 16],
        [169, 254, 0, 1],
        [169, 254, 169, 254],
        [172, 16, 0, 1],
        [172, 31, 255, 255],
        [192, 0, 0, 192],
        [192, 0, 2, 1],
        [192, 88, 99, 1],
        [192, 168, 1, 1],
        [198, 18, 0, 1],
        [198, 19, 255, 255],
        [203, 0, 113, 7],
        [224, 0, 0, 1],
        [240, 0, 0, 1],
        [255, 255, 255, 255],
    ];

    /// All the ways in which one address of version 4 is written or carried.
    fn spellings([a, b, c, d]: [u8; 4]) -> Vec<String> {
        let number = u32::from_be_bytes([a, b, c, d]);
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let wide = |text: &str| -> String {
            let digit =
                |digit: char| digit.to_digit(10).and_then(|value| char::from_u32(0xff10 + value)).unwrap_or(digit);
            text.chars().map(digit).collect()
        };
        let plain = format!("{a}.{b}.{c}.{d}");
        vec![
            plain.clone(),
            format!("{plain}."),
            wide(&plain),
            plain.replace('.', "\u{3002}"),
            format!("%{:02x}{}", plain.as_bytes()[0], &plain[1..]),
            format!("{number}"),
            format!("0x{number:x}"),
            format!("0X{number:08X}"),
            format!("0{number:o}"),
            format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
            format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
            format!("{a}.{}", number & 0xff_ffff),
            format!("{a}.{b}.{low}"),
            format!("0x{a:x}.{b}.0{c:o}.{d}"),
            format!("[::ffff:{plain}]"),
            format!("[::ffff:{high:x}:{low:x}]"),
            format!("[0:0:0:0:0:FFFF:{high:04X}:{low:04X}]"),
            format!("[::{plain}]"),
            format!("[::{high:x}:{low:x}]"),
            format!("[::ffff:0:{plain}]"),
            format!("[64:ff9b::{plain}]"),
            format!("[64:ff9b:1::{high:x}:{low:x}]"),
            format!("[2002:{high:x}:{low:x}::1]"),
            format!("[2001:0:{high:x}:{low:x}:0:0:{:x}:{:x}]", !high, !low),
            format!("[2001:0:5db8:d822:0:0:{:x}:{:x}]", !high, !low),
            format!("[2a00:1450::5efe:{plain}]"),
            format!("[2a00:1450::200:5efe:{high:x}:{low:x}]"),
            format!("[fe80::5efe:{plain}]"),
        ]
    }

    fn parse(host: &str, guard: &Guard) -> Result<Endpoint, EndpointFault> {
        Endpoint::parse(&format!("https://{host}/in"), guard, false)
    }

    #[test]
    fn no_spelling_of_a_forbidden_address_leads_there() {
        let mut count = 0;
        for address in FORBIDDEN_V4 {
            for spelling in spellings(address) {
                // Some are no address at all to the reader of addresses; either way nothing is called.
                let fault = parse(&spelling, &Guard::default()).expect_err(&spelling);
                assert!(matches!(fault, EndpointFault::Forbidden(_) | EndpointFault::Form), "{spelling}: {fault:?}");
                count += 1;
            }
        }
        assert!(count > 600, "{count}");
    }

    #[test]
    fn forbidden_addresses_of_version_6_are_told_by_what_they_are() {
        for (address, expected) in [
            ("::", Reach::Never("unspecified")),
            ("::1", Reach::Private("loopback")),
            ("::2", Reach::Never("transition")),
            ("100::1", Reach::Never("discard")),
            ("2001::1", Reach::Never("transition")),
            ("2001:2::1", Reach::Never("benchmark")),
            ("2001:20::1", Reach::Never("protocol")),
            ("2001:1ff:ffff::", Reach::Never("protocol")),
            ("2001:200::1", Reach::Public),
            ("2001:db8::1", Reach::Never("documentation")),
            ("2001:db9::1", Reach::Public),
            ("2002::1", Reach::Never("transition")),
            ("2003::1", Reach::Public),
            ("2606:4700::1111", Reach::Public),
            ("2620:4f:8000::1", Reach::Never("protocol")),
            ("3fff::1", Reach::Never("documentation")),
            ("3fff:fff:ffff::", Reach::Never("documentation")),
            ("3fff:1000::", Reach::Public),
            ("4000::1", Reach::Never("reserved")),
            ("5f00::1", Reach::Never("protocol")),
            ("64:ff9b::808:808", Reach::Public),
            ("64:ff9b::a00:1", Reach::Never("transition")),
            ("64:ff9b:1::808:808", Reach::Never("transition")),
            ("fc00::1", Reach::Private("private")),
            ("fd00:ec2::254", Reach::Never("metadata")),
            ("fd20:ce::254", Reach::Never("metadata")),
            ("fd12::1", Reach::Private("private")),
            ("fe00::1", Reach::Never("reserved")),
            ("fe80::1", Reach::Never("link-local")),
            ("febf::1", Reach::Never("link-local")),
            ("fec0::1", Reach::Never("site-local")),
            ("ff02::1", Reach::Never("multicast")),
            ("::ffff:8.8.8.8", Reach::Public),
            ("::ffff:10.0.0.1", Reach::Private("private")),
        ] {
            assert_eq!(reach(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn the_neighbours_of_forbidden_ranges_are_public() {
        for address in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
        ] {
            assert_eq!(reach(address.parse().unwrap()), Reach::Public, "{address}");
        }
    }

    #[test]
    fn one_forbidden_address_of_a_name_forbids_them_all() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 443)).collect()
        };
        let guard = Guard { allowed: vec![Network::parse("10.20.0.0/16").unwrap()] };
        for (texts, expected) in [
            (&[][..], Err(Forbidden::NoAddress)),
            (&["8.8.8.8", "2606:4700::1111"][..], Ok(())),
            (&["8.8.8.8", "10.20.3.4"][..], Ok(())),
            (&["8.8.8.8", "::ffff:10.20.3.4"][..], Ok(())),
            (&["8.8.8.8", "10.21.0.1"][..], Err(Forbidden::Address("private"))),
            (&["8.8.8.8", "::1"][..], Err(Forbidden::Address("loopback"))),
        ] {
            assert_eq!(guard.vet(&addresses(texts)), expected, "{texts:?}");
        }
    }

    #[test]
    fn a_list_never_opens_metadata_link_local_or_multicast() {
        let guard = Guard { allowed: ["0.0.0.0/0", "::/0"].map(|text| Network::parse(text).unwrap()).to_vec() };
        for (host, is_open) in [
            ("10.0.0.1", true),
            ("127.0.0.1", true),
            ("[::1]", true),
            ("[fd12::1]", true),
            ("100.64.0.1", true),
            ("169.254.169.254", false),
            ("[fe80::1]", false),
            ("[fd00:ec2::254]", false),
            ("100.100.100.200", false),
            ("168.63.129.16", false),
            ("224.0.0.1", false),
            ("0.0.0.0", false),
            ("[2002:a00:1::]", false),
        ] {
            assert_eq!(parse(host, &guard).is_ok(), is_open, "{host}");
        }
    }

    #[test]
    fn networks_are_read_strictly() {
        for (text, is_network) in [
            ("10.0.0.0/8", true),
            ("10.0.0.1/32", true),
            ("0.0.0.0/0", true),
            ("fd12::/48", true),
            ("::/0", true),
            ("10.0.0.0", false),
            ("10.0.0.1/8", false),
            ("10.0.0.0/33", false),
            ("10.0.0.0/+8", false),
            ("10.0.0.0/", false),
            ("10.0/8", false),
            ("::1/64", false),
            ("::/129", false),
            ("bank.example.org/8", false),
        ] {
            assert_eq!(Network::parse(text).is_some(), is_network, "{text}");
        }
    }

    #[test]
    fn an_endpoint_is_https_with_a_host_and_nothing_that_hides() {
        let check = |url: &str, is_insecure_allowed| {
            let guard = Guard { allowed: vec![Network::parse("127.0.0.0/8").unwrap()] };
            Endpoint::parse(url, &guard, is_insecure_allowed)
        };
        for url in [
            "",
            "bank",
            "ftp://bank.example.org/",
            "https://",
            "https:///in",
            "https://bank.example.org:0/",
            "https://b ank/",
            "https://bank.example.org/\\in",
            "https://bank.example.org/\n",
            "https://256.1.1.1/",
            "https://[::1",
        ] {
            assert_eq!(check(url, true), Err(EndpointFault::Form), "{url}");
        }
        for url in
            ["https://user@bank.example.org/", "https://:secret@bank.example.org/", "https://bank.example.org/#in"]
        {
            assert_eq!(check(url, true), Err(EndpointFault::Parts), "{url}");
        }
        assert_eq!(check("http://bank.example.org/", false), Err(EndpointFault::InsecureHttp));
        for (url, insecure) in
            [("http://bank.example.org/", true), ("http://127.0.0.1:9/", false), ("http://localhost/", false)]
        {
            assert!(check(url, insecure).is_ok(), "{url}");
        }
        let long = |length: usize| format!("https://a.example/{}", "x".repeat(length - "https://a.example/".len()));
        assert!(check(&long(URL_BYTES_MAX), false).is_ok());
        assert_eq!(check(&long(URL_BYTES_MAX + 1), false), Err(EndpointFault::Form));
    }

    #[test]
    fn an_endpoint_knows_its_parts() {
        let endpoint = Endpoint::parse("https://Bank.Example.org:8443/in?a=b", &Guard::default(), false).unwrap();
        let parts = (endpoint.host(), endpoint.port(), endpoint.authority(), endpoint.target(), endpoint.is_tls());
        let expected =
            ("bank.example.org".to_owned(), 8443, "bank.example.org:8443".to_owned(), "/in?a=b".to_owned(), true);
        assert_eq!(parts, expected);
        let endpoint = Endpoint::parse("https://[2606:4700::1111]", &Guard::default(), false).unwrap();
        assert_eq!((endpoint.host(), endpoint.port()), ("2606:4700::1111".to_owned(), 443));
        assert_eq!((endpoint.authority(), endpoint.target()), ("[2606:4700::1111]".to_owned(), "/".to_owned()));
        assert_eq!(endpoint.literal(), "2606:4700::1111".parse().ok());
    }
}
