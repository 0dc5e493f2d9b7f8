//! The web console.

mod attacks;
mod browser;
mod crowd;
mod sessions;
mod views;
