#![no_main]

libfuzzer_sys::fuzz_target!(
    // Bellwire catches Liquid's panics, so those must not stop the fuzzer. One that nobody catches
    // does, though without a message.
    init: std::panic::set_hook(Box::new(|_| {})),
    |bytes: &[u8]| bellwire::fuzz::template(bytes)
);
