"""The child process: see the package."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

import msgspec

from chargepoint.locations import masked_location
from fota.transfers.job import BAD_LOCATION, BROKEN, FETCH, LOCAL, NOT_SUPPORTED, Failed, Job
from fota.transfers.telling import Telling
from fota.transfers.watch import Watch

_PR_SET_PDEATHSIG = 1
LARGEST_JOB = 64 << 10


def carry_out(job: Job, telling: Telling) -> None:
    """Raises Failed."""
    with Watch(job, telling.tick) as watch:
        scheme = job.url.partition(":")[0].lower()
        if scheme in ("http", "https"):
            from fota.transfers.http import Web

            web = Web(job, watch, telling)
            telling_name = web.fetch() if job.deed == FETCH else web.send()
        elif scheme in ("ftp", "ftps"):
            from fota.transfers.ftp import Ftp

            ftp = Ftp(job, watch, telling)
            telling_name = ftp.fetch() if job.deed == FETCH else ftp.send()
        elif scheme == "sftp":
            # paramiko wants it for ssh_config alone, which is not read here: 6 MiB and 80 ms less
            sys.modules.setdefault("invoke", None)  # type: ignore[arg-type]
            from fota.transfers.sftp import Sftp

            sftp = Sftp(job, watch, telling)
            telling_name = sftp.fetch() if job.deed == FETCH else sftp.send()
        else:
            raise Failed(BAD_LOCATION, f"nothing is fetched from or sent to {scheme[:20] or 'nowhere'}")
    telling.done(telling_name or "")


def main() -> int:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    os.nice(19)
    telling = Telling()
    try:
        job = msgspec.json.decode(sys.stdin.buffer.read(LARGEST_JOB), type=Job)
        carry_out(job, telling)
    except msgspec.DecodeError:
        telling.failed(BROKEN, "the job cannot be read")
        return 1
    except Failed as error:
        telling.failed(error.code, masked_location(str(error)))
        return 1
    except OSError as error:
        telling.failed(LOCAL, f"{error.strerror or type(error).__name__}")
        return 1
    except ImportError as error:
        telling.failed(NOT_SUPPORTED, f"{error.name} is not installed")
        return 1
    except Exception as error:  # whatever it is: told, not printed with what may be secret in it
        telling.failed(BROKEN, f"{type(error).__name__}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
