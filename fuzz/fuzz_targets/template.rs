#![no_main]

// A panic stops the fuzzer, though Bellwire catches it: the hook of libfuzzer comes first.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bellwire::fuzz::template(bytes));
