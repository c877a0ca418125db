"""Rules of the station file about the cabinet: one mistake at a time, told with key, reason and remedy."""

from __future__ import annotations

import tomllib

import pytest

from chargepoint import config_check
from chargepoint.config import Settings
from chargepoint.config_channels import channels
from chargepoint.config_faults import Fault
from chargepoint.config_sections import Document
from drivers import loading

GOOD = """
[station]
name = "one"
power_limit_w = 44_000
[[port]]
name = "bus"
device = "/dev/ttyS0"
[[port]]
name = "io"
device = "/dev/ttyS1"
[[port]]
name = "spi"
kind = "spi"
device = "/dev/spidev0.0"
[[port]]
name = "upsd"
kind = "tcp"
host = "127.0.0.1"
port = 3493
[[connector]]
number = 1
type = "TYPE2"
port = "bus"
address = 1
meter = "m1"
contactor = "K1"
max_current_a = 32
max_power_w = 22_000
cable_current_a = 32
[[connector]]
number = 2
type = "SCHUKO"
driver = "socket"
meter = "m2"
max_current_a = 16
min_current_a = 16
max_power_w = 3_680
cable_current_a = 16
phases = 1
options = { relay = "R1", lid = "lid", breaker = "rcd" }
[[meter]]
name = "m1"
port = "bus"
address = 10
[[meter]]
name = "m2"
port = "bus"
address = 11
[[io]]
name = "main"
driver = "icpdas"
port = "io"
address = 5
[[io]]
name = "other"
driver = "waveshare"
port = "io"
address = 6
[[input]]
name = "stop"
function = "emergency_stop"
io = "main"
channel = 0
[[input]]
name = "fb"
function = "contactor_feedback"
io = "main"
channel = 1
[[input]]
name = "lid"
function = "lid"
io = "main"
channel = 2
[[input]]
name = "rcd"
function = "residual_current"
io = "main"
channel = 3
connectors = [2]
[[output]]
name = "K1"
function = "contactor"
io = "main"
channel = 0
feedback = "fb"
operations_per_life = 100_000
[[output]]
name = "R1"
function = "socket"
io = "main"
channel = 1
[[output]]
name = "heat"
function = "heater"
io = "main"
channel = 2
zone = "front"
[[output]]
name = "lamp"
function = "light_red"
io = "other"
channel = 0
connector = 1
[[sensor]]
name = "air"
zone = "front"
driver = "xy_md02"
port = "io"
address = 7
[[light]]
name = "strip"
driver = "spi_ws281x"
port = "spi"
pixels = 30
segments = [1, 2]
[[ups]]
name = "ups"
port = "upsd"
[climate]
heat_below_c = 5.0
"""


def faults(text: str) -> tuple[Fault, ...]:
    return config_check.check(tomllib.loads(text), Settings, "station.toml")


def test_a_whole_cabinet_is_taken() -> None:
    assert not faults(GOOD)


CASES = {
    "a channel that the module does not have": (
        'io = "main"\nchannel = 2\n[[input]]', 'io = "main"\nchannel = 22\n[[input]]',
        '[[input]] "lid", channel', "[[io]] \"main\" has inputs 0 to 7 only",
    ),
    "a supply where Modbus is": (
        'host = "127.0.0.1"\nport = 3493', 'host = "127.0.0.1"', '[[port]] "upsd", port', "502 is the port of Modbus",
    ),
    "an input that lowers the power to nobody knows what": (
        'name = "lid"\nfunction = "lid"', 'name = "generator"\nfunction = "power_reduction"',
        '[[input]] "generator", limit_w', "nothing says how much",
    ),
    "a power for an input that lowers none": (
        'name = "lid"\nfunction = "lid"', 'name = "lid"\nfunction = "lid"\nlimit_w = 5_000',
        '[[input]] "lid", limit_w', "only a power_reduction",
    ),
    "two inputs on one channel": (
        'io = "main"\nchannel = 2\n[[input]]', 'io = "main"\nchannel = 1\n[[input]]',
        '[[input]] "lid", channel', "wired to it already",
    ),
    "two outputs on one channel": (
        'function = "socket"\nio = "main"\nchannel = 1', 'function = "socket"\nio = "main"\nchannel = 0',
        '[[output]] "R1", channel', "wired to it already",
    ),
    "two modules at one address": (
        'port = "io"\naddress = 6', 'port = "io"\naddress = 5', '[[io]] "other", address', "the same address",
    ),
    "two inputs of one name": ('name = "stop"', 'name = "lid"', '[[input]] "lid", name', "same name"),
    "a button that is slow": (
        'function = "emergency_stop"', 'function = "emergency_stop"\ndebounce_s = 0.5',
        '[[input]] "stop", debounce_s', "does not wait",
    ),
    "an input on no module": (
        'function = "emergency_stop"\nio = "main"', 'function = "emergency_stop"\nio = "mian"',
        '[[input]] "stop", io', "no [[io]] of this name",
    ),
    "an output on no module": (
        'function = "light_red"\nio = "other"', 'function = "light_red"\nio = "otter"',
        '[[output]] "lamp", io', "no [[io]] of this name",
    ),
    "an inverted contactor": (
        'feedback = "fb"', 'feedback = "fb"\ninverted = true', '[[output]] "K1", inverted', "would close when",
    ),
    "feedback that is none": (
        'function = "emergency_stop"', 'function = "contactor_feedback"',
        '[[input]] "stop", function', "nobody would look at it",
    ),
    "feedback of another function": (
        'feedback = "fb"', 'feedback = "lid"', '[[output]] "K1", feedback', "of function lid",
    ),
    "feedback of a heater": (
        'zone = "front"\n[[output]]', 'zone = "front"\nfeedback = "fb"\n[[output]]',
        '[[output]] "heat", feedback', "only contactors",
    ),
    "life of a lamp": (
        "connector = 1\n[[sensor]]", "connector = 1\noperations_per_life = 5\n[[sensor]]",
        '[[output]] "lamp", operations_per_life', "only contactors",
    ),
    "zone of a lamp": (
        "connector = 1\n[[sensor]]", 'connector = 1\nzone = "front"\n[[sensor]]',
        '[[output]] "lamp", zone', "only heaters and fans",
    ),
    "a heater in a zone that only informs": (
        'channel = 2\nzone = "front"', 'channel = 2\nzone = "inner"', '[[output]] "heat", zone', "only informs",
    ),
    "a heater where nobody measures": (
        'channel = 2\nzone = "front"', 'channel = 2\nzone = "rear"',
        '[[output]] "heat", zone', "no [[sensor]] measures",
    ),
    "a heater of a connector": (
        'channel = 2\nzone = "front"', 'channel = 2\nzone = "front"\nconnector = 1',
        '[[output]] "heat", connector', "only lamps and buzzers",
    ),
    "a contactor nobody closes": (
        'contactor = "K1"\n', "", '[[output]] "K1", function', "nobody would close it",
    ),
    "a contactor that is a heater": (
        'contactor = "K1"', 'contactor = "heat"', "[[connector]] 1, contactor", "of function heater",
    ),
    "a contactor that is not there": (
        'contactor = "K1"', 'contactor = "K7"', "[[connector]] 1, contactor", "no [[output]] of this name",
    ),
    "a socket behind a contactor": (
        'driver = "socket"', 'driver = "socket"\ncontactor = "K1"', "[[connector]] 2, contactor", "has it already",
    ),
    "a socket that could limit": (
        "min_current_a = 16", "min_current_a = 6", "[[connector]] 2, min_current_a", "rated current or nothing",
    ),
    "a socket with a plug of its own": (
        'type = "SCHUKO"', 'type = "TYPE2"', "[[connector]] 2, type", "household sockets",
    ),
    "a socket without a relay": (
        'options = { relay = "R1", ', "options = { ", "[[connector]] 2, options.relay", "",
    ),
    "a relay that is a contactor": (
        'relay = "R1"', 'relay = "K1"', "[[connector]] 2, options.relay", "of function contactor",
    ),
    "a relay that is not there": (
        'relay = "R1"', 'relay = "R7"', "[[connector]] 2, options.relay", "no [[output]] of this name",
    ),
    "a lid that is a button": (
        'lid = "lid"', 'lid = "stop"', "[[connector]] 2, options.lid", "of function emergency_stop",
    ),
    "a breaker that stops others": (
        "connectors = [2]", "connectors = [1]", "[[connector]] 2, options.breaker", "does not stop this connector",
    ),
    "a relay on a module without a watchdog": (
        'function = "socket"\nio = "main"', 'function = "socket"\nio = "other"',
        "[[connector]] 2, options.relay", "keeps its outputs",
    ),
    "a native controller without a port": (
        'type = "TYPE2"\nport = "bus"', 'type = "TYPE2"', "[[connector]] 1, port", "missing",
    ),
    "an input of no connector": (
        "connectors = [2]", "connectors = [2, 9]", '[[input]] "rcd", connectors', "no [[connector]] 9",
    ),
    "a lamp of no connector": (
        "channel = 0\nconnector = 1", "channel = 0\nconnector = 3",
        '[[output]] "lamp", connector', "no [[connector]] 3",
    ),
    "a segment of no connector": (
        "segments = [1, 2]", "segments = [1, 3]", '[[light]] "strip", segments', "no [[connector]] 3",
    ),
    "a segment twice": ("segments = [1, 2]", "segments = [1, 1]", '[[light]] "strip", segments', "twice"),
    "more segments than lights": ("pixels = 30", "pixels = 1", '[[light]] "strip", pixels', "fewer lights"),
    "a shutdown before charges end": (
        'port = "upsd"\n[climate]', 'port = "upsd"\nstop_after_s = 90\n[climate]',
        '[[ups]] "ups", off_after_s', "afterwards",
    ),
    "heat above fan": (
        "heat_below_c = 5.0", "heat_below_c = 33.0", "[climate], fan_above_c", "not above heat_below_c",
    ),
    "derating above stop": (
        "heat_below_c = 5.0", "derate_above_c = 70.0", "[climate], stop_above_c", "not above derate_above_c",
    ),
    "main relay above heater": (
        "heat_below_c = 5.0", "main_off_below_c = 10.0", "[climate], heat_below_c", "not above main_off_below_c",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "key", "reason"), CASES.values(), ids=CASES)
def test_a_mistake_is_told_with_its_key_and_a_remedy(before: str, after: str, key: str, reason: str) -> None:
    assert GOOD.count(before) == 1, f"{before!r} stands there {GOOD.count(before)} times"
    found = faults(GOOD.replace(before, after))
    assert key in [fault.key for fault in found], found
    fault = next(each for each in found if each.key == key)
    assert reason in fault.reason
    assert fault.remedy


def test_a_heater_without_zone_and_without_sensor_is_told() -> None:
    text = GOOD.replace('channel = 2\nzone = "front"', "channel = 2").replace(
        'zone = "front"\ndriver', 'zone = "outer"\ndriver'
    )
    assert [fault.key for fault in faults(text)] == ['[[output]] "heat", function']


def test_two_relays_and_contactors_have_two_connectors() -> None:
    text = GOOD.replace('driver = "socket"\nmeter = "m2"', 'port = "bus"\naddress = 2\nmeter = "m2"\ncontactor = "K1"')
    text = text.replace('options = { relay = "R1", lid = "lid", breaker = "rcd" }\n', "")
    assert {fault.key for fault in faults(text)} == {"[[connector]] 2, contactor", '[[output]] "R1", function'}


def test_a_module_without_watchdog_may_be_accepted() -> None:
    text = GOOD.replace('function = "socket"\nio = "main"', 'function = "socket"\nio = "other"')
    assert not faults(text.replace('driver = "socket"', 'driver = "socket"\naccept_no_fail_safe = true'))


@pytest.mark.parametrize("driver", sorted(loading.known("io")))
def test_every_driver_says_how_many_channels_there_are_without_a_port(driver: str) -> None:
    text = f"""
    [[io]]
    name = "x"
    driver = "{driver}"
    port = "bus"
    [[input]]
    name = "door"
    function = "door"
    io = "x"
    channel = 200
    """
    document = Document(tomllib.loads(text), Settings, "station.toml")
    (fault,) = channels(document)
    assert '[[io]] "x" has' in fault.reason
