//! TCP authentication: token, `Host`, `Origin` and content type, because any program and any web
//! page can connect.
//!
//! In this order: the address it was asked for (a page of somebody else's can make its own name
//! mean this machine, and then nothing but the name gives it away), the page it comes from, the
//! token, and the kind of what it brings (a form of a page can send text, but no JSON). There is no
//! header that would let pages of other origins in.

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

/// By this header a browser says where a request comes from.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What somebody has to know and to be.
#[derive(Debug, Clone)]
pub(super) struct TcpAuth {
    /// Such as `127.0.0.1:8080` and `localhost:8080`.
    names: Arc<[String]>,
    token: Arc<str>,
}

impl TcpAuth {
    pub(super) fn new(address: SocketAddr, token: &str) -> Self {
        let port = address.port();
        let names = vec![address.to_string(), format!("localhost:{port}")];
        Self { names: names.into(), token: token.into() }
    }

    /// Why this one stays outside, if it does.
    fn refusal(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<AuthError> {
        if !self.is_meant(uri, headers) {
            return Some(AuthError::Host);
        }
        if !self.is_no_strange_page(headers) {
            return Some(AuthError::Origin);
        }
        if !self.knows_the_token(headers) {
            return Some(AuthError::Token);
        }
        // There is nothing else that takes a body.
        (*method == Method::POST && !is_json(headers)).then_some(AuthError::NoJson)
    }

    /// It was asked for by our own address, once, and by no other.
    fn is_meant(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let is_ours = |name: &str| self.names.iter().any(|ours| ours.eq_ignore_ascii_case(name));
        let host = only(headers, &HOST).and_then(|host| host.to_str().ok());
        host.is_some_and(is_ours) && uri.authority().is_none_or(|name| is_ours(name.as_str()))
    }

    /// It comes from no page, or from one of ours.
    fn is_no_strange_page(&self, headers: &HeaderMap) -> bool {
        let is_ours = |origin: &HeaderValue| {
            let name = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
            name.is_some_and(|name| self.names.iter().any(|ours| ours.eq_ignore_ascii_case(name)))
        };
        let is_near = |site: &HeaderValue| site == "none" || site == "same-origin";
        headers.get_all(ORIGIN).iter().all(is_ours)
            && headers.get_all(FETCH_SITE).iter().all(is_near)
    }

    fn knows_the_token(&self, headers: &HeaderMap) -> bool {
        let given = only(headers, &AUTHORIZATION).map(HeaderValue::as_bytes);
        let token = given.and_then(|given| match given.split_at_checked(7) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => Some(token),
            _ => None,
        });
        // To the end wherever they differ, so that the time tells nothing but the length.
        token.is_some_and(|token| token.ct_eq(self.token.as_bytes()).into())
    }
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut all = headers.get_all(name).iter();
    all.next().filter(|_| all.next().is_none())
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = only(headers, &CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AuthError {
    Host,
    Origin,
    Token,
    NoJson,
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let (status, kind, text) = match self {
            Self::Host => {
                let text = "the header `Host` does not name the address that is listened on";
                (StatusCode::FORBIDDEN, ControlErrorKind::Forbidden, text)
            }
            Self::Origin => {
                let text = "a page of another origin may not ask";
                (StatusCode::FORBIDDEN, ControlErrorKind::Forbidden, text)
            }
            Self::Token => {
                let text = "send `Authorization: Bearer TOKEN`; `pitcrew up --listen` says in \
                            which file the token is";
                (StatusCode::UNAUTHORIZED, ControlErrorKind::Unauthorized, text)
            }
            Self::NoJson => {
                let text = "what is sent has to be JSON: `Content-Type: application/json`";
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, ControlErrorKind::Wrong, text)
            }
        };
        let mut response = (status, Json(ControlError::new(kind, text))).into_response();
        if self == Self::Token {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Lets in who may come in.
pub(super) async fn guard(State(door): State<TcpAuth>, request: Request, next: Next) -> Response {
    match door.refusal(request.method(), request.uri(), request.headers()) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn knock(method: &str, uri: &str, headers: &[(&str, &str)]) -> Option<AuthError> {
        let door = TcpAuth::new("127.0.0.1:8080".parse().unwrap(), TOKEN);
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse::<HeaderValue>().unwrap(),
            );
        }
        door.refusal(&method.parse().unwrap(), &uri.parse().unwrap(), &all)
    }

    const HOST: (&str, &str) = ("host", "127.0.0.1:8080");
    const KEY: (&str, &str) = ("authorization", "Bearer 0123456789abcdef");
    const JSON: (&str, &str) = ("content-type", "application/json");

    #[test]
    fn who_knows_the_token_and_comes_from_here_is_let_in() {
        assert_eq!(knock("GET", "/", &[HOST, KEY]), None);
        assert_eq!(knock("GET", "/", &[("host", "LocalHost:8080"), KEY]), None);
        assert_eq!(knock("POST", "/", &[HOST, KEY, JSON]), None);
        let json = ("content-type", "application/json; charset=utf-8");
        assert_eq!(knock("POST", "/", &[HOST, KEY, json]), None);
        let origin = ("origin", "http://127.0.0.1:8080");
        assert_eq!(knock("GET", "/", &[HOST, KEY, origin, ("sec-fetch-site", "none")]), None);
        assert_eq!(knock("GET", "http://localhost:8080/", &[HOST, KEY]), None);
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
            assert_eq!(knock("GET", "/", &[("host", host), KEY]), Some(AuthError::Host), "{host}");
        }
        assert_eq!(knock("GET", "/", &[KEY]), Some(AuthError::Host), "none");
        assert_eq!(knock("GET", "/", &[HOST, HOST, KEY]), Some(AuthError::Host), "two");
        let absolute = knock("GET", "http://evil.example/", &[HOST, KEY]);
        assert_eq!(absolute, Some(AuthError::Host), "in the address itself");
    }

    #[test]
    fn a_page_of_another_origin_stays_outside_even_with_the_token() {
        for origin in ["http://evil.example", "null", "https://127.0.0.1:8080", "http://localhost"]
        {
            let refusal = knock("GET", "/", &[HOST, KEY, ("origin", origin)]);
            assert_eq!(refusal, Some(AuthError::Origin), "{origin}");
        }
        let near = ("origin", "http://127.0.0.1:8080");
        let both = [HOST, KEY, near, ("origin", "http://evil.example")];
        assert_eq!(knock("GET", "/", &both), Some(AuthError::Origin));
        for site in ["cross-site", "same-site"] {
            let refusal = knock("GET", "/", &[HOST, KEY, ("sec-fetch-site", site)]);
            assert_eq!(refusal, Some(AuthError::Origin), "{site}");
        }
    }

    #[test]
    fn without_the_whole_token_nobody_comes_in() {
        for key in [
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
            "Bearer 0123456789abcdeg",
            "Bearer ",
            "Bearer",
            "0123456789abcdef",
            "Basic 0123456789abcdef",
        ] {
            let refusal = knock("GET", "/", &[HOST, ("authorization", key)]);
            assert_eq!(refusal, Some(AuthError::Token), "{key}");
        }
        assert_eq!(knock("GET", "/", &[HOST]), Some(AuthError::Token));
        assert_eq!(knock("OPTIONS", "/", &[HOST]), Some(AuthError::Token));
        assert_eq!(knock("GET", "/", &[HOST, KEY, KEY]), Some(AuthError::Token));
        let in_the_address = format!("/?token={TOKEN}");
        assert_eq!(knock("GET", &in_the_address, &[HOST]), Some(AuthError::Token));
    }

    #[test]
    fn what_is_no_json_is_not_read() {
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json5", ""] {
            let refusal = knock("POST", "/", &[HOST, KEY, ("content-type", kind)]);
            assert_eq!(refusal, Some(AuthError::NoJson), "{kind}");
        }
        assert_eq!(knock("POST", "/", &[HOST, KEY]), Some(AuthError::NoJson));
        assert_eq!(knock("POST", "/", &[HOST, KEY, JSON, JSON]), Some(AuthError::NoJson));
    }
}
