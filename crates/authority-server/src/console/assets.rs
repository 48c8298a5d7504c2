//! The files of the console that a browser keeps: style, script, pictures. They are compressed in
//! the program, and the name of each contains a hash of its content.

use std::io::Read;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;

/// The folder of the assets below the base path of a console.
pub(crate) const FOLDER: &str = "assets/";

/// An asset: a file of `src/console/assets`.
struct Asset {
    /// The name of the file.
    source: &'static str,
    /// The name in the URL.
    name: &'static str,
    kind: &'static str,
    /// The content, compressed by gzip.
    compressed: &'static [u8],
}

static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Returns the name in the URL of a file. An unknown file has an empty name.
pub(crate) fn name(source: &str) -> &'static str {
    ASSETS.iter().find(|asset| asset.source == source).map_or("", |asset| asset.name)
}

/// Answers with an asset, or with 404.
pub(crate) async fn answer(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, StatusCode> {
    let asset = ASSETS.iter().find(|asset| asset.name == name).ok_or(StatusCode::NOT_FOUND)?;
    let common = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
        (header::VARY, HeaderValue::from_static("Accept-Encoding")),
    ];
    if accepts_gzip(&headers) {
        let encoding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
        return Ok((common, encoding, asset.compressed).into_response());
    }
    let mut content = Vec::new();
    let inflated = GzDecoder::new(asset.compressed).read_to_end(&mut content);
    inflated.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok((common, content).into_response())
}

/// Returns whether the client accepts gzip (RFC 9110, 12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut accepted = None;
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    for entry in values.flat_map(|value| value.split(',')) {
        let mut parts = entry.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |text| text.parse().unwrap_or(0.0));
        match coding {
            coding if coding.eq_ignore_ascii_case("gzip") => return quality > 0.0,
            "*" => accepted = Some(quality > 0.0),
            _ => {}
        }
    }
    accepted.unwrap_or(false)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn accepting(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))])
    }

    #[tokio::test]
    async fn an_asset_arrives_compressed_or_plain() {
        let name = name("console.css");
        let body = async |headers| {
            let response = answer(Path(name.to_owned()), headers).await.unwrap();
            let encoding = response.headers().get(header::CONTENT_ENCODING).cloned();
            (encoding, axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap())
        };
        let (encoding, compressed) = body(accepting("gzip")).await;
        assert_eq!(encoding.unwrap(), "gzip");
        let (encoding, plain) = body(HeaderMap::new()).await;
        assert_eq!(encoding, None);
        assert_eq!(plain, include_bytes!("assets/console.css").as_slice());
        assert!(compressed.len() < plain.len());
        assert!(answer(Path("console.css".into()), HeaderMap::new()).await.is_err());
    }

    #[test]
    fn gzip_is_accepted_where_the_client_says_so() {
        for good in ["gzip", "br, gzip;q=0.5", "GZIP", "*", "deflate, *;q=0.1"] {
            assert!(accepts_gzip(&accepting(good)), "{good}");
        }
        for bad in ["", "br", "gzip;q=0", "*;q=0", "gzip; q=0, *", "gzipped"] {
            assert!(!accepts_gzip(&accepting(bad)), "{bad}");
        }
    }

    #[test]
    fn all_assets_together_are_small() {
        let size: usize = ASSETS.iter().map(|asset| asset.compressed.len()).sum();
        assert!(size > 0 && size <= 150 * 1024, "{size}");
    }
}
