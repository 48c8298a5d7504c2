//! The input of a page: its form, its query, its cookies. Anything that a page does not expect is
//! refused.

use axum::http::{HeaderMap, StatusCode, header};
use zeroize::Zeroizing;

use super::sessions::OpenSession;
use authority::AccountName;

/// The fields of a form or of a query, each at most once. The values may be secrets: no `Debug`.
#[derive(Default)]
pub(crate) struct Fields(Vec<(String, Zeroizing<String>)>);

/// The maximum number of fields.
const MAX_FIELDS: usize = 32;

impl Fields {
    /// Reads the body of a form.
    ///
    /// # Errors
    ///
    /// 415: it has another type. 400: a field stands there twice, or there are too many.
    pub(crate) fn of_form(headers: &HeaderMap, body: &[u8]) -> Result<Self, StatusCode> {
        if !is_form(headers) {
            return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        Self::read(body).ok_or(StatusCode::BAD_REQUEST)
    }

    /// Reads the body of a form of a session. Its token, `csrf`, is checked and left out.
    ///
    /// # Errors
    ///
    /// As for [`of_form`](Self::of_form), and 403: the token is missing, or of another session.
    pub(crate) fn of_session<Owner>(
        session: &OpenSession<Owner>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Self, StatusCode> {
        let mut fields = Self::of_form(headers, body)?;
        if !session.accepts(fields.get("csrf")) {
            tracing::warn!("a form without the token of its session was refused");
            return Err(StatusCode::FORBIDDEN);
        }
        fields.0.retain(|(name, _)| name != "csrf");
        Ok(fields)
    }

    /// Returns the fields if they are exactly these. Else the error is 400.
    pub(crate) fn exactly(self, names: &[&str]) -> Result<Self, StatusCode> {
        let is_whole = names.iter().all(|name| self.get(name).is_some());
        if is_whole && self.are_only(names) { Ok(self) } else { Err(StatusCode::BAD_REQUEST) }
    }

    /// Reads a query that has only these fields. Else the error is 400.
    pub(crate) fn of_query(query: Option<&str>, names: &[&str]) -> Result<Self, StatusCode> {
        let fields = Self::read(query.unwrap_or_default().as_bytes());
        fields.filter(|fields| fields.are_only(names)).ok_or(StatusCode::BAD_REQUEST)
    }

    fn read(text: &[u8]) -> Option<Self> {
        let mut fields: Vec<(String, Zeroizing<String>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(text) {
            let is_known = fields.iter().any(|(known, _)| *known == name);
            if is_known || fields.len() == MAX_FIELDS {
                return None;
            }
            fields.push((name.into_owned(), Zeroizing::new(value.into_owned())));
        }
        Some(Self(fields))
    }

    /// Returns whether all fields are among these.
    pub(crate) fn are_only(&self, names: &[&str]) -> bool {
        self.0.iter().all(|(name, _)| names.contains(&name.as_str()))
    }

    /// Returns the account that the field `name` names. Else the error is 400.
    pub(crate) fn account(&self) -> Result<AccountName, StatusCode> {
        self.get("name").and_then(AccountName::new).ok_or(StatusCode::BAD_REQUEST)
    }

    /// Returns the value of a field.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Returns a text in the form for the query of a link.
pub(crate) fn encoded(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

/// Returns the path of the page of an account, below the base of a console.
pub(crate) fn account_path(name: &str) -> String {
    format!("account?name={}", encoded(name))
}

/// Returns whether the body has the type of a form.
fn is_form(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return false };
    let essence = kind.to_str().ok().and_then(|kind| kind.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// Returns the value of a cookie. `None`: it is missing, or it stands there twice.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut values = pairs
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(|(known, value)| (known == name).then_some(value));
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: header::HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn a_form_has_its_type_and_each_field_once() {
        let form = headers(header::CONTENT_TYPE, &["application/x-www-form-urlencoded; charset=UTF-8"]);
        let read = |body: &[u8]| Fields::of_form(&form, body);
        let status = |body: &[u8]| read(body).err().map(|status| status.as_u16());
        let fields = read(b"a=1&b=%3Cx%3E+y").unwrap();
        assert_eq!((fields.get("a"), fields.get("b"), fields.get("c")), (Some("1"), Some("<x> y"), None));
        assert!(fields.are_only(&["a", "b"]) && !fields.are_only(&["a"]));
        assert!(fields.exactly(&["b", "a"]).is_ok());
        for names in [&["a"][..], &["a", "b", "c"], &[]] {
            assert!(read(b"a=1&b=2").unwrap().exactly(names).is_err(), "{names:?}");
        }
        assert_eq!(status(b"a=1&a=2"), Some(400));
        let many: Vec<String> = (0..=MAX_FIELDS).map(|number| format!("f{number}=")).collect();
        assert_eq!(status(many.join("&").as_bytes()), Some(400));
        for kinds in [&["application/json"][..], &["multipart/form-data; boundary=x"], &["text/plain"], &[]] {
            let refused = Fields::of_form(&headers(header::CONTENT_TYPE, kinds), b"a=1").err();
            assert_eq!(refused, Some(StatusCode::UNSUPPORTED_MEDIA_TYPE), "{kinds:?}");
        }
        // Bytes that are not UTF-8 are replaced and match nothing.
        assert_eq!(read(b"a=%FF\xFF").unwrap().get("a"), Some("\u{fffd}\u{fffd}"));
    }

    #[test]
    fn a_cookie_stands_there_once() {
        let of = |values: &[&str]| cookie(&headers(header::COOKIE, values), "s").map(str::to_owned);
        assert_eq!(of(&["s=1"]).unwrap(), "1");
        assert_eq!(of(&["a=2; s=1; b=3"]).unwrap(), "1");
        assert_eq!(of(&["a=2", "s=1=2"]).unwrap(), "1=2");
        for bad in [&["s=1; s=2"][..], &["s=1", "s=1"], &["xs=1"], &["s"], &[]] {
            assert_eq!(of(bad), None, "{bad:?}");
        }
    }
}
