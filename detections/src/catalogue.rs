//! The list of all detections, sorted by slug. Adding one is its file, its line in the folder's `mod.rs` and a line here.

use crate::frame::{DetectionFactory, Of};

/// Every detection.
#[rustfmt::skip]
pub static ALL: &[&dyn DetectionFactory] = &[
    &Of::<crate::reconnaissance::account_enumeration::AccountEnumeration>::NEW,
    &Of::<crate::domain_dominance::account_re_enabled::AccountReEnabled>::NEW,
    &Of::<crate::credential_access::adcs_abuse::AdcsAbuse>::NEW,
    &Of::<crate::domain_dominance::adminsdholder_change::AdminsdholderChange>::NEW,
    &Of::<crate::reconnaissance::adws_enumeration::AdwsEnumeration>::NEW,
    &Of::<crate::credential_access::as_rep_roasting::AsRepRoasting>::NEW,
    &Of::<crate::lateral_movement::attack_path_in_progress::AttackPathInProgress>::NEW,
    &Of::<crate::lateral_movement::bronze_bit::BronzeBit>::NEW,
    &Of::<crate::credential_access::brute_force::BruteForce>::NEW,
    &Of::<crate::credential_access::brute_force_ldap::BruteForceLdap>::NEW,
    &Of::<crate::domain_dominance::certifried::Certifried>::NEW,
    &Of::<crate::posture::cleartext_credentials::CleartextCredentials>::NEW,
    &Of::<crate::credential_access::coercion::Coercion>::NEW,
    &Of::<crate::domain_dominance::dangerous_ace_added::DangerousAceAdded>::NEW,
    &Of::<crate::domain_dominance::dcshadow::Dcshadow>::NEW,
    &Of::<crate::lateral_movement::delegation_abuse::DelegationAbuse>::NEW,
    &Of::<crate::reconnaissance::directory_enumeration::DirectoryEnumeration>::NEW,
    &Of::<crate::domain_dominance::dmsa_abuse::DmsaAbuse>::NEW,
    &Of::<crate::reconnaissance::dns_reconnaissance::DnsReconnaissance>::NEW,
    &Of::<crate::exfiltration::dns_tunnelling::DnsTunnelling>::NEW,
    &Of::<crate::credential_access::dpapi_backup_key::DpapiBackupKey>::NEW,
    &Of::<crate::domain_dominance::dsrm_password_change::DsrmPasswordChange>::NEW,
    &Of::<crate::lateral_movement::encryption_downgrade::EncryptionDowngrade>::NEW,
    &Of::<crate::domain_dominance::esx_admins_group::EsxAdminsGroup>::NEW,
    &Of::<crate::domain_dominance::exposure_increase::ExposureIncrease>::NEW,
    &Of::<crate::domain_dominance::forged_pac::ForgedPac>::NEW,
    &Of::<crate::credential_access::golden_gmsa::GoldenGmsa>::NEW,
    &Of::<crate::domain_dominance::golden_ticket_anomaly::GoldenTicketAnomaly>::NEW,
    &Of::<crate::domain_dominance::golden_ticket_encryption_downgrade::GoldenTicketEncryptionDowngrade>::NEW,
    &Of::<crate::domain_dominance::golden_ticket_nonexistent_account::GoldenTicketNonexistentAccount>::NEW,
    &Of::<crate::domain_dominance::golden_ticket_rbcd::GoldenTicketRbcd>::NEW,
    &Of::<crate::domain_dominance::golden_ticket_time_anomaly::GoldenTicketTimeAnomaly>::NEW,
    &Of::<crate::domain_dominance::gpo_tampering::GpoTampering>::NEW,
    &Of::<crate::credential_access::gpp_password_read::GppPasswordRead>::NEW,
    &Of::<crate::credential_access::honeytoken_activity::HoneytokenActivity>::NEW,
    &Of::<crate::initial_access::impossible_travel::ImpossibleTravel>::NEW,
    &Of::<crate::credential_access::kerberoasting::Kerberoasting>::NEW,
    &Of::<crate::credential_access::key_list::KeyList>::NEW,
    &Of::<crate::credential_access::laps_read::LapsRead>::NEW,
    &Of::<crate::lateral_movement::lateral_movement_path::LateralMovementPath>::NEW,
    &Of::<crate::reconnaissance::ldap_ping_enumeration::LdapPingEnumeration>::NEW,
    &Of::<crate::domain_dominance::log_cleared::LogCleared>::NEW,
    &Of::<crate::domain_dominance::malicious_replication::MaliciousReplication>::NEW,
    &Of::<crate::domain_dominance::massive_deletion::MassiveDeletion>::NEW,
    &Of::<crate::credential_access::netsync::Netsync>::NEW,
    &Of::<crate::domain_dominance::nopac::Nopac>::NEW,
    &Of::<crate::credential_access::ntlm_relay::NtlmRelay>::NEW,
    &Of::<crate::credential_access::ntlm_tampering::NtlmTampering>::NEW,
    &Of::<crate::lateral_movement::overpass_the_hash::OverpassTheHash>::NEW,
    &Of::<crate::lateral_movement::pass_the_hash::PassTheHash>::NEW,
    &Of::<crate::lateral_movement::pass_the_ticket::PassTheTicket>::NEW,
    &Of::<crate::lateral_movement::password_reset_by_acl::PasswordResetByAcl>::NEW,
    &Of::<crate::credential_access::password_spray::PasswordSpray>::NEW,
    &Of::<crate::domain_dominance::primary_group_change::PrimaryGroupChange>::NEW,
    &Of::<crate::lateral_movement::printnightmare::Printnightmare>::NEW,
    &Of::<crate::lateral_movement::rbcd_use::RbcdUse>::NEW,
    &Of::<crate::domain_dominance::rbcd_write::RbcdWrite>::NEW,
    &Of::<crate::lateral_movement::remote_execution::RemoteExecution>::NEW,
    &Of::<crate::credential_access::rogue_pkinit::RoguePkinit>::NEW,
    &Of::<crate::reconnaissance::samr_reconnaissance::SamrReconnaissance>::NEW,
    &Of::<crate::domain_dominance::sensitive_group_change::SensitiveGroupChange>::NEW,
    &Of::<crate::domain_dominance::sensor_tampering::SensorTampering>::NEW,
    &Of::<crate::domain_dominance::shadow_credentials::ShadowCredentials>::NEW,
    &Of::<crate::domain_dominance::sid_history_injection::SidHistoryInjection>::NEW,
    &Of::<crate::lateral_movement::silver_ticket::SilverTicket>::NEW,
    &Of::<crate::domain_dominance::skeleton_key::SkeletonKey>::NEW,
    &Of::<crate::exfiltration::smb_exfiltration::SmbExfiltration>::NEW,
    &Of::<crate::reconnaissance::smb_session_enumeration::SmbSessionEnumeration>::NEW,
    &Of::<crate::credential_access::spn_added_to_user::SpnAddedToUser>::NEW,
    &Of::<crate::lateral_movement::suspicious_logon::SuspiciousLogon>::NEW,
    &Of::<crate::lateral_movement::suspicious_service_creation::SuspiciousServiceCreation>::NEW,
    &Of::<crate::initial_access::suspicious_vpn::SuspiciousVpn>::NEW,
    &Of::<crate::lateral_movement::tier_violation::TierViolation>::NEW,
    &Of::<crate::credential_access::timeroasting::Timeroasting>::NEW,
    &Of::<crate::initial_access::unfamiliar_sign_in::UnfamiliarSignIn>::NEW,
    &Of::<crate::lateral_movement::unusual_protocol::UnusualProtocol>::NEW,
    &Of::<crate::posture::weak_protocol::WeakProtocol>::NEW,
    &Of::<crate::domain_dominance::zerologon::Zerologon>::NEW,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::frame::{Phase, Sensitivity};
    use crate::manual;

    fn folder(phase: Phase) -> &'static str {
        match phase {
            Phase::InitialAccess => "initial_access",
            Phase::Reconnaissance => "reconnaissance",
            Phase::CredentialAccess => "credential_access",
            Phase::LateralMovement => "lateral_movement",
            Phase::DomainDominance => "domain_dominance",
            Phase::Exfiltration => "exfiltration",
            Phase::Posture => "posture",
        }
    }

    #[test]
    fn the_list_is_sorted_and_each_slug_is_its_file() {
        let slugs: Vec<_> = ALL.iter().map(|factory| factory.meta().slug).collect();
        let mut sorted = slugs.clone();
        sorted.sort_unstable();
        assert_eq!(slugs, sorted);
        for factory in ALL {
            let meta = factory.meta();
            let file = format!("src/{}/{}.rs", folder(meta.phase), meta.slug.replace('-', "_"));
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
            assert!(path.exists(), "{file}");
        }
    }

    #[test]
    fn every_file_of_the_phases_is_listed() {
        let listed: BTreeSet<_> = ALL.iter().map(|factory| factory.meta().slug.replace('-', "_")).collect();
        for phase in [
            "initial_access",
            "reconnaissance",
            "credential_access",
            "lateral_movement",
            "domain_dominance",
            "exfiltration",
            "posture",
        ] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(phase);
            for entry in std::fs::read_dir(path).unwrap().map(Result::unwrap) {
                // Findings have a list of their own.
                if entry.file_type().unwrap().is_dir() {
                    continue;
                }
                let name = entry.file_name().into_string().unwrap();
                let stem = name.trim_end_matches(".rs");
                assert!(stem == "mod" || listed.contains(stem), "{phase}/{name} is not in ALL");
            }
        }
    }

    #[test]
    fn every_header_has_every_heading_in_order() {
        for factory in ALL {
            let header = manual::header(factory.meta().source);
            let mut from = 0;
            for heading in manual::HEADINGS {
                let place = header[from..].find(&format!("## {heading}\n"));
                let place = place.unwrap_or_else(|| panic!("{} lacks `## {heading}`", factory.meta().slug));
                from += place;
            }
        }
    }

    #[test]
    fn thresholds_build_at_every_level() {
        for factory in ALL {
            for level in [Sensitivity::High, Sensitivity::Medium, Sensitivity::Low] {
                assert!(factory.build(level, None).is_ok(), "{}", factory.meta().slug);
            }
        }
    }
}
