//! The body of a request, read whole and never beyond its limit.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use usher_wire::{Limits, Operation, xml};

use usher_domain::reference::form::FILE_BYTES_MAX;

use crate::fault::Fault;
use crate::form::Form;

/// How much of a body nobody wants is read all the same. A connection closed with bytes unread is reset, and the reset can
/// reach the client before the answer that explains it.
const UNWANTED_BYTES_MAX: usize = 1024 * 1024;

/// The form of a body by its own account; one that is encoded, or of a form that the operation does not take, is refused.
pub(crate) fn check_media_type(headers: &HeaderMap, takes_xml: bool) -> Result<Form, Fault> {
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Fault::MediaTypeUnsupported("the body must not be encoded or compressed"));
    }
    let told = if takes_xml {
        "the body must be sent as application/json or application/xml, in UTF-8"
    } else {
        "the body must be sent as application/json"
    };
    Form::sent(headers).filter(|form| takes_xml || !form.is_xml()).ok_or(Fault::MediaTypeUnsupported(told))
}

/// The body as JSON text, in whatever form it came.
pub(crate) fn to_json(body: Bytes, form: Form, operation: &Operation) -> Result<Bytes, Fault> {
    let document = operation.xml.and_then(|forms| forms.request).filter(|_| form.is_xml());
    let Some(document) = document else { return Ok(body) };
    xml::to_json(&body, document, &Limits::GATEWAY).map(Bytes::from).map_err(Fault::Unreadable)
}

/// How large the body of an operation may be. An operator may send a whole code list, whose text takes more in JSON.
pub(crate) fn bytes_max(operation: &Operation, bytes_max: usize) -> usize {
    if operation.id == "importList" { bytes_max.max(2 * FILE_BYTES_MAX) } else { bytes_max }
}

/// Reads the body, unless it is larger than allowed. A small one is not copied.
pub(crate) async fn read(body: &mut Body, headers: &HeaderMap, bytes_max: usize) -> Result<Bytes, Fault> {
    if declared_length(headers).is_some_and(|length| length > bytes_max as u64) {
        return Err(Fault::BodyTooLarge { bytes_max });
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // A body that breaks off, or breaks the rules of its framing.
        let frame = frame.map_err(|_| Fault::Malformed("the body did not arrive as announced"))?;
        // What is no data is a trailer, and no trailer has a meaning here.
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + rest.len() + data.len() > bytes_max {
            return Err(Fault::BodyTooLarge { bytes_max });
        }
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                let expected = body.size_hint().lower().min(bytes_max as u64) as usize;
                rest.reserve(first.len() + data.len() + expected);
                rest.extend_from_slice(&first);
                first = Bytes::new();
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// Reads what is left of a body nobody wants, within reason. Returns whether that was all of it.
pub(crate) async fn discard(body: &mut Body, headers: &HeaderMap) -> bool {
    if body.is_end_stream() {
        return true;
    }
    // A client that waits for leave to send its body gets the answer instead.
    if headers.contains_key(EXPECT) {
        return false;
    }
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, Bytes::len);
        if bytes > UNWANTED_BYTES_MAX {
            return false;
        }
    }
    body.is_end_stream()
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName};

    use super::check_media_type;
    use crate::fault::Fault;
    use crate::form::Form;

    fn check(sent: &[(&'static str, &'static str)], accepted: bool) {
        check_form(sent, false, accepted.then_some(Form::Json));
    }

    fn check_form(sent: &[(&'static str, &'static str)], takes_xml: bool, expected: Option<Form>) {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(HeaderName::from_static(name), value.parse().expect("a header value"));
        }
        let found = check_media_type(&headers, takes_xml).map_err(|fault| Fault::code(&fault));
        assert_eq!(found, expected.ok_or("media_type_unsupported"), "{sent:?}");
    }

    #[test]
    fn only_json_in_utf8_is_read() {
        for json in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=UTF-8",
            "application/json ; charset=\"utf-8\"",
            "application/json;",
        ] {
            check(&[("content-type", json)], true);
        }
        for other in [
            "",
            "text/json",
            "application/jsonx",
            "application/json, application/json",
            "application/json; charset=utf-16",
            "application/json; charset=utf-8; charset=utf-16",
            "application/problem+json",
            "application/xml",
            "multipart/form-data",
        ] {
            check(&[("content-type", other)], false);
        }
        check(&[], false);
    }

    #[test]
    fn xml_in_utf8_is_read_where_the_operation_takes_it() {
        for (media_type, form) in [
            ("application/xml", Some(Form::Xml)),
            ("Application/XML; charset=UTF-8", Some(Form::Xml)),
            ("text/xml;charset=\"utf-8\"", Some(Form::TextXml)),
            ("application/json", Some(Form::Json)),
            ("application/xml; charset=utf-16", None),
            ("text/xml; charset=iso-8859-1", None),
            ("application/soap+xml", None),
        ] {
            check_form(&[("content-type", media_type)], true, form);
            check_form(&[("content-type", media_type)], false, form.filter(|form| *form == Form::Json));
        }
    }

    #[test]
    fn an_encoded_body_is_not_read() {
        let json = ("content-type", "application/json");
        check(&[json, ("content-encoding", "identity")], true);
        for coding in ["gzip", "br", "identity, gzip", ""] {
            check(&[json, ("content-encoding", coding)], false);
        }
    }
}
