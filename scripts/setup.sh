#!/bin/sh
# Makes the virtual environment .venv beside this folder and installs the package into it, with the extras named.
# usage: scripts/setup.sh [EXTRA...]      for example: scripts/setup.sh dev
# Quick when nothing is to be done. As root it installs missing Debian packages, as another user it names them.
set -eu
cd "$(dirname "$0")/.."

extras=$(printf '%s\n' "$@" | sort -u | paste -sd, -)
python=${PYTHON:-python3}

missing=""
command -v "$python" >/dev/null 2>&1 || missing="python3"
if [ -z "$missing" ] && ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "setup: $("$python" --version) is too old, 3.11 or newer is needed (Debian 12 has it)." >&2
    echo "setup: name another one with PYTHON=/path/to/python3.11 scripts/setup.sh" >&2
    exit 1
fi
if [ -n "$missing" ] || ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    missing="$missing python3-venv"
fi
case ",$extras," in
    *,dev,*) # tests compare with openssl, ask a real upsd and open a window
        command -v Xvfb >/dev/null 2>&1 || missing="$missing xvfb"
        command -v xdotool >/dev/null 2>&1 || missing="$missing xdotool"
        command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
        [ -x /lib/nut/upsd ] || missing="$missing nut-server nut-client"
        # network changes: the real NetworkManager in a network namespace
        [ -x /usr/sbin/NetworkManager ] || missing="$missing network-manager"
        command -v dbus-daemon >/dev/null 2>&1 || missing="$missing dbus"
        [ -x /usr/sbin/ip ] || [ -x /sbin/ip ] || missing="$missing iproute2"
        command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
        command -v systemd-analyze >/dev/null 2>&1 || missing="$missing systemd" # looks at the units
        # transfers: real servers
        [ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
        [ -x /usr/sbin/vsftpd ] || missing="$missing vsftpd"
        [ -x /usr/sbin/sshd ] || missing="$missing openssh-server"
        # card readers: a real pcscd with the virtual reader
        [ -x /usr/sbin/pcscd ] || missing="$missing pcscd"
        [ -e /usr/lib/pcsc/drivers/serial/libifdvpcd.so ] || missing="$missing vsmartcard-vpcd"
        ;;
esac
case ",$extras," in
    *,dev,* | *,readers,*) # pyscard is built here: there are no wheels of it for Linux
        if ! .venv/bin/python -c 'import smartcard' >/dev/null 2>&1; then
            [ -e /usr/include/PCSC/winscard.h ] || missing="$missing libpcsclite-dev"
            command -v swig >/dev/null 2>&1 || missing="$missing swig"
            command -v cc >/dev/null 2>&1 || missing="$missing build-essential"
            "$python" -c 'import pathlib, sys, sysconfig
sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())' 2>/dev/null ||
                missing="$missing python3-dev"
        fi
        ;;
esac
case ",$extras," in
    *,screen,*) # a window needs X11's libraries; all else comes with pygame-ce
        if [ -n "${DISPLAY:-}" ] && ! "$python" -c 'import ctypes; ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXext.so.6")' 2>/dev/null; then
            missing="$missing libx11-6 libxext6 libxcursor1 libxi6 libxrandr2"
        fi
        ;;
esac
if [ -n "$missing" ]; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y $missing >&2 ||
            { apt-get update >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y $missing >&2; }
    else
        echo "setup: Debian packages are missing. Install them, then start again:" >&2
        echo "    sudo apt-get install -y$([ "$missing" = "${missing# }" ] && echo ' ')$missing" >&2
        exit 1
    fi
fi

# One at a time: two scripts started together make one environment.
exec 9< pyproject.toml
flock 9 2>/dev/null || true

[ -x .venv/bin/python ] && .venv/bin/python -c pass 2>/dev/null || { rm -rf .venv && "$python" -m venv .venv; }

# The stamp says for which dependencies and extras the environment was made.
wanted="$(sha256sum pyproject.toml | cut -d' ' -f1) $(pwd)"
stamp=".venv/.made-for${extras:+-$extras}"
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
    echo "setup: installing into $(pwd)/.venv" >&2
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    if .venv/bin/python -m pip install --disable-pip-version-check --editable ".${extras:+[$extras]}" >"$log" 2>&1; then
        echo "$wanted" > "$stamp"
    elif tail -n 20 "$log" >&2; .venv/bin/python scripts/installed.py "$extras"; then
        echo "setup: the package index did not answer; what is installed already will do." >&2
    else
        echo "setup: the packages named above could not be installed. Is there a way to the package index?" >&2
        exit 1
    fi
fi

case ",$extras," in
    *,dev,*) # without it only the tests that need it are left out
        .venv/bin/python -c 'import smartcard' >/dev/null 2>&1 ||
            .venv/bin/python -m pip install --disable-pip-version-check --quiet --editable ".[readers]" >&2 ||
            echo "setup: pyscard could not be built here; tests with a real pcscd are left out." >&2
        ;;
esac
