# Shared settings and helpers of the AD lab. Sourced by every bash script; the python parts get the
# same values from the environment (everything here is exported).
#
# Topology (nothing of it is reachable from, or can reach, anything outside the machine):
#
#   netns <LAB_NAME>-sw : a bridge "br0" = the switch. No address, no uplink.
#   netns <LAB_NAME>-dc1  10.77.0.10  Samba AD DC              (capture point "dc": its eth0)
#   netns <LAB_NAME>-dc2   10.77.0.11  empty; the scenario dc-replication makes it a second DC
#   netns <LAB_NAME>-srv1 10.77.0.30  Samba domain member, file server
#   netns <LAB_NAME>-ws1  10.77.0.21  client / attacker 1
#   netns <LAB_NAME>-ws2  10.77.0.22  client / attacker 2

: "${LAB_NAME:=adlab}"
: "${LAB_DIR:=/var/tmp/$LAB_NAME}"
: "${LAB_VENV:=/opt/adlab/venv}"
: "${LAB_VENV_CE:=/opt/adlab/venv-ce}"
: "${LAB_TOOLS:=/opt/adlab/tools}"
: "${LAB_REALM:=LAB.EXAMPLE}"
: "${LAB_DOMAIN:=LAB}"
: "${LAB_ADMIN_PASSWORD:=Adm1n-Lab-Pass!}"
: "${LAB_SEED:=20260101}"
LAB_DNS_DOMAIN=${LAB_REALM,,}
LAB_BASE_DN="DC=${LAB_DNS_DOMAIN//./,DC=}"
LAB_DC_IP=10.77.0.10 LAB_SRV_IP=10.77.0.30 LAB_WS1_IP=10.77.0.21 LAB_WS2_IP=10.77.0.22
LAB_HOME=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
RUSTHOUND_VERSION=2.5.30
RUSTHOUND_APT=(clang libclang-dev libkrb5-dev pkg-config libssl-dev)
export LAB_NAME LAB_DIR LAB_VENV LAB_VENV_CE LAB_TOOLS LAB_REALM LAB_DOMAIN LAB_DNS_DOMAIN LAB_BASE_DN \
  LAB_ADMIN_PASSWORD LAB_SEED LAB_DC_IP LAB_SRV_IP LAB_WS1_IP LAB_WS2_IP LAB_DC2_IP LAB_HOME RUSTHOUND_VERSION
# the lab writes to LAB_DIR and to the folder it is told, never next to its scripts
export PYTHONDONTWRITEBYTECODE=1

LAB_DC2_IP=10.77.0.11
NODES=(dc1 dc2 srv1 ws1 ws2)
node_ip() { case $1 in dc2) echo $LAB_DC2_IP ;; dc1) echo $LAB_DC_IP ;; srv1) echo $LAB_SRV_IP ;; ws1) echo $LAB_WS1_IP ;; ws2) echo $LAB_WS2_IP ;; esac; }

log() { printf '[%s] %s\n' "$(date +%T)" "$*" >&2; }
warn() { log "WARNING: $*"; }
die() { log "ERROR: $*"; exit 1; }
need_root() { [ "$(id -u)" = 0 ] || die "run as root (network and mount namespaces)"; }

# Runs a command "on" a node: its network namespace, its host name, its own /etc/samba,
# /var/lib/samba, /run/samba ..., /etc/krb5.conf, /etc/resolv.conf, /etc/hosts.
on() { local node=$1; shift; "$LAB_HOME/on" "$node" "$@"; }

# Daemons run in the foreground (-F, not -i: only a daemon that is not "interactive" writes its log classes to
# their own files) and are known by the pid kept in LAB_DIR/pids.
start_daemon() {
  local name=$1 node=${1%%-*} cmd
  case $name in dc1) cmd=samba ;; dc2) cmd=samba ;; srv1-winbindd) cmd=winbindd ;; srv1-smbd) cmd=smbd ;; *) die "no daemon $name" ;; esac
  # a session of its own: on SIGTERM samba signals its whole process group, which would be the caller of "up"
  setsid "$LAB_HOME/on" "$node" "$cmd" -F --no-process-group >>"$LAB_DIR/logs/$name.log" 2>&1 </dev/null &
  echo $! >"$LAB_DIR/pids/$name"
}
stop_daemon() {
  local p; p=$(cat "$LAB_DIR/pids/$1")
  kill "$p" 2>/dev/null || true
  for _ in $(seq 1 50); do kill -0 "$p" 2>/dev/null || return 0; sleep 0.1; done
  kill -9 "$p" 2>/dev/null || true
}
