#!/bin/bash
# Builds two versions of the package with throw-away keys, installs the first in a fresh Debian, charges simulated cars
# with it, updates it to the second over HTTP, removes it, purges it. Prints a table of what was checked; exit status 0
# when all of it holds. As root; nothing stays mounted or running: it all lives in name spaces that end with it.
# usage: scripts/test_install.sh [--suite bookworm|jammy] [--no-update] [--keep DIR]
#   --suite      which system is installed into (default: bookworm, and jammy when its archive can be had)
#   --no-update  leave the update over HTTP out
#   --keep       copy packages and logs there
#   --committed  build what is committed instead of what lies in the work tree
#   --packages   take the packages that an earlier run kept instead of building
# The base systems and their packages are kept in ${XDG_CACHE_HOME:-~/.cache}/chargepoint.
set -uo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/chargepoint
arch=$(dpkg --print-architecture)
first=0.9.0.1 second=0.9.0.2
say() { echo "test_install: $*" >&2; }

# What was checked: lines "ok|NO|--<tab>suite<tab>what<tab>seconds<tab>why".
note() { printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$suite" "$2" "$3" "$4" >>"$work/results"; }
check() { # check WHAT COMMAND...: with a limit of time; what it said goes to the table when it fails
    local what=$1 begin=$EPOCHREALTIME status
    shift
    set -m # a group of its own, so that all of it can be ended
    "$@" >"$work/said" 2>&1 </dev/null &
    local job=$! took
    set +m
    { sleep "${limit:-60}" && echo "not within ${limit:-60} s" >>"$work/said" && kill -KILL -- "-$job"; } >/dev/null 2>&1 &
    local guard=$!
    wait "$job"
    status=$?
    pkill -P "$guard" 2>/dev/null
    kill "$guard" 2>/dev/null
    wait "$guard" 2>/dev/null
    took=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
    { echo "== $what: exit status $status, $took s"; cat "$work/said"; } >>"$work/log"
    if [ $status -eq 0 ]; then
        note ok "$what" "$took" "${tell:+$(tail -n 1 "$work/said")}"
    else
        note NO "$what" "$took" "status $status: $(tail -n 3 "$work/said" | tr '\n\t' '  ' | cut -c1-300)"
        say "NO: $what"
    fi
    return $status
}
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive HOME=/root "$@"; }

# --------------------------------------------------------------------------------------------- in its own name spaces
system_up() {
    mkdir -p "$root"
    tar -C "$root" -xzf "$cache/$suite-$arch.tar.gz" || return 1
    mount -t proc proc "$root/proc" && mount -t sysfs -o ro sysfs "$root/sys" && mount -t tmpfs tmpfs "$root/run" || return 1
    mount -t tmpfs -o mode=755 tmpfs "$root/dev" && mkdir "$root/dev/pts" "$root/dev/shm" || return 1
    mount -t tmpfs tmpfs "$root/dev/shm"
    local gid
    gid=$(awk -F: '$1 == "dialout" { print $3 }' "$root/etc/group")
    mount -t devpts -o "newinstance,ptmxmode=666,mode=660,gid=$gid" devpts "$root/dev/pts" || return 1
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    mknod -m 666 "$root/dev/null" c 1 3 && mknod -m 666 "$root/dev/zero" c 1 5 && mknod -m 666 "$root/dev/random" c 1 8 &&
        mknod -m 666 "$root/dev/urandom" c 1 9 && mknod -m 666 "$root/dev/tty" c 5 0
    mkdir -p "$cache/archives-$suite/partial"
    mount --bind "$cache/archives-$suite" "$root/var/cache/apt/archives" || return 1
    # Docker's and other bases delete what they have installed; here it is kept for the next run.
    rm -f "$root"/etc/apt/apt.conf.d/docker-clean
    echo 'Binary::apt::APT::Keep-Downloaded-Packages "true";' >"$root/etc/apt/apt.conf.d/99keep"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" && chmod 755 "$root/usr/sbin/policy-rc.d"
    cp "$work"/packages/*.deb "$root/root/"
}

accounts_are_right() {
    local name
    for name in hub station ocpp rfid hmi fota diag discovery webconfig; do
        inside getent passwd "chargepoint-$name" | grep -q ':/usr/sbin/nologin$' || { echo "no account $name" && return 1; }
    done
    inside id -nG chargepoint-station | grep -qw dialout || { echo "station: no dialout" && return 1; }
    inside id -nG chargepoint-hmi | grep -qw video || { echo "hmi: no video" && return 1; }
    ! inside id -nG chargepoint-webconfig | grep -qwE 'dialout|video|input' || { echo "webconfig has devices" && return 1; }
}
modes_are() { # lines "PATH MODE OWNER GROUP"
    local path mode rest wrong=0
    while read -r path mode rest; do
        [ "$(inside stat -c '%a %U %G' "$path")" = "$mode $rest" ] && continue
        echo "$path: $(inside stat -c '%a %U %G' "$path" 2>&1), not $mode $rest"
        wrong=1
    done
    return $wrong
}
modes_are_right() {
    modes_are <<END
/etc/chargepoint 1775 root chargepoint-hub
/etc/chargepoint/trust.json 644 root root
/etc/chargepoint/product.key 600 root root
/var/lib/chargepoint 755 root root
/var/lib/chargepoint-slots 755 root root
/var/log/chargepoint 2770 root chargepoint
/opt/chargepoint/app/release.json 644 root root
/opt/chargepoint/bin/start.sh 755 root root
END
}
nothing_is_writable() { # by other accounts than root, and no set-user-id
    local found
    found=$(inside find /opt/chargepoint /usr/bin/chargepoint -not -type l \( -perm /6022 -o -not -user root \) -print)
    echo "$found" | head -n 3
    [ -z "$found" ]
}
hub_cannot_touch_keys() {
    inside su -s /bin/sh chargepoint-hub -c 'touch /etc/chargepoint/probe && rm /etc/chargepoint/probe' || return 1
    ! inside su -s /bin/sh chargepoint-hub -c 'rm -f /etc/chargepoint/trust.json || mv /etc/chargepoint/product.key /etc/chargepoint/x' &&
        inside test -s /etc/chargepoint/trust.json -a -s /etc/chargepoint/product.key
}
units_are_right() {
    inside systemd-analyze verify /usr/lib/systemd/system/chargepoint.service /usr/lib/systemd/system/chargepoint-kiosk.service
}
no_paths_of_the_build() {
    ! inside grep -rIlE "$(printf '%s' "$work" | sed 's/[.[\*^$+?(){|]/\\&/g')|/tmp/tmp\." /opt/chargepoint/app | grep .
}
station_file() { # the demo's station, its wires where the accounts of services reach them, found by its own server
    inside sed -e 's|^device = "run/|device = "/run/wires/|' /usr/share/chargepoint/examples/demo.toml >"$work/station.toml"
    printf '\n[update]\ncheck_s = 10\n' >>"$work/station.toml"
    install -m 644 "$work/station.toml" "$root/etc/chargepoint/station.toml"
    inside systemd-tmpfiles --create /usr/lib/tmpfiles.d/chargepoint.conf
    inside chargepoint check /etc/chargepoint/station.toml
}

part_install() {
    limit=120 check "base system" system_up || return 1
    limit=300 check "apt update" inside apt-get -q update || return 1
    limit=500 check "dependencies from the archive" inside apt-get install -q -y --no-install-recommends python3.11 python3 systemd \
        ca-certificates tzdata libpcsclite1 init-system-helpers || return 1
    limit=120 check "install $first" inside apt-get install -q -y --no-install-recommends "/root/chargepoint_${first}_$arch.deb" || return 1
    check "accounts and groups" accounts_are_right
    check "owners and modes" modes_are_right
    check "program: root's, no set-user-id" nothing_is_writable
    check "keys safe from the hub's account" hub_cannot_touch_keys
    check "units verify" units_are_right
    check "no paths of the build" no_paths_of_the_build
    tell=1 check "chargepoint --version" inside chargepoint --version
    check "contact and time of support" inside sh -c 'chargepoint version | grep -q security@maker.example &&
        chargepoint version | grep -q 2099-12-31'
    check "chargepoint --help" inside chargepoint --help
    check "all modules load" inside /opt/chargepoint/app/bin/python -I -c 'import importlib
for name in ("station.service", "hub", "helper", "launcher", "rfid", "discovery_service"): importlib.import_module("chargepoint." + name)
for name in ("ocpp_client", "hmi", "fota", "diag", "webconfig"): importlib.import_module(name + ".service")
import pygame, gpiod, qrcode, smartcard'
    tell=1 check "list of components" inside python3.11 -c 'import json
found = json.load(open("/usr/share/doc/chargepoint/sbom.cdx.json"))
print(found["bomFormat"], found["specVersion"], len(found["components"]), "components")'
    if [ -x "$root/opt/chargepoint/bin/sw_activation.sh" ]; then
        check "sw_activation.sh" inside /opt/chargepoint/bin/sw_activation.sh
    else
        note -- "sw_activation.sh" 0 "not in the package"
    fi
    check "station file" station_file
}

waits_for() { # waits_for SECONDS COMMAND...: until it succeeds
    local until=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $until ] || { echo "not within its time: $*" && return 1; }
        sleep 0.3
    done
}
ask() { inside timeout 10 chargepoint status --json | python3 -c "import json, sys; states = json.load(sys.stdin); sys.exit(not ($1))"; }
start_station() {
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 /opt/chargepoint/bin/start.sh \
        >>"$work/station.log" 2>&1 </dev/null &
    station=$!
}
stop_station() { kill -TERM "$station" && waits_for 15 bash -c "! kill -0 $station 2>/dev/null"; }
safe_mode() {
    mv "$root/etc/chargepoint/station.toml" "$work/aside.toml"
    start_station
    waits_for 20 curl -ksf --max-time 5 -o /dev/null https://127.0.0.1/
    local status=$?
    inside chargepoint user first
    stop_station || status=1
    mv "$work/aside.toml" "$root/etc/chargepoint/station.toml"
    rm -rf "$root"/var/lib/chargepoint/*
    return $status
}
is_up() {
    waits_for 50 bash -c "curl -sf http://$server/state | grep -q '\"connected\": *\[\"demo-1\"'" &&
        ask 'any(topic.startswith("connector/") for topic in states)'
}
services_dropped() { # every process of the station but start.sh, launcher and helper is another account
    local roots
    roots=$(ps -eo user:30=,comm= | awk '$2 ~ /^cp-/ && $1 == "root" && $2 != "cp-helper"')
    echo "$roots"
    ps -eo user:30=,comm= | grep cp- >>"$work/log"
    [ -z "$roots" ] && [ "$(ps -eo comm= | grep -c '^cp-')" -ge 5 ]
}
charges() {
    curl -sf "http://$wires/connectors/1/plug" -d '{"start_delay_s": 0.2, "plug_delay_s": 0.2}' || return 1
    sleep 1
    curl -sf "http://$server/stations/demo-1/call" -d '{"action": "RemoteStartTransaction", "payload": {"connectorId": 1, "idTag": "04A2B3C4"}}'
    waits_for 30 ask 'any((state.get("session") or {}) and state.get("status") == "CHARGING" for topic, state in states.items() if topic.startswith("connector/"))'
}
leaves() {
    curl -sf "http://$wires/connectors/1/unplug" -d '{}' >/dev/null
    waits_for 30 ask 'not any(state.get("session") for topic, state in states.items() if topic.startswith("connector/"))'
}
upgrade_is_refused() { # while somebody charges
    ! inside apt-get install -q -y "/root/chargepoint_${second}_$arch.deb" && [ "$(installed)" = "$first" ]
}
installed() { inside dpkg-query -W -f '${Version}' chargepoint; }

begin_simulations() {
    inside install -d -m 755 -o chargepoint-station -g chargepoint /run/wires
    inside su -s /bin/sh chargepoint-station -c 'exec chargepoint simulate --config /etc/chargepoint/station.toml --runtime /run/wires' \
        >"$work/wires.json" 2>"$work/wires.log" &
    inside /opt/chargepoint/app/bin/python -I -m ocpp_client.simulated --listen 127.0.0.1:9160 >"$work/server.json" 2>"$work/server.log" &
    waits_for 20 test -s "$work/wires.json" -a -s "$work/server.json" || { cat "$work"/*.log && return 1; }
}
address_in() { python3 -c 'import json, sys; print(json.loads(open(sys.argv[1]).readline())["control"].rstrip("/").removeprefix("http://"))' "$1"; }

update_over_http() {
    mkdir -p "$work/www" "$work/nginx"
    cp "$work"/packages/*.cpk "$work/www/update.cpk"
    chmod 755 "$work" "$work/www"
    cat >"$work/nginx/nginx.conf" <<END
daemon off; master_process off; pid "$work/nginx/pid"; error_log "$work/nginx/error.log"; events {}
http { access_log "$work/nginx/access.log"; client_body_temp_path "$work/nginx/b"; proxy_temp_path "$work/nginx/p";
  fastcgi_temp_path "$work/nginx/f"; uwsgi_temp_path "$work/nginx/u"; scgi_temp_path "$work/nginx/s";
  server { listen 127.0.0.1:8088; root "$work/www"; } }
END
    nginx -p "$work/nginx" -c "$work/nginx/nginx.conf" 2>"$work/nginx/said" &
    waits_for 10 curl -sf -o /dev/null -r 0-0 http://127.0.0.1:8088/update.cpk || { cat "$work/nginx/said" && return 1; }
    curl -sf "http://$server/stations/demo-1/call" -d "{\"action\": \"UpdateFirmware\", \"payload\":
        {\"location\": \"http://127.0.0.1:8088/update.cpk\", \"retrieveDate\": \"2026-01-01T00:00:00Z\"}}" || return 1
    waits_for 200 told Installed || { told && tail -n 20 "$work/station.log" && return 1; }
    inside chargepoint --version | grep -q "$second" && told
}
told() { # without a word: all firmware statuses that the server was told, in their order
    curl -sf "http://$server/messages?after=0" | python3 -c 'import json, sys
text = json.load(sys.stdin)
rows = text if isinstance(text, list) else text.get("messages", [])
found = [row["payload"].get("status") for row in rows if row["kind"] == "call" and row["action"] == "FirmwareStatusNotification"]
print(" ".join(filter(None, found)))
sys.exit(bool(sys.argv[1:]) and sys.argv[1] not in found)' "$@"
}

part_station() {
    ip link set lo up
    limit=60 check "without a station file: web pages" safe_mode
    limit=40 check "simulated devices and server" begin_simulations || return 1
    wires=$(address_in "$work/wires.json") server=$(address_in "$work/server.json")
    start_station
    limit=60 check "start.sh: up, at the server" is_up
    check "services run under their accounts" services_dropped
    limit=60 check "a car charges" charges
    limit=60 check "apt upgrade is refused meanwhile" upgrade_is_refused
    limit=60 check "the car leaves" leaves
    if [ "$with_update" = 1 ]; then
        limit=260 tell=1 check "update to $second over HTTP" update_over_http
    else
        note -- "update to $second over HTTP" 0 "left out"
    fi
    check "stops in order" stop_station
}

# A real systemd as process 1 of its own name spaces, with the unit in its sandbox as it will be in the street.
part_init() {
    ip link set lo up
    mount --rbind "$root" "$root" || exit 1 # systemd needs its / to be a mount
    mount -t proc proc "$root/proc" && mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup" || exit 1
    mount -t tmpfs tmpfs "$root/run" && mount -t tmpfs tmpfs "$root/tmp" && : >"$root/dev/console"
    exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" /lib/systemd/systemd --system \
        --log-target=null --unit=multi-user.target systemd.unified_cgroup_hierarchy=1
}
of_boot() { nsenter --target "$init" --all --root --wd -- "$@"; }
is_active() { [ "$(of_boot systemctl show -P ActiveState chargepoint)" = active ]; }
is_back() { of_boot systemctl kill -s KILL --kill-who=main chargepoint && sleep 1 && waits_for 40 is_active && of_boot systemctl show -P NRestarts chargepoint; }
is_active_in_time() {
    waits_for 60 is_active && return
    of_boot systemctl list-jobs --no-pager
    of_boot systemctl --failed --no-pager
    of_boot systemctl status --no-pager chargepoint
    return 1
}
sandbox_holds() { # of the process that meets the network: no way up, nothing to write but its own
    local pid
    pid=$(pgrep -x cp-webconfig | head -n 1)
    [ -n "$pid" ] || return 1
    grep -E '^(NoNewPrivs|Seccomp|CapEff|CapBnd):' "/proc/$pid/status"
    grep -q '^NoNewPrivs:.1' "/proc/$pid/status" && grep -q '^Seccomp:.2' "/proc/$pid/status" || return 1
    grep -q '^CapEff:.0000000000000400' "/proc/$pid/status" || return 1 # NET_BIND_SERVICE alone
    ! nsenter --target "$pid" --mount --root -- touch /usr/probe /etc/probe /opt/chargepoint/probe 2>/dev/null
}
part_boot() {
    unshare --mount --pid --fork --kill-child --cgroup --net --uts --ipc "$0" --part init "$work" "$suite" "$with_update" </dev/null >/dev/null 2>&1 &
    local outer=$!
    sleep 2
    init=$(pgrep -P "$outer" | head -n 1)
    if [ -z "$init" ] || ! waits_for 20 of_boot systemctl list-units >/dev/null; then
        note -- "systemd as process 1" 0 "does not start in name spaces here"
        return
    fi
    limit=90 check "systemd: the unit is up (Type=notify)" is_active_in_time
    check "systemd: its sandbox holds" sandbox_holds
    limit=60 tell=1 check "systemd: back after kill -9 (restarts)" is_back
    limit=40 check "systemd: stops in its time" of_boot systemctl stop chargepoint
    kill -KILL "$init"
    wait "$outer" 2>/dev/null
}

kept_over_upgrade() {
    inside sh -c 'echo "# mine" >> /etc/chargepoint/station.toml'
    inside apt-get install -q -y --no-install-recommends "/root/chargepoint_${second}_$arch.deb" &&
        [ "$(installed)" = "$second" ] && inside grep -q '^# mine' /etc/chargepoint/station.toml &&
        [ "$(inside stat -c %U /etc/chargepoint/station.toml)" = chargepoint-hub ]
}
removed() {
    inside apt-get remove -q -y chargepoint && inside test -f /etc/chargepoint/station.toml -a -d /var/lib/chargepoint/station &&
        ! inside test -e /opt/chargepoint/app/bin && ! inside test -e /usr/bin/chargepoint && ! inside test -e /var/lib/chargepoint-slots/a
}
purged() {
    inside apt-get purge -q -y chargepoint && inside test -d /var/lib/chargepoint/station &&
        ! inside test -e /etc/chargepoint && ! inside test -e /var/lib/chargepoint/hub && ! inside test -e /var/log/chargepoint
}
part_after() {
    limit=120 check "upgrade by apt keeps settings" kept_over_upgrade
    limit=60 check "remove keeps settings and data" removed
    limit=60 check "purge keeps only sessions" purged
}

if [ "${1:-}" = --part ]; then
    work=$3 suite=$4 root="$3/root $4" with_update=$5
    "part_$2"
    exit 0
fi

# ------------------------------------------------------------------------------------------------------------ outside
suites="" with_update=1 keep="" packages="" committed=""
while [ $# -gt 0 ]; do
    case $1 in
        --suite) suites=$2 && shift 2 ;;
        --no-update) with_update=0 && shift ;;
        --keep) keep=$2 && shift 2 ;;
        --committed) committed=$1 && shift ;;
        --packages) packages=$2 && shift 2 ;;
        *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" && exit 2 ;;
    esac
done
[ "$(id -u)" = 0 ] || { say "it needs root, for chroot and name spaces" && exit 2; }
missing=""
for pair in debootstrap:debootstrap nginx:nginx-light curl:curl ip:iproute2 unshare:util-linux ps:procps; do
    command -v "${pair%%:*}" >/dev/null || [ -x "/usr/sbin/${pair%%:*}" ] || missing="$missing ${pair##*:}"
done
# shellcheck disable=SC2086
[ -z "$missing" ] || DEBIAN_FRONTEND=noninteractive apt-get install -q -y $missing >&2 || exit 2

work=$(mktemp -d -t "chargepoint install.XXXXXX")
spaces=""
cleared() { # all processes and mounts end with the first process of their name spaces
    [ -z "$spaces" ] || kill -KILL "$spaces" 2>/dev/null
    rm -rf --one-file-system "$work"
}
trap cleared EXIT
trap 'exit 143' TERM INT HUP
mkdir -p "$cache" "$work/packages"
: >"$work/results"
export PATH=$PATH:/usr/sbin:/sbin

# Where Debian's archive is, this machine's own settings say.
archive_of() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk -v suite="$1" '$2 == suite { print $1; exit }'
}
base_of() { # the base system of $1, made once
    local target=$cache/$1-$arch.tar.gz archive made
    [ ! -s "$target" ] || return 0
    archive=$(archive_of "$1")
    [ -n "$archive" ] || { [ "$1" != jammy ] || { say "this machine knows no archive of Ubuntu" && return 1; }; }
    made=$(mktemp -d) || return 1
    say "making the base system of $1"
    timeout 900 unshare --mount debootstrap --variant=minbase "$1" "$made/base" ${archive:+"$archive"} >"$work/log-$1" 2>&1 &&
        rm -rf "$made/base/var/cache/apt/archives"/*.deb &&
        tar -C "$made/base" --exclude='./proc/*' --exclude='./sys/*' -czf "$target.new" . && mv "$target.new" "$target"
    local status=$?
    rm -rf --one-file-system "$made"
    return $status
}

suite=build root=
keys="$work/the keys"
build() {
    CHARGEPOINT_XZ=1 "$here/scripts/build_deb.sh" --version "$1" --keys "$work/public" --out "$work/packages" $committed \
        --security-contact security@maker.example --supported-until 2099-12-31 &&
        ls -l "$work/packages/chargepoint_$1_$arch.deb" | awk '{ printf "%.1f MiB\n", $5 / 1048576 }'
}
# A stand-in for the database of known holes, which says nothing amiss, then something, then does not answer.
holes_are_asked_about() {
    /usr/bin/python3.11 - "$here/scripts/release_check.sh" "$work/packages/chargepoint_${first}_$arch.cdx.json" <<'END'
import http.server, json, subprocess, sys, threading

known = {"jinja2"}  # release_check.py asks about an old version of it, to see whether this is a database


class Database(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        name = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
        hole = {"id": f"HOLE-{name}", "affected": [{"package": {"name": name, "ecosystem": "PyPI"}}]}
        said = json.dumps({"vulns": [hole]} if name in known else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_said):
        pass


def check(status, words):
    asked = [*sys.argv[1:], "--database", f"http://127.0.0.1:{server.server_port}/"]
    done = subprocess.run(asked, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != status or words not in done.stdout:
        sys.exit(f"status {done.returncode}, not {status}, or no {words!r}: {done.stdout}")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Database)
threading.Thread(target=server.serve_forever, daemon=True).start()
check(0, "no hole is known")
known.add("cryptography")
check(1, "HOLE-cryptography")
known.clear()
check(2, "NOTHING WAS CHECKED")
server.shutdown()
server.server_close()
check(2, "NOTHING WAS CHECKED")
END
}
make_packages() {
    if [ -n "$packages" ]; then
        cp "$packages"/*.deb "$packages"/*.cpk "$work/packages/"
        return
    fi
    limit=60 check "throw-away keys" "$here/scripts/make_update.sh" keys "$keys" &&
        mkdir "$work/public" && cp "$keys/trust.json" "$keys/product.key" "$work/public" &&
        limit=900 tell=1 check "build $first" build $first &&
        limit=120 check "known holes are asked about" holes_are_asked_about &&
        limit=300 tell=1 check "build $second" build $second || return 1
    [ $with_update = 1 ] || return 0
    limit=300 check "make the update" "$here/scripts/make_update.sh" application --keys "$keys" --out "$work/packages" \
        "$work/packages/chargepoint_${second}_$arch.deb"
}
make_packages &&
    for suite in ${suites:-bookworm jammy}; do
        if ! base_of "$suite"; then
            note -- "base system" 0 "its archive cannot be had here: $(tail -n 1 "$work/log-$suite" 2>/dev/null)"
            [ -z "$suites" ] || note NO "base system" 0 "asked for"
            continue
        fi
        # Parts: with the network of this machine, then with a loopback interface alone, then again with the network.
        # All processes and mounts of a part end with it; the directory goes with the work folder.
        unshare --mount --pid --fork --kill-child --propagation private --mount-proc bash -c '
            part=$1; shift
            "$0" --part install "$@"
            [ -x "$1/root $2/opt/chargepoint/bin/start.sh" ] || exit 0
            unshare --net --pid --fork --kill-child --mount-proc "$0" --part station "$@"
            "$0" --part boot "$@"
            "$0" --part after "$@"' "$0" all "$work" "$suite" "$with_update" &
        spaces=$!
        wait "$spaces"
        spaces=""
    done

if [ -n "$keep" ]; then
    mkdir -p "$keep"
    cp "$work"/packages/* "$work"/log "$work"/results "$keep" 2>/dev/null
    cp "$work"/station.log "$work"/*.json "$work"/nginx/*.log "$keep" 2>/dev/null
fi
echo
awk -F'\t' '{ printf "%-3s %-9s %-42s %7s s  %s\n", $1, $2, $3, $4, $5 }' "$work/results"
if grep -q '^NO' "$work/results"; then
    echo "FAILED: $(grep -c '^NO' "$work/results") of $(grep -vc '^--' "$work/results")"
    exit 1
fi
echo "$(grep -c '^ok' "$work/results") passed, 0 failed"
