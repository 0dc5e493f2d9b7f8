//! Work on what is stored that no request asks for: retention and key rotation.

pub mod certificate_watch;
pub(crate) mod erasures;
pub mod key_rotation;
pub(crate) mod old_snapshots;
pub mod retention;
pub mod seal_form;
pub(crate) mod token_forms;
