//! Reading `apps/<app>/*.yaml` into [`crate::App`], with a position for everything that is wrong.

mod action;
mod app;
mod fields;
mod request;
pub(crate) mod sandbox;
mod trigger;

pub(crate) use app::{ManifestFile, read_app};
