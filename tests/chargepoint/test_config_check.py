"""Each kind of fault of a station file, with its key, finding, reason and remedy."""

from __future__ import annotations

import tomllib
from typing import Any

import msgspec
import pytest

from chargepoint.config import Secrets, Settings
from chargepoint.config_check import MOST_FAULTS, check
from chargepoint.config_faults import Fault
from chargepoint.config_schema import PATTERNS, plain, struct_info
from drivers import loading
from drivers.interfaces import FailSafe

GOOD = """
[station]
name = "post"
power_limit_w = 43_000
meter = "main"

[[port]]
name = "controllers"
device = "/dev/ttyS0"

[[port]]
name = "meters"
device = "/dev/ttyS1"

[[connector]]
number = 1
type = "TYPE2"
port = "controllers"
address = 1
meter = "one"
max_current_a = 32
max_power_w = 22_000
cable_current_a = 32

[[connector]]
number = 2
type = "CCS2"
port = "controllers"
address = 2
meter = "two"
max_current_a = 125
max_power_w = 50_000
cable_current_a = 200

[[meter]]
name = "main"
port = "meters"
address = 10

[[meter]]
name = "one"
port = "meters"
address = 1

[[meter]]
name = "two"
port = "meters"
address = 2

[ocpp]
url = "wss://central.example/ocpp"
identity = "CP1"
"""

ONE = 'number = 1\ntype = "TYPE2"\n'
AC_CURRENTS = "max_current_a = 32\nmax_power_w = 22_000\ncable_current_a = 32"
MAIN = '[[meter]]\nname = "main"\nport = "meters"\naddress = 10\n'

# What is replaced, by what; then key, finding, and words of the reason and the remedy.
CASES: dict[str, tuple[str, str, str, str, str, str]] = {
    "unknown key": (
        AC_CURRENTS, AC_CURRENTS.replace("max_current_a", "max_curent_a"),
        "[[connector]] 1, max_curent_a", "32", "no such key", "Did you mean max_current_a?",
    ),
    "unknown key far from all": (
        'name = "post"', 'name = "post"\nzzz = 3', "[station], zzz", "3", "no such key",
        "Remove it; there are address, vendor",
    ),
    "unknown section": ("[ocpp]", "[ocp]", "[ocp]", "", "no such section", "Did you mean [ocpp]?"),
    "unknown list of sections": (
        MAIN, MAIN + '[[conector]]\nnumber = 3\n', "[[conector]]", "", "no such section", "Did you mean [[connector]]?",
    ),
    "key before the first section": (
        "\n[station]", "identity = \"x\"\n[station]", "identity", '"x"', "before the first section",
        "below the line [ocpp]",
    ),
    "single brackets": (MAIN, "", "[station], meter", '"main"', "no [[meter]] of this name", "Name one of one and two"),
    "text for a number": (
        "max_power_w = 22_000", 'max_power_w = "22 kW"',
        "[[connector]] 1, max_power_w", '"22 kW"', "a number is expected, not text", "without quotes",
    ),
    "fraction for a whole number": (
        "number = 1\n", "number = 1\nphases = 2.5\n",
        "[[connector]] 1, phases", "2.5", "a whole number is expected", "phases wired",
    ),
    "number for text": (
        'name = "post"', "name = 7", "[station], name", "7", "text in quotes is expected", "Name of this",
    ),
    "text for true or false": (
        'name = "post"', 'name = "post"\nfree_mode = "yes"',
        "[station], free_mode", '"yes"', "true or false is expected", "Write true or false, without quotes",
    ),
    "date for a number": (
        "power_limit_w = 43_000", "power_limit_w = 2024-01-01",
        "[station], power_limit_w", "2024-01-01", "not a date or time", "grid connection",
    ),
    "text for a list": (
        MAIN, MAIN + "[access]\nwhite = \"04A1B2C3\"\n",
        "[access], white", '"04A1B2C3"', "a list in [brackets] is expected", "nobody else",
    ),
    "number in a list of texts": (
        MAIN, MAIN + "[access]\nwhite = [\"04A1B2C3\", 5]\n", "[access], white[2]", "5", "text in quotes", "Correct it",
    ),
    "fraction as a configuration value": (
        MAIN, MAIN + "[ocpp.configuration]\nHeartbeatInterval = 1.5\n",
        "[ocpp.configuration], HeartbeatInterval", "1.5", "text in quotes or a whole number", "Correct it",
    ),
    "below its range": (
        ONE, ONE.replace("1", "0", 1), "[[connector]] 0, number", "0", "at least 1 and at most 64", "at least 1",
    ),
    "zero power": (
        "max_power_w = 22_000", "max_power_w = 0", "[[connector]] 1, max_power_w", "0", "above 0", "above 0",
    ),
    "not a number": (
        "max_power_w = 22_000", "max_power_w = nan", "[[connector]] 1, max_power_w", "nan", "means nothing", "Power of",
    ),
    "endless": (
        "power_limit_w = 43_000", "power_limit_w = inf", "[station], power_limit_w", "inf", "means nothing", "may draw",
    ),
    "huge number": (
        "power_limit_w = 43_000", "power_limit_w = " + "9" * 400,
        "[station], power_limit_w", "a number with more than 60 digits", "means nothing", "may draw",
    ),
    "missing key": ("max_power_w = 22_000\n", "", "[[connector]] 1, max_power_w", "", "missing", "Power of the output"),
    "missing section": (
        '[station]\nname = "post"\npower_limit_w = 43_000\nmeter = "main"\n', "", "[station]", "", "missing", "Add the",
    ),
    "unknown word": ('"TYPE2"', '"TYP2"', "[[connector]] 1, type", '"TYP2"', "no such word", 'Did you mean "TYPE2"?'),
    "name with a space": (
        'name = "post"', 'name = "my post"', "[station], name", '"my post"', "letters, digits", "such a name",
    ),
    "empty name": ('name = "post"', 'name = ""', "[station], name", '""', "it is empty", "Set it"),
    "line break in text": (
        'name = "post"', 'name = "post"\nvendor = "a\\nb"', "[station], vendor", '"a\\nb"', "control character",
        "one line",
    ),
    "too long": (
        'name = "post"', f'name = "post"\nvendor = "{"v" * 21}"',
        "[station], vendor", f'"{"v" * 21}"', "21 characters, more than 20", "shorter",
    ),
    "kind of port": (
        'device = "/dev/ttyS0"', 'device = "/dev/ttyS0"\nkind = "usb"',
        '[[port]] "controllers", kind', '"usb"', "no such kind", '"serial", "tcp", ',
    ),
    "parity": (
        'device = "/dev/ttyS0"', 'device = "/dev/ttyS0"\nparity = "even"',
        '[[port]] "controllers", parity', '"even"', "no such parity", '"E" (even)',
    ),
    "duplicate port": (
        'name = "meters"\ndevice = "/dev/ttyS1"',
        'name = "meters"\ndevice = "/dev/ttyS1"\n[[port]]\nname = "meters"\ndevice = "/dev/ttyS2"',
        '[[port]] "meters", name', '"meters"', "an earlier [[port]] has the same name", "another name",
    ),
    "duplicate number": (
        "number = 2", "number = 1", "[[connector]] 1, number", "1", "earlier [[connector]]", "another number",
    ),
    "duplicate address": (
        "address = 10", "address = 2", '[[meter]] "two", address', "2", '[[meter]] "main" has the same',
        "another address",
    ),
    "unknown port": (
        'port = "controllers"\naddress = 1', 'port = "controler"\naddress = 1',
        "[[connector]] 1, port", '"controler"', "no [[port]] of this name", 'Did you mean "controllers"?',
    ),
    "unknown meter": (
        'meter = "two"', 'meter = "three"', "[[connector]] 2, meter", '"three"', "no [[meter]]",
        "Name one of main, one",
    ),
    "unknown connector of a reader": (
        MAIN, MAIN + '[[reader]]\nname = "r"\nconnectors = [1, 5]\n',
        '[[reader]] "r", connectors', "[...]", "no [[connector]] 5", "There are 1 and 2",
    ),
    "unknown driver": (
        ONE, ONE + 'driver = "nativ"\n', "[[connector]] 1, driver", '"nativ"', "no such driver",
        'Did you mean "native"?',
    ),
    "driver with a path": (
        'port = "meters"\naddress = 10', 'port = "meters"\naddress = 10\ndriver = "../eastron"',
        '[[meter]] "main", driver', '"../eastron"', "no such driver of meters", "eastron",
    ),
    "meter of other data bits": (
        'port = "meters"\naddress = 10', 'port = "meters"\naddress = 10\ndriver = "energomera"',
        '[[meter]] "main", port', '"meters"', "it has 8 data bits, and this driver's devices speak with 7",
        "Set data_bits = 7 on the port (they are delivered with 9600 7E1).",
    ),
    "two ports on one device": (
        "/dev/ttyS1", "/dev/../dev//ttyS0",
        '[[port]] "meters", device', '"/dev/../dev//ttyS0"', '[[port]] "controllers" is the same wire', "other wire",
    ),
    "serial port without a device": (
        'device = "/dev/ttyS0"\n', "", '[[port]] "controllers", device', '""', "kind serial needs it", "/dev/ttyUSB0",
    ),
    "tcp port without a host": (
        'device = "/dev/ttyS0"', 'kind = "tcp"',
        '[[port]] "controllers", host', '""', "kind tcp needs it", "192.168.10.20",
    ),
    "serial port with a host": (
        'device = "/dev/ttyS0"', 'device = "/dev/ttyS0"\nhost = "gw"',
        '[[port]] "controllers", host', '"gw"', "kind serial has none", "Remove it",
    ),
    "cable weaker than the outlet": (
        "max_current_a = 32", "max_current_a = 40",
        "[[connector]] 1, max_current_a", "40", "the cable is rated 32 A (cable_current_a)",
        "Set 32 or less, or correct the cable's rating.",
    ),
    "least above most": (
        ONE, ONE + "min_current_a = 33\n", "[[connector]] 1, min_current_a", "33", "could never charge", "Set 6",
    ),
    "less than 6 A": (
        ONE, ONE + "min_current_a = 5\n", "[[connector]] 1, min_current_a", "5", "IEC 61851-1", "Set 6 or more",
    ),
    "phases of the plug": (
        '"TYPE2"', '"TYPE1"', "[[connector]] 1, phases", "3", "a TYPE1 plug has one phase", "Set phases = 1",
    ),
    "household socket": (
        '"TYPE2"\nport = "controllers"\naddress = 1\nmeter = "one"\n' + AC_CURRENTS,
        '"SCHUKO"\nport = "controllers"\naddress = 1\nmeter = "one"\nphases = 1\n'
        + AC_CURRENTS.replace("22_000", "3_600"),
        "[[connector]] 1, max_current_a", "32", "household socket", "Set 16 or less",
    ),
    "power above current and voltage": (
        "max_power_w = 22_000", "max_power_w = 43_000",
        "[[connector]] 1, max_power_w", "43000", "with 32 A (max_current_a) and 3 x 230 V it reaches 22080 W", "22080",
    ),
    "power in kW": (
        "max_power_w = 22_000", "max_power_w = 22", "[[connector]] 1, max_power_w", "22", "never charge",
        "22 kW is 22_000",
    ),
    "station power in kW": (
        "power_limit_w = 43_000", "power_limit_w = 43", "[station], power_limit_w", "43", "none could ever", "43 kW is",
    ),
    "phases that bear less than a connector needs": (
        "power_limit_w = 43_000", "power_limit_w = 43_000\nphase_limit_a = 5",
        "[station], phase_limit_a", "5", "could never charge", "Set 6 or more",
    ),
    "voltage between phases": (
        "power_limit_w = 43_000", "power_limit_w = 43_000\nphase_voltage_v = 400",
        "[station], phase_voltage_v", "400", "to neutral", "Set 230",
    ),
    "user limit above the outlet": (
        ONE, ONE + "user_limit_w = 30_000\n", "[[connector]] 1, user_limit_w", "30000", "limits nothing", "Set less",
    ),
    "station meter as connector meter": (
        'meter = "two"', 'meter = "main"', "[[connector]] 2, meter", '"main"', "meter of the whole station",
        "own meter",
    ),
    "one meter for two": (
        'meter = "two"', 'meter = "one"', "[[connector]] 2, meter", '"one"',
        "it measures [[connector]] 1 already", "Name",
    ),
    "reader on a shared port": (
        MAIN, MAIN + '[[reader]]\nname = "r"\nport = "meters"\n',
        '[[reader]] "r", port', '"meters"', "needs its port for itself", "port of its own",
    ),
    "reader without the port it needs": (
        MAIN, MAIN + '[[reader]]\nname = "r"\ndriver = "pn532"\n',
        '[[reader]] "r", port', '""', "driver pn532 needs a port", "Name the [[port]]",
    ),
    "port of a reader that has none": (
        MAIN, MAIN + '[[port]]\nname = "x"\ndevice = "/dev/x"\n'
        '[[reader]]\nname = "r"\ndriver = "pcsc"\nport = "x"\n',
        '[[reader]] "r", port', '"x"', "found by name", "Remove it",
    ),
    "two readers that are one": (
        MAIN, MAIN + '[[reader]]\nname = "r"\ndriver = "pcsc"\noptions = { reader = "ACS*" }\n'
        '[[reader]]\nname = "s"\ndriver = "pcsc"\n',
        '[[reader]] "s", options.reader', '"*"', '[[reader]] "r" would take the same reader', "a pattern of its own",
    ),
    "option a reader does not know": (
        MAIN, MAIN + '[[reader]]\nname = "r"\ndriver = "pcsc"\noptions = { form = "octal" }\n',
        '[[reader]] "r", options.form', '"octal"', "no such word", "Set one of hex, decimal",
    ),
    "white and black": (
        MAIN, MAIN + '[access]\nwhite = ["04a1b2c3"]\nblack = ["04A1B2C3"]\n',
        "[access], black", '"04A1B2C3"', "white list as well", "Decide",
    ),
    "card with separators": (
        MAIN, MAIN + '[access]\nwhite = ["04:A1:B2:C3"]\n',
        "[access], white", '"04:A1:B2:C3"', "no separators", 'Write "04A1B2C3"',
    ),
    "card too long": (
        MAIN, MAIN + f'[access]\nwhite = ["{"A" * 22}"]\n',
        "[access], white", f'"{"A" * 22}"', "at most 20", "log line",
    ),
    "entry twice": (
        MAIN, MAIN + '[access]\nwhite = ["anna", "Anna"]\n', "[access], white", '"Anna"', "twice", "Remove one",
    ),
    "free mode at home": (
        'name = "post"', 'name = "post"\nfree_mode = true\noperating_mode = "HOME"',
        "[station], free_mode", "true", "only listed users", "NORMAL",
    ),
    "no name to charge under": (
        'name = "post"', 'name = "post"\nfree_mode = true\nfree_mode_id_tag = " "',
        "[station], free_mode_id_tag", '" "', "needs a name", "leave it out",
    ),
    "price without a currency": (
        MAIN, MAIN + "[tariff]\nper_kwh = 40\n", "[tariff], per_kwh", "40", "without a currency", "EUR",
    ),
    "address without a scheme": (
        "wss://central.example/ocpp", "central.example", "[ocpp], url", '"central.example"', "ws:// or wss://",
        "wss://host",
    ),
    "address without a host": (
        "wss://central.example/ocpp", "wss:///ocpp", "[ocpp], url", '"wss:///ocpp"', "no host", "host:port",
    ),
    "port number out of range": (
        "central.example/ocpp", "c:99999/ocpp", "[ocpp], url", '"wss://c:99999/ocpp"', "port number", "host:port",
    ),
    "password in the address": (
        "wss://central", "wss://user:hunter2@central", "[ocpp], url", '"wss://***@central.example"', "not belong",
        "secrets.toml",
    ),
    "identity twice": (
        "example/ocpp", "example/ocpp/CP1", "[ocpp], url", '"wss://central.example/ocpp/CP1"', "once more", "Write",
    ),
    "identity without an address": (
        'url = "wss://central.example/ocpp"\n', "", "[ocpp], identity", '"CP1"', "there is no url", "Set url",
    ),
    "second address that is the first": (
        'identity = "CP1"', 'identity = "CP1"\nbackup_url = "wss://central.example/ocpp/"',
        "[ocpp], backup_url", '"wss://central.example/ocpp/"', "the same as url", "leave it out",
    ),
    "password in the second address": (
        'identity = "CP1"', 'identity = "CP1"\nbackup_url = "wss://user:hunter2@other.example"',
        "[ocpp], backup_url", '"wss://***@other.example"', "not belong", "secrets.toml",
    ),
    "a host of files written as an address": (
        'identity = "CP1"', 'identity = "CP1"\nlocal_file_hosts = ["http://192.168.1.10/files"]',
        "[ocpp], local_file_hosts", '"http://192.168.1.10/files"', "a name or an address", 'Write "192.168.1.10"',
    ),
    "password in the proxy": (
        'identity = "CP1"', 'identity = "CP1"\nproxy = "http://user:hunter2@proxy.example:3128"',
        "[ocpp], proxy", '"http://***@proxy.example"', "not supported", "by its address",
    ),
    "proxy without a port": (
        'identity = "CP1"', 'identity = "CP1"\nproxy = "http://proxy.example"',
        "[ocpp], proxy", '"http://proxy.example"', "port number", "http://host:port",
    ),
    "profile with TLS, address without": (
        'url = "wss://central.example/ocpp"', 'url = "ws://central.example/ocpp"\nsecurity_profile = 2',
        "[ocpp], security_profile", "2", "needs TLS", "Write wss://",
    ),
    "profile without TLS, address with it": (
        'identity = "CP1"', 'identity = "CP1"\nsecurity_profile = 1',
        "[ocpp], security_profile", "1", "without TLS", "Leave it out",
    ),
    "profile without an address": (
        'url = "wss://central.example/ocpp"\nidentity = "CP1"', "security_profile = 2",
        "[ocpp], security_profile", "2", "there is no url", "Set url",
    ),
    "profile among the configuration keys": (
        'identity = "CP1"', 'identity = "CP1"\n[ocpp.configuration]\nSecurityProfile = 2',
        "[ocpp.configuration], SecurityProfile", "2", "what has worked", "security_profile in [ocpp]",
    ),
    "secret in the station file": (
        'identity = "CP1"', 'identity = "CP1"\nauthorization_key = "hunter2"',
        "[ocpp], authorization_key", "***", "no such key", "secrets.toml",
    ),
    "secret among the configuration keys": (
        'identity = "CP1"', 'identity = "CP1"\n[ocpp.configuration]\nAuthorizationKey = "hunter2"',
        "[ocpp.configuration], AuthorizationKey", "***", "a secret", "secrets.toml",
    ),
}  # fmt: skip


def faults_of(text: str) -> tuple[Fault, ...]:
    return check(tomllib.loads(text), Settings)


def test_a_good_file_has_no_fault() -> None:
    assert faults_of(GOOD) == ()


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_told_once_with_key_finding_reason_and_remedy(case: str) -> None:
    old, new, key, found, reason, remedy = CASES[case]
    assert old in GOOD
    faults = faults_of(GOOD.replace(old, new, 1))
    assert [(fault.key, fault.found) for fault in faults] == [(key, found)], "\n".join(map(str, faults))
    assert reason in faults[0].reason
    assert remedy in faults[0].remedy
    assert "hunter2" not in str(faults[0])


def test_a_fault_reads_as_the_style_says() -> None:
    (fault,) = faults_of(GOOD.replace("max_current_a = 32", "max_current_a = 40", 1))
    assert str(fault) == (
        "station.toml, [[connector]] 1, max_current_a = 40: the cable is rated 32 A (cable_current_a). "
        "Set 32 or less, or correct the cable's rating."
    )


def test_all_faults_are_found_at_once_in_the_order_of_the_file() -> None:
    text = GOOD
    for old, new in (
        ('name = "post"', 'name = "my post"'),
        ('device = "/dev/ttyS0"', 'device = "/dev/ttyS0"\nbaud = 9600'),
        ("max_current_a = 32", "max_current_a = 40"),
        ('"CCS2"', '"CCS3"'),
        ('meter = "two"', 'meter = "zwei"'),
        ("address = 10", "address = 300"),
        ("[ocpp]", '[ocpp]\ncompatibility = { charging_from = "C2" }'),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    assert [fault.key for fault in faults_of(text)] == [
        "[station], name",
        '[[port]] "controllers", baud',
        "[[connector]] 1, max_current_a",
        "[[connector]] 2, type",
        "[[connector]] 2, meter",
        '[[meter]] "main", address',
        "[ocpp.compatibility], charging_from",
    ]


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ('[meter]\nname = "x"', "[meter]", "Write [[meter]] before each."),
        ('[[station]]\nname = "x"', "[[station]]", "Write [station]."),
        ("ocpp = 3", "ocpp", "Write [ocpp] on a line of its own."),
        ("connector = [1, 2]", "connector", "Write [[connector]] on a line of its own."),
    ],
)
def test_the_wrong_brackets_are_named(text: str, key: str, remedy: str) -> None:
    assert (key, remedy) in [(fault.key, fault.remedy) for fault in faults_of(text)]


def test_a_faulty_meter_is_not_also_an_unknown_one() -> None:
    faults = faults_of(GOOD.replace('name = "two"\nport = "meters"', 'name = "two"\nport = 5'))
    assert [fault.key for fault in faults] == ['[[meter]] "two", port']


def test_a_station_has_an_outlet() -> None:
    assert [
        fault.key for fault in faults_of('connector = []\nport = []\n[station]\nname = "a"\npower_limit_w = 1e4')
    ] == [
        "[[connector]]",
        "[[port]]",
    ]


@pytest.mark.parametrize("fail_safe", [FailSafe.NONE, FailSafe.SAFE_CURRENT])
def test_a_controller_that_goes_on_without_us_must_be_accepted(
    monkeypatch: pytest.MonkeyPatch, fail_safe: FailSafe
) -> None:
    module = loading.load("controllers", "native")
    monkeypatch.setattr(module, "ABOUT", msgspec.structs.replace(module.ABOUT, fail_safe=fail_safe))
    faults = faults_of(GOOD)
    assert [fault.key for fault in faults] == ["[[connector]] 1, driver", "[[connector]] 2, driver"]
    assert "accept_no_fail_safe = true" in faults[0].remedy
    accepted = GOOD.replace("number = ", "accept_no_fail_safe = true\nnumber = ")
    assert faults_of(accepted) == ()


def test_a_driver_whose_package_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(kind: str, name: str) -> Any:
        raise ModuleNotFoundError("No module named 'acme'", name="acme")

    monkeypatch.setattr(loading, "load", load)
    faults = faults_of(GOOD)
    assert len(faults) == 5
    assert "acme" in faults[0].reason


def test_a_wrong_file_does_not_give_endless_faults() -> None:
    many = "".join(f"key{number} = 1\n" for number in range(5000))
    faults = faults_of(many)
    assert len(faults) < 3 * MOST_FAULTS
    assert any("more faults" in fault.reason for fault in faults)
    (fault,) = faults_of("[[port]]\n" * 50_000)
    assert (fault.key, fault.reason) == ("[[port]]", "there are 50000 of them, more than 500")


def test_every_pattern_is_explained() -> None:
    def patterns(struct: type) -> set[str]:
        found: set[str] = set()
        for field in struct_info(struct).fields:
            kind = plain(field.type)
            item = plain(getattr(kind, "item_type", kind))
            if hasattr(item, "cls") and hasattr(item, "fields"):
                found |= patterns(item.cls)
            elif getattr(kind, "pattern", None):
                found.add(kind.pattern)  # type: ignore[attr-defined]
        return found

    assert patterns(Settings) | patterns(Secrets) == set(PATTERNS)
