"""Which addresses of files are taken from the central system, and how they are shown."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from chargepoint.locations import hosts_of, masked_location, own_addresses, why_not

OWN = frozenset({ipaddress.ip_address("192.168.1.7"), ipaddress.ip_address("2001:db8::7")})


@pytest.mark.parametrize(
    "location",
    [
        "https://files.example.com/a%20b.bin?x=1",
        "http://192.168.1.8:8080/x",
        "ftp://user:secret@files.example.com/in/",
        "ftps://10.0.0.1",
        "SFTP://[2001:db8::8]/x",
    ],
)
def test_ordinary_addresses_are_taken(location: str) -> None:
    assert why_not(location, OWN) == ""


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("", "no address"),
        ("no address at all", "no address"),
        ("https://a b/", "no address"),
        ("https://files.example.com/\r\nHost: x", "no address"),
        ("https://files.example.com:99999/", "no address"),
        ("https://[::1/", "no address"),
        ("https://" + "a" * 3000, "no address"),
        ("file:///etc/passwd", "only"),
        ("gopher://files.example.com/", "only"),
        ("//files.example.com/x", "only"),
        ("https:///x", "no host"),
        ("https://localhost/x", "this station"),
        ("https://a.localhost./x", "this station"),
        ("http://127.0.0.1/x", "this station"),
        ("http://127.1/x", "this station"),
        ("http://2130706433/x", "this station"),
        ("http://0x7f.1/x", "this station"),
        ("http://0/x", "this station"),
        ("http://[::1]/x", "this station"),
        ("http://[::ffff:127.0.0.1]/x", "this station"),
        ("http://[2002:7f00:1::]/x", "this station"),
        ("http://192.168.1.7/x", "this station"),
        ("http://[2001:db8::7]/x", "this station"),
        ("http://169.254.169.254/latest/meta-data", "local link"),
        ("http://[fe80::1%25eth0]/x", "local link"),
        ("http://224.0.0.1/x", "one host"),
        ("http://255.255.255.255/x", "one host"),
    ],
)
def test_addresses_that_lead_elsewhere_are_refused(location: str, reason: str) -> None:
    assert reason in why_not(location, OWN)


def test_where_the_central_system_stands_files_may_lie_too() -> None:
    hosts = hosts_of("ws://127.0.0.1:9000/ocpp", "", "wss://Backup.example.com/x")
    assert hosts == {"127.0.0.1", "backup.example.com"}
    assert why_not("http://127.0.0.1:8000/x", OWN, hosts) == ""
    assert why_not("http://127.0.0.2/x", OWN, hosts) != ""


def test_users_and_passwords_of_addresses_are_hidden() -> None:
    assert masked_location("ftp://bob:pw@host/x") == "ftp://***@host/x"
    assert masked_location(r'{"location":"ftp:\/\/bob:pw@host\/x","o":"a@b"}') == (
        r'{"location":"ftp:\/\/***@host\/x","o":"a@b"}'
    )
    assert masked_location("https://host/x?mail=a@b&X-Amz-Signature=9f") == "https://host/x?***"
    assert masked_location(r'{"location":"https:\/\/host\/x?sig=9f","o":"why?"}') == (
        r'{"location":"https:\/\/host\/x?***","o":"why?"}'
    )


def test_own_addresses_are_read_from_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "fib_trie").write_text("Main:\n     |-- 192.168.1.7\n        /32 host LOCAL\n     |-- 192.168.1.0\n")
    (tmp_path / "if_inet6").write_text("20010db8000000000000000000000007 02 40 00 80 eth0\n")
    assert own_addresses(tmp_path) == OWN
    assert own_addresses(tmp_path / "nothing") == frozenset()


def test_a_password_with_an_at_sign_is_hidden_whole() -> None:
    assert masked_location("ftp://user:p@ss@files.example.com/x@y") == "ftp://***@files.example.com/x@y"
    assert masked_location("https://files.example.com?to=a@b") == "https://files.example.com?***"
