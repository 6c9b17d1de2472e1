//! TCP authentication: token, `Host`, `Origin` and content type, because any local program and any web page
//! can connect.
//!
//! The checks in this order: the requested host (a web page can make its own domain resolve to this machine,
//! and then only the host shows it), the origin of the page, the token, and the content type (an HTML form can
//! send text, but not JSON). No CORS header is sent, so pages of other origins have no access.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, ORIGIN, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use subtle::ConstantTimeEq as _;

use super::{ControlError, ControlErrorKind};

/// The header in which browsers report the relation between the page and the server.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The requirements for requests over TCP.
#[derive(Debug, Clone)]
pub(super) struct TcpAuth {
    /// The names of the server, such as `127.0.0.1:8080` and `localhost:8080`.
    names: Arc<[String]>,
    token: Arc<str>,
}

impl TcpAuth {
    pub(super) fn new(address: SocketAddr, token: &str) -> Self {
        let port = address.port();
        let names = vec![address.to_string(), format!("localhost:{port}")];
        Self { names: names.into(), token: token.into() }
    }

    /// Returns why the request is refused, if it is.
    fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<AuthError> {
        if !self.has_own_host(uri, headers) {
            return Some(AuthError::Host);
        }
        if !self.has_own_origin(headers) {
            return Some(AuthError::Origin);
        }
        if !self.has_token(headers) {
            return Some(AuthError::Token);
        }
        // Only POST requests have a body.
        (*method == Method::POST && !is_json(headers)).then_some(AuthError::ContentType)
    }

    /// The request names the server's own address, exactly once.
    fn has_own_host(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let is_own = |name: &str| self.names.iter().any(|own| own.eq_ignore_ascii_case(name));
        let host = single_header(headers, &HOST).and_then(|host| host.to_str().ok());
        host.is_some_and(is_own) && uri.authority().is_none_or(|name| is_own(name.as_str()))
    }

    /// The request comes from a page of this server, or from no page.
    fn has_own_origin(&self, headers: &HeaderMap) -> bool {
        let is_own = |origin: &HeaderValue| {
            let name = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
            name.is_some_and(|name| self.names.iter().any(|own| own.eq_ignore_ascii_case(name)))
        };
        let is_same_site = |site: &HeaderValue| site == "none" || site == "same-origin";
        headers.get_all(ORIGIN).iter().all(is_own)
            && headers.get_all(FETCH_SITE).iter().all(is_same_site)
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let value = single_header(headers, &AUTHORIZATION).map(HeaderValue::as_bytes);
        let token = value.and_then(|value| match value.split_at_checked(7) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => Some(token),
            _ => None,
        });
        // Constant time, so that the duration depends only on the length.
        token.is_some_and(|token| token.ct_eq(self.token.as_bytes()).into())
    }
}

/// Returns the value of a header that occurs exactly once.
fn single_header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = single_header(headers, &CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AuthError {
    Host,
    Origin,
    Token,
    ContentType,
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let (status, kind, text) = match self {
            Self::Host => {
                let text = "the header `Host` does not name the address of the server";
                (StatusCode::FORBIDDEN, ControlErrorKind::Forbidden, text)
            }
            Self::Origin => {
                let text = "requests from pages of other origins are not allowed";
                (StatusCode::FORBIDDEN, ControlErrorKind::Forbidden, text)
            }
            Self::Token => {
                let text = "missing or wrong token: send `Authorization: Bearer TOKEN`; `pitcrew up \
                            --listen` prints the path of the token's file";
                (StatusCode::UNAUTHORIZED, ControlErrorKind::Unauthorized, text)
            }
            Self::ContentType => {
                let text = "the body must be JSON: send `Content-Type: application/json`";
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, ControlErrorKind::InvalidRequest, text)
            }
        };
        let mut response = (status, Json(ControlError::new(kind, text))).into_response();
        if self == Self::Token {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Middleware that refuses requests without authentication.
pub(super) async fn guard(State(auth): State<TcpAuth>, request: Request, next: Next) -> Response {
    match auth.check(request.method(), request.uri(), request.headers()) {
        Some(error) => error.into_response(),
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn check(method: &str, uri: &str, headers: &[(&str, &str)]) -> Option<AuthError> {
        let auth = TcpAuth::new("127.0.0.1:8080".parse().unwrap(), TOKEN);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse::<HeaderValue>().unwrap(),
            );
        }
        auth.check(&method.parse().unwrap(), &uri.parse().unwrap(), &map)
    }

    const HOST: (&str, &str) = ("host", "127.0.0.1:8080");
    const KEY: (&str, &str) = ("authorization", "Bearer 0123456789abcdef");
    const JSON: (&str, &str) = ("content-type", "application/json");

    #[test]
    fn a_local_client_with_the_token_is_admitted() {
        assert_eq!(check("GET", "/", &[HOST, KEY]), None);
        assert_eq!(check("GET", "/", &[("host", "LocalHost:8080"), KEY]), None);
        assert_eq!(check("POST", "/", &[HOST, KEY, JSON]), None);
        let json = ("content-type", "application/json; charset=utf-8");
        assert_eq!(check("POST", "/", &[HOST, KEY, json]), None);
        let origin = ("origin", "http://127.0.0.1:8080");
        assert_eq!(check("GET", "/", &[HOST, KEY, origin, ("sec-fetch-site", "none")]), None);
        assert_eq!(check("GET", "http://localhost:8080/", &[HOST, KEY]), None);
    }

    #[test]
    fn a_strange_name_stays_outside_even_with_the_token() {
        for host in [
            "evil.example",
            "localhost",
            "127.0.0.1",
            "127.0.0.1:80",
            "localhost.evil.com:8080",
            "127.0.0.1.nip.io:8080",
            "127.0.0.1:8080@evil.com",
            "[::1]:8080",
            "",
        ] {
            assert_eq!(check("GET", "/", &[("host", host), KEY]), Some(AuthError::Host), "{host}");
        }
        assert_eq!(check("GET", "/", &[KEY]), Some(AuthError::Host), "none");
        assert_eq!(check("GET", "/", &[HOST, HOST, KEY]), Some(AuthError::Host), "two");
        let absolute = check("GET", "http://evil.example/", &[HOST, KEY]);
        assert_eq!(absolute, Some(AuthError::Host), "in the address itself");
    }

    #[test]
    fn a_page_of_another_origin_stays_outside_even_with_the_token() {
        for origin in ["http://evil.example", "null", "https://127.0.0.1:8080", "http://localhost"]
        {
            let error = check("GET", "/", &[HOST, KEY, ("origin", origin)]);
            assert_eq!(error, Some(AuthError::Origin), "{origin}");
        }
        let near = ("origin", "http://127.0.0.1:8080");
        let both = [HOST, KEY, near, ("origin", "http://evil.example")];
        assert_eq!(check("GET", "/", &both), Some(AuthError::Origin));
        for site in ["cross-site", "same-site"] {
            let error = check("GET", "/", &[HOST, KEY, ("sec-fetch-site", site)]);
            assert_eq!(error, Some(AuthError::Origin), "{site}");
        }
    }

    #[test]
    fn a_client_without_the_whole_token_is_refused() {
        for key in [
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
            "Bearer 0123456789abcdeg",
            "Bearer ",
            "Bearer",
            "0123456789abcdef",
            "Basic 0123456789abcdef",
        ] {
            let error = check("GET", "/", &[HOST, ("authorization", key)]);
            assert_eq!(error, Some(AuthError::Token), "{key}");
        }
        assert_eq!(check("GET", "/", &[HOST]), Some(AuthError::Token));
        assert_eq!(check("OPTIONS", "/", &[HOST]), Some(AuthError::Token));
        assert_eq!(check("GET", "/", &[HOST, KEY, KEY]), Some(AuthError::Token));
        let in_the_address = format!("/?token={TOKEN}");
        assert_eq!(check("GET", &in_the_address, &[HOST]), Some(AuthError::Token));
    }

    #[test]
    fn what_is_no_json_is_not_read() {
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json5", ""] {
            let error = check("POST", "/", &[HOST, KEY, ("content-type", kind)]);
            assert_eq!(error, Some(AuthError::ContentType), "{kind}");
        }
        assert_eq!(check("POST", "/", &[HOST, KEY]), Some(AuthError::ContentType));
        assert_eq!(check("POST", "/", &[HOST, KEY, JSON, JSON]), Some(AuthError::ContentType));
    }
}
