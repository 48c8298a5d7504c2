//! Pictures of a text as a QR code: SVG, PNG, and text blocks for a terminal.
//!
//! The crate `qrcode` lays out the modules. The two forms of files are small enough to write here.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};
use zeroize::Zeroizing;

/// White modules around the code, as the standard wants them.
const QUIET: usize = 4;

/// Pixels of a module in a PNG.
const SCALE: usize = 8;

/// The modules of a QR code with its quiet zone. They tell the text, so they are wiped.
struct Modules {
    size: usize,
    dark: Zeroizing<Vec<bool>>,
}

impl Modules {
    /// Lays out a text. Returns `None` if it is too long for a QR code.
    fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let inner = code.width();
        let size = inner + 2 * QUIET;
        let mut dark = Zeroizing::new(vec![false; size * size]);
        for (place, color) in code.to_colors().into_iter().enumerate() {
            let (x, y) = (place % inner + QUIET, place / inner + QUIET);
            if let Some(module) = dark.get_mut(y * size + x) {
                *module = color == Color::Dark;
            }
        }
        Some(Self { size, dark })
    }

    fn is_dark(&self, x: usize, y: usize) -> bool {
        self.dark.get(y * self.size + x).copied().unwrap_or(false)
    }
}

/// Returns an SVG of the text: one path of dark modules on white.
pub fn svg(text: &str) -> Option<Zeroizing<String>> {
    let modules = Modules::of(text)?;
    let size = modules.size;
    let mut svg = Zeroizing::new(String::with_capacity(24 * size * size));
    // Writing to a text cannot fail.
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{size}v{size}H0z\"/><path d=\""
    );
    for y in 0..size {
        for x in (0..size).filter(|x| modules.is_dark(*x, y)) {
            let _ = write!(svg, "M{x} {y}h1v1h-1z");
        }
    }
    svg.push_str("\"/></svg>");
    Some(svg)
}

/// Returns a PNG of the text: one bit a pixel, black on white.
pub fn png(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let modules = Modules::of(text)?;
    let side = modules.size * SCALE;
    let row_bytes = side.div_ceil(8);
    // A row is its filter, which is none, and its pixels. A white pixel is a set bit.
    let mut rows = Zeroizing::new(Vec::with_capacity(side * (row_bytes + 1)));
    for y in 0..side {
        rows.push(0);
        for byte in 0..row_bytes {
            let is_white = |pixel: usize| pixel >= side || !modules.is_dark(pixel / SCALE, y / SCALE);
            let bits = (0..8).fold(0_u8, |bits, bit| (bits << 1) | u8::from(is_white(8 * byte + bit)));
            rows.push(bits);
        }
    }
    let mut png = Zeroizing::new(Vec::with_capacity(rows.len() + 256));
    png.extend_from_slice(b"\x89PNG\r\n\x1a\n");
    let side = u32::try_from(side).ok()?.to_be_bytes();
    let mut header = side.to_vec();
    header.extend_from_slice(&side);
    // One bit of grey; the only methods of compression and filtering; not interlaced.
    header.extend_from_slice(&[1, 0, 0, 0, 0]);
    chunk(&mut png, *b"IHDR", &header);
    chunk(&mut png, *b"IDAT", &stored(&rows));
    chunk(&mut png, *b"IEND", &[]);
    Some(png)
}

/// Returns lines of a terminal, each of which shows two rows of modules. They are white on the
/// terminal's own background, so they suit dark terminals; most readers take both.
pub fn blocks(text: &str) -> Option<Zeroizing<String>> {
    let modules = Modules::of(text)?;
    let mut lines = Zeroizing::new(String::with_capacity(4 * modules.size * modules.size));
    for y in (0..modules.size).step_by(2) {
        for x in 0..modules.size {
            // A row below the last one is background.
            let below = y + 1 >= modules.size || modules.is_dark(x, y + 1);
            lines.push(match (modules.is_dark(x, y), below) {
                (true, true) => ' ',
                (true, false) => '▄',
                (false, true) => '▀',
                (false, false) => '█',
            });
        }
        lines.push('\n');
    }
    Some(lines)
}

/// Appends a chunk of a PNG: its length, its name, its data and their CRC.
fn chunk(png: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    png.extend_from_slice(&length.to_be_bytes());
    png.extend_from_slice(&name);
    png.extend_from_slice(data);
    let crc = crc32(name.iter().chain(data));
    png.extend_from_slice(&crc.to_be_bytes());
}

/// Returns data in the form of zlib (RFC 1950), in stored blocks: not compressed.
fn stored(data: &[u8]) -> Zeroizing<Vec<u8>> {
    const LONGEST: usize = 0xffff;
    let mut zlib = Zeroizing::new(Vec::with_capacity(data.len() + 64));
    zlib.extend_from_slice(&[0x78, 0x01]);
    let mut blocks = data.chunks(LONGEST).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        zlib.push(u8::from(blocks.peek().is_none()));
        zlib.extend_from_slice(&length.to_le_bytes());
        zlib.extend_from_slice(&(!length).to_le_bytes());
        zlib.extend_from_slice(block);
    }
    zlib.extend_from_slice(&adler32(data).to_be_bytes());
    zlib
}

/// Returns the check sum of zlib.
fn adler32(data: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (a, b) = data.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % MODULUS;
        (a, (b + a) % MODULUS)
    });
    (b << 16) | a
}

/// Returns the check sum of a chunk (ISO 3309).
fn crc32<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    !bytes.fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "pims://enroll?code=ABCDE23456";

    #[test]
    fn the_check_sums_are_those_of_the_standards() {
        assert_eq!(crc32(b"123456789".iter()), 0xcbf4_3926);
        assert_eq!(crc32(b"IEND".iter()), 0xae42_6082);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn all_forms_show_the_same_modules() {
        let modules = Modules::of(TEXT).unwrap();
        let dark = modules.dark.iter().filter(|dark| **dark).count();
        assert!(dark > 200, "{dark}");
        // The corner of the first finder, and the white modules around it.
        assert!(modules.is_dark(QUIET, QUIET) && !modules.is_dark(QUIET - 1, QUIET - 1));
        assert_eq!(svg(TEXT).unwrap().matches("h1v1h-1z").count(), dark);
        let blocks = blocks(TEXT).unwrap();
        let white: usize = blocks
            .chars()
            .map(|c| match c {
                '█' => 2,
                '▄' | '▀' => 1,
                _ => 0,
            })
            .sum();
        assert_eq!(white, modules.size * modules.size - dark);

        let png = png(TEXT).unwrap();
        let side = modules.size * SCALE;
        assert_eq!(png[16..20], u32::try_from(side).unwrap().to_be_bytes());
        // The only stored block follows the headers of the file, of its first chunks, and its own.
        let rows = &png[8 + 25 + 8 + 2 + 5..];
        let row_bytes = side.div_ceil(8);
        for y in 0..side {
            let row = &rows[y * (row_bytes + 1)..][..=row_bytes];
            assert_eq!(row[0], 0);
            for x in 0..side {
                let is_dark = row[1 + x / 8] >> (7 - x % 8) & 1 == 0;
                assert_eq!(is_dark, modules.is_dark(x / SCALE, y / SCALE), "{x} {y}");
            }
        }
    }

    #[test]
    fn a_text_that_is_too_long_has_no_picture() {
        assert!(svg(&"x".repeat(5000)).is_none() && png(&"x".repeat(5000)).is_none());
    }
}
