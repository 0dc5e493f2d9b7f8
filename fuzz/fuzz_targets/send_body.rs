#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bellwire::fuzz::send_body(bytes));
