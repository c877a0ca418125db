"""What `chargepoint check` says of ports that are no serial line."""

from __future__ import annotations

import tomllib

import pytest

from chargepoint import config_check
from chargepoint.config import Settings

BASE = """
[station]
[[port]]
name = "line"
device = "/dev/ttyS0"
%s
[[connector]]
number = 1
type = "TYPE2"
port = "line"
meter = "main"
max_current_a = 32
max_power_w = 22_000
cable_current_a = 32
[[meter]]
name = "main"
port = "line"
address = 2
"""


def faults(text: str) -> list[str]:
    found = config_check.check(tomllib.loads(BASE % text), Settings, "station.toml")
    return [f"{fault.key}: {fault.reason}: {fault.remedy}" for fault in found if "[[port]]" in fault.key]


@pytest.mark.parametrize(
    "text",
    [
        'kind = "can"\ndevice = "can0"',
        'kind = "can"\ninterface = "slcan"\ndevice = "socket://192.168.1.2:3000"\noptions = { sleep_after_open = 2.0 }',
        'kind = "can"\ninterface = "kvaser"\ndevice = "0"\noptions = { single_handle = true }',
        'kind = "http"\nhost = "192.168.1.2"\nport = 80',
        'device = "socket://192.168.1.2:4196"\nbaud_rate = 2400',
        'kind = "gpio"\ndevice = "/dev/gpiochip0"',
        'kind = "spi"\ndevice = "/dev/spidev0.0"',
    ],
)
def test_a_port_of_each_kind_passes(text: str) -> None:
    assert faults(f'[[port]]\nname = "other"\n{text}') == []


@pytest.mark.parametrize(
    "text, words",
    [
        ('kind = "can"', '"other", device: a port of kind can needs it: Set it, for example "can0"'),
        ('device = "socket://192.168.1.2"', "device: it must be socket://HOST:PORT: Set the converter's address"),
        ('kind = "gpio"', "/dev/gpiochip0"),
        ('kind = "spi"', "/dev/spidev0.0"),
        ('kind = "http"\nhost = "a"', "port: a port of kind http needs it: Set 80"),
        ('kind = "http"\nport = 80', "host: a port of kind http needs it"),
        ('kind = "can"\ndevice = "can0"\nhost = "a"', "host: a port of kind can has none"),
        ('kind = "can"\ninterface = "slcan"\ndevice = "/dev/ttyS0"', "is the same wire"),
        ('kind = "can"\ninterface = "slcan"\ndevice = "/dev/a"\nbit_rate = 33_333', "bit_rate: slcan adapters have no"),
        ('kind = "can"\ninterface = "slcan"\ndevice = "socket://a"', "device: device 'socket://a': must be socket://"),
        (
            'kind = "can"\ninterface = "slcan"\ndevice = "/dev/a"\noptions = { x = 1 }',
            "options: options x: slcan takes",
        ),
    ],
)
def test_what_is_wrong_with_a_port_is_said_with_a_remedy(text: str, words: str) -> None:
    found = faults(f'[[port]]\nname = "other"\n{text}')
    assert len(found) == 1 and words in found[0]


def test_two_channels_of_one_interface_are_two_buses_and_one_twice_is_one() -> None:
    can = '[[port]]\nname = "{}"\nkind = "can"\ndevice = "{}"\n'
    assert faults(can.format("a", "can0") + can.format("b", "can1")) == []
    assert "is the same wire" in faults(can.format("a", "can0") + can.format("b", "can0"))[0]


@pytest.mark.parametrize(("driver", "is_fine"), [("bender_cc", True), ("phoenix_charx", False)])
def test_the_meter_within_a_controller_has_its_address(driver: str, is_fine: bool) -> None:
    text = f"""
[station]
[[port]]
name = "box"
kind = "tcp"
host = "192.168.10.20"
[[connector]]
number = 1
type = "TYPE2"
driver = "bender_cc"
port = "box"
address = 255
meter = "main"
max_current_a = 32
max_power_w = 22_000
cable_current_a = 32
[[meter]]
name = "main"
driver = "{driver}"
port = "box"
address = 255
"""
    found = config_check.check(tomllib.loads(text), Settings, "station.toml")
    assert any("has the same address" in fault.reason for fault in found) is not is_fine


@pytest.mark.parametrize(("first", "second", "is_fine"), [("eastron", "iskra", True), ("eastron", "chint", False)])
def test_who_says_no_address_has_that_of_the_device_as_it_is_delivered(first: str, second: str, is_fine: bool) -> None:
    meters = "".join(f'[[meter]]\nname = "{name}"\ndriver = "{name}"\nport = "bus"\n' for name in (first, second))
    text = f'[station]\n[[port]]\nname = "bus"\ndevice = "/dev/ttyS0"\n{meters}'
    found = config_check.check(tomllib.loads(text), Settings, "station.toml")
    assert any("has the same address" in fault.reason for fault in found) is not is_fine
