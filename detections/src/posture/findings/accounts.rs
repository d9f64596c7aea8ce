//! Attributes of single accounts that make their credentials weak (`[MS-ADTS] 2.2.16` `userAccountControl`).

use hopwatch_graph::{Node, NodeId, Snapshot};
use hopwatch_model::Severity;

use super::scan::{accounts, control, enabled_computers, enabled_users, krbtgt, managed, rid, time};
use super::{Check, Exposed};

/// Enabled users for which a test says something.
fn users(snapshot: &Snapshot, test: impl Fn(&Node) -> Option<String>) -> Vec<Exposed> {
    enabled_users(snapshot).filter_map(|(id, node)| Exposed::of(snapshot, id, &test(node)?)).collect()
}

fn flagged(snapshot: &Snapshot, property: &str, bit: i64, says: &str) -> Vec<Exposed> {
    users(snapshot, |node| (!managed(node) && !krbtgt(node) && control(node, property, bit)).then(|| says.to_owned()))
}

/// Enabled users that need no password.
pub static PASSWORD_NOT_REQUIRED: Check = Check {
    slug: "password-not-required",
    title: "Accounts may have an empty password",
    severity: Severity::Medium,
    remediation: "Clear PASSWD_NOTREQD and set a password.",
    needs: &["passwordnotreqd"],
    exposed: |snapshot| flagged(snapshot, "passwordnotreqd", 0x20, "PASSWD_NOTREQD is set"),
};

/// Enabled users whose password never expires.
pub static PASSWORD_NEVER_EXPIRES: Check = Check {
    slug: "password-never-expires",
    title: "Passwords never expire",
    severity: Severity::Low,
    remediation: "Clear DONT_EXPIRE_PASSWORD, or make service accounts managed ones.",
    needs: &["pwdneverexpires"],
    exposed: |snapshot| flagged(snapshot, "pwdneverexpires", 0x1_0000, "DONT_EXPIRE_PASSWORD is set"),
};

/// Enabled users whose password can be decrypted.
pub static REVERSIBLE_ENCRYPTION: Check = Check {
    slug: "reversible-encryption",
    title: "Passwords are stored with reversible encryption",
    severity: Severity::Medium,
    remediation: "Clear ENCRYPTED_TEXT_PWD_ALLOWED and change the password, which erases the stored one.",
    needs: &["encryptedtextpwdallowed"],
    exposed: |snapshot| flagged(snapshot, "encryptedtextpwdallowed", 0x80, "ENCRYPTED_TEXT_PWD_ALLOWED is set"),
};

/// Enabled users restricted to DES.
pub static DES_ONLY: Check = Check {
    slug: "des-only",
    title: "Accounts use DES keys only",
    severity: Severity::Medium,
    remediation: "Clear USE_DES_KEY_ONLY and change the password, so that AES keys are made.",
    needs: &["usedeskeyonly"],
    exposed: |snapshot| flagged(snapshot, "usedeskeyonly", 0x20_0000, "USE_DES_KEY_ONLY is set"),
};

/// Enabled users without pre-authentication.
pub static AS_REP_ROASTABLE: Check = Check {
    slug: "as-rep-roastable",
    title: "Anyone may ask for material sealed with the password (no pre-authentication)",
    severity: Severity::High,
    remediation: "Clear DONT_REQ_PREAUTH; where a client cannot do without, give the account a long random password.",
    needs: &["dontreqpreauth"],
    exposed: |snapshot| flagged(snapshot, "dontreqpreauth", 0x40_0000, "DONT_REQ_PREAUTH is set"),
};

/// The Guest account enabled.
pub static GUEST_ENABLED: Check = Check {
    slug: "guest-enabled",
    title: "The Guest account is enabled",
    severity: Severity::Medium,
    remediation: "Disable Guest.",
    needs: &["enabled"],
    exposed: |snapshot| users(snapshot, |node| (rid(node) == Some(501)).then(|| "the account is enabled".to_owned())),
};

/// Services whose accounts have no AES keys by their own attribute.
pub static NO_AES: Check = Check {
    slug: "no-aes-keys",
    title: "Accounts allow RC4 or DES only",
    severity: Severity::Low,
    remediation: "Set msDS-SupportedEncryptionTypes to AES (0x18) and change the password twice.",
    needs: &["supportedencryptiontypes"],
    exposed: |snapshot| accounts(snapshot).filter_map(|(id, node)| without_aes(snapshot, id, node)).collect(),
};

fn without_aes(snapshot: &Snapshot, id: NodeId, node: &Node) -> Option<Exposed> {
    let types = node.list("supportedencryptiontypes");
    let named = |types: &[String]| !types.is_empty() && !types.iter().any(|name| name.to_uppercase().contains("AES"));
    // "Not defined" stands for the domain's default.
    let defined = !types.iter().any(|name| name.eq_ignore_ascii_case("not defined"));
    let enabled = snapshot.flags(id).has(hopwatch_graph::NodeFlags::ENABLED);
    (enabled && defined && named(types)).then(|| Exposed::of(snapshot, id, &format!("only {}", types.join(", "))))?
}

/// Words before a password in a description, in the languages of the estates that we know.
const PASSWORD_WORDS: &[&str] =
    &["password", "passwort", "kennwort", "passwd", "pwd", "pass", "mot de passe", "mdp", "contraseña", "senha"];

/// Passwords written into attributes that everyone may read.
pub static PASSWORD_IN_DESCRIPTION: Check = Check {
    slug: "password-in-description",
    title: "A password stands in an attribute that everyone may read",
    severity: Severity::High,
    remediation: "Erase the text and change the password.",
    needs: &["description"],
    exposed: |snapshot| {
        let test = |node: &Node| {
            let attributes = ["description", "info", "admincomment", "comment"];
            let found = attributes.into_iter().find(|name| node.text(name).is_some_and(tells_password))?;
            // The text itself is the secret: it is not repeated.
            Some(format!("{found} names a password"))
        };
        accounts(snapshot).filter_map(|(id, node)| Exposed::of(snapshot, id, &test(node)?)).collect()
    },
};

/// True where a text has a word for password, then `=`, `:` or `is`, then something without spaces that is no sentence.
fn tells_password(text: &str) -> bool {
    let lower = text.to_lowercase();
    PASSWORD_WORDS.iter().any(|word| {
        lower.match_indices(word).any(|(at, _)| {
            // Inside a longer word (`passport`, `bypass`) it names no password.
            let before =
                lower.get(..at).and_then(|start| start.chars().next_back()).is_none_or(|c| !c.is_alphanumeric());
            let rest = lower.get(at + word.len()..).unwrap_or_default().trim_start();
            let value = rest.strip_prefix([':', '=']).or_else(|| rest.strip_prefix("is ")).map(str::trim_start);
            let value = value.and_then(|value| value.split_whitespace().next()).unwrap_or_default();
            let known = [
                "never", "expires", "required", "policy", "reset", "changed", "unknown", "n/a", "none", "managed",
                "in", "stored",
            ];
            before && value.chars().count() >= 4 && !known.contains(&value.trim_end_matches(['.', ',', ';']))
        })
    })
}

/// Computer accounts that were made beforehand and never used: their password is their name.
pub static PRE_2000_COMPUTER: Check = Check {
    slug: "pre-windows-2000-computer",
    title: "Unused computer accounts have a guessable password",
    severity: Severity::Medium,
    remediation: "Delete the accounts, or reset them when the host joins.",
    needs: &["passwordnotreqd", "lastlogontimestamp"],
    exposed: |snapshot| {
        let unused = |node: &Node| {
            control(node, "passwordnotreqd", 0x20)
                && node.properties.contains_key("lastlogontimestamp")
                && time(node, "lastlogontimestamp").is_none()
                && time(node, "lastlogon").is_none()
        };
        let says = "PASSWD_NOTREQD is set and the account never logged on";
        enabled_computers(snapshot)
            .filter(|(_, node)| unused(node))
            .filter_map(|(id, _)| Exposed::of(snapshot, id, says))
            .collect()
    },
};

#[cfg(test)]
mod tests {
    use super::tells_password;

    #[test]
    fn a_password_is_told_from_talk_of_passwords() {
        for text in
            ["password=Winter2024!", "temp pwd: hunter22", "Das Kennwort: Sommer24", "line1\nPass = s3cr3t, call me"]
        {
            assert!(tells_password(text), "{text}");
        }
        for text in [
            "password never expires",
            "password: never",
            "Bypass: gateway",
            "reset the password",
            "passport: X123456",
            "pwd: abc",
        ] {
            assert!(!tells_password(text), "{text}");
        }
    }
}
