//! Compresses the assets of the console, and names each after its content: a browser may keep it
//! for ever.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

const FOLDER: &str = "src/console/assets";

/// The types of the assets, by the endings of their names.
const KINDS: [(&str, &str); 3] =
    [("css", "text/css; charset=utf-8"), ("js", "text/javascript; charset=utf-8"), ("svg", "image/svg+xml")];

fn main() {
    println!("cargo::rerun-if-changed={FOLDER}");
    println!("cargo::rerun-if-changed=askama.toml");
    let out = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    let mut paths: Vec<_> = std::fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut table = String::from("&[\n");
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap();
        let (stem, ending) = name.rsplit_once('.').unwrap();
        let kind = KINDS.iter().find(|(of, _)| *of == ending).expect("an asset of an unknown type").1;
        let content = std::fs::read(&path).unwrap();
        let hash = Sha256::digest(&content).iter().take(8).fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        let compressed = Path::new(&out).join(format!("{name}.gz"));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&content).unwrap();
        std::fs::write(&compressed, encoder.finish().unwrap()).unwrap();
        writeln!(
            table,
            "    Asset {{ source: {name:?}, name: \"{stem}-{hash}.{ending}\", kind: {kind:?}, \
             compressed: include_bytes!({compressed:?}) }},"
        )
        .unwrap();
    }
    table.push(']');
    std::fs::write(Path::new(&out).join("assets.rs"), table).unwrap();
}
