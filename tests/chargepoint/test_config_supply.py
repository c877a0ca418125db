"""Faults of a station file about modules and insulation monitors."""

from __future__ import annotations

import tomllib

import pytest

from chargepoint.config import Settings
from chargepoint.config_check import check

GOOD = """
[station]
name = "post"
power_limit_w = 120_000

[[port]]
name = "can"
kind = "can"
device = "can0"
bit_rate = 500_000

[[port]]
name = "bus"
device = "/dev/ttyS0"

[[connector]]
number = 1
type = "CCS2"
driver = "advantics"
port = "can"
address = 3
meter = "one"
modules = "bank"
insulation = "watch"
max_current_a = 200
max_power_w = 100_000
cable_current_a = 200
min_current_a = 5

[[connector]]
number = 2
type = "TYPE2"
port = "bus"
address = 2
meter = "two"
max_current_a = 32
max_power_w = 22_000
cable_current_a = 32

[[meter]]
name = "one"
port = "bus"
address = 10

[[meter]]
name = "two"
port = "bus"
address = 11

[[modules]]
name = "bank"
driver = "infypower"
port = "can"
addresses = [1, 2, 3, 4]

[[insulation]]
name = "watch"
driver = "bender_isocha"
port = "bus"
address = 3
"""
BANK, WATCH = 'modules = "bank"\n', 'insulation = "watch"\n'
AC = 'type = "TYPE2"\n'
BANK_2 = '[[modules]]\nname = "other"\ndriver = "infypower"\nport = "can"\n'

CASES = {
    "no modules for a controller that needs them": (BANK, "", "[[connector]] 1, modules", "leaves voltage"),
    "modules that are not there": (BANK, 'modules = "bnk"\n', "[[connector]] 1, modules", "there is no"),
    "modules of a controller that has its own": (
        AC, 'type = "CCS2"\ndriver = "phoenix_charx"\nmodules = "bank"\n', "[[connector]] 2, modules",
        "commands its modules itself",
    ),
    "modules of an AC connector": (AC, AC + BANK, "[[connector]] 2, modules", "AC connector"),
    "one bank for two connectors": (
        "[[meter]]",
        '[[connector]]\nnumber = 3\ntype = "CCS2"\ndriver = "advantics"\nport = "can"\naddress = 4\nmeter = "three"\n'
        'modules = "bank"\nmax_current_a = 200\nmax_power_w = 100_000\ncable_current_a = 200\n[[meter]]\n'
        'name = "three"\nport = "bus"\naddress = 12\n[[meter]]',
        "[[connector]] 3, modules", "a bank feeds one connector",
    ),
    "a monitor of an AC connector": (AC, AC + WATCH, "[[connector]] 2, insulation", "only a DC output"),
    "a monitor that is not there": (WATCH, 'insulation = "wtch"\n', "[[connector]] 1, insulation", "there is no"),
    "a module twice": ("[1, 2, 3, 4]", "[1, 2, 2]", "addresses", "address of its own"),
    "a module of two banks": (
        "[[insulation]]", BANK_2 + "addresses = [4, 5]\n[[insulation]]", "addresses", "one owner",
    ),
    "orders to all that other banks hear": (
        "[[insulation]]", BANK_2 + "addresses = [5]\noptions = { broadcast = true }\n[[insulation]]",
        "options.broadcast", "hear what is told to all",
    ),
    "one group for two banks": (
        "[1, 2, 3, 4]\n",
        f"[1, 2, 3, 4]\noptions = {{ group = 2 }}\n{BANK_2}addresses = [5]\noptions = {{ group = 2 }}\n",
        "options.group", "in this group already",
    ),
    "two banks of one name": (
        "[[insulation]]",
        '[[modules]]\nname = "bank"\ndriver = "infypower"\nport = "can"\naddresses = [9]\n[[insulation]]',
        "name", "has the same name",
    ),
}  # fmt: skip


def faults_of(text: str) -> list[str]:
    return [f"{fault.key}: {fault.reason} {fault.remedy}" for fault in check(tomllib.loads(text), Settings)]


def test_a_bank_and_a_monitor_of_one_connector_are_well() -> None:
    assert faults_of(GOOD) == []


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_is_told(case: str) -> None:
    old, new, key, reason = CASES[case]
    assert old in GOOD
    found = faults_of(GOOD.replace(old, new, 1))
    assert any(key in fault and reason in fault for fault in found), found
