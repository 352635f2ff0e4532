//! Secrets in the output of a run, for the person who needs them: a rotated client secret exists nowhere else.

use serde_json::Value;

use crate::engine::Engine;
use crate::ids::RunId;
use crate::journal::Fact;
use crate::look::LookError;
use crate::sealing;
use crate::vault::VaultError;

/// Why the secrets of a run cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum RevealError {
    #[error("{0}")]
    Look(#[from] LookError),
    #[error("{0}")]
    Vault(#[from] VaultError),
}

impl Engine {
    /// The output of a run with its secrets in clear. That somebody looked is logged.
    pub async fn reveal(&self, run: &RunId, by: &str) -> Result<Value, RevealError> {
        // The entry that completes a run is its last.
        let last = self.shared.journal.store().last_seq(run).await.map_err(LookError::from)?;
        let entries = self.history_after(run, last - 1, 1).await?;
        let output = entries.into_iter().find_map(|entry| match entry.fact {
            Fact::Completed { output } => Some(output),
            _ => None,
        });
        let mut output = output.unwrap_or_default();
        sealing::open(&self.shared.vault, run, &mut output)?;
        tracing::warn!(run.id = %run, caller = by, "the secrets in the output of a run were shown");
        Ok(output)
    }
}
