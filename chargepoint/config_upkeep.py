"""[update], [logs] and [housekeeping] of station.toml: new versions, what is kept of the log, what is done each day."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from chargepoint.config_types import Section, about

TimeOfDay = Annotated[str, Meta(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")]


class UpdateSettings(Section, frozen=True, kw_only=True):
    """New versions of the software and of controllers (docs/updates.md)."""

    while_charging: Annotated[
        str,
        Meta(pattern="^(wait|drain|stop)$"),
        about(
            "wait: a new version waits until nobody charges; drain: meanwhile no charge begins; "
            "stop: charges are ended for it."
        ),
    ] = "wait"
    retries: Annotated[
        int, Meta(ge=0, le=20), about("Tries after the first when whoever asks does not say how many.")
    ] = 5
    retry_interval_s: Annotated[int, Meta(ge=1, le=86_400), about("Time between them, when it is not said.")] = 60
    largest_mib: Annotated[int, Meta(ge=1, le=512), about("Larger packages are refused.")] = 512
    disk_floor_pct: Annotated[
        int, Meta(ge=5, le=80), about("So much of the disk stays free, or nothing is fetched.")
    ] = 20
    keep_packages: Annotated[int, Meta(ge=1, le=10), about("So many installed packages are kept.")] = 3
    check_s: Annotated[
        int, Meta(ge=1, le=600), about("A new version has to be well for so long before it is kept.")
    ] = 60
    give_up_s: Annotated[
        int, Meta(ge=60, le=3600), about("A new version that is not well by then makes room for the one before.")
    ] = 300
    known_hosts: Annotated[
        str, Meta(max_length=500), about("File with host keys of SFTP servers; empty: the first key seen is kept.")
    ] = ""
    ca_file: Annotated[
        str, Meta(max_length=500), about("Root certificates for HTTPS and FTPS; empty: those of the system.")
    ] = ""
    allowed_hosts: Annotated[
        tuple[Annotated[str, Meta(max_length=253)], ...],
        Meta(max_length=16),
        about("Local hosts that files may be fetched from and sent to all the same."),
    ] = ()


class LogSettings(Section, frozen=True, kw_only=True):
    """What is kept of the services' log, by kind. Without `chargepoint run --logs` nothing is."""

    level: Annotated[
        str,
        Meta(pattern="^(debug|info|warning|error)$"),
        about("debug, info, warning or error: what is written, from there on."),
    ] = "info"
    error_files: Annotated[int, Meta(ge=1, le=50), about("Files of warnings and errors that are kept.")] = 8
    error_mib: Annotated[int, Meta(ge=1, le=100), about("Largest size of one of them.")] = 1
    info_files: Annotated[int, Meta(ge=1, le=50), about("Files of ordinary lines that are kept.")] = 8
    info_mib: Annotated[int, Meta(ge=1, le=100), about("Largest size of one of them.")] = 2
    debug_files: Annotated[int, Meta(ge=1, le=50), about("Files with every poll that are kept.")] = 4
    debug_mib: Annotated[int, Meta(ge=1, le=100), about("Largest size of one of them.")] = 4
    keep_days: Annotated[int, Meta(ge=1, le=400), about("Older files go.")] = 30
    disk_floor_mib: Annotated[
        int, Meta(ge=10, le=100_000), about("With less free room the oldest files go first, debug before all.")
    ] = 200


class HousekeepingSettings(Section, frozen=True, kw_only=True):
    """What is done each day."""

    restart_time: Annotated[
        TimeOfDay, about("HH:MM, the software is restarted each day then, once nobody charges; empty: never.")
    ] = ""
    clock_sync_time: Annotated[
        TimeOfDay, about("HH:MM, controllers are given the time each day then; empty: never.")
    ] = "03:10"
    archive_time: Annotated[
        TimeOfDay, about("HH:MM, the logs of the day before are packed (YYYY-MM-DD_FullLogs.zip); empty: never.")
    ] = "00:20"
    keep_archives: Annotated[int, Meta(ge=1, le=60), about("So many archives of each kind are kept.")] = 7
    certificate_warning_days: Annotated[
        int, Meta(ge=1, le=365), about("An incident opens so long before a certificate ends.")
    ] = 30
