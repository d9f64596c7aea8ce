//! Tokens by which programs use the server: random, shown once, with a role and an end. They are sent in the
//! `Authorization: Bearer` header (RFC 6750 §2.1), never in an address, which logs keep.

use std::time::Duration;

use hopwatch_model::Timestamp;

use super::{Error, Identity, check_name, token};
use crate::clock;
use crate::store::{ApiToken, Role, Store};

/// Opens every token, so that scanners of repositories and logs know a leaked one.
const PREFIX: &str = "hopwatch_";

/// Where a token stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is in force.
    Good(Identity),
    /// No such token was ever given out here.
    Unknown,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
}

/// Makes a token and returns it with its row: it is kept nowhere else.
///
/// # Errors
/// Where the name is malformed or the store fails.
pub async fn create(store: &Store, name: &str, role: Role, lasts: Duration) -> Result<(String, ApiToken), Error> {
    check_name(name)?;
    let secret = format!("{PREFIX}{}", token::generate());
    let now = clock::now();
    let row = ApiToken {
        id: format!("{:08x}", rand::random::<u32>()),
        name: name.to_owned(),
        role,
        created_at: now,
        expires_at: now + lasts,
        revoked_at: None,
    };
    store.add_api_token(&row, &token::digest(&secret)).await?;
    store.audit(now, "", "token made", &row.id, name).await?;
    Ok((secret, row))
}

/// Takes a token back.
///
/// # Errors
/// Where there is none of the id that still works, or the store fails.
pub async fn revoke(store: &Store, id: &str) -> Result<(), Error> {
    let now = clock::now();
    store.revoke_api_token(id, now).await?;
    Ok(store.audit(now, "", "token revoked", id, "").await?)
}

/// Where a token stands now, and who uses it.
///
/// # Errors
/// Where the store fails.
pub async fn standing(store: &Store, secret: &str) -> Result<Standing, Error> {
    let Some(row) = store.api_token(&token::digest(secret)).await? else { return Ok(Standing::Unknown) };
    Ok(judge(&row, clock::now()))
}

fn judge(row: &ApiToken, now: Timestamp) -> Standing {
    if row.revoked_at.is_some() {
        Standing::Revoked
    } else if row.expires_at <= now {
        Standing::Expired
    } else {
        // No user's name has a colon: what a token did is told from what a user did.
        Standing::Good(Identity { name: format!("token:{}", row.name), role: row.role })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(expires: i64, revoked: Option<i64>) -> ApiToken {
        ApiToken {
            id: "1".into(),
            name: "sensor".into(),
            role: Role::Analyst,
            created_at: Timestamp::from_secs(0),
            expires_at: Timestamp::from_secs(expires),
            revoked_at: revoked.map(Timestamp::from_secs),
        }
    }

    #[test]
    fn a_token_works_to_its_end_and_not_after() {
        let at = Timestamp::from_secs;
        assert!(matches!(judge(&row(10, None), at(9)), Standing::Good(_)));
        assert_eq!(judge(&row(10, None), at(10)), Standing::Expired);
        assert_eq!(judge(&row(10, Some(5)), at(9)), Standing::Revoked);
    }
}
