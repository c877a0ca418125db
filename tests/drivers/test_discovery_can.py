"""Looking for devices on a CAN bus: modules of each family, native controllers; nobody is disturbed in his work."""

from __future__ import annotations

import asyncio

import pytest

from drivers import discovery
from drivers.discovery import Found
from drivers.interfaces import ConnectorType
from drivers.simulated.can_line import CanLine
from drivers.simulated.canopen import CanopenNode
from drivers.simulated.controller import Controller
from drivers.simulated.controller_state import Hardware
from drivers.simulated.outlet import Outlet
from drivers.simulated.registers import ControllerObjects
from tests.drivers.power.rig import CASES, Case, Rig

KNOWN = [case for case in CASES if not case.options and case.driver != "mmeet"]
"""mmeet has no question that would tell its modules from others."""


async def search(line: CanLine) -> list[Found]:
    found: list[Found] = []
    port = line.port()
    await port.open()
    try:
        async with asyncio.timeout(120):
            await discovery.search_can(
                "can0", port, discovery.candidates("can"), found.append, lambda text: None, most=20
            )
    finally:
        await port.close()
    return found


def orders(rig: Rig) -> list[tuple[object, ...]]:
    return [
        (module.is_told_on, module.set_voltage_v, module.set_current_a, module.group, module.walk_in, module.range)
        for module in rig.bank.modules.values()
    ]


@pytest.mark.parametrize("case", KNOWN, ids=str)
async def test_modules_of_each_family_are_found_and_keep_what_they_were_told(case: Case) -> None:
    rig = Rig(case)
    for module in rig.bank.modules.values():
        module.set_point(400.0, 10.0)
        module.is_told_on = True
    before = orders(rig)
    found = await search(rig.line)
    assert {each.driver for each in found} == {case.driver}
    assert [each.address for each in found] == [1, 2, 3]
    assert orders(rig) == before


async def test_native_controllers_are_found_wherever_they_are_within_sixteen_nodes() -> None:
    line = CanLine(250_000)
    for node in (5, 12):
        hardware = Hardware(
            number=1, type=ConnectorType.TYPE2, max_current_a=32, max_power_w=22_080, has_lock=True, serial=f"S-{node}"
        )
        line.attach(CanopenNode(ControllerObjects(Outlet(Controller(hardware)).controller), node))
    found = await search(line)
    assert [(each.driver, each.address, each.identity.serial) for each in found] == [
        ("native", 5, "S-5"),
        ("native", 12, "S-12"),
    ]


async def test_an_empty_bus_has_nothing_and_takes_a_bounded_time() -> None:
    began_s = asyncio.get_running_loop().time()
    assert await search(CanLine(250_000)) == []
    assert asyncio.get_running_loop().time() - began_s < 60
