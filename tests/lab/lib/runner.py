"""Runs scenarios: capture on the mirror point, run the steps, stop, cut the audit logs, verify with tshark, write the label.

runner.py benign|attack NAME...|all|--list [--out DIR]
"""
import argparse
import datetime
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import scenarios  # noqa: E402

E = os.environ
HOME, LAB = E["LAB_HOME"], E["LAB_DIR"]
ON = os.path.join(HOME, "on")
IP = {"dc1": E["LAB_DC_IP"], "dc2": E["LAB_DC2_IP"], "srv1": E["LAB_SRV_IP"], "ws1": E["LAB_WS1_IP"], "ws2": E["LAB_WS2_IP"]}


def sh(node, cmd, cwd=None, timeout=240):
    env = dict(E, PATH="%s/lib/tools:%s/bin:%s" % (HOME, E["LAB_TOOLS"], E["PATH"]), KRB5CCNAME="")
    env.pop("KRB5CCNAME")
    t = time.time()
    try:
        p = subprocess.run([ON, node, "bash", "-c", cmd], cwd=cwd or LAB, env=env, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
        rc, out = p.returncode, p.stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired as e:
        rc, out = 124, (e.stdout or b"").decode("utf-8", "replace")
    out = "\n".join(x for x in out.splitlines() if x.strip() and not re.match(r"(Impacket v|lpcfg_do_global|WARNING: The option)", x))
    return {"node": node, "ip": IP[node], "command": cmd, "rc": rc, "seconds": round(time.time() - t, 2), "output_tail": out[-900:]}


def keys():
    """Kerberos keys of the whole domain; the keytab is also kept, so that tshark -K can decrypt the captures."""
    kt = os.path.join(LAB, "lab.keytab")
    if not os.path.exists(kt):
        subprocess.run([ON, "dc1", "samba-tool", "domain", "exportkeytab", kt], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    out = subprocess.run(["klist", "-kKe", kt], check=True, capture_output=True, text=True).stdout
    r = {}
    for m in re.finditer(r"^\s*\d+ (\S+)@\S+ \((?:DEPRECATED:)?([\w-]+)\)\s+\(0x([0-9a-f]+)\)", out, re.M):
        r.setdefault(m.group(1).lower(), {})[m.group(2)] = m.group(3)
    return r


def nt_hash(account):
    """The keytab has no RC4 key for krbtgt: read its NT hash from the database."""
    code = ("import sys;from samba.auth import system_session;from samba.param import LoadParm;from samba.samdb import SamDB;"
            "lp=LoadParm();lp.load('/etc/samba/smb.conf');s=SamDB(url='/var/lib/samba/private/sam.ldb',session_info=system_session(),lp=lp);"
            "print(s.search(expression='sAMAccountName='+sys.argv[1],attrs=['unicodePwd'])[0]['unicodePwd'][0].hex())")
    return subprocess.run([ON, "dc1", "/usr/bin/python3", "-c", code, account], check=True, capture_output=True, text=True).stdout.split()[-1]


def context():
    d = json.load(open(os.path.join(LAB, "directory.json"), encoding="utf-8"))
    k = keys()
    regular = [a for a in d["accounts"] if not a["tags"]][:300]
    c = {"dc": IP["dc1"], "dc2": IP["dc2"], "srv": IP["srv1"], "ws1": IP["ws1"], "ws2": IP["ws2"], "dns": E["LAB_DNS_DOMAIN"], "realm": E["LAB_REALM"],
         "base": E["LAB_BASE_DN"], "sid": d["domain_sid"], "admin_pw": E["LAB_ADMIN_PASSWORD"], "lab": LAB, "ws1_tmp": os.path.join(LAB, "nodes/ws1/tmp")}
    for i in range(60):
        c["u%d" % i], c["p%d" % i] = regular[i]["sam"], regular[i]["password"]
    for a in d["accounts"]:
        n = re.sub(r"\W", "_", a["sam"].lower())
        c["pw_" + n], c["sid_" + n] = a["password"], a.get("sid")

    def key(princ, etype):
        return k.get(princ.lower(), {}).get(etype, "")

    c.update(aes_krbtgt=key("krbtgt/" + E["LAB_REALM"], "aes256-cts-hmac-sha1-96") or key("krbtgt", "aes256-cts-hmac-sha1-96"),
             nt_krbtgt=nt_hash("krbtgt"),
             nt_adm_bruno=key("adm.bruno", "arcfour-hmac"), aes_adm_bruno=key("adm.bruno", "aes256-cts-hmac-sha1-96"),
             aes_srv1=key("srv1$", "aes256-cts-hmac-sha1-96"), aes_dc1=key("dc1$", "aes256-cts-hmac-sha1-96"))
    rnd = random.Random(int(E["LAB_SEED"]))
    w = os.path.join(LAB, "wordlists")
    os.makedirs(w, exist_ok=True)
    real = [a["sam"] for a in regular]
    fake = ["%s%s%d" % (rnd.choice("abcdefghjkmnprst"), rnd.choice(["smith", "jones", "brown", "lee", "wong", "diaz", "kim", "roy"]), i) for i in range(80)]
    names = fake + real[60:100]
    rnd.shuffle(names)
    short = fake[:30] + real[100:120]
    rnd.shuffle(short)
    lists = {"names": names, "names_short": short, "users": real[120:180] + ["asrep.user"], "asrep": real[200:208] + ["asrep.user", "nobody.here"],
             "passwords": ["Wrong-Guess-%02d!" % i for i in range(30)]}
    for n, v in lists.items():
        c["wordlist_" + n] = os.path.join(w, n + ".txt")
        with open(c["wordlist_" + n], "w", encoding="utf-8") as f:
            f.write("\n".join(v) + "\n")
    c["smbcmds"] = os.path.join(w, "smb-commands.txt")
    with open(c["smbcmds"], "w") as f:
        f.write("shares\nuse IPC$\nexit\n")
    return c


LOGS = [("dc1", "auth_json_audit.log"), ("dc1", "dsdb_json_audit.log"), ("srv1", "auth_json_audit.log")]


def log_path(node, name):
    return os.path.join(LAB, "nodes", node, "var/log/samba", name)


def log_sizes():
    return {x: os.path.getsize(log_path(*x)) if os.path.exists(log_path(*x)) else 0 for x in LOGS}


def log_slice(before):
    out = {}
    for x in LOGS:
        if not os.path.exists(log_path(*x)):
            continue
        with open(log_path(*x), "rb") as f:
            f.seek(before[x])
            text = f.read().decode("utf-8", "replace")
        ev = []
        for line in text.splitlines():
            i = line.find("{")
            if i >= 0:
                try:
                    ev.append(json.loads(line[i:]))
                except ValueError:
                    pass
        out[x] = ev
    return out


class Capture:
    def __init__(self, path, point, max_frames=None):
        ns, dev = (E["LAB_NAME"] + "-sw", "br0") if point == "switch" else (E["LAB_NAME"] + "-dc1", "eth0")
        self.p = subprocess.Popen(["ip", "netns", "exec", ns, "tcpdump", "-Z", "root", "-i", dev, "-n", "-s", "0", "-U", "--immediate-mode", "-B", "8192", "-w", path] + (["-c", str(max_frames)] if max_frames else []),
                                  stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        line = b""
        while b"listening on" not in line:
            line = self.p.stderr.readline()
            if not line:
                raise RuntimeError("tcpdump did not start")

    def stop(self):
        time.sleep(0.6)
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGINT)
        err = self.p.stderr.read().decode()
        self.p.wait()
        m = re.search(r"(\d+) packets dropped by kernel", err)
        return int(m.group(1)) if m else 0


def tshark(pcap, flt):
    p = subprocess.run(["tshark", "-n", "-r", pcap, "-Y", flt, "-T", "fields", "-e", "frame.number"], capture_output=True, text=True)
    if p.returncode not in (0,) and "cut short" not in p.stderr:
        return -1, [x for x in p.stderr.strip().splitlines() if "root" not in x][-1:]
    return len(p.stdout.split()), []


VERSIONS = {}


def versions():
    if not VERSIONS:
        for line in subprocess.run([os.path.join(HOME, "versions")], capture_output=True, text=True).stdout.splitlines():
            for sep in ("==", " "):
                if sep in line and not line.startswith("#"):
                    n, v = line.split(sep, 1)
                    VERSIONS[n] = v
                    break
    keep = ("samba", "smbclient", "krb5-user", "ldap-utils", "bind9-dnsutils", "impacket", "ldap3", "bloodhound", "rusthound-ce", "tshark", "tcpdump")
    return {k: VERSIONS[k] for k in keep if k in VERSIONS}


def iso(t):
    return datetime.datetime.fromtimestamp(t, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def run(s, ctx, out):
    name = s["name"]

    def f(x):
        return x.format(**ctx) if isinstance(x, str) else x

    work = os.path.join(LAB, "work", name)
    os.makedirs(work, exist_ok=True)
    for n in ("ws1", "ws2"):
        for x in ("krb5cc",):
            p = os.path.join(LAB, "nodes", n, "tmp", x)
            if os.path.exists(p):
                os.remove(p)
    for node, cmd in s.get("before", []):
        r = sh(node, f(cmd), work)
        if r["rc"]:
            print("   set-up step failed: %s\n      %s" % (cmd[:100], r["output_tail"][-300:]))
    if s.get("before"):
        time.sleep(1)  # let its audit lines reach the disk before the slice begins
    pcap = os.path.join(out, name + ".pcap")
    point = s.get("point", "dc")
    sizes = log_sizes()
    cap = Capture(pcap, point, s.get("max_frames"))
    t0 = time.time()
    steps = [sh(node, f(cmd), work) for node, cmd in s["steps"]]
    t1 = time.time()
    dropped = cap.stop()
    logs = log_slice(sizes)
    for node, cmd in s.get("after", []):
        r = sh(node, f(cmd), work)
        if r["rc"]:
            print("   clean-up step failed: %s\n      %s" % (cmd, r["output_tail"][-300:]))
    for what in s.get("restart", []):
        subprocess.run([os.path.join(HOME, "lib/restart.sh"), what], check=True)
    events = sorted(logs.get(("dc1", "auth_json_audit.log"), []) + logs.get(("dc1", "dsdb_json_audit.log"), []), key=lambda e: e.get("timestamp", ""))
    audit = os.path.join(out, name + ".audit.jsonl")
    with open(audit, "w", encoding="utf-8") as h:
        for e in events:
            h.write(json.dumps(e, ensure_ascii=False) + "\n")
    srv_ev = logs.get(("srv1", "auth_json_audit.log"), [])
    if srv_ev:
        with open(os.path.join(out, name + ".srv1.audit.jsonl"), "w", encoding="utf-8") as h:
            for e in srv_ev:
                h.write(json.dumps(e, ensure_ascii=False) + "\n")
    verified = []
    for what, flt, least in s["verify"]:
        n, err = tshark(pcap, flt)
        ok = n == 0 if least < 0 else n >= least
        verified.append({"what": what, "tshark_filter": flt, "frames": n, "at_least": max(least, 0), "must_be_absent": least < 0, "ok": ok})
        if err:
            verified[-1]["error"] = err
    frames, _ = tshark(pcap, "frame")
    types = {}
    for e in events:
        k = e.get("type", "?")
        if k == "Authentication":
            k = "Authentication:%s:%s" % (e[k].get("serviceDescription"), e[k].get("status"))
        types[k] = types.get(k, 0) + 1
    attackers = sorted({n for n, _ in s["steps"] if n in ("ws1", "ws2")})
    label = {
        "schema": 1, "scenario": name, "kind": s["kind"], "technique": s.get("technique", []), "expected_detection": s.get("expected"),
        "attacker" if s["kind"] == "attack" else "source": {"hosts": [{"host": n, "ip": IP[n]} for n in attackers], "account": f(s.get("account", "intern.ian"))},
        "victim": {"host": s.get("victim", "dc1"), "ip": IP[s.get("victim", "dc1")], "account": f(s.get("victim_account"))},
        "start": iso(t0), "end": iso(t1), "tool": s.get("tool"), "versions": versions(), "commands": steps,
        "samba_result": s.get("result", "full"), "notes": s.get("notes"),
        "capture": {"file": name + ".pcap", "point": point, "cut_after_frames": s.get("max_frames"), "frames": frames, "bytes": os.path.getsize(pcap), "dropped_by_kernel": dropped},
        "audit": {"file": name + ".audit.jsonl", "events": len(events), "by_type": types, "srv1_events": len(srv_ev)},
        "verified": verified, "all_verified": all(v["ok"] for v in verified),
    }
    with open(os.path.join(out, name + ".json"), "w", encoding="utf-8") as h:
        json.dump(label, h, indent=1, ensure_ascii=False)
        h.write("\n")
    print("%-42s %-7s %6.1f s %6d frames %8d B  audit %4d  %s" % (
        name, s["kind"], t1 - t0, frames, label["capture"]["bytes"], len(events),
        "ok" if label["all_verified"] else "NOT VERIFIED: " + "; ".join("%s=%d%s" % (v["what"], v["frames"], " " + str(v.get("error")) if v.get("error") else "") for v in verified if not v["ok"])))
    sys.stdout.flush()
    return label["all_verified"]


def write_index(out):
    idx = []
    for n in sorted(os.listdir(out)):
        if n.endswith(".json") and n != "index.json":
            j = json.load(open(os.path.join(out, n), encoding="utf-8"))
            idx.append({k: j.get(k) for k in ("scenario", "kind", "technique", "expected_detection", "samba_result", "start", "end", "all_verified")}
                       | {"capture_point": j["capture"]["point"], "frames": j["capture"]["frames"], "bytes": j["capture"]["bytes"], "audit_events": j["audit"]["events"]})
    with open(os.path.join(out, "index.json"), "w", encoding="utf-8") as h:
        json.dump(idx, h, indent=1, ensure_ascii=False)
        h.write("\n")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("kind", choices=("benign", "attack"))
    ap.add_argument("names", nargs="*")
    ap.add_argument("--list", action="store_true")
    ap.add_argument("--out", default=os.path.join(LAB, "captures"))
    a = ap.parse_args()
    pool = scenarios.B if a.kind == "benign" else scenarios.A
    if a.list or not a.names:
        for s in pool:
            print("%-42s %-10s %s" % (s["name"], s.get("result", "full"), s.get("expected")))
        return 0
    os.makedirs(a.out, exist_ok=True)
    out = os.path.abspath(a.out)
    by = {s["name"]: s for s in pool}
    todo = pool if a.names == ["all"] else []
    if not todo:
        for n in a.names:
            if n not in by:
                sys.exit("no %s scenario %r (see --list)" % (a.kind, n))
            todo.append(by[n])
    for s in [s for s in todo if s.get("needs") and not shutil.which(os.path.join(E["LAB_TOOLS"], "bin", s["needs"]))]:
        if a.names != ["all"]:
            sys.exit("%s needs %s: ./install with LAB_WITH_RUSTHOUND=1" % (s["name"], s["needs"]))
        print("%-42s skipped: needs %s (./install with LAB_WITH_RUSTHOUND=1)" % (s["name"], s["needs"]))
        todo = [x for x in todo if x is not s]
    ctx = context()
    bad = []
    for s in todo:
        try:
            if not run(s, ctx, out):
                bad.append(s["name"])
        except Exception as e:  # noqa: BLE001 - one broken scenario must not hide the others
            print("%-42s FAILED %r" % (s["name"], e))
            bad.append(s["name"])
    shutil.copy(os.path.join(LAB, "directory.json"), os.path.join(out, "directory.truth"))
    shutil.copy(os.path.join(LAB, "lab.keytab"), out)
    write_index(out)
    print("%d scenarios, %d not verified%s" % (len(todo), len(bad), ": " + ", ".join(bad) if bad else ""))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
