"""A whole station that start.sh runs from trees of software, and a server with packages: real processes on loopback.

A tree here is a small one: `bin/python`, what a package must have, and the way to this checkout. What differs between
versions is `version_told.py`: the version told, and what is broken.
"""

from __future__ import annotations

import asyncio
import functools
import http.server
import os
import re
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from chargepoint import slots
from chargepoint.demo.processes import Child
from chargepoint.messages import UpdateState
from fota.want import RELEASE
from tests.fota import parcels
from tests.system.rig import System

ROOT = Path(__file__).parents[2]
DEPENDENCIES = next(Path(path) for path in __import__("sys").path if path.endswith("site-packages"))
SITE = "lib/python3.11/site-packages"
WELL = "import chargepoint.version\nchargepoint.version.VERSION = {version!r}\n"
CRASHES = 'import os, sys\nif "run" in sys.orig_argv:\n    os._exit(3)\n'


def tree_entries(version: str, custom: str) -> list[parcels.Entry]:
    """What lies in a tree of this version."""
    kept = [
        entry
        for entry in parcels.app_entries(version)
        if not re.search(r"site-packages/chargepoint(/|$)|webconfig/__init__", entry.name)
    ]
    site = f"{parcels.PREFIX}/{SITE}"
    paths = f"{ROOT}\n{DEPENDENCIES}\nimport version_told\n".encode()
    config = b"home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11\n"
    return [
        *kept,
        parcels.Entry(f"{parcels.PREFIX}/pyvenv.cfg", config),
        parcels.Entry(f"{site}/checkout.pth", paths),
        parcels.Entry(f"{site}/version_told.py", custom.format(version=version).encode()),
    ]


PIECE_BYTES = 500


class FileServer(http.server.ThreadingHTTPServer):
    """Waits for `delay_s` after each piece it sends."""

    delay_s = 0.0


class Ranges(http.server.SimpleHTTPRequestHandler):
    """Files with an ETag and ranges, as servers of files have them."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        content = Path(self.translate_path(self.path)).read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        since = int(asked[1]) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(content) - since))
        if asked:
            self.send_header("Content-Range", f"bytes {since}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        with suppress(ConnectionError):
            self.send_slowly(content, since)

    def send_slowly(self, content: bytes, since: int) -> None:
        for at in range(since, len(content), PIECE_BYTES):
            self.wfile.write(content[at : at + PIECE_BYTES])
            self.wfile.flush()
            assert isinstance(self.server, FileServer)
            time.sleep(self.server.delay_s)

    def log_message(self, *_: Any) -> None:
        pass


class UpdatedSystem(System):
    """`System` whose software start.sh chooses. Its own version is 1.0.0.0."""

    def __init__(self, folder: Path, *, check_s: int = 2) -> None:
        update = {"while_charging": "drain", "check_s": check_s, "give_up_s": 60, "disk_floor_pct": 5}
        super().__init__(folder, change={"update": {"allowed_hosts": ["127.0.0.1"], **update}})
        self.machine = parcels.Machine(folder / "machine")
        place = self.machine.place
        shutil.rmtree(place.factory)
        grow(place.factory, "1.0.0.0", WELL)
        (folder / "bin").mkdir()
        shutil.copy(ROOT / "scripts/start.sh", folder / "bin/start.sh")
        shutil.copy(slots.__file__, folder / "bin/slots.py")
        self.files = folder / "files"
        self.files.mkdir()
        handler = functools.partial(Ranges, directory=str(self.files))
        self.server = FileServer(("127.0.0.1", 0), handler)

    async def __aenter__(self) -> Self:
        serving = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        self._stack.callback(serving.join)
        self._stack.callback(self.server.server_close)
        self._stack.callback(self.server.shutdown)
        return await super().__aenter__()

    def offer(self, version: str, custom: str = WELL) -> str:
        """The address of a package of that version."""
        file = parcels.application(self.files, version, entries=tree_entries(version, custom))
        return f"http://127.0.0.1:{self.server.server_port}/{file.name}"

    async def launch(self, name: str = "station") -> Child:
        place, log = self.machine.place, self.folder / f"{name}.log"
        environment = os.environ | {
            "CHARGEPOINT_FACTORY": str(place.factory),
            "CHARGEPOINT_SLOTS": str(place.slots),
            "CHARGEPOINT_KEYS": str(place.keys),
            "CHARGEPOINT_CONFIG": str(self.station_file),
            "CHARGEPOINT_DATA": str(self.data),
            "CHARGEPOINT_LOGS": "",
            "CHARGEPOINT_ARGS": "--no-drop-privileges",
            "CHARGEPOINT_DELAY_S": "1",
            "CHARGEPOINT_PYTHON": "/usr/bin/python3.11",
        }
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                "/bin/sh", str(self.folder / "bin/start.sh"), stdin=asyncio.subprocess.DEVNULL, stdout=errors,
                stderr=errors, start_new_session=True, env=environment,
            )  # fmt: skip
        self.groups.append(process.pid)
        return Child(name, process, log)

    @property
    def update(self) -> UpdateState | None:
        state = self.states.get("update")
        return state if isinstance(state, UpdateState) else None


def grow(tree: Path, version: str, custom: str) -> None:
    """A tree as an installed package leaves it."""
    parcels.grow_tree(tree, version)
    shutil.rmtree(tree / SITE / "chargepoint")
    for entry in tree_entries(version, custom):
        path = tree / entry.name.removeprefix(parcels.PREFIX).lstrip("/")
        if entry.content and path.name != RELEASE and not path.exists():
            path.write_bytes(entry.content)
