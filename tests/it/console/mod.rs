//! The web console.

mod attacks;
mod browser;
mod sessions;
mod views;
