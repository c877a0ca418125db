"""What the service pages take in: cards of readers under test, a PIN, lights that were seen, dumps, the network."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from chargepoint.messages import (
    ActionResult,
    CardTested,
    ChangePassword,
    ChangePin,
    DumpGrew,
    OcppFrame,
    SignalReader,
    TestReader,
)
from hmi.flow.words import Note
from hmi.seen import _is_simulated
from hmi.technician.gathered import MOST_CARDS, MOST_LINES, Gathered, grown
from hmi.technician.network import dns, gateway
from hmi.technician.wordings import phrase
from hmi.words import Words
from tests.hmi.technician.walk import LOGIN, StaffWalk


def test_readers_take_cards_for_the_page_that_wants_them_and_no_longer() -> None:
    walk = StaffWalk().logged_in()
    walk.touch("staff:open:RfidReaderTestPage")
    walk.wait(60)
    asked = walk.asked(TestReader)
    assert len(asked) == 3 and all(each.on and each.by == LOGIN for each in asked)
    walk.touch("staff:back")
    assert walk.asked(TestReader)[-1].on is False
    walk.wait(60)
    assert len(walk.asked(TestReader)) == 4
    walk.touch("staff:open:RfidReaderTestPage")
    walk.wait(1)
    assert walk.asked(TestReader)[-1].on is True


def test_a_card_of_a_reader_under_test_is_shown_in_the_forms_the_reader_tells_and_can_be_bound() -> None:
    walk = StaffWalk().logged_in()
    walk.touch("staff:open:TechnikBindCard")
    walk.wait(1)
    card = CardTested(reader="front", uid="04AB", kind="MIFARE", forms=(("hex", "04AB"),), read_ms=30.0)
    walk.see(gathered=grown(Gathered(), card, walk.now_s))
    assert walk.place.desk is not None
    assert [(held.uid, held.kind) for held in walk.place.desk.cards] == [("04AB", "MIFARE")]
    walk.wait(3)
    assert len(walk.place.desk.cards) == 1


def test_a_card_that_was_read_before_the_page_opened_is_not_taken() -> None:
    walk = StaffWalk().logged_in()
    walk.see(gathered=grown(Gathered(), CardTested(reader="front", uid="04AB"), walk.now_s))
    walk.touch("staff:open:TechnikBindCard")
    walk.wait(2)
    assert walk.place.desk is not None and walk.place.desk.cards == ()


def test_the_sound_of_a_reader_is_asked_of_it() -> None:
    walk = StaffWalk().logged_in()
    walk.touch("staff:open:RfidReaderTestPage", "staff:beep:front")
    assert walk.asked(SignalReader) == [SignalReader(name="front", by=LOGIN)]
    walk.hears("beep", ActionResult(ok=True, code="ok"))
    assert walk.place.desk is not None and walk.place.desk.outcome is not None and not walk.place.desk.is_asking


def test_a_pin_is_changed_with_the_password_and_is_typed_twice() -> None:
    walk = StaffWalk().logged_in()
    walk.touch("staff:open:TechnikChangePassword", "staff:show:pin")
    walk.types("Secret-1")
    walk.touch("staff:enter")
    walk.types("471135x")
    walk.touch("staff:enter")
    walk.types("471136")
    walk.touch("staff:enter")
    assert walk.asked(ChangePin) == [] and walk.place.desk is not None and walk.place.desk.said == "tech.not_same"
    walk.types("471135")
    walk.touch("staff:enter")
    assert walk.asked(ChangePin) == [ChangePin(login=LOGIN, password="Secret-1", pin="471135")]
    assert walk.asked(ChangePassword) == []
    assert walk.hears("password", ActionResult(ok=True, code="ok")) == "TechnikMainMenu"
    assert walk.place.desk is not None and walk.place.desk.typed == {}
    assert walk.place.notice is not None and walk.place.notice.key == "tech.pin_kept"


def test_a_pin_that_is_too_easy_is_typed_anew_but_not_the_password() -> None:
    walk = StaffWalk().logged_in()
    walk.touch("staff:open:TechnikChangePassword", "staff:show:pin")
    for text in ("Secret-1", "123456", "123456"):
        walk.types(text)
        walk.touch("staff:enter")
    walk.hears("password", ActionResult(ok=False, code="bad_pin"))
    desk = walk.place.desk
    assert desk is not None and desk.said == "tech.bad_pin" and desk.field == "new_pin"
    assert desk.typed == {"old": "Secret-1"} and desk.layer == "signs"


def test_who_must_change_the_label_password_cannot_turn_to_the_pin() -> None:
    walk = StaffWalk().logged_in(must_change=True)
    walk.touch("staff:show:pin")
    assert walk.place.fields.get("show", "") == "" and "staff:show:pin" not in walk.buttons


@pytest.mark.parametrize("answer, key", [("yes", "tech.lights_seen"), ("no", "tech.lights_not_seen")])
def test_what_was_seen_of_the_lights_is_asked_once_and_written_down(answer: str, key: str) -> None:
    walk = StaffWalk().logged_in()
    walk.touch("staff:open:ChargeControllerTestPage:1", "staff:do:test_lights:connector=1", "staff:confirm")
    assert "staff:lights:yes" not in walk.buttons
    walk.settled("test_lights")
    assert {"staff:lights:yes", "staff:lights:no"} <= set(walk.buttons)
    walk.touch(f"staff:lights:{answer}", f"staff:lights:{answer}")
    notes = [wish for wish in walk.wishes if isinstance(wish, Note)]
    assert len(notes) == 1 and notes[0].connector == 1 and LOGIN in notes[0].action
    assert walk.place.desk is not None and walk.place.desk.outcome is not None
    assert walk.place.desk.outcome.result.text_key == key and "staff:lights:yes" not in walk.buttons


def test_what_is_gathered_is_bounded() -> None:
    gathered = Gathered()
    for number in range(200):
        gathered = grown(gathered, CardTested(reader="front", uid=f"{number:08X}"), float(number))
        gathered = grown(gathered, DumpGrew(connector=1, session_id=1, lines=(f"line {number}",) * 3), float(number))
    gathered = grown(gathered, DumpGrew(connector=1, session_id=1, lines=("last",), skipped=7), 200.0)
    assert len(gathered.cards) == MOST_CARDS and len(gathered.dump[1]) == MOST_LINES
    assert gathered.dump[1][-2:] == ("(7)", "last")


def test_when_the_central_system_was_last_talked_to_is_kept() -> None:
    gathered = grown(Gathered(), OcppFrame(direction="out", action="Heartbeat", text=""), 5.0)
    gathered = grown(gathered, OcppFrame(direction="out", action="MeterValues", text=""), 9.0)
    assert gathered.frame_s == 9.0


def test_lines_of_a_running_dump_are_on_the_connectors_page() -> None:
    walk = StaffWalk().logged_in()
    walk.touch("staff:open:ChargeControllerTestPage:2", "staff:show:dump")
    walk.see(gathered=grown(Gathered(), DumpGrew(connector=2, session_id=1, lines=("EV wants 40 A",)), walk.now_s))
    texts = [getattr(item, "text", "") for item in walk.picture.items]
    assert "EV wants 40 A" in texts


def test_simulated_wires_are_marked_on_the_pages() -> None:
    walk = StaffWalk().logged_in()
    assert "TRAINING" not in [getattr(item, "text", "") for item in walk.picture.items]
    walk.see(shop=replace(walk.seen.shop, is_training=True))
    assert "TRAINING" in [getattr(item, "text", "") for item in walk.picture.items]


@pytest.mark.parametrize(
    "device, is_simulated",
    [("/dev/ttyUSB0", False), ("can0", False), ("", False), ("/run/wires/a", True), ("/dev/pts/3", True)],
)
def test_real_devices_are_in_dev(device: str, is_simulated: bool) -> None:
    assert _is_simulated(device) is is_simulated


def test_gateway_and_name_servers_are_read_from_what_everybody_may_read(tmp_path: Path) -> None:
    routes, resolver = tmp_path / "route", tmp_path / "resolv.conf"
    routes.write_text(
        "Iface\tDestination\tGateway\tFlags\neth0\t0001A8C0\t00000000\t0001\neth0\t00000000\t0101A8C0\t0003\n"
    )
    resolver.write_text("# made\nsearch lan\nnameserver 192.168.1.1\nnameserver 10.0.0.1\n")
    assert gateway(routes) == "192.168.1.1 (eth0)"
    assert dns(resolver) == ("192.168.1.1", "10.0.0.1")
    assert gateway(tmp_path / "none") == "" and dns(tmp_path / "none") == ()


@pytest.mark.parametrize(
    "said, shown",
    [
        ("168 kohm, 420 ohm/V", "168 кОм, 420 Ом/В"),
        ("-0.8 %", "-0,8 %"),
        ("400 V within 5 %", "400 В ± 5 %"),
        ("no answer within 60 ms", "нет ответа за 60 мс"),
        ("in time", "вовремя"),
        ("B1 > C1 > C6", "B1 > C1 > C6"),
        ("Volt CC-1", "Volt CC-1"),
        ("-", "—"),
        ("", ""),
    ],
)
def test_short_texts_of_services_are_told_in_the_pages_language(said: str, shown: str) -> None:
    assert phrase(Words("ru"), said) == shown


def test_card_numbers_of_a_readers_test_are_masked_wherever_they_stand() -> None:
    walk = StaffWalk().logged_in()
    walk.touch("staff:open:RfidReaderTestPage", "staff:do:test_reader:reader=front")
    table = (("number", "kind", "ms"), ("04AB12CD", "MIFARE", "38"))
    walk.hears("deed", ActionResult(ok=True, code="ok", action="test_reader", table=table))
    for name in ("staff:details", "staff:dismiss"):
        shown = [item for item in walk.picture.items if "04AB12CD" in getattr(item, "text", "")]
        assert shown and all(getattr(item, "is_secret", False) for item in shown)
        walk.touch(name)
        if name == "staff:details":
            continue
        assert "04AB12CD" not in [getattr(item, "text", "") for item in walk.picture.items]
