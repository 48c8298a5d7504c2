//! The headers of tokens. A header cannot name the place of a key: `jku`, `jwk`, `x5u` and `x5c`
//! are not read.

use jsonwebtoken::Algorithm;

use super::members::Members;
use super::refusal::Refusal;
use crate::config::{Issuer, TokenType};

/// The header of a token whose algorithm and type the operator allows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
}

impl Header {
    /// Reads and checks the header of a token in compact form.
    pub(super) fn read(token: &str, issuer: &Issuer) -> Result<Self, Refusal> {
        let mut parts = token.split('.');
        let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(Refusal::Form);
        };
        let header = Members::decode(header).ok_or(Refusal::Form)?;
        // The service supports no extension (RFC 7515, 4.1.11). JSON Web Tokens must not use `b64`
        // (RFC 7797, 7).
        if header.has("crit") || header.has("b64") {
            return Err(Refusal::Extension);
        }
        let algorithm = header.text("alg").and_then(|name| name.parse().ok());
        let algorithm = algorithm.filter(|algorithm| issuer.algorithms.contains(algorithm));
        let algorithm = algorithm.ok_or(Refusal::Algorithm)?;
        if !token_type(&header).is_some_and(|kind| issuer.types.contains(&kind)) {
            return Err(Refusal::Type);
        }
        let key_id = match header.get("kid") {
            None => None,
            Some(id) => Some(id.as_str().ok_or(Refusal::Form)?.to_owned()),
        };
        Ok(Self { algorithm, key_id })
    }
}

/// Returns the type in a header. A token without `typ` is a plain one: RFC 9068 requires the type
/// of access tokens.
fn token_type(header: &Members) -> Option<TokenType> {
    let Some(named) = header.get("typ") else { return Some(TokenType::Jwt) };
    // Media types are written in either case. `application/` may be omitted if no other slash
    // follows.
    let named = named.as_str()?.to_ascii_lowercase();
    match named.strip_prefix("application/").unwrap_or(&named) {
        "at+jwt" => Some(TokenType::AccessToken),
        "jwt" => Some(TokenType::Jwt),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use base64ct::{Base64UrlUnpadded, Encoding};

    use super::*;
    use crate::identity::tests::issuer;

    fn read(header: &str, types: &[TokenType]) -> Result<Header, Refusal> {
        let header = Base64UrlUnpadded::encode_string(header.as_bytes());
        Header::read(&format!("{header}.e30.AA"), &Issuer { types: types.to_vec(), ..issuer() })
    }

    #[test]
    fn the_type_is_a_media_type_in_any_spelling() {
        use TokenType::{AccessToken, Jwt};
        for (typ, kind) in [
            (r#""at+jwt""#, Some(AccessToken)),
            (r#""AT+JWT""#, Some(AccessToken)),
            (r#""application/at+jwt""#, Some(AccessToken)),
            (r#""Application/At+Jwt""#, Some(AccessToken)),
            (r#""JWT""#, Some(Jwt)),
            (r#""application/jwt""#, Some(Jwt)),
            (r#""logout+jwt""#, None),
            (r#""application/application/at+jwt""#, None),
            (r#""text/at+jwt""#, None),
            (r#"" at+jwt""#, None),
            (r#""at+jwt; v=1""#, None),
            (r#""""#, None),
            ("null", None),
            (r#"["at+jwt"]"#, None),
        ] {
            let header = format!(r#"{{"alg": "EdDSA", "typ": {typ}}}"#);
            for allowed in [&[AccessToken][..], &[Jwt], &[AccessToken, Jwt]] {
                let taken = kind.is_some_and(|kind| allowed.contains(&kind));
                assert_eq!(read(&header, allowed).is_ok(), taken, "{typ} among {allowed:?}");
            }
        }
        assert_eq!(read(r#"{"alg": "EdDSA"}"#, &[AccessToken]), Err(Refusal::Type));
        assert!(read(r#"{"alg": "EdDSA"}"#, &[Jwt]).is_ok());
    }

    #[test]
    fn a_header_with_an_extension_or_a_doubled_member_is_refused() {
        for (more, refusal) in [
            (r#""crit": ["x"], "x": 1"#, Refusal::Extension),
            (r#""crit": []"#, Refusal::Extension),
            (r#""crit": null"#, Refusal::Extension),
            (r#""crit": "exp""#, Refusal::Extension),
            (r#""crit": ["b64"], "b64": true"#, Refusal::Extension),
            (r#""b64": false"#, Refusal::Extension),
            (r#""alg": "EdDSA""#, Refusal::Form),
            (r#""typ": "at+jwt""#, Refusal::Form),
            (r#""x": 1, "x": 1"#, Refusal::Form),
            (r#""kid": 1"#, Refusal::Form),
            (r#""kid": null"#, Refusal::Form),
        ] {
            let header = format!(r#"{{"alg": "EdDSA", "typ": "at+jwt", {more}}}"#);
            assert_eq!(read(&header, &[TokenType::AccessToken]), Err(refusal), "{more}");
        }
        for alg in [r#""HS256""#, r#""none""#, r#""ES384""#, r#""eddsa""#, "null", "[]", "{}"] {
            let header = format!(r#"{{"alg": {alg}, "typ": "at+jwt"}}"#);
            assert_eq!(read(&header, &[TokenType::AccessToken]), Err(Refusal::Algorithm), "{alg}");
        }
        assert_eq!(read(r#"{"typ": "at+jwt"}"#, &[TokenType::AccessToken]), Err(Refusal::Algorithm));
    }

    #[test]
    fn a_token_has_three_parts() {
        let head = Base64UrlUnpadded::encode_string(br#"{"alg": "EdDSA", "typ": "at+jwt"}"#);
        let read = |token: &str| Header::read(token, &issuer());
        assert!(read(&format!("{head}.a.b")).is_ok());
        for bad in [head.clone(), format!("{head}.a"), format!("{head}.a.b.c"), format!("{head}.a.b.c.d"), "..".into()]
        {
            assert_eq!(read(&bad), Err(Refusal::Form), "{bad}");
        }
    }
}
