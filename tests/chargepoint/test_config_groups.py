"""Faults of a station file about modules that connectors share."""

from __future__ import annotations

import tomllib

import msgspec
import pytest

from chargepoint.config import Settings
from chargepoint.config_check import check
from chargepoint.power.allocation import Mode
from chargepoint.station.dc.topology import guarantee_w, places_of, rules_of, topology_of


def station(groups: int = 2, connectors: int = 2, *, more: str = "", nodes: str = "") -> str:
    """A full matrix: each group to each connector, by a contactor K<group><connector>."""
    parts = [
        '[station]\nname = "post"\npower_limit_w = 120_000\n[[port]]\nname = "can"\nkind = "can"\ndevice = "can0"\n'
        'bit_rate = 500_000\n[[port]]\nname = "bus"\ndevice = "/dev/ttyS0"\n'
        '[[modules]]\nname = "bank"\ndriver = "infypower"\nport = "can"\naddresses = [1, 2, 3, 4]\n'
        "min_voltage_v = 150\nmax_voltage_v = 1000\nmax_current_a = 100\nmax_power_w = 30_000\n"
        f'[power]\nmode = "weight"\nguarantee_w = 20_000\n{nodes}\n'
        '[[io]]\nname = "relays"\ndriver = "waveshare"\nport = "bus"\naddress = 40\nwatchdog_s = 15\n'
    ]
    for number in range(1, connectors + 1):
        parts.append(
            f'[[connector]]\nnumber = {number}\ntype = "CCS2"\ndriver = "advantics"\nport = "can"\n'
            f'address = {10 + number}\nmeter = "m{number}"\nbus = "Q{number}"\nmax_current_a = 200\n'
            "max_power_w = 100_000\ncable_current_a = 200\nmin_current_a = 5\n"
            f'[[meter]]\nname = "m{number}"\nport = "bus"\naddress = {10 + number}\n'
        )
    channel = 0
    for group in range(1, groups + 1):
        first = 2 * group - 1
        parts.append(f'[[group]]\nname = "G{group}"\nmodules = "bank"\naddresses = [{first}, {first + 1}]\n')
        for number in range(1, connectors + 1):
            parts.append(switch(f"K{group}{number}", f"G{group}", f"Q{number}", channel))
            channel += 1
    return "".join(parts) + more


def switch(name: str, one: str, other: str, channel: int) -> str:
    return (
        f'[[input]]\nname = "{name}-closed"\nfunction = "contactor_feedback"\nio = "relays"\nchannel = {channel}\n'
        f'[[output]]\nname = "{name}-coil"\nfunction = "contactor"\nio = "relays"\nchannel = {channel}\n'
        f'feedback = "{name}-closed"\n'
        f'[[switch]]\nname = "{name}"\nbetween = ["{one}", "{other}"]\noutput = "{name}-coil"\n'
    )


GOOD = station()
FIXED = '[[modules]]\nname = "alone"\ndriver = "infypower"\nport = "can"\naddresses = [9]\n'
COIL = 'output = "K22-coil"'

CASES = {
    "a group of modules that are not there": ('modules = "bank"', 'modules = "bnk"', '"G1", modules', "there is no"),
    "a group of an address that is not there": ("[1, 2]\n[[", "[1, 7]\n[[", '"G1", addresses', "has no module 7"),
    "a module in two groups": ("[3, 4]\n[[", "[2, 3]\n[[", '"G2", addresses', "module 2"),
    "a whole bank beside groups of it": ("addresses = [3, 4]\n[[", "[[", '"G2", addresses', "others have some"),
    "a bank of fixed wiring in a group": (
        'bus = "Q1"', 'modules = "bank"', "[[connector]] 1, modules", "these modules are shared",
    ),
    "fixed wiring and a bus": (
        'bus = "Q1"\n', 'bus = "Q1"\nmodules = "alone"\n', "[[connector]] 1, bus", "wired to it alone",
    ),
    "modules without ratings": ("max_power_w = 30_000\n", "", '"bank", max_power_w', "data sheet"),
    "a range upside down": ("min_voltage_v = 150", "min_voltage_v = 1500", '"bank", min_voltage_v', "not below"),
    "half of a second range": (
        "min_voltage_v = 150", "second_max_voltage_v = 500", '"bank", second_max_current_a', "most current",
    ),
    "a curve that falls back": (
        "min_voltage_v = 150", "efficiency = [[0.5, 0.9], [0.2, 0.9]]", '"bank", efficiency', "loads rise",
    ),
    "a switch without its output": (COIL, 'output = "K9"', '"K22", output', "there is no [[output]]"),
    "an output used twice": (COIL, 'output = "K21-coil"', '"K22", output', "driven by it already"),
    "an output of a connector's own contactor": (
        'bus = "Q1"\n', 'bus = "Q1"\ncontactor = "K22-coil"\n', '"K22", output', "driven by it already",
    ),
    "a contactor that cannot tell": ('feedback = "K22-closed"\n', "", '"K22", output', "no feedback"),
    "a lamp for a contactor": (
        'name = "K22-coil"\nfunction = "contactor"', 'name = "K22-coil"\nfunction = "light_red"', '"K22", output',
        "of function light_red",
    ),
    "an I/O module that opens before the modules are off": (
        "watchdog_s = 15", "watchdog_s = 5", '"relays", watchdog_s', "would open under current",
    ),
    "a contactor of one end": ('["G2", "Q2"]', '["G2"]', '"K22", between', "joins two buses"),
    "a contactor with both ends at one bus": ('["G2", "Q2"]', '["G2", "G2"]', '"K22", between', "joins two buses"),
    "a contactor to a bus that is not there": ('["G2", "Q2"]', '["G2", "Q3"]', '"K22", between', "there is no bus"),
    "one bus for two connectors": ('bus = "Q2"', 'bus = "Q1"', "[[connector]] 2, bus", "belongs to one output"),
    "a group that reaches nobody": (
        '[[group]]\nname = "G1"',
        '[[modules]]\nname = "far"\ndriver = "infypower"\nport = "can"\naddresses = [9]\nmax_voltage_v = 1000\n'
        'max_current_a = 100\nmax_power_w = 30_000\n[[group]]\nname = "G9"\nmodules = "far"\n[[group]]\nname = "G1"',
        '"G9", name', "no contactors lead",
    ),
    "a connector that nobody reaches": (
        'bus = "Q2"', 'bus = "Q3"', "[[connector]] 2, bus", "so it has no modules",
    ),
    "a node that nothing is at": ('mode = "weight"', 'nodes = ["N1"]', "[power], nodes", "is at"),
    "an exclusive set with an unknown connector": (
        'mode = "weight"', "exclusive = [[1, 5]]", "[power], exclusive", "there is no [[connector]] 5",
    ),
    "an exclusive set of one": ('mode = "weight"', "exclusive = [[1]]", "[power], exclusive", "two connectors"),
    "a mode that is not there": ('mode = "weight"', 'mode = "fast"', "[power], mode", "no such word"),
    "a controller that has its own modules": (
        'driver = "advantics"', 'driver = "phoenix_charx"', "[[connector]] 1, bus", "commands its modules itself",
    ),
    "a guarantee beyond the connector": (
        'bus = "Q1"', 'bus = "Q1"\nguarantee_w = 200_000', "[[connector]] 1, guarantee_w", "above max_power_w",
    ),
    "two switches of one name": ('name = "K22"\n', 'name = "K21"\n', "name", "has the same name"),
    "a bus of an AC connector": (
        'type = "CCS2"', 'type = "TYPE2"', "[[connector]] 1, bus", "AC connector has no modules",
    ),
}  # fmt: skip


def faults_of(text: str) -> list[str]:
    return [f"{fault.key}: {fault.reason} {fault.remedy}" for fault in check(tomllib.loads(text), Settings)]


def settings_of(text: str) -> Settings:
    assert faults_of(text) == []
    return msgspec.convert(tomllib.loads(text), Settings)


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_is_told(case: str) -> None:
    old, new, key, reason = CASES[case]
    assert old in GOOD
    more = FIXED if "alone" in new else ""
    found = faults_of(GOOD.replace(old, new, 1) + more)
    assert any(key in fault and reason in fault for fault in found), found


def test_a_connector_that_lives_on_groups_needs_one() -> None:
    found = faults_of(station(groups=0))
    assert any("[[connector]] 1, bus" in fault and "there is no [[group]]" in fault for fault in found), found


def test_a_full_matrix_has_a_link_of_one_contactor_from_each_group_to_each_connector() -> None:
    settings = settings_of(GOOD)
    topology = topology_of(settings)
    assert [(link.group, link.connector, link.contactors) for link in topology.links] == [
        ("G1", 1, ("K11",)), ("G1", 2, ("K12",)), ("G2", 1, ("K21",)), ("G2", 2, ("K22",)),
    ]  # fmt: skip
    group = topology.groups["G1"]
    assert group.modules == 2
    assert group.power_w(400.0) == 60_000.0
    assert group.power_w(100.0) == 0.0
    assert places_of(settings)["G2"].numbers == (3, 4)
    assert rules_of(settings).mode is Mode.WEIGHT
    assert guarantee_w(settings, settings.connector[0]) == 20_000.0


def test_modules_of_two_ranges_give_most_in_the_better_one() -> None:
    text = GOOD.replace(
        "min_voltage_v = 150", "min_voltage_v = 300\nsecond_max_voltage_v = 500\nsecond_max_current_a = 133"
    ).replace("max_current_a = 100\nmax_power", "max_current_a = 66\nmax_power")
    group = topology_of(settings_of(text)).groups["G1"]
    assert group.power_w(200.0) == 2 * 133 * 200
    assert group.power_w(800.0) == 2 * 30_000


def test_a_ring_brings_each_group_both_ways_round() -> None:
    text = (
        station(groups=2, connectors=2, nodes='nodes = ["Q1", "Q2"]')
        .replace('["G1", "Q2"]', '["Q1", "Q2"]')
        .replace('["G2", "Q1"]', '["Q2", "G1"]')
    )
    links = topology_of(settings_of(text)).links
    assert {(link.group, link.connector) for link in links} == {("G1", 1), ("G1", 2), ("G2", 2), ("G2", 1)}


def test_fixed_wiring_is_a_group_for_each_bank_and_no_contactors() -> None:
    text = GOOD[: GOOD.index("[[group]]")].replace('bus = "Q2"', 'modules = "alone"') + FIXED
    text = text.replace('bus = "Q1"', 'modules = "bank"')
    settings = settings_of(text)
    topology = topology_of(settings)
    assert [(link.group, link.connector, link.contactors) for link in topology.links] == [
        ("alone", 2, ()),
        ("bank", 1, ()),
    ]
    assert not topology.is_switched
    assert places_of(settings)["bank"].numbers == (1, 2, 3, 4)
    assert topology.groups["bank"].power_w(500.0) == 100_000.0


def test_ratings_may_stand_in_the_options_of_the_driver() -> None:
    text = GOOD.replace("infypower", "winline").replace(
        "min_voltage_v = 150\nmax_voltage_v = 1000\nmax_current_a = 100\nmax_power_w = 30_000\n",
        "options = { max_voltage_v = 1000, max_current_a = 100, max_power_w = 30_000 }\n",
    )
    assert topology_of(settings_of(text)).groups["G1"].power_w(400.0) == 60_000.0
