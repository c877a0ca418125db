"""Real servers on loopback: nginx, vsftpd, OpenSSH, with throw-away keys and one throw-away user.

The user stands in other passwd and shadow files, which are laid over the real ones in a mount namespace of the server's
own, so nothing of this machine is touched; that needs root.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from msgspec import Struct

from tests.free_ports import free_port

USER, PASSWORD = "station", "s3cret-w0rd"
UID = 64_987
NGINX, VSFTPD, SSHD = "/usr/sbin/nginx", "/usr/sbin/vsftpd", "/usr/sbin/sshd"
UP_S = 30.0


class Served(Struct):
    """`root` is the folder that is served; `port` plain, `tls_port` with TLS."""

    root: Path
    port: int
    tls_port: int = 0
    pid: int = 0


def why_not_root() -> str:
    """Why servers with a user of their own cannot be started; empty: they can."""
    if os.geteuid() != 0:
        return "needs root: a server that logs a user in"
    return "" if _can_unshare() else "needs a mount namespace"


@cache
def _can_unshare() -> bool:
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


@contextmanager
def folder() -> Iterator[Path]:
    """One that the throw-away user may enter, too."""
    path = Path(tempfile.mkdtemp(prefix="transfers-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def certificates(where: Path) -> tuple[Path, Path, Path]:
    """A root's certificate, and certificate and key of 127.0.0.1 below it."""
    root, root_key = where / "root.pem", where / "root.key"
    cert, key, request = where / "host.pem", where / "host.key", where / "host.csr"
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    _run(*new, "-x509", "-days", "2", "-subj", "/CN=Throw-away root", "-keyout", str(root_key), "-out", str(root))
    _run(*new, "-subj", "/CN=127.0.0.1", "-keyout", str(key), "-out", str(request))
    names = where / "names"
    names.write_text("subjectAltName=IP:127.0.0.1,IP:127.0.0.99\n")
    sign = ["openssl", "x509", "-req", "-days", "2", "-CAcreateserial", "-extfile", str(names)]
    _run(*sign, "-in", str(request), "-CA", str(root), "-CAkey", str(root_key), "-out", str(cert))
    return root, cert, key


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=30)


@contextmanager
def nginx(where: Path, cert: Path, key: Path) -> Iterator[Served]:
    """Ranges, PUT, a folder `secret` behind a password."""
    root = where / "www"
    for name in ("www/put", "www/secret", "temp"):
        (where / name).mkdir(parents=True)
    word = subprocess.run(["openssl", "passwd", "-apr1", PASSWORD], capture_output=True, check=True, text=True).stdout
    (where / "users").write_text(f"{USER}:{word}")
    served = Served(root, free_port(), free_port())
    conf = where / "nginx.conf"
    temps = "".join(
        f"{name}_temp_path {where}/temp/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    conf.write_text(f"""
daemon off; master_process off; worker_processes 1; pid {where}/nginx.pid; error_log {where}/error.log;
{"user root;" if os.geteuid() == 0 else ""}
events {{ worker_connections 64; }}
http {{
  access_log {where}/access.log; {temps}
  server {{
    listen 127.0.0.1:{served.port}; listen 127.0.0.1:{served.tls_port} ssl;
    ssl_certificate {cert}; ssl_certificate_key {key};
    root {root}; client_max_body_size 0;
    location / {{ dav_methods PUT; create_full_put_path on; }}
    location /readonly/ {{ limit_except GET {{ deny all; }} }}
    location /secret/ {{ dav_methods PUT; auth_basic s; auth_basic_user_file {where}/users; }}
    location /to-tls/ {{ return 302 https://127.0.0.1:{served.tls_port}/$arg_to; }}
    location /slow/ {{ alias {root}/; limit_rate 9m; }}
  }}
}}
""")
    with _running([NGINX, "-p", str(where), "-c", str(conf)], served, where / "nginx.out"):
        yield served


@contextmanager
def vsftpd(
    where: Path, cert: Path | None = None, key: Path | None = None, *, is_implicit: bool = False, rate: int = 9_000_000
) -> Iterator[Served]:
    host = "127.0.0.99" if is_implicit else "127.0.0.1"
    served = Served(_home(where), 990 if is_implicit else free_port())
    conf = where / "vsftpd.conf"
    tls = (
        f"ssl_enable=YES\nrsa_cert_file={cert}\nrsa_private_key_file={key}\nforce_local_logins_ssl=YES\n"
        f"force_local_data_ssl=YES\nssl_ciphers=HIGH\nimplicit_ssl={'YES' if is_implicit else 'NO'}\n"
        if cert
        else ""
    )
    empty = where / "empty"
    empty.mkdir()
    conf.write_text(
        f"listen=YES\nlisten_address={host}\nlisten_port={served.port}\nbackground=NO\nlocal_enable=YES\n"
        f"anonymous_enable=NO\nwrite_enable=YES\npam_service_name=vsftpd\nsecure_chroot_dir={empty}\n"
        f"isolate=NO\nisolate_network=NO\nseccomp_sandbox=NO\nxferlog_enable=NO\nlocal_umask=022\n"
        f"check_shell=NO\nport_enable=NO\ndelay_failed_login=0\nlocal_max_rate={rate}\n{tls}"
    )
    with _running(_apart(where, VSFTPD, str(conf)), served, where / "vsftpd.out", host):
        yield served


@contextmanager
def sshd(where: Path, host_key: Path | None = None) -> Iterator[Served]:
    served = Served(_home(where), free_port())
    host_key = host_key or new_host_key(where / "host_key")
    conf = where / "sshd_config"
    conf.write_text(
        f"ListenAddress 127.0.0.1\nPort {served.port}\nHostKey {host_key}\nUsePAM no\nPasswordAuthentication yes\n"
        f"KbdInteractiveAuthentication no\nPidFile {where}/sshd.pid\nSubsystem sftp internal-sftp\n"
        f"StrictModes no\nUseDNS no\nMaxStartups 100\nLogLevel ERROR\n"
    )
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with _running(_apart(where, SSHD, "-D", "-e", "-f", str(conf)), served, where / "sshd.out"):
        yield served


def new_host_key(path: Path) -> Path:
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path))
    return path


def _home(where: Path) -> Path:
    home = where / "home"
    home.mkdir()
    os.chown(home, UID, UID)
    return home


def _apart(where: Path, *command: str) -> list[str]:
    """`command` in a mount namespace where there is the user."""
    word = subprocess.run(["openssl", "passwd", "-6", PASSWORD], capture_output=True, check=True, text=True).stdout
    passwd, shadow = where / "passwd", where / "shadow"
    passwd.write_text(
        Path("/etc/passwd").read_text() + f"{USER}:x:{UID}:{UID}::{where / 'home'}:/bin/sh\n", encoding="utf-8"
    )
    shadow.write_text(f"{USER}:{word.strip()}:19000:0:99999:7:::\n")
    shadow.chmod(0o600)
    over = 'mount --bind "$1" /etc/passwd && mount --bind "$2" /etc/shadow && shift 2 && exec "$@"'
    return ["unshare", "-m", "sh", "-c", over, "sh", str(passwd), str(shadow), *command]


@contextmanager
def _running(command: list[str], served: Served, out: Path, host: str = "127.0.0.1") -> Iterator[None]:
    with out.open("wb") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told, stdin=subprocess.DEVNULL)
    served.pid = process.pid
    try:
        end_s = time.monotonic() + UP_S
        while not _answers(host, served.port):
            if process.poll() is not None or time.monotonic() > end_s:
                raise AssertionError(f"{command[0]} does not come up: {out.read_text()[-500:]}")
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(host: str, port: int) -> bool:
    with socket.socket() as sock:
        sock.settimeout(0.5)
        return sock.connect_ex((host, port)) == 0
