#!/bin/sh
# Takes this unit out of service: stops the station and keeps it from starting at the next boot. All data stay. As root;
# may be run again at any time. docs/operations.md, Activation.
#
# By the environment: CHARGEPOINT_KEYS, CHARGEPOINT_DATA, CHARGEPOINT_ROOT (a folder in the place of /, for tests).
set -eu

root=${CHARGEPOINT_ROOT:-}
keys=${CHARGEPOINT_KEYS:-$root/etc/chargepoint}
data=${CHARGEPOINT_DATA:-$root/var/lib/chargepoint}
units='chargepoint.service'

say() { echo "sw_deactivation: $*"; }

if [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
    say 'root is needed: sudo sw_deactivation.sh' >&2
    exit 1
fi

if [ -d "$root/run/systemd/system" ]; then
    for unit in $units; do
        systemctl disable --now "$unit"
        say "$unit is stopped and disabled"
    done
else
    say 'systemd does not run here: nothing was stopped or disabled'
fi

if grep -qs '"activated" *: *false' "$keys/activation.json"; then
    say 'the unit is not activated already'
else
    install -d -m 755 "$keys"
    serial=
    if [ -r "$keys/activation.json" ]; then
        serial=$(sed -n 's/.*"serial" *: *"\([A-Za-z0-9._-]\{1,40\}\)".*/\1/p' "$keys/activation.json" | head -n 1)
    fi
    new=$keys/activation.json.new
    rm -f "$new"
    printf '{"activated":false,"serial":"%s","at":"%s","by":"sw_deactivation.sh"}\n' "$serial" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" > "$new"
    chmod 644 "$new"
    sync "$new"
    mv "$new" "$keys/activation.json"
    sync "$keys"
    say 'the unit is not activated any more'
fi
say "nothing was deleted: settings and keys stay in $keys, sessions, meter values and journal in $data, versions in their slots"
