"""What is to be fetched or sent, and what became of it: the words between the service and the child process. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

BLOCK_BYTES = 64 << 10
"""Read and written at a time: what bounds the memory."""

FETCH, SEND = "fetch", "send"

NOT_FOUND, DENIED, NOT_SUPPORTED = "not_found", "denied", "not_supported"
BAD_LOCATION, BAD_REDIRECT, BAD_ANSWER = "bad_location", "bad_redirect", "bad_answer"
BAD_CERTIFICATE, BAD_HOST_KEY = "bad_certificate", "bad_host_key"
UNREACHABLE, CUT, STALLED, LATE, SERVER_ERROR = "unreachable", "cut", "stalled", "late", "server_error"
TOO_LARGE, NO_ROOM, LOCAL, BROKEN = "too_large", "no_room", "local", "broken"

LASTING = frozenset(
    {NOT_FOUND, DENIED, NOT_SUPPORTED, BAD_LOCATION, BAD_REDIRECT, BAD_CERTIFICATE, BAD_HOST_KEY, TOO_LARGE, NO_ROOM}
)
"""Another try would most likely end the same; still it is the asker who says how many there are."""


class Job(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try at one file. `url` may carry user and password; they are written down nowhere.

    `file` is what is sent, or where what was fetched stands in the end (until then `FILE.part`, with `FILE.part.json`
    beside: a try goes on where the one before was cut). `name`: what the file is called over there, for sending to a
    folder. `own` are addresses of this machine, `allowed_hosts` those dialled all the same (S12).
    """

    url: str
    file: str
    deed: Annotated[str, Meta(pattern="^(fetch|send)$")] = FETCH
    name: Annotated[str, Meta(max_length=255)] = ""
    resumes: bool = True
    """Sending: what a try before left over there is gone on with."""
    largest_bytes: Annotated[int, Meta(ge=0)] = 512 << 20
    floor_bytes: Annotated[int, Meta(ge=0)] = 0
    """So much of the disk stays free."""
    sync_bytes: Annotated[int, Meta(ge=1)] = 4 << 20
    """So much may be lost of what was fetched when the power goes."""
    deadline_s: Annotated[float, Meta(gt=0)] = 12 * 3600.0
    """The whole try may take so long."""
    stall_s: Annotated[float, Meta(gt=0)] = 60.0
    """In each stretch of this length..."""
    least_bytes_per_s: Annotated[float, Meta(ge=0)] = 50.0
    """...at least so much has to come through on average; one byte always (F097)."""
    connect_s: Annotated[float, Meta(gt=0)] = 20.0
    ca_file: str = ""
    known_hosts: str = ""
    """Host keys that count, of SFTP servers."""
    kept_hosts: str = ""
    """Without `known_hosts`: the first key of each server is kept in this file, and another one refused."""
    allowed_hosts: tuple[str, ...] = ()
    own: tuple[str, ...] = ()


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the child says: `status` is progress, done or failed. `bytes` are there so far, of `size` (0: not known).

    `started_at` of the bytes were there before this try. `name` is where the file was put, when it was sent.
    """

    status: str
    bytes: int = 0
    size: int = 0
    started_at: int = 0
    code: str = ""
    text: str = ""
    name: str = ""


class Failed(Exception):
    """The try has failed. `code` is a word from above; the text is for people and names no password."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def is_lasting(code: str) -> bool:
    """Whether another try will most likely end the same."""
    return code in LASTING


def texts(addresses: Iterable[object]) -> tuple[str, ...]:
    """Addresses (`locations.own_addresses`) as a job carries them."""
    return tuple(sorted(str(address) for address in addresses))
