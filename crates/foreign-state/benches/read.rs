//! State files that are read or refused a second. `make bench` prints them, and
//! docs/benchmarks.md keeps them.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::Instant;

use foreign_state::{Format, read};

macro_rules! sample {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../tests/vectors/", $name)).as_slice())
    };
}

/// States in a batch.
const BATCH: u32 = 2_000;

fn main() {
    // `cargo test --benches` runs this with `--test`. Then there is nothing to measure.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let whole = [
        sample!("python-2.pickle"),
        sample!("python-4.pickle"),
        sample!("python-base64.txt"),
        sample!("homey.json"),
        sample!("e3008.json"),
        sample!("kotlin.json"),
        sample!("pims.json"),
    ];
    println!("States a second, median of 15 batches: whole, and cut off in the middle");
    for (name, bytes) in whole {
        println!("{name:20} {:>10.0} {:>10.0}", a_second(bytes), a_second(&bytes[..bytes.len() / 2]));
    }
    let hostile =
        [vec![b'('; 64 * 1024 - 2], b"]q\0".repeat(21_000)].map(|body| [b"\x80\x02".as_slice(), &body].concat());
    for bytes in hostile {
        println!("{:20} {:>10.0}", "hostile, 64 KiB", a_second(&bytes));
    }
}

fn a_second(bytes: &[u8]) -> f64 {
    let mut batches: Vec<f64> = (0..15)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..BATCH {
                let _ = black_box(read(black_box(bytes), Format::Auto));
            }
            f64::from(BATCH) / begin.elapsed().as_secs_f64()
        })
        .collect();
    batches.sort_by(f64::total_cmp);
    batches[batches.len() / 2]
}
