#![no_main]

#[allow(dead_code, reason = "each target uses a part of them")]
#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::packets(data));
