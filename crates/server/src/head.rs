//! What must hold of a request's head before anybody looks at its meaning: one reading only, and of bounded size.

use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Version};

use crate::correlation;
use crate::credentials::{API_KEY, SUBSCRIPTION_KEY};
use crate::fault::Fault;
use crate::limits::{HEADER_COUNT_MAX, Limits};

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Headers with one meaning. Sent twice, another party on the way may have acted on the other value.
const SINGLE: [HeaderName; 14] = [
    HOST,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    CONTENT_ENCODING,
    EXPECT,
    AUTHORIZATION,
    API_KEY,
    SUBSCRIPTION_KEY,
    IDEMPOTENCY_KEY,
    correlation::HEADER,
    HeaderName::from_static("x-partner-reference"),
    HeaderName::from_static("x-campaign"),
    HeaderName::from_static("x-source"),
    HeaderName::from_static("x-sub-partner"),
];

/// Refuses a head that is too large or can be read in two ways.
pub(crate) fn check(parts: &Parts, limits: &Limits) -> Result<(), Fault> {
    if parts.uri.path_and_query().is_some_and(|url| url.as_str().len() > limits.url_bytes_max) {
        return Err(Fault::UrlTooLong);
    }
    check_path(parts.uri.path())?;
    if parts.version == Version::HTTP_11 && !parts.headers.contains_key(HOST) {
        return Err(Fault::Malformed("HTTP/1.1 needs a Host header"));
    }
    check_headers(&parts.headers)
}

fn check_headers(headers: &HeaderMap) -> Result<(), Fault> {
    if headers.len() > HEADER_COUNT_MAX {
        return Err(Fault::HeadersTooLarge);
    }
    // Some servers read `x_api_key` as `x-api-key`; one of ours behind or before such a server would see another request.
    if headers.keys().any(|name| name.as_str().contains('_')) {
        return Err(Fault::Malformed("a header name must not hold an underscore"));
    }
    // Fewer names than lines: some header stands there more than once.
    let repeated = headers.keys_len() < headers.len();
    if repeated && SINGLE.iter().any(|name| headers.get_all(name).iter().nth(1).is_some()) {
        return Err(Fault::Malformed("a header that may be sent once was sent again"));
    }
    Ok(())
}

/// Refuses paths that a proxy before us may have read as another path.
fn check_path(path: &str) -> Result<(), Fault> {
    let plain = !path.contains("//") && !path.split('/').any(|segment| matches!(segment, "." | ".."));
    let escaped = path.contains('%') && hides_a_separator(path.as_bytes());
    if plain && !escaped && !path.contains('\\') {
        Ok(())
    } else {
        Err(Fault::Malformed("the path must be in its plain form"))
    }
}

fn hides_a_separator(path: &[u8]) -> bool {
    path.windows(3).any(|escape| {
        let digits = [escape[1].to_ascii_lowercase(), escape[2].to_ascii_lowercase()];
        // Slash, backslash, dot, NUL.
        escape[0] == b'%' && matches!(&digits, b"2f" | b"5c" | b"2e" | b"00")
    })
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, Request, Version};

    use super::check;
    use crate::fault::Fault;
    use crate::limits::Limits;

    fn verdict(request: Request<()>) -> Result<(), &'static str> {
        check(&request.into_parts().0, &Limits::default()).map_err(|fault| Fault::code(&fault))
    }

    fn path(path: &str) -> Result<(), &'static str> {
        verdict(Request::get(path).header("host", "a").body(()).expect("a request"))
    }

    fn headers(lines: &[(&str, &str)]) -> Result<(), &'static str> {
        let mut request = Request::get("/").header("host", "a");
        for (name, value) in lines {
            request = request.header(name.parse::<HeaderName>().expect("a name"), *value);
        }
        verdict(request.body(()).expect("a request"))
    }

    #[test]
    fn plain_paths_pass_and_ambiguous_ones_do_not() {
        for plain in ["/", "/a", "/a/", "/a.b/..c/%20?x=../y//z%2f"] {
            assert_eq!(path(plain), Ok(()), "{plain}");
        }
        for other in
            ["//", "/a//b", "/a/../b", "/..", "/a/./b", "/a/.", "/a%2fb", "/a%2Fb", "/%2e%2e/b", "/a%5cb", "/a%00"]
        {
            assert_eq!(path(other), Err("request_malformed"), "{other}");
        }
    }

    #[test]
    fn a_url_of_the_largest_size_passes_and_one_byte_more_does_not() {
        let bytes_max = Limits::default().url_bytes_max;
        assert_eq!(path(&format!("/?{}", "x".repeat(bytes_max - 2))), Ok(()));
        assert_eq!(path(&format!("/?{}", "x".repeat(bytes_max - 1))), Err("url_too_long"));
    }

    #[test]
    fn a_header_with_one_meaning_may_not_be_repeated() {
        for single in super::SINGLE {
            let name = single.as_str();
            let expected = if name == "host" { Err("request_malformed") } else { Ok(()) };
            assert_eq!(headers(&[(name, "a")]), expected, "{name}");
            assert_eq!(headers(&[(name, "a"), (name, "a")]), Err("request_malformed"), "{name}");
        }
        assert_eq!(headers(&[("accept", "a"), ("accept", "b"), ("x-api-key", "k")]), Ok(()));
        assert_eq!(headers(&[("x_api_key", "k")]), Err("request_malformed"));
    }

    #[test]
    fn http_1_1_needs_a_host() {
        let request = |version| verdict(Request::get("/").version(version).body(()).expect("a request"));
        assert_eq!(request(Version::HTTP_11), Err("request_malformed"));
        assert_eq!(request(Version::HTTP_10), Ok(()));
        assert_eq!(request(Version::HTTP_2), Ok(()));
    }

    #[test]
    fn a_hundred_header_lines_pass_and_one_more_does_not() {
        let many = |count: usize| {
            let names: Vec<String> = (1..count).map(|number| format!("x-{number}")).collect();
            headers(&names.iter().map(|name| (name.as_str(), "v")).collect::<Vec<_>>())
        };
        assert_eq!(many(100), Ok(()));
        assert_eq!(many(101), Err("headers_too_large"));
    }
}
