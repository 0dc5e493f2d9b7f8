//! The `bellwire` binary.

fn main() {}
