"""Deeds at software: firmware of controllers, packages of the station."""

from __future__ import annotations

from datetime import datetime

import msgspec

from chargepoint.action_kinds import Action, Argument, Asker, BadRequest, Make, Values
from chargepoint.action_table.arguments import CONNECTOR
from chargepoint.guards import Guard
from chargepoint.messages import BeginUpdate, CancelUpdate, InstallPackage, ReturnSoftware, UpdateController
from chargepoint.preconditions import Need
from chargepoint.rights import Right
from chargepoint.vocabulary import EventType


def _moment(deed: str, text: str) -> datetime | None:
    """When, None: at once. Raises BadRequest."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min
    if at.tzinfo is None:
        raise BadRequest(f"{deed}: at = {text!r} is no moment with its zone; write 2026-03-01T02:00:00+05:00.")
    return at


def _update_controller(values: Values, asker: Asker) -> UpdateController:
    try:
        return msgspec.convert(
            {
                "connector": values["connector"], "image": values["image"], "file": values["file"],
                "attempts": values.get("attempts", 3), "by": asker.login,
            },
            UpdateController,
        )  # fmt: skip
    except msgspec.ValidationError:
        raise BadRequest(f"update_controller: file = {values['file'][:40]!r} is no name of an image.") from None


def _install(*, is_from_usb: bool) -> Make:
    def make(values: Values, asker: Asker) -> InstallPackage:
        at = _moment("install_package", values.get("at", ""))
        given = {"name": values["name"], "is_from_usb": is_from_usb, "by": asker.login}
        try:
            return msgspec.structs.replace(msgspec.convert(given, InstallPackage), at=at)
        except msgspec.ValidationError:
            found = values["name"][:40]
            raise BadRequest(f"name = {found!r} is no name of a package, as App.Chargepoint.1.2.0.0.cpk.") from None

    return make


def _fetch_update(values: Values, asker: Asker) -> BeginUpdate:
    at = _moment("fetch_update", values.get("at", ""))
    return BeginUpdate(location=values["location"], install_at=at, by=asker.login)


ROWS: tuple[Action, ...] = (
    Action(
        "update_controller", "station", UpdateController, Guard.G2, Right.CONFIGURE,
        "Writes new firmware to the controller of connector {connector}; nobody charges there for some minutes.",
        (
            CONNECTOR,
            Argument("image", str, "MAIN: its own firmware, MODULES: that of the power modules' controller", 4, 7,
                     choices=("MAIN", "MODULES")),
            Argument("file", str, "name of the image on the station", 1, 100),
            Argument("attempts", int, "how often it is begun anew (3)", 1, 10, is_needed=False),
        ),
        _update_controller, EventType.FIRMWARE, verb="Update the firmware", needs=(Need.NO_UPDATE, Need.SUPPLY),
    ),
    Action(
        "install_package", "fota", InstallPackage, Guard.G2, Right.CONFIGURE,
        "Installs the package {name} once nobody charges; a version that is not well makes room for the one before.",
        (
            Argument("name", str, "name of a package on the station", 1, 100),
            Argument("at", str, "not before this moment (ISO 8601 with zone)", 0, 40, is_needed=False),
        ),
        _install(is_from_usb=False), EventType.FIRMWARE, verb="Install {name}", needs=(Need.NO_UPDATE,),
    ),
    Action(
        "update_software", "fota", InstallPackage, Guard.G2, Right.CONFIGURE,
        "Reads the package {name} from the USB stick and installs it once nobody charges.",
        (Argument("name", str, "name of a package on the stick", 1, 100),),
        _install(is_from_usb=True), EventType.FIRMWARE, verb="Update from USB", needs=(Need.NO_UPDATE,),
        timeout_s=120.0,
    ),
    Action(
        "fetch_update", "fota", BeginUpdate, Guard.G2, Right.CONFIGURE,
        "Fetches a package from {location} and installs it once nobody charges.",
        (
            Argument("location", str, "address: http, https, ftp, ftps or sftp", 8, 400),
            Argument("at", str, "not before this moment (ISO 8601 with zone)", 0, 40, is_needed=False),
        ),
        _fetch_update, EventType.FIRMWARE, verb="Fetch an update", needs=(Need.NO_UPDATE,),
    ),
    Action(
        "cancel_update", "fota", CancelUpdate, Guard.G1, Right.CONFIGURE,
        "Gives the update up; what runs goes on.", (), lambda _v, a: CancelUpdate(by=a.login), EventType.FIRMWARE,
        verb="Give the update up",
    ),
    Action(
        "return_software", "fota", ReturnSoftware, Guard.G3, Right.ADMINISTER,
        "Runs the version before again, once nobody charges.",
        (Argument("reason", str, "why, for those who see it later", 3, 200),),
        lambda v, a: ReturnSoftware(reason=v["reason"], by=a.login), EventType.FIRMWARE,
        verb="Return to the version before", needs=(Need.IDLE, Need.NO_UPDATE),
    ),
)  # fmt: skip
