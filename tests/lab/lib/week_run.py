"""Plays the story of lib/week.py live, one capture (on the switch) and one set of audit logs per file, in the order
of the story. Leaves OUT/NAME.pcap, NAME.marks.json (when each step really ran), NAME.audit.jsonl,
NAME.srv1.audit.jsonl, and once the directory (OUT/directory/, by rusthound-ce) as it was before the first step.
`compose-week` moves the clock afterwards.
"""
import json
import os
import re
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import runner  # noqa: E402
import week  # noqa: E402

E, LAB, HOME = os.environ, runner.LAB, runner.HOME
# Longer than the slowest answer still under way when a step's command returns (0.1 s seen), so that a step's
# packets lie between its own start and the next one's.
PAUSE_SECS = 0.4


def context():
    ctx = runner.context()
    truth = json.load(open(os.path.join(LAB, "directory.json"), encoding="utf-8"))
    regular = [a for a in truth["accounts"] if not a["tags"]][:300]
    # people of the three offices in one time zone, from behind those that scenarios.py uses
    cast = [a for a in regular[60:120] if re.search("OU=(Paris|Berlin|Z\u00fcrich),", a["dn"])]
    for i, a in enumerate(cast[:week.CAST]):
        ctx["s%d" % i], ctx["q%d" % i] = a["sam"], a["password"]
    ctx["wordlist_spray"] = os.path.join(LAB, "wordlists", "spray.txt")
    with open(ctx["wordlist_spray"], "w", encoding="utf-8") as f:
        f.write("\n".join(a["sam"] for a in regular[120:180]) + "\n")
    return ctx


def must(node, command, ctx):
    r = runner.sh(node, command.format(**ctx))
    if r["rc"]:
        sys.exit("set-up step failed: %s\n%s" % (command, r["output_tail"]))


def prepare(ctx):
    """The two workstations get computer accounts, and srv1 its place among the servers (whose GPO names its local
    administrators) and a DNS name: without them the directory hardly knows the three hosts that the story happens on."""
    for n in ("ws1", "ws2"):
        name = n.upper()
        must("dc1", "samba-tool computer create %s --computerou='OU=Workstations,OU=Corp'" % name, ctx)
        must("dc1", "samba-tool user setpassword '%s$' --newpassword='M@chine-%s-01'" % (name, name), ctx)
        for spn in ("HOST/" + name, "HOST/%s.{dns}" % n, "RestrictedKrbHost/" + name, "RestrictedKrbHost/%s.{dns}" % n):
            must("dc1", "samba-tool spn add '%s' '%s$'" % (spn, name), ctx)
    must("dc1", "samba-tool computer move SRV1 'OU=Servers,OU=Corp'", ctx)
    must("dc1", "samba-tool spn add HOST/srv1.{dns} 'SRV1$'", ctx)
    for n, ou, system in (("ws1", "Workstations", "Windows 11 Enterprise"), ("ws2", "Workstations", "Windows 11 Enterprise"), ("srv1", "Servers", "Samba")):
        must("dc1", "printf 'dn: CN=%s,OU=%s,OU=Corp,{base}\\nchangetype: modify\\nreplace: dNSHostName\\ndNSHostName: %s.{dns}\\n-\\nreplace: operatingSystem\\n"
             "operatingSystem: %s\\n' | ldbmodify -H /var/lib/samba/private/sam.ldb" % (n.upper(), ou, n, system), ctx)


def collect(ctx, out):
    d = os.path.join(out, "directory")
    shutil.rmtree(d, ignore_errors=True)
    os.makedirs(d)
    r = runner.sh("ws1", "cd '%s' && rusthound-ce -d {dns} -u Administrator@{dns} -p '{admin_pw}' -i {dc} -f dc1.{dns} -o '%s'".format(**ctx) % (d, d))
    if not os.listdir(d):
        sys.exit("no directory collected (rusthound-ce missing? see install): %s" % r["output_tail"])
    with open(os.path.join(out, "directory-collected-at"), "w", encoding="utf-8") as f:
        f.write("%f\n" % time.time())


def play(entry, ctx, out):
    name = entry["name"]
    work = os.path.join(LAB, "work", name)
    os.makedirs(work, exist_ok=True)
    if entry["first_of_day"]:
        for n in ("ws1", "ws2", "srv1"):  # a new day: yesterday's tickets are gone
            tmp = os.path.join(LAB, "nodes", n, "tmp")
            for f in os.listdir(tmp):
                if f.startswith("cc."):
                    os.remove(os.path.join(tmp, f))
    sizes = runner.log_sizes()
    cap = runner.Capture(os.path.join(out, name + ".pcap"), "switch", entry.get("max_frames"))
    marks, failed = [], 0
    for at, node, command in entry["steps"]:
        t = time.time()
        r = runner.sh(node, command.format(**ctx), work)
        r.update(at="%sT%sZ" % (entry["day"], at), start=t, end=time.time())
        failed += 1 if r["rc"] and not entry.get("source") else 0
        if r["rc"]:
            print("   rc %d: %s\n      %s" % (r["rc"], r["command"][:150], r["output_tail"][-300:]))
        marks.append(r)
        time.sleep(PAUSE_SECS)
    dropped = cap.stop()
    logs = runner.log_slice(sizes)
    for suffix, keys in (("", (("dc1", "auth_json_audit.log"), ("dc1", "dsdb_json_audit.log"))), (".srv1", (("srv1", "auth_json_audit.log"),))):
        events = sorted((e for k in keys for e in logs.get(k, [])), key=lambda e: e.get("timestamp", ""))
        with open(os.path.join(out, "%s%s.audit.jsonl" % (name, suffix)), "w", encoding="utf-8") as h:
            h.writelines(json.dumps(e, ensure_ascii=False) + "\n" for e in events)
    ok = True
    for what, flt, least in entry["verify"]:
        n, err = runner.tshark(os.path.join(out, name + ".pcap"), flt)
        good = n == 0 if least < 0 else n >= least
        ok &= good
        if not good:
            print("   NOT VERIFIED %s: %d frames of %s %s" % (what, n, flt, err))
    with open(os.path.join(out, name + ".marks.json"), "w", encoding="utf-8") as h:
        json.dump({"steps": marks, "dropped_by_kernel": dropped, "verified": ok, "versions": runner.versions(),
                   "cast": [ctx["s%d" % i] for i in range(week.CAST)]}, h, indent=1, ensure_ascii=False)
    size = os.path.getsize(os.path.join(out, name + ".pcap"))
    print("%-40s %2d steps %8d B  failed %d  dropped %d  %s" % (name, len(marks), size, failed, dropped, "ok" if ok and not failed else "LOOK"))
    sys.stdout.flush()
    return ok and not failed


def main():
    out = os.path.abspath(sys.argv[1])
    only = sys.argv[2:]
    os.makedirs(out, exist_ok=True)
    ctx = context()
    if not only:
        prepare(ctx)
        collect(ctx, out)
    good = [play(e, ctx, out) for e in week.FILES if not only or e["name"] in only]
    shutil.copy(os.path.join(LAB, "directory.json"), os.path.join(out, "directory.truth"))
    print("%d files, %d not as intended" % (len(good), good.count(False)))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
