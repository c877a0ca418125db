"""Whether a unit is activated, and who may change that."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from chargepoint import activation, helper
from chargepoint.activation import Activation, ActivationFile
from chargepoint.bus import CallFailed
from chargepoint.clock import Clock
from chargepoint.config import Secrets
from chargepoint.context import Context
from chargepoint.layout import Layout
from chargepoint.messages import ActionResult, PrivilegedDeed, SetActivation
from chargepoint.one_process import in_process_bus
from chargepoint.timekeeping import EARLIEST
from chargepoint.vocabulary import SessionFlag
from tests.chargepoint.dummies import settings
from tests.chargepoint.test_reconfiguration import a_world

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_without_a_file_a_station_is_activated(tmp_path: Path) -> None:
    assert ActivationFile(tmp_path / "nowhere").is_activated
    assert ActivationFile(tmp_path).flags() is SessionFlag(0)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"activated": 0}', b"\xff"])
def test_a_damaged_file_makes_no_paid_session_a_test(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / activation.FILE).write_bytes(content)
    assert ActivationFile(tmp_path).is_activated
    assert "sw_activation.sh" in caplog.text


def test_a_change_is_seen_and_the_serial_number_stays(tmp_path: Path) -> None:
    told = Activation(activated=True, serial="SN-1", at="", by="sw_activation.sh")
    (tmp_path / activation.FILE).write_bytes(msgspec.json.encode(told))
    file = ActivationFile(tmp_path)
    assert file.flags() is SessionFlag(0)
    activation.write(tmp_path, activated=False, by="anna", at=AT)
    assert file.flags() is SessionFlag.TerminalNotActivated
    assert activation.read(tmp_path) == Activation(False, "SN-1", AT.isoformat(), "anna")
    assert (tmp_path / activation.FILE).stat().st_mode & 0o777 == 0o644


async def test_the_helper_writes_it(tmp_path: Path) -> None:
    async with in_process_bus("helper", "hub", "ocpp") as buses:
        context = Context(
            name="helper", bus=buses["helper"], settings=settings(), secrets=Secrets(), data=tmp_path, is_really=True,
            clock=Clock("boot-1", floor=EARLIEST), layout=Layout(slots=tmp_path / "slots", keys=tmp_path),
        )  # fmt: skip
        running = asyncio.create_task(helper.run(context))
        await asyncio.sleep(0.01)
        for on in ("0", "1"):
            deed = PrivilegedDeed(name="set_activation", arguments={"on": on}, by="anna")
            assert (await buses["hub"].call("helper", deed)).ok
            assert activation.read(tmp_path).activated is (on == "1")
        deed = PrivilegedDeed(name="set_activation", arguments={"on": "yes"}, by="anna")
        assert (await buses["hub"].call("helper", deed)).code == "refused"
        context.stopping.set()
        await running


async def test_the_hub_lets_the_helper_do_it_for_those_who_may(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        asked: list[PrivilegedDeed] = []

        async def deed(request: PrivilegedDeed, _sender: str) -> ActionResult:
            asked.append(request)
            return ActionResult(ok=True, code="ok")

        world.buses["helper"].serve(PrivilegedDeed, deed)
        assert (await world.hmi.call("hub", SetActivation(activated=False, by="boris"))).ok
        assert [(each.name, each.arguments, each.by) for each in asked] == [
            ("set_activation", {"on": "0"}, "boris (hmi)")
        ]
        with pytest.raises(CallFailed):
            await world.buses["helper"].call("hub", SetActivation(activated=True, by="helper"))


def test_exceptions_name_a_unit_by_what_it_was_made_known_by_whatever_its_station_file_says(tmp_path: Path) -> None:
    assert activation.unit_serial(tmp_path, "of the file") == "of the file"
    (tmp_path / activation.FILE).write_bytes(msgspec.json.encode(Activation(activated=False, serial="10000000abcd")))
    assert activation.unit_serial(tmp_path, "of the file") == "10000000abcd"
