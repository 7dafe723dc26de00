//! The page about the data: where the loaded lists come from, under which licence, and whom to name. Open to everybody, as
//! their licences ask; one static page without script.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use jiff::tz::TimeZone;
use usher_domain::environment::Environment;
use usher_domain::reference::list::CodeList;

use crate::gateway::Gateway;
use crate::head;

const PATH: &str = "/about/data";

/// Adds the page.
pub(crate) fn mount(routes: Router, gateway: &Arc<Gateway>) -> Router {
    let gateway = gateway.clone();
    routes.route(PATH, get(async move |request: axum::extract::Request| answer(&gateway, request)))
}

fn answer(gateway: &Gateway, request: axum::extract::Request) -> axum::response::Response {
    let (head, _) = request.into_parts();
    let mut headers = HeaderMap::new();
    headers.insert(X_CONTENT_TYPE_OPTIONS, "nosniff".parse().expect("plain ASCII"));
    headers.insert(CACHE_CONTROL, "public, max-age=60".parse().expect("plain ASCII"));
    headers.insert(CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'".parse().expect("plain ASCII"));
    if head::check(&head, &gateway.limits).is_err() {
        return axum::http::StatusCode::BAD_REQUEST.into_response();
    }
    let reference = gateway.reference();
    let today = TimeZone::UTC.to_datetime(gateway.now()).date();
    let page = page(reference.in_force(today, Environment::Production).lists());
    headers.insert(CONTENT_TYPE, "text/html; charset=utf-8".parse().expect("plain ASCII"));
    (headers, Html(page)).into_response()
}

/// The page over these lists.
fn page<'l>(lists: impl Iterator<Item = &'l CodeList>) -> String {
    let mut rows = String::new();
    for list in lists {
        let about = list.about();
        let title = if about.title.is_empty() { &about.name } else { &about.title };
        let cells = [title, &about.name, &about.version, &about.source, &about.licence, &about.credit];
        rows.push_str("<tr>");
        for cell in cells {
            let _ = write!(rows, "<td>{}</td>", escape(cell));
        }
        rows.push_str("</tr>\n");
    }
    let table = if rows.is_empty() {
        "<p>No list is loaded.</p>\n".to_owned()
    } else {
        format!(
            "<table>\n<thead><tr><th>List</th><th>Name</th><th>Version</th><th>Source</th><th>Licence</th>\
             <th>Credit</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
        )
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>About the data</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\"></head>\n<body>\n<main>\n<h1>About the data</h1>\n\
         <p>This gateway checks requests against these lists. Each is used apart from the others.</p>\n{table}\
         </main>\n</body>\n</html>\n"
    )
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            other => safe.push(other),
        }
    }
    safe
}
