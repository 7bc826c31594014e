#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    micropod::fuzz::run("peticiones", bytes);
});
