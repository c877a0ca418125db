#!/bin/sh
# Starts Xorg on :0 for the screen of the station alone and tells systemd when it is there; for chargepoint-kiosk.service.
set -eu
folder=${RUNTIME_DIRECTORY:-/run/chargepoint-kiosk}
config=${CHARGEPOINT_XORG:-/usr/share/chargepoint/kiosk-xorg.conf}
account=chargepoint-hmi

authority=$folder/authority
cookie=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
: > "$authority"
xauth -q -f "$authority" add :0 . "$cookie"
chown "$account" "$authority"
chmod 0711 "$folder"
printf 'DISPLAY=:0\nXAUTHORITY=%s\n' "$authority" > "$folder/environment"

/usr/lib/xorg/Xorg :0 vt1 -config "$config" -auth "$authority" -nolisten tcp -nocursor -noreset -s 0 -dpms \
    -logfile "$folder/Xorg.log" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server"' TERM INT
tries=0
until [ -S /tmp/.X11-unix/X0 ]; do
    kill -0 "$server" 2>/dev/null || { echo "kiosk: Xorg ended; $folder/Xorg.log says why" >&2; exit 1; }
    tries=$((tries + 1))
    [ "$tries" -le 300 ] || { echo "kiosk: Xorg does not come up; $folder/Xorg.log" >&2; kill "$server"; exit 1; }
    sleep 0.1
done
[ -z "${NOTIFY_SOCKET:-}" ] || systemd-notify --ready --status="display :0"
wait "$server"
