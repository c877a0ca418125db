#!/bin/bash
# Builds chargepoint_VERSION_ARCH.deb for the processor it runs on (amd64, arm64 alike), with its list of components
# beside it. The same sources, constraints and SOURCE_DATE_EPOCH give the same bytes.
# usage: scripts/build_deb.sh [--version a.b.c.d] [--keys DIR] [--out DIR] [--release] [--lock]
#   --version  of what is built; default: that of the sources, with zeros to four numbers
#   --keys     folder with trust.json (whose updates are installed) and product.key (opens them); both go to
#              /etc/chargepoint. Without it every update is refused. Private keys have no place there.
#   --out      where the .deb goes; default: dist
#   --security-contact  mail or https address to which holes are reported (SECURITY.md); told by every station
#   --supported-until   YYYY-MM-DD, the last day for which security updates are promised; told by every station
#   --committed  build what is committed instead of what lies in the work tree
#   --release  for packages that are given away: --committed, keys, contact and time are needed, and no hole may be known
#              in what is in it (scripts/release_check.sh; --database URL asks another one)
#   --lock     write scripts/constraints.txt anew from pyproject.toml, with the newest versions, and end
# Needs Debian's python3.11, python3-venv, dpkg, and for card readers swig, libpcsclite-dev, python3-dev, a compiler.
# Wheels and build tools are kept in ${XDG_CACHE_HOME:-~/.cache}/chargepoint.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
version="" keys="" out="" lock="" committed="" release="" contact="" until="" database=""
die() {
    echo "build_deb: $*" >&2
    exit 1
}
while [ $# -gt 0 ]; do
    case $1 in
        --version | --keys | --out)
            [ $# -ge 2 ] || die "$1 needs a value"
            printf -v "${1#--}" %s "$2"
            shift 2
            ;;
        --lock) lock=1 && shift ;;
        --security-contact | --supported-until | --database)
            [ $# -ge 2 ] || die "$1 needs a value"
            case $1 in --security-contact) contact=$2 ;; --supported-until) until=$2 ;; *) database=$2 ;; esac
            shift 2
            ;;
        --committed) committed=1 && shift ;;
        --release) release=1 committed=1 && shift ;;
        -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" && exit 0 ;;
        *) die "unknown argument $1; see --help" ;;
    esac
done

python=/usr/bin/python3.11
extras=(screen readers gpio)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/chargepoint
command -v dpkg-deb >/dev/null || die "dpkg-deb is missing (apt-get install dpkg)."
arch=$(dpkg --print-architecture)

if [ -z "$version" ]; then
    version=$(sed -n 's/^VERSION = "\(.*\)"$/\1/p' "$root/chargepoint/version.py")
    while [[ $version =~ ^[0-9]+(\.[0-9]+){0,2}$ ]]; do version=$version.0; done
fi
[[ $version =~ ^(0|[1-9][0-9]{0,4})(\.(0|[1-9][0-9]{0,4})){3}$ ]] ||
    die "--version $version: four numbers are expected, as 1.4.0.2"
if [ -n "$keys" ]; then
    [ -f "$keys/trust.json" ] || die "--keys $keys: there is no trust.json"
    "$python" -c 'import json, sys; sys.exit("private" in json.dumps(json.load(open(sys.argv[1]))).lower())' \
        "$keys/trust.json" || die "$keys/trust.json is no list of public keys"
    if [ -f "$keys/product.key" ]; then
        size=$(stat -c %s "$keys/product.key")
        [ "$size" -gt 0 ] && [ $((size % 32)) -eq 0 ] || die "$keys/product.key: 32 bytes for each key are expected"
    fi
fi

address='^(https://[A-Za-z0-9.-]+(:[0-9]+)?(/[][A-Za-z0-9._~:/?#@!$&()*+,;=%-]*)?|[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)$'
[ -z "$contact" ] || [[ $contact =~ $address && ${#contact} -le 200 ]] ||
    die "--security-contact $contact: a mail address or an https address is expected"
[ -z "$until" ] || [ "$(date -u -d "$until" +%F 2>/dev/null)" = "$until" ] ||
    die "--supported-until $until: a day is expected, as 2031-12-31"
if [ -n "$release" ]; then
    [ -n "$keys" ] || die "--release: without --keys its stations would refuse every update, also those that mend holes"
    [ -n "$contact" ] || die "--release: name with --security-contact who takes reports of holes (SECURITY.md)"
    [[ $until > $(date -u +%F) ]] || die "--release: promise with --supported-until how long it gets security updates (SECURITY.md)"
fi

# ------------------------------------------------------------------------------------------------- tools and wheels
tools=$("$root/scripts/build_tools.sh")
exec 9>"$cache/build.lock"
flock 9 # one at a time makes what all share
if [ -n "$lock" ]; then
    cd "$root"
    "$tools/bin/python" -m piptools compile --quiet --upgrade --generate-hashes --strip-extras --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --allow-unsafe "${extras[@]/#/--extra=}" \
        -o scripts/constraints.txt.new pyproject.toml
    {
        echo "# Exact versions of what a station needs, with the checksums of what the package index holds of each, for"
        echo "# every processor. Written by scripts/build_deb.sh --lock."
        cat scripts/constraints.txt.new
    } >scripts/constraints.txt
    rm scripts/constraints.txt.new
    exit 0
fi
wheels=$cache/wheels-$arch-$(sha256sum "$root/scripts/constraints.txt" | cut -c1-16)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 1767225600)}
if [ ! -e "$wheels/made" ]; then
    echo "build_deb: fetching wheels, and building those that there are none of" >&2
    rm -rf "$wheels" && mkdir -p "$wheels"
    CFLAGS="-g0 -ffile-prefix-map=/=. ${CFLAGS:-}" "$tools/bin/python" -m pip wheel --quiet --quiet --disable-pip-version-check \
        --require-hashes --no-deps --no-build-isolation --no-cache-dir -r "$root/scripts/constraints.txt" -w "$wheels" || {
        dpkg -s swig libpcsclite-dev >/dev/null 2>&1 ||
            echo "build_deb: card readers need: apt-get install swig libpcsclite-dev python3-dev build-essential" >&2
        exit 1
    }
    touch "$wheels/made"
fi
flock -u 9

# ------------------------------------------------------------------------------------------------------------ tree
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
source=$work/source pack=$work/pack
app=$pack/opt/chargepoint/app
site=$app/lib/python3.11/site-packages
mkdir -p "$source" "$app/bin" "$site"
parts=(chargepoint drivers hmi ocpp_client fota diag webconfig examples systemd scripts docs pyproject.toml README.md LICENSE
    SECURITY.md)
if [ -n "$committed" ]; then
    git -C "$root" archive HEAD "${parts[@]}" | tar -C "$source" -xf -
else
    tar -C "$root" --exclude=__pycache__ --exclude='*.egg-info' --exclude=examples/run -cf - "${parts[@]}" | tar -C "$source" -xf -
fi
sed -i "s/^VERSION = .*/VERSION = \"$version\"/" "$source/chargepoint/version.py"
sed -i "s/^version = .*/version = \"$version\"/" "$source/pyproject.toml"

# An environment that lies where it is unpacked: a link to the system's Python and a folder of packages, no scripts.
ln -s "$python" "$app/bin/python"
ln -s python "$app/bin/python3"
printf 'home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11\n' >"$app/pyvenv.cfg"
pip=("$tools/bin/python" -m pip --quiet --disable-pip-version-check)
"${pip[@]}" wheel --no-deps --no-build-isolation --no-index -w "$work/own" "$source" 2>"$work/log" ||
    { cat "$work/log" >&2 && exit 1; }
"${pip[@]}" --python "$app/bin/python" install --no-index --no-deps --no-compile --no-warn-script-location \
    "$wheels"/*.whl "$work"/own/*.whl 2>"$work/log" || { cat "$work/log" >&2 && exit 1; }
"$tools/bin/python" -m pip --disable-pip-version-check --python "$app/bin/python" check >"$work/log" 2>&1 ||
    { cat "$work/log" >&2 && die "constraints.txt does not fit pyproject.toml: scripts/build_deb.sh --lock"; }

find "$app/bin" -type f -delete
for unused in pygame/docs pygame/tests pygame/examples pygame/__briefcase pygame/__pyinstaller; do
    rm -rf "${site:?}/$unused"
done
find "$site" -depth -type d \( -name __pycache__ -o -name tests -path '*/site-packages/*/tests' \) -exec rm -rf {} +
find "$site" -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.h' -o -name '*.hpp' \
    -o -name direct_url.json -o -name REQUESTED \) -delete
# What is gone from the tree goes from the lists of files too.
"$python" -I - "$site" <<'END'
import csv, sys
from pathlib import Path

site = Path(sys.argv[1])
for record in sorted(site.glob("*.dist-info/RECORD")):
    with record.open(newline="") as file:
        rows = [row for row in csv.reader(file) if (site / row[0]).exists()]
    with record.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(sorted(rows))
END
mkdir "$site/examples" # chargepoint demo
cp "$source"/examples/*.toml "$site/examples"

cp "$source/LICENSE" "$app/LICENSE"
hardware=$arch
printf '{"product": "chargepoint", "version": "%s", "hardware": "%s", "runtime": "cp311", "web_version": "%s", %s}\n' \
    "$version" "$hardware" "$version" "\"security_contact\": \"$contact\", \"supported_until\": \"$until\"" >"$app/release.json"

# Compiled once, here: accounts of services may not write there, and without it each start would compile again.
# "unchecked-hash" holds whatever dates the files get in a slot, and costs no look at the sources.
find "$pack" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
PYTHONHASHSEED=0 "$app/bin/python" -I -m compileall -q -f -j 1 --invalidation-mode unchecked-hash \
    -s "$app" -p /opt/chargepoint/app "$app/lib"

# ------------------------------------------------------------------------------------------------------- the system
put() { install -D -m "$1" "$source/$2" "$pack/$3"; }
put 755 systemd/chargepoint.sh usr/bin/chargepoint
put 755 systemd/kiosk.sh opt/chargepoint/bin/kiosk.sh
for script in start.sh sw_activation.sh sw_deactivation.sh; do
    [ -f "$source/scripts/$script" ] || die "scripts/$script is missing"
    put 755 "scripts/$script" "opt/chargepoint/bin/$script"
done
put 644 chargepoint/slots.py opt/chargepoint/bin/slots.py
for unit in "$source"/systemd/*.service; do
    put 644 "systemd/${unit##*/}" "usr/lib/systemd/system/${unit##*/}"
done
put 644 systemd/sysusers.conf usr/lib/sysusers.d/chargepoint.conf
put 644 systemd/tmpfiles.conf usr/lib/tmpfiles.d/chargepoint.conf
put 644 systemd/udev.rules usr/lib/udev/rules.d/72-chargepoint.rules
put 644 systemd/journald.conf usr/lib/systemd/journald.conf.d/chargepoint.conf
put 644 systemd/polkit.rules usr/share/polkit-1/rules.d/chargepoint.rules
put 644 systemd/kiosk-xorg.conf usr/share/chargepoint/kiosk-xorg.conf
put 644 systemd/default etc/default/chargepoint
for document in install operations technicians service updates disaster-recovery configuration web ocpp cards screen; do
    put 644 "docs/$document.md" "usr/share/doc/chargepoint/$document.md" # read where there is no network
done
put 644 SECURITY.md usr/share/doc/chargepoint/SECURITY.md
for example in "$source"/examples/*.toml; do
    put 644 "examples/${example##*/}" "usr/share/chargepoint/examples/${example##*/}"
done
{
    printf 'chargepoint %s\nCopyright: the chargepoint developers. Licence: Apache-2.0, see /opt/chargepoint/app/LICENSE.\n\n' \
        "$version"
    echo "Packages of others below /opt/chargepoint/app/lib, each with its licence beside it; versions in sbom.cdx.json."
} >"$pack/usr/share/doc/chargepoint/copyright"
mkdir -p "$work/debian"
cp "$source"/systemd/debian/{control,conffiles,preinst,postinst,prerm,postrm} "$work/debian"
if [ -n "$keys" ]; then
    install -D -m 644 "$keys/trust.json" "$pack/etc/chargepoint/trust.json"
    echo /etc/chargepoint/trust.json >>"$work/debian/conffiles"
    if [ -f "$keys/product.key" ]; then
        install -m 600 "$keys/product.key" "$pack/etc/chargepoint/product.key"
        echo /etc/chargepoint/product.key >>"$work/debian/conffiles"
    fi
fi

"$tools/bin/python" "$source/scripts/sbom.py" --tree "$app" --control "$work/debian/control" \
    --version "$version" --out "$pack/usr/share/doc/chargepoint/sbom.cdx.json"

if [ -n "$release" ]; then
    "$tools/bin/python" "$source/scripts/release_check.py" "$pack/usr/share/doc/chargepoint/sbom.cdx.json" \
        ${database:+--database "$database"} || die "this is no release; nothing was written"
fi

# ---------------------------------------------------------------------------------------------------------- the deb
size=$(du --apparent-size -sk "$pack" | cut -f1)
sed -i "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$size/" "$work/debian/control"
sed -i "s/@NO_KEYS@/{}/" "$work/debian/preinst" "$work/debian/postinst"
install -d "$pack/DEBIAN"
install -m 644 "$work/debian/control" "$work/debian/conffiles" "$pack/DEBIAN/"
install -m 755 "$work"/debian/p* "$pack/DEBIAN/"
(cd "$pack" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | LC_ALL=C sort -z |
    xargs -0 md5sum >DEBIAN/md5sums)
find "$pack" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
out=${out:-$root/dist}
mkdir -p "$out"
name=chargepoint_${version}_$arch
# a dictionary of 4 MiB (-4): stations unpack updates with little memory and refuse larger ones
DPKG_DEB_THREADS_MAX=1 dpkg-deb --root-owner-group -Zxz "-z${CHARGEPOINT_XZ:-4}" --build "$pack" "$work/$name.deb" >/dev/null
cp "$pack/usr/share/doc/chargepoint/sbom.cdx.json" "$out/$name.cdx.json"
mv "$work/$name.deb" "$out/$name.deb"
echo "$out/$name.deb: $(($(stat -c %s "$out/$name.deb") / 1024)) KiB, installed $size KiB, $(wc -l <"$pack/DEBIAN/md5sums") files"
[ -n "$keys" ] || echo "build_deb: without --keys: this station will refuse every update" >&2
[ -n "$contact" ] || echo "build_deb: without --security-contact: stations tell nobody to whom holes are reported" >&2
[ -n "$until" ] || echo "build_deb: without --supported-until: stations say that no time of updates was promised" >&2
