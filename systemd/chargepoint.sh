#!/bin/sh
# The command `chargepoint` of the version that runs; without one in a slot, that of the package.
slots=${CHARGEPOINT_SLOTS:-/var/lib/chargepoint-slots}
tree=$slots/current
[ -x "$tree/bin/python" ] || tree=${CHARGEPOINT_FACTORY:-/opt/chargepoint/app}
exec "$tree/bin/python" -I -m chargepoint "$@"
