"""What network settings may be, and what becomes of a profile."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargepoint.messages import ChangeNetwork
from chargepoint.privileged import network_words, rules
from chargepoint.privileged.network_change import CannotBe, changed


def wish(**more: Any) -> ChangeNetwork:
    return ChangeNetwork(**{"device": "eth0", "method": "auto", "by": "anna", **more})


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("device", {"device": "lo"}),
        ("device", {"device": "../x"}),
        ("device", {"device": "-eth0"}),
        ("method", {"method": "shared; reboot"}),
        ("address", {"method": "manual"}),
        ("address", {"method": "manual", "address": "192.0.2.7"}),
        ("address", {"method": "manual", "address": "192.0.2.0/24"}),
        ("address", {"method": "manual", "address": "192.0.2.255/24"}),
        ("address", {"method": "manual", "address": "127.0.0.1/8"}),
        ("address", {"method": "manual", "address": "224.0.0.5/24"}),
        ("address", {"method": "manual", "address": "192.0.2.7/0"}),
        ("address", {"method": "auto", "address": "192.0.2.7/24"}),
        ("gateway", {"method": "manual", "address": "192.0.2.7/24", "gateway": "198.51.100.1"}),
        ("gateway", {"method": "manual", "address": "192.0.2.7/24", "gateway": "192.0.2.7"}),
        ("gateway", {"method": "manual", "address": "192.0.2.7/24", "gateway": "2001:db8::1"}),
        ("gateway", {"method": "manual", "address": "192.0.2.7/24", "gateway": "door"}),
        ("dns", {"dns": ("8.8.8",)}),
        ("dns", {"dns": ("0.0.0.0",)}),
        ("dns", {"dns": tuple(f"192.0.2.{n}" for n in range(1, 6))}),
        ("priority", {"priority": 0}),
        ("within_s", {"within_s": 5}),
        ("ssid", {"ssid": ""}),
        ("ssid", {"ssid": "x" * 33}),
        ("password", {"ssid": "home", "password": "short"}),
        ("password", {"ssid": "home", "password": "пароль-пароль"}),
        ("ssid", {"password": "long enough"}),
        ("apn", {"apn": "a b"}),
        ("pin", {"pin": "12ab"}),
    ],
)
def test_what_cannot_be_is_named_by_its_field(field: str, more: dict[str, Any]) -> None:
    assert list(rules.faults(wish(**more))) == [field]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"dns": ("192.0.2.53", "2001:db8::53"), "priority": 100},
        {"method": "manual", "address": "192.0.2.7/24", "gateway": "192.0.2.1"},
        {"method": "manual", "address": "10.0.0.1/31", "gateway": "10.0.0.0"},
        {"method": "manual", "address": "2001:db8::7/64", "gateway": "fe80::1"},
        {"ssid": "home net", "password": "0123456789abcdef"},
        {"apn": "internet.example", "pin": "1234"},
    ],
)
def test_what_can_be_has_no_fault(more: dict[str, Any]) -> None:
    assert rules.faults(wish(**more)) == {}


@given(address=st.text(max_size=50), gateway=st.text(max_size=50), dns=st.text(max_size=50), ssid=st.text(max_size=40))
def test_no_text_is_too_strange_for_the_rules(address: str, gateway: str, dns: str, ssid: str) -> None:
    rules.faults(wish(method="manual", address=address, gateway=gateway, dns=(dns,), ssid=ssid))


def test_a_new_profile_is_whole_and_an_old_one_keeps_what_is_not_asked_for() -> None:
    new = changed({}, wish(method="manual", address="192.0.2.7/24", gateway="192.0.2.1"), "802-3-ethernet")
    assert new["connection"]["interface-name"] == ("s", "eth0")
    assert new["ipv4"]["address-data"][1] == [{"address": ("s", "192.0.2.7"), "prefix": ("u", 24)}]
    old: dict[str, dict[str, Any]] = {
        "connection": {"id": ("s", "wired")},
        "ipv4": {"method": ("s", "manual"), "address-data": ("aa{sv}", [{}]), "gateway": ("s", "192.0.2.1"),
                 "addresses": ("aau", []), "may-fail": ("b", False)},
    }  # fmt: skip
    after = changed(old, wish(dns=("192.0.2.53",)), "802-3-ethernet")
    assert after["ipv4"]["method"] == ("s", "auto") and after["ipv4"]["may-fail"] == ("b", False)
    assert not {"address-data", "gateway", "addresses"} & set(after["ipv4"])
    assert after["ipv4"]["ignore-auto-dns"] == ("b", True)
    assert "gateway" in old["ipv4"], "what was read is not changed"


def test_another_wifi_network_takes_no_password_of_the_one_before() -> None:
    old: dict[str, dict[str, Any]] = {"802-11-wireless": {"ssid": ("ay", b"old"), "bssid": ("ay", b"123456")},
           "802-11-wireless-security": {"key-mgmt": ("s", "wpa-psk")}}  # fmt: skip
    after = changed(old, wish(ssid="new"), "802-11-wireless")
    assert "802-11-wireless-security" not in after and after["802-11-wireless"] == {"ssid": ("ay", b"new")}
    kept = changed(old, wish(ssid="old"), "802-11-wireless")
    assert kept["802-11-wireless-security"] == old["802-11-wireless-security"]
    with pytest.raises(CannotBe, match="name one"):
        changed({}, wish(), "802-11-wireless")
    with pytest.raises(CannotBe, match="no modem"):
        changed({}, wish(apn="internet"), "802-3-ethernet")


def test_words_of_numbers() -> None:
    assert [network_words.device_state(n) for n in (10, 50, 100, 110, 7)] == [
        "unmanaged", "connecting", "connected", "disconnected", "unknown",
    ]  # fmt: skip
    kinds = [
        network_words.security(*flags) for flags in ((0, 0, 0), (1, 0, 0), (1, 0, 0x100), (1, 0, 0x400), (1, 0x200, 0))
    ]
    assert kinds == ["open", "wep", "wpa", "sae", "enterprise"]
    assert (network_words.masked("8977012345"), network_words.masked("12")) == ("••••2345", "")
