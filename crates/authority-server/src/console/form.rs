//! The input of a page: its form, its query, its cookies. Anything that a page does not expect is
//! refused.

use axum::http::{HeaderMap, header};
use zeroize::Zeroizing;

/// The fields of a form or of a query, each at most once. The values may be secrets: no `Debug`.
#[derive(Default)]
pub(crate) struct Fields(Vec<(String, Zeroizing<String>)>);

/// The maximum number of fields.
const MAX_FIELDS: usize = 32;

impl Fields {
    /// Reads the body of a form. `None`: it has another type, a field stands twice, or there are
    /// too many.
    pub(crate) fn of_form(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        if is_form(headers) { Self::read(body) } else { None }
    }

    /// Reads a query.
    pub(crate) fn of_query(query: Option<&str>) -> Option<Self> {
        Self::read(query.unwrap_or_default().as_bytes())
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

    /// Returns the value of a field.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Returns whether the body has the type of a form.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
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
        let fields = Fields::of_form(&form, b"a=1&b=%3Cx%3E+y").unwrap();
        assert_eq!((fields.get("a"), fields.get("b"), fields.get("c")), (Some("1"), Some("<x> y"), None));
        assert!(fields.are_only(&["a", "b"]) && !fields.are_only(&["a"]));
        assert!(Fields::of_form(&form, b"a=1&a=2").is_none());
        let many: Vec<String> = (0..=MAX_FIELDS).map(|number| format!("f{number}=")).collect();
        assert!(Fields::of_form(&form, many.join("&").as_bytes()).is_none());
        for kinds in [&["application/json"][..], &["multipart/form-data; boundary=x"], &["text/plain"], &[]] {
            assert!(Fields::of_form(&headers(header::CONTENT_TYPE, kinds), b"a=1").is_none(), "{kinds:?}");
        }
        // Bytes that are not UTF-8 are replaced and match nothing.
        assert_eq!(Fields::of_form(&form, b"a=%FF\xFF").unwrap().get("a"), Some("\u{fffd}\u{fffd}"));
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
