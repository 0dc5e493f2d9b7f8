//! The web console.

mod attacks;
mod browser;
mod crowd;
mod oidc;
mod sessions;
mod views;
