//! Who may use the server: passwords (argon2id), sessions by a random token in a cookie, slow-down of guessing.
//!
//! It deliberately has no token that a script may read: the cookie is HttpOnly, the store keeps a digest only.

pub mod api_token;
mod password;
mod throttle;
pub mod token;

use std::time::Duration;

use hopwatch_model::Timestamp;

use crate::clock;
use crate::store::{Role, Store};

pub use password::{generate, hash};
pub use throttle::Throttle;

/// How long a session lasts: a working day with room, so that an analyst logs in once a day.
const SESSION: Duration = Duration::from_secs(12 * 3600);
/// The fewest characters of a password that a user may choose.
pub const MIN_PASSWORD: usize = 12;
/// The name of the first user.
pub const FIRST_USER: &str = "admin";

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's name.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// A session that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Whose it is.
    pub identity: Identity,
    /// The token for the cookie; nowhere else.
    pub token: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Why a login or a new user was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Name or password are wrong, or the user is disabled; which of them is not told.
    #[error("name or password are wrong")]
    Refused,
    /// Too many attempts.
    #[error("too many attempts, wait {wait_secs} s")]
    Throttled {
        /// How long to wait, in seconds.
        wait_secs: u64,
    },
    /// The password is too short.
    #[error("a password has at least {MIN_PASSWORD} characters")]
    Weak,
    /// The name is empty or has characters that a name may not have.
    #[error("a name has 1 to 64 letters, digits, dots, dashes, underscores or at signs")]
    Name,
    /// The password cannot be hashed.
    #[error("the password cannot be hashed")]
    Hash,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
}

/// Makes the first user where there is none, and returns its password: it is shown once and kept nowhere.
///
/// # Errors
/// Where the store fails.
pub async fn bootstrap(store: &Store) -> Result<Option<String>, Error> {
    if !store.users().await?.is_empty() {
        return Ok(None);
    }
    let password = generate();
    add_user(store, FIRST_USER, Role::Admin, &password).await?;
    Ok(Some(password))
}

/// Makes a user.
///
/// # Errors
/// Where the name is taken or malformed, the password too short, or the store fails.
pub async fn add_user(store: &Store, name: &str, role: Role, password: &str) -> Result<(), Error> {
    check_name(name)?;
    let hash = checked_hash(password).await?;
    Ok(store.add_user(name, role, &hash, clock::now()).await?)
}

/// Sets a user's password and ends its sessions.
///
/// # Errors
/// Where there is no such user, the password is too short, or the store fails.
pub async fn set_password(store: &Store, name: &str, password: &str) -> Result<(), Error> {
    let hash = checked_hash(password).await?;
    Ok(store.set_password(name, &hash).await?)
}

/// Opens a session. `peer` is the address from which the attempt comes; attempts are counted by it and by the name.
///
/// # Errors
/// [`Error::Refused`], [`Error::Throttled`], or where the store fails.
pub async fn login(
    store: &Store,
    throttle: &Throttle,
    peer: &str,
    name: &str,
    password: &str,
) -> Result<Opened, Error> {
    let now = clock::now();
    let subjects = [format!("peer {peer}"), format!("user {}", name.to_lowercase())];
    if let Some(wait) = throttle.wait(&subjects, now) {
        metrics::counter!("hopwatch_logins_refused_total", "reason" => "throttled").increment(1);
        return Err(Error::Throttled { wait_secs: wait.as_secs().max(1) });
    }
    // Counted before the slow check, so that attempts in parallel do not slip through together.
    throttle.failed(&subjects, now);
    let known = store.user_with_password(name).await?.filter(|(user, _)| !user.disabled);
    let (user, stored) = known.map_or((None, None), |(user, hash)| (Some(user), Some(hash)));
    let right = password::verify(password.to_owned(), stored).await;
    let Some(user) = user.filter(|_| right) else {
        metrics::counter!("hopwatch_logins_refused_total", "reason" => "wrong").increment(1);
        // The name is not kept: people type passwords into it.
        store.audit(now, "", "login refused", peer, "").await?;
        return Err(Error::Refused);
    };
    throttle.succeeded(&subjects);
    let token = token::generate();
    let expires_at = now + SESSION;
    store.open_session(&token::digest(&token), &user.name, now, expires_at).await?;
    store.audit(now, &user.name, "login", peer, "").await?;
    Ok(Opened { identity: Identity { name: user.name, role: user.role }, token, expires_at })
}

/// Who a token belongs to, where its session is open.
///
/// # Errors
/// Where the store fails.
pub async fn identify(store: &Store, token: &str) -> Result<Option<Identity>, Error> {
    let session = store.session(&token::digest(token), clock::now()).await?;
    Ok(session.map(|session| Identity { name: session.user, role: session.role }))
}

/// Ends the session of a token; false where there was none.
///
/// # Errors
/// Where the store fails.
pub async fn logout(store: &Store, token: &str) -> Result<bool, Error> {
    Ok(store.close_session(&token::digest(token)).await?)
}

/// Refuses names that lists and logs could not tell apart from other text.
fn check_name(name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    if name.is_empty() || name.chars().count() > 64 || !name.chars().all(allowed) {
        return Err(Error::Name);
    }
    Ok(())
}

async fn checked_hash(password: &str) -> Result<String, Error> {
    if password.chars().count() < MIN_PASSWORD {
        return Err(Error::Weak);
    }
    let password = password.to_owned();
    tokio::task::spawn_blocking(move || hash(&password)).await.map_err(|_| Error::Hash)?.ok_or(Error::Hash)
}
