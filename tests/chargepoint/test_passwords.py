"""Hashes of passwords and PINs: their kinds, their costs, what is too easy."""

from __future__ import annotations

import pytest

from chargepoint import passwords

PASSWORD = "Correct7Horse"
OLD = "scrypt$16$8$1$AAAAAAAAAAAAAAAAAAAAAA==$"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MEMORY_KIB", 8)
    monkeypatch.setattr(passwords, "COST_N", 16)


def an_old_hash(monkeypatch: pytest.MonkeyPatch) -> str:
    with monkeypatch.context() as without:
        without.setattr(passwords, "_has_argon2", lambda: False)
        return passwords.hashed(PASSWORD)


def test_hashes_are_salted_and_name_their_costs() -> None:
    first, second = passwords.hashed(PASSWORD), passwords.hashed(PASSWORD)
    assert first != second
    assert first.startswith("$argon2id$v=19$m=8,t=2,p=1$")
    assert passwords.is_right(PASSWORD, first)
    assert not passwords.is_right(PASSWORD.lower(), first)
    assert PASSWORD not in first
    assert not passwords.is_outdated(first)


def test_the_costs_are_those_that_are_recommended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert passwords.hashed(PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_hashes_of_earlier_versions_stay_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    old = an_old_hash(monkeypatch)
    assert old.startswith("scrypt$16$8$1$")
    assert passwords.is_right(PASSWORD, old)
    assert not passwords.is_right(PASSWORD + "x", old)
    assert passwords.is_outdated(old)


def test_the_same_work_is_done_for_an_unknown_login(monkeypatch: pytest.MonkeyPatch) -> None:
    worked: list[tuple[int, int, int]] = []
    real = passwords._argon2id

    def counted(password: str, salt: bytes, memory_kib: int, passes: int, lanes: int) -> bytes | None:
        worked.append((memory_kib, passes, lanes))
        return real(password, salt, memory_kib, passes, lanes)

    stored = passwords.hashed(PASSWORD)
    monkeypatch.setattr(passwords, "_argon2id", counted)
    assert not passwords.is_right("x", None)
    assert not passwords.is_right("x", stored)
    assert worked == [(8, 2, 1), (8, 2, 1)]


@pytest.mark.parametrize(
    "stored",
    ["", "x", "scrypt$", "scrypt$16$8$1$%$%", "$argon2id$v=19$m=8,t=2$AAAA$AAAA", "$argon2id$v=18$m=8,t=2,p=1$AA$AA"],
)
def test_a_damaged_hash_is_nobodys(stored: str) -> None:
    assert not passwords.is_right("", stored)
    assert not passwords.is_right(PASSWORD, stored)


@pytest.mark.parametrize(
    ("pin", "is_good"),
    [
        ("482913", True), ("909091", True), ("12345", False), ("1234567", False), ("48291a", False), ("", False),
        ("123456", False), ("654321", False), ("000000", False), ("890123", False), ("٤٨٢٩١٣", False),
    ],
)  # fmt: skip
def test_which_digits_are_a_pin(pin: str, is_good: bool) -> None:
    assert (passwords.weakness_of_pin(pin) == "") is is_good


@pytest.mark.parametrize(
    "password, is_good",
    [
        ("Correct7Horse", True),
        ("Correct7Hor", False),  # eleven characters
        ("Password1234", False),
        ("Qwerty123456", False),
        ("Aa1Aa1Aa1Aa1", False),
        ("Anna-keeps-7-bees", False),  # the login
        ("Зелёный7Чайник", True),
    ],
)
def test_at_the_web_passwords_are_longer_and_none_that_everybody_tries(password: str, is_good: bool) -> None:
    least = passwords.least_length("webconfig")
    assert (passwords.weakness(password, "anna", least) == "") is is_good
    assert passwords.least_length("admin") == passwords.least_length("hmi") == 8
