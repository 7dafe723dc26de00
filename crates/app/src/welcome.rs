//! What a start says on stdout: where the gateway is, and at the first start the key and how to use it.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use usher_server::gateway::DURABILITY;

use crate::samples::SAMPLES;
use crate::sandbox::{APIS, Issued, PARTNER};
use crate::version;

/// A gateway that is about to serve.
pub(crate) struct Started<'s> {
    /// The address it listens on.
    pub(crate) address: SocketAddr,
    /// The address it listens on for the bank, if it does.
    pub(crate) bank_address: Option<SocketAddr>,
    /// The address it listens on for those who run it, if it does.
    pub(crate) ops_address: Option<SocketAddr>,
    /// Whether it serves TLS.
    pub(crate) is_tls: bool,
    /// The data folder.
    pub(crate) folder: &'s Path,
    /// Of when the backup is that the data folder was made of since the last start, if so.
    pub(crate) restored_from: Option<&'s str>,
    /// The key that was made, if this is the first start.
    pub(crate) issued: Option<&'s Issued>,
}

/// Writes it all, and at once.
pub(crate) fn write(started: &Started<'_>, out: &mut impl Write) -> io::Result<()> {
    let server = url(started.address, started.is_tls);
    let kind = if started.issued.is_some() { "new" } else { "kept" };
    writeln!(out, "Usher {} listens on {server}", version::PRODUCT)?;
    match started.bank_address {
        Some(address) => writeln!(out, "For the bank: {}", url(address, started.is_tls))?,
        None => writeln!(out, "For the bank: off (bank_listen)")?,
    }
    match started.ops_address {
        Some(address) => {
            let server = url(address, started.is_tls && !address.ip().is_loopback());
            writeln!(out, "For monitoring: {server}/readyz and {server}/metrics")?;
        }
        None => writeln!(out, "For monitoring: off (ops_listen)")?,
    }
    writeln!(out, "Data folder: {} ({kind})", started.folder.display())?;
    if let Some(at) = started.restored_from {
        writeln!(out, "Restored from a backup of {at}: what was accepted after that is not here")?;
    }
    writeln!(out, "Durability: {DURABILITY}: a 2xx means that the request is on this disk")?;
    writeln!(out)?;
    match started.issued {
        Some(issued) => write_first_steps(started, issued, &server, out)?,
        None => writeln!(out, "Keys are as before. For another sandbox key, run: usher admin key add")?,
    }
    out.flush()
}

fn write_first_steps(started: &Started<'_>, issued: &Issued, server: &str, out: &mut impl Write) -> io::Result<()> {
    let apis = APIS.map(|api| api.as_str().to_owned()).join(", ");
    let key = issued.key.reveal();
    writeln!(out, "Made \"{PARTNER}\" with one application, subscribed to {apis}.")?;
    write_key(issued, out)?;
    writeln!(out)?;
    writeln!(out, "Try each API; every line answers 2xx:")?;
    if started.is_tls {
        writeln!(out, "(With a certificate that curl does not know, add: --cacert FILE)")?;
    }
    writeln!(out)?;
    for sample in SAMPLES {
        writeln!(out, "{}", sample.curl(server, key, &issued.app_key))?;
    }
    writeln!(out)?;
    writeln!(out, "For usher send, check and status in another shell, and for the walkthroughs in docs/walkthroughs:")?;
    writeln!(out)?;
    writeln!(out, "export USHER_SERVER={server}")?;
    if let Some(address) = started.bank_address {
        writeln!(out, "export USHER_BANK={}", url(address, started.is_tls))?;
    }
    writeln!(out, "export USHER_APP_KEY={}", issued.app_key)?;
    writeln!(out, "export USHER_KEY={key}")
}

/// Shows a new key, and what belongs to it.
pub(crate) fn write_key(issued: &Issued, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "Application id (AppKey): {}", issued.app_key)?;
    writeln!(out, "Sandbox key: {}", issued.key.reveal())?;
    let end = issued.expires_at.strftime("%Y-%m-%d");
    writeln!(out, "The key is shown now and never again; it is valid until {end}.")
}

/// The address as a client on this machine writes it.
fn url(address: SocketAddr, is_tls: bool) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let port = address.port();
    match (is_tls, ip) {
        // Certificates carry names, hardly ever the address of the machine itself.
        (true, ip) if ip.is_loopback() => format!("https://localhost:{port}"),
        (true, _) => format!("https://{}", SocketAddr::new(ip, port)),
        (false, _) => format!("http://{}", SocketAddr::new(ip, port)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use usher_domain::environment::Environment;
    use usher_domain::key::ApiKey;

    use super::*;
    use crate::sandbox;

    fn shown(issued: Option<&Issued>) -> String {
        let mut text = Vec::new();
        let address = "127.0.0.1:8080".parse().unwrap();
        let bank_address = Some("127.0.0.1:8081".parse().unwrap());
        let ops_address = Some("127.0.0.1:8082".parse().unwrap());
        let folder = Path::new("/data");
        let started =
            Started { address, bank_address, ops_address, is_tls: false, folder, restored_from: None, issued };
        write(&started, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn the_first_start_shows_the_key_and_three_lines_to_paste() {
        let key = ApiKey::draw(Environment::Sandbox, &mut sandbox::fill);
        let revealed = key.reveal().to_owned();
        let expires_at = Timestamp::from_second(4_000_000_000).unwrap();
        let text = shown(Some(&Issued { app_key: "app-1".to_owned(), key, expires_at }));
        assert!(text.contains(&format!("\nSandbox key: {revealed}\n")), "{text}");
        assert!(text.contains("\nApplication id (AppKey): app-1\n") && text.contains("2096-10-02"), "{text}");
        assert!(text.contains("\nFor the bank: http://127.0.0.1:8081\n"), "{text}");
        assert!(text.contains("\nFor monitoring: http://127.0.0.1:8082/readyz and http://127.0.0.1:8082/metrics\n"));
        assert!(text.contains("Durability: single-disk"), "{text}");
        assert!(text.contains("contact_request, appointment_request, digital_customer"), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("curl ") && line.contains(&revealed)).count(), 3);
        for export in ["BANK=http://127.0.0.1:8081", "APP_KEY=app-1", &format!("KEY={revealed}")] {
            assert!(text.contains(&format!("\nexport USHER_{export}\n")), "{text}");
        }
    }

    #[test]
    fn a_later_start_shows_no_key_and_says_how_to_get_one() {
        let text = shown(None);
        assert!(text.starts_with(&format!("Usher {} listens on http://127.0.0.1:8080\n", version::PRODUCT)), "{text}");
        assert!(!text.contains("usher_sbx_") && !text.contains("curl "), "{text}");
        assert!(text.contains("usher admin key add"), "{text}");
    }

    #[test]
    fn the_address_is_one_a_client_can_call() {
        for (address, is_tls, expected) in [
            ("127.0.0.1:80", false, "http://127.0.0.1:80"),
            ("0.0.0.0:8080", false, "http://127.0.0.1:8080"),
            ("[::]:8080", false, "http://[::1]:8080"),
            ("192.0.2.1:8080", false, "http://192.0.2.1:8080"),
            ("0.0.0.0:8443", true, "https://localhost:8443"),
            ("192.0.2.1:8443", true, "https://192.0.2.1:8443"),
        ] {
            assert_eq!(url(address.parse().unwrap(), is_tls), expected);
        }
    }
}
