//! Hashing on a bounded number of threads, since one hash takes tens of milliseconds of a processor.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// The cost that Auth0's own hashes have.
const COST: u32 = 10;

/// bcrypt looks at no more than this.
pub(crate) const MAX_BYTES: usize = 72;

/// Hashes and verifies passwords.
pub(crate) struct Hasher {
    places: Arc<Semaphore>,
}

/// A password could not be hashed or compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashError {
    #[error("the stored hash or the password is unusable")]
    Bcrypt(#[from] bcrypt::BcryptError),
    #[error("the hashing thread has stopped")]
    Stopped,
}

impl Hasher {
    /// One place per processor.
    pub(crate) fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { places: Arc::new(Semaphore::new(processors)) }
    }

    /// What is past 72 bytes is cut off, as bcrypt would.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, HashError> {
        let password = cut(password);
        self.in_a_place(move || bcrypt::hash(password, COST)).await
    }

    pub(crate) async fn matches(&self, password: &str, hash: &str) -> Result<bool, HashError> {
        let (password, hash) = (cut(password), hash.to_owned());
        self.in_a_place(move || bcrypt::verify(password, &hash)).await
    }

    async fn in_a_place<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> bcrypt::BcryptResult<T> + Send + 'static,
    ) -> Result<T, HashError> {
        let place =
            Arc::clone(&self.places).acquire_owned().await.map_err(|_| HashError::Stopped)?;
        let outcome = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(place);
            outcome
        });
        Ok(outcome.await.map_err(|_| HashError::Stopped)??)
    }
}

fn cut(password: &str) -> Vec<u8> {
    password.bytes().take(MAX_BYTES).collect()
}
