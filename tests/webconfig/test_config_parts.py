"""Keys of the station file as rows, what is typed as TOML, copies, forms of several parts. Pure."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chargepoint.config_difference import compare, is_grave, is_network, merge
from chargepoint.messages import DeviceState
from webconfig import multipart
from webconfig.configuration.copies import Content, NoBackup, made, read
from webconfig.configuration.keys import LIST, NUMBER, TEXT, Key, search, sections, shown_value, written
from webconfig.configuration.live_checks import live_findings
from webconfig.sealing import Job, opened, sealed

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_every_key_of_the_examples_has_a_row_and_goes_round() -> None:
    for path in EXAMPLES.glob("*.toml"):
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        for name, section in sections().items():
            if "." in name or name not in document or "station" not in document:
                continue
            keys = {key.name: key for key in section.keys}
            for item in document[name] if section.is_list else [document[name]]:
                for key, value in item.items():
                    if f"{name}.{key}" in sections():
                        continue
                    literal = written(keys[key], shown_value(value))
                    found = tomllib.loads(f"x = {literal}")["x"] if literal else type(value)()
                    assert found == value, (path.name, name, key)


@given(st.text(max_size=30).filter(lambda text: text.strip() == text and text.isprintable()))
def test_any_text_is_one_value(text: str) -> None:
    literal = written(Key("x", TEXT), text)
    assert (tomllib.loads(f"x = {literal}")["x"] if literal else "") == text


@pytest.mark.parametrize(
    ("kind", "typed", "literal"),
    [
        (NUMBER, "11 000,5", "11000.5"),
        (NUMBER, " 7 ", "7"),
        (LIST, "1, 2", "[1, 2]"),
        (LIST, "a, 2", '["a", "2"]'),
        (LIST, "", ""),
    ],
)
def test_what_people_type_becomes_toml(kind: str, typed: str, literal: str) -> None:
    assert written(Key("x", kind), typed) == literal


@pytest.mark.parametrize("typed", ["nan", "inf", "1e999", "x"])
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="number"):
        written(Key("x", NUMBER), typed)


def test_search_finds_names_first_and_meanings_after() -> None:
    assert search("power limit")[0].key.name == "power_limit_w"
    assert search("") == () and search("zzzz") == ()


def test_what_changes_decides_how_people_are_asked_back() -> None:
    text = (EXAMPLES / "dc-120-dual.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)

    def after(old: str, new: str) -> bool:
        return is_grave(compare(document, tomllib.loads(text.replace(old, new, 1))))

    assert not after("power_limit_w = 130_000", "power_limit_w = 120_000")
    assert after('name = "dual-5"', 'name = "dual-6"')
    assert after('type = "CCS2"', 'type = "CHADEMO"')
    assert is_grave(compare(document, {**document, "connector": document["connector"][:1]}))
    web = {**document, "web": {"https_port": 8443}}
    assert is_network(compare(document, web)) and not is_network(compare(document, document))


def test_two_peoples_changes_join() -> None:
    base = '[station]\nname = "a"\npower_limit_w = 1\n[[reader]]\nname = "1"\n[[reader]]\nname = "2"\n'
    mine = base.replace("power_limit_w = 1", "power_limit_w = 2").replace('[[reader]]\nname = "1"\n', "")
    theirs = base.replace('name = "a"', 'name = "b"  # hers') + '[[reader]]\nname = "3"\n'
    found = merge(tomllib.loads(base), tomllib.loads(mine), theirs, tomllib.loads(theirs))
    assert found.conflicts == () and "# hers" in found.text
    joined = tomllib.loads(found.text)
    assert joined["station"] == {"name": "b", "power_limit_w": 2}
    assert [each["name"] for each in joined["reader"]] == ["2", "3"]


def test_a_locked_text_opens_with_its_password_only_and_foreign_ones_are_told() -> None:
    locked = sealed(Job("long enough", "text"))
    assert opened(Job("long enough", locked.content)).content == "text"
    assert opened(Job("another one", locked.content)).code == "wrong"
    assert opened(Job("long enough", locked.content.replace('"v":1', '"v":2'))).code == "foreign"
    assert opened(Job("long enough", "{}")).code == "not_sealed"
    assert sealed(Job("short", "text")).code == "weak"


def test_a_backup_that_was_changed_is_refused() -> None:
    text = made(Content("[station]\n"), "1", "a", "")
    assert read(text)[1].station_file == "[station]\n"
    for bad, code in (
        (text.replace("[station]", "[other]"), "damaged"), (text.replace('"v": 1', '"v": 3'), "foreign"),
        ("[" * 5000, "not_backup"), ("x" * 3_000_000, "too_large"),
    ):  # fmt: skip
        with pytest.raises(NoBackup) as raised:
            read(bad)
        assert raised.value.code == code


@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_or_refused(body: bytes) -> None:
    try:
        found = multipart.fields(b"--b" + body, "multipart/form-data; boundary=b")
    except ValueError:
        return
    assert all(isinstance(value, str) for _, value in found)


def test_what_is_not_there_now_is_told_before_a_draft_is_applied() -> None:
    meter = DeviceState(kind="meter", name="m", driver="sdm630", port="bus", address=2, is_answering=True)
    document = {
        "port": [
            {"name": "bus", "device": "/dev/none"},
            {"name": "tcp", "host": "10.0.0.1"},
            {"name": "x", "device": "a"},
        ],
        "meter": [{"name": "m", "port": "bus", "address": 2}],
        "ocpp": {"url": "ws://example.org"},
    }
    plain = ("plain_ws", dict[str, str]())
    assert live_findings(document, {"meter/m": meter}, lambda _: True) == [plain]
    assert live_findings(document, {"meter/m": meter}, lambda _: False)[0] == (
        "no_port", {"name": "bus", "device": "/dev/none"},
    )  # fmt: skip
    silent = {"meter/m": replace(meter, is_answering=False)}
    assert live_findings(document, silent, lambda _: True)[0] == ("silent", {"name": "meter m", "port": "bus"})
    moved = {"meter/m": replace(meter, address=3)}
    assert live_findings(document, moved, lambda _: True)[0] == ("not_asked", {"name": "meter m"})
    assert live_findings({"port": 1, "meter": [2]}, {}, lambda _: True) == []
