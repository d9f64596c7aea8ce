//! The records of SharpHound's files, versions 4 to 6, and of the collectors that imitate them. One record serves every
//! type of file: a field that a type lacks is empty. BloodHound `packages/go/ein/incoming_models.go`.

use super::fields::{Bag, Flag, List, Number, Text, records};

records! {
    /// An element of `data`, of any type but `deleted` and `azure`.
    Object {
        id: Text<'a> = "objectidentifier",
        properties: Bag = "properties",
        aces: List<Ace<'a>> = "aces",
        deleted: Flag = "isdeleted",
        acl_protected: Flag = "isaclprotected",
        contained_by: Principal<'a> = "containedby",
        primary_group: Text<'a> = "primarygroupsid",
        allowed_to_delegate: List<Principal<'a>> = "allowedtodelegate",
        spn_targets: List<SpnTarget<'a>> = "spntargets",
        sid_history: List<Principal<'a>> = "hassidhistory",
        domain_sid: Text<'a> = "domainsid",
        unconstrained_delegation: Flag = "unconstraineddelegation",
        members: List<Principal<'a>> = "members",
        allowed_to_act: List<Principal<'a>> = "allowedtoact",
        dump_smsa_password: List<Principal<'a>> = "dumpsmsapassword",
        sessions: Sessions<'a> = "sessions",
        privileged_sessions: Sessions<'a> = "privilegedsessions",
        registry_sessions: Sessions<'a> = "registrysessions",
        local_groups: List<LocalGroup<'a>> = "localgroups",
        local_admins: LocalGroup<'a> = "localadmins",
        remote_desktop_users: LocalGroup<'a> = "remotedesktopusers",
        dcom_users: LocalGroup<'a> = "dcomusers",
        ps_remote_users: LocalGroup<'a> = "psremoteusers",
        user_rights: List<UserRight<'a>> = "userrights",
        dc_registry: DcRegistry<'a> = "dcregistrydata",
        is_dc: Flag = "isdc",
        smb_info: SmbInfo<'a> = "smbinfo",
        web_client: Collected<'a> = "iswebclientrunning",
        ntlm_registry: NtlmRegistry<'a> = "ntlmregistrydata",
        children: List<Principal<'a>> = "childobjects",
        trusts: List<Trust<'a>> = "trusts",
        links: List<GpLink<'a>> = "links",
        gpo_changes: GpoChanges<'a> = "gpochanges",
        inheritance_hashes: List<Text<'a>> = "inheritancehashes",
        hosting_computer: Text<'a> = "hostingcomputer",
        ca_registry: CaRegistry<'a> = "caregistrydata",
        templates: List<Principal<'a>> = "enabledcerttemplates",
        endpoints: List<Endpoint<'a>> = "httpenrollmentendpoints",
        group_link: Principal<'a> = "grouplink",
        computer_sid: Text<'a> = "computersid",
        user_sid: Text<'a> = "usersid",
        logon_type: Number = "logontype",
    }

    /// A reference to an object.
    Principal { id: Text<'a> = "objectidentifier", kind: Text<'a> = "objecttype", }

    /// An access control entry that the collector judged to grant a right.
    Ace {
        principal: Text<'a> = "principalsid",
        kind: Text<'a> = "principaltype",
        right: Text<'a> = "rightname",
        inherited: Flag = "isinherited",
    }

    /// A service principal name that gives a right on its host.
    SpnTarget { computer: Text<'a> = "computersid", port: Number = "port", service: Text<'a> = "service", }

    /// One session.
    Session { computer: Text<'a> = "computersid", user: Text<'a> = "usersid", logon_type: Number = "logontype", }

    /// The sessions that one method found.
    Sessions {
        collected: Flag = "collected",
        failure: Text<'a> = "failurereason",
        results: List<Session<'a>> = "results",
    }

    /// A local group and its members.
    LocalGroup {
        id: Text<'a> = "objectidentifier",
        name: Text<'a> = "name",
        collected: Flag = "collected",
        failure: Text<'a> = "failurereason",
        results: List<Principal<'a>> = "results",
        local_names: List<LocalName<'a>> = "localnames",
    }

    /// A local account's name.
    LocalName { id: Text<'a> = "objectidentifier", name: Text<'a> = "principalname", }

    /// Who holds a user right on a computer.
    UserRight {
        privilege: Text<'a> = "privilege",
        collected: Flag = "collected",
        failure: Text<'a> = "failurereason",
        results: List<Principal<'a>> = "results",
        local_names: List<LocalName<'a>> = "localnames",
    }

    /// A domain controller's registry.
    DcRegistry {
        mapping: RegistryNumber<'a> = "certificatemappingmethods",
        binding: RegistryNumber<'a> = "strongcertificatebindingenforcement",
        netlogon: RegistryText<'a> = "vulnerablenetlogonsecuritydescriptor",
    }

    /// A number of the registry.
    RegistryNumber { collected: Flag = "collected", value: Number = "value", }

    /// A text of the registry.
    RegistryText { collected: Flag = "collected", value: Text<'a> = "value", }

    /// A truth value of the registry.
    RegistryFlag { collected: Flag = "collected", value: Flag = "value", }

    /// The state of SMB signing.
    SmbInfo { collected: Flag = "collected", result: SmbSigning<'a> = "result", }

    /// The state of SMB signing.
    SmbSigning { signing: Flag = "signingenabled", dns_name: Text<'a> = "dnscomputername", os: Text<'a> = "osversion", }

    /// A truth value that was asked of a host.
    Collected { collected: Flag = "collected", result: Flag = "result", }

    /// A computer's NTLM settings.
    NtlmRegistry { collected: Flag = "collected", result: NtlmSettings<'a> = "result", }

    /// A computer's NTLM settings, `[MS-NRPC]` and `MSV1_0` keys.
    NtlmSettings {
        restrict_sending: Number = "restrictsendingntlmtraffic",
        restrict_receiving: Number = "restrictreceivingntlmtraffic",
        require_signature: Number = "requiresecuritysignature",
        enable_signature: Number = "enablesecuritysignature",
        min_server: Number = "ntlmminserversec",
        min_client: Number = "ntlmminclientsec",
        lm_level: Number = "lmcompatibilitylevel",
        use_machine_id: Number = "usemachineid",
        client_allowed: List<Text<'a>> = "clientallowedntlmservers",
    }

    /// A trust, seen from the domain that holds it.
    Trust {
        target: Text<'a> = "targetdomainsid",
        target_name: Text<'a> = "targetdomainname",
        transitive: Flag = "istransitive",
        direction: Text<'a> = "trustdirection",
        kind: Text<'a> = "trusttype",
        sid_filtering: Flag = "sidfilteringenabled",
        tgt_delegation: Flag = "tgtdelegationenabled",
        attributes: Number = "trustattributes",
    }

    /// A linked policy.
    GpLink { gpo: Text<'a> = "guid", enforced: Flag = "isenforced", }

    /// What the policies of a container do to the local groups of the computers in it.
    GpoChanges {
        local_admins: List<Principal<'a>> = "localadmins",
        remote_desktop_users: List<Principal<'a>> = "remotedesktopusers",
        dcom_users: List<Principal<'a>> = "dcomusers",
        ps_remote_users: List<Principal<'a>> = "psremoteusers",
        computers: List<Principal<'a>> = "affectedcomputers",
    }

    /// An authority's registry.
    CaRegistry {
        security: CaSecurity<'a> = "casecurity",
        restrictions: AgentRestrictions<'a> = "enrollmentagentrestrictions",
        user_specifies_san: RegistryFlag<'a> = "isuserspecifiessanenabled",
        role_separation: RegistryFlag<'a> = "roleseparationenabled",
    }

    /// The security descriptor of the service itself.
    CaSecurity { collected: Flag = "collected", data: List<Ace<'a>> = "data", }

    /// Who may be an enrollment agent for what.
    AgentRestrictions { collected: Flag = "collected", restrictions: List<AgentRestriction<'a>> = "restrictions", }

    /// One entry of it.
    AgentRestriction {
        access: Text<'a> = "accesstype",
        agent: Principal<'a> = "agent",
        all_templates: Flag = "alltemplates",
        template: Principal<'a> = "template",
    }

    /// A web enrolment address that was tried.
    Endpoint { collected: Flag = "collected", result: EndpointState<'a> = "result", }

    /// What was found there.
    EndpointState {
        url: Text<'a> = "url",
        http: Flag = "adcswebenrollmenthttp",
        https: Flag = "adcswebenrollmenthttps",
        epa: Flag = "adcswebenrollmentepa",
    }
}
