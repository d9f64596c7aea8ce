//! Password hashes: argon2id with the crate's default cost (19 MiB, 2 passes: OWASP's recommendation), as PHC strings.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use rand::Rng;
use tokio::sync::Semaphore;

/// Characters of a generated password: no pair that is hard to tell apart.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Characters of a generated password: 20 × 5 bits.
const LENGTH: usize = 20;
/// Hashes computed at a time: each takes 19 MiB and a core, and anyone may ask for one.
static SLOTS: Semaphore = Semaphore::const_new(2);

/// The PHC string of a password; `None` where no salt can be made.
#[must_use]
pub fn hash(password: &str) -> Option<String> {
    Argon2::default().hash_password(password.as_bytes()).ok().map(|hash| hash.to_string())
}

/// A new password in groups of five, easy to type.
#[must_use]
pub fn generate() -> String {
    let mut rng = rand::rng();
    let mut password = String::new();
    for at in 0..LENGTH {
        if at > 0 && at % 5 == 0 {
            password.push('-');
        }
        let letter = LETTERS.get(rng.random_range(0..LETTERS.len()));
        password.extend(letter.map(|letter| char::from(*letter)));
    }
    password
}

/// True where the password fits the stored hash. Without one it takes as long, so that names cannot be told by time.
pub(crate) async fn verify(password: String, stored: Option<String>) -> bool {
    let Ok(_slot) = SLOTS.acquire().await else { return false };
    let check = move || match stored {
        Some(stored) => PasswordHash::new(&stored)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()),
        None => {
            std::hint::black_box(hash(&password));
            false
        }
    };
    tokio::task::spawn_blocking(check).await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let stored = hash("correct horse battery");
        assert!(stored.as_ref().unwrap().starts_with("$argon2id$"));
        assert!(verify("correct horse battery".into(), stored.clone()).await);
        assert!(!verify("correct horse batter".into(), stored).await);
        assert!(!verify("anything".into(), None).await);
    }

    #[test]
    fn generated_passwords_differ() {
        assert_ne!(generate(), generate());
        assert_eq!(generate().len(), 23);
    }
}
