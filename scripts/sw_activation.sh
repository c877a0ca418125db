#!/bin/sh
# Puts this unit into service: gives it what is its own and starts the station, now and at each boot. As root; may be run
# again at any time, and changes nothing that is there already. docs/operations.md, Activation.
#
# By the environment: CHARGEPOINT_KEYS, CHARGEPOINT_DATA, CHARGEPOINT_COMMAND (the command chargepoint), CHARGEPOINT_ROOT
# (a folder in the place of /, for tests).
set -eu

root=${CHARGEPOINT_ROOT:-}
keys=${CHARGEPOINT_KEYS:-$root/etc/chargepoint}
data=${CHARGEPOINT_DATA:-$root/var/lib/chargepoint}
chargepoint=${CHARGEPOINT_COMMAND:-/usr/bin/chargepoint}
units='chargepoint.service'
wait_s=${CHARGEPOINT_WAIT_S:-60}

say() { echo "sw_activation: $*"; }

# The first line of a file as far as it can stand in a serial number; empty where there is none, or a maker's placeholder.
serial_in() {
    [ -r "$1" ] || return 0
    found=$(tr -d '\000' < "$1" | head -n 1 | tr -cd 'A-Za-z0-9._-' | cut -c 1-40)
    case $(printf %s "$found" | tr '[:upper:]' '[:lower:]' | tr -d '._-') in
        '' | *tobefilled* | default* | none | na | notspecified | notapplicable | systemserialnumber | 123456789 | 0123456789) ;;
        *) if [ -n "$(printf %s "$found" | tr -d '0')" ]; then printf %s "$found"; fi ;;
    esac
}

# The serial number that was written here before, if any.
known_serial() {
    [ -r "$keys/activation.json" ] || return 0
    sed -n 's/.*"serial" *: *"\([A-Za-z0-9._-]\{1,40\}\)".*/\1/p' "$keys/activation.json" | head -n 1
}

is_running_systemd() { [ -d "$root/run/systemd/system" ]; }

if [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
    say 'root is needed: sudo sw_activation.sh' >&2
    exit 1
fi

# ------------------------------------------------------------------------------------------------------ identity

# An image that was copied has an empty machine-id: systemd makes it at boot, and elsewhere it is made here.
machine_id=$root/etc/machine-id
if [ ! -s "$machine_id" ]; then
    if [ -z "$root" ] && command -v systemd-machine-id-setup > /dev/null; then
        systemd-machine-id-setup > /dev/null
    else
        mkdir -p "$root/etc"
        od -An -N16 -tx1 /dev/urandom | tr -d ' \n' > "$machine_id"
        echo >> "$machine_id"
    fi
    say 'this machine has an id now'
fi

serial=
for place in "$root/proc/device-tree/serial-number" "$root/sys/class/dmi/id/product_serial" \
    "$root/sys/class/dmi/id/board_serial" "$machine_id"; do
    serial=$(serial_in "$place")
    if [ -n "$serial" ]; then break; fi
done
if [ -z "$serial" ]; then
    serial=$(known_serial)
fi
if [ -z "$serial" ]; then
    say 'this machine has no serial number and no machine-id: nothing can be told apart by it' >&2
    exit 1
fi

# Keys for remote log-in, where an image came without.
if [ -z "$root" ] && command -v ssh-keygen > /dev/null && [ -d /etc/ssh ]; then
    ssh-keygen -A > /dev/null || say 'keys for remote log-in could not be made' >&2
fi

# --------------------------------------------------------------------------------------------------- activation

known=$(known_serial)
if [ -n "$known" ] && [ "$known" != "$serial" ]; then
    say "this is another machine than $known was: $serial"
fi
if grep -qs '"activated" *: *true' "$keys/activation.json" && [ "$known" = "$serial" ]; then
    say "unit $serial is activated already"
else
    [ -d "$keys" ] || install -d -m 755 "$keys" # an existing one keeps its mode: the hub writes there
    new=$keys/activation.json.new
    rm -f "$new"
    printf '{"activated":true,"serial":"%s","at":"%s","by":"sw_activation.sh"}\n' "$serial" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" > "$new"
    chmod 644 "$new"
    sync "$new"
    mv "$new" "$keys/activation.json"
    sync "$keys"
    say "unit $serial is activated"
fi

# -------------------------------------------------------------------------------------------------------- units

if ! is_running_systemd; then
    say 'systemd does not run here: nothing was enabled or started'
    exit 0
fi
for unit in $units; do
    systemctl enable --now "$unit"
    say "$unit is enabled and started"
done

# The first password of the web pages, for the label; a station that has users already is left alone.
waited_s=0
while [ ! -S "$data/hub/admin.sock" ] && [ "$waited_s" -lt "$wait_s" ]; do
    sleep 1
    waited_s=$((waited_s + 1))
done
if [ -S "$data/hub/admin.sock" ]; then
    "$chargepoint" user first --data "$data" || say 'users are there already, or ask later: chargepoint user first'
else
    say "the station is not up after $wait_s s; look: journalctl -u chargepoint. Then: chargepoint user first"
fi
