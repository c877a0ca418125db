"""What the thread of a PC/SC reader makes of each thing the service says, with functions of the service in a script."""

from __future__ import annotations

import builtins
import threading
from typing import Any

import pytest

from drivers.errors import NoAnswer
from drivers.interfaces import Card, CardSignal
from drivers.readers import pcsc, pcsc_watch
from drivers.readers.numbers import PARTIAL, RANDOM, UNSUPPORTED, Writing
from drivers.readers.pcsc_signals import Model, model_of, version_in
from drivers.readers.pcsc_watch import Lost, Watch, choose
from tests.drivers.readers.virtual_card import CLASSIC_1K

EMPTY, PRESENT, CHANGED, UNAVAILABLE, MUTE, INUSE = 0x10, 0x20, 0x02, 0x08, 0x200, 0x100
OK, TIMEOUT, NO_SERVICE, REMOVED, NO_READERS = 0, -2146435062, -2146435043, -2146434967, -2146435026
ESCAPE = 0x42000000


class Scard:
    """`script`: what SCardGetStatusChange says one after the other: an event with its count of insertions, or a result.
    After the last line the service is gone. `answers` to commands; a number is a result of SCardTransmit."""

    SCARD_SCOPE_SYSTEM, SCARD_S_SUCCESS, SCARD_E_TIMEOUT = 2, OK, TIMEOUT
    SCARD_E_NO_READERS_AVAILABLE = NO_READERS
    SCARD_STATE_UNAWARE, SCARD_STATE_CHANGED, SCARD_STATE_PRESENT = 0, CHANGED, PRESENT
    SCARD_STATE_UNKNOWN, SCARD_STATE_UNAVAILABLE, SCARD_STATE_MUTE = 4, UNAVAILABLE, MUTE
    SCARD_SHARE_SHARED, SCARD_SHARE_DIRECT, SCARD_LEAVE_CARD = 2, 3, 0
    SCARD_PROTOCOL_T0, SCARD_PROTOCOL_T1, SCARD_PCI_T0, SCARD_PCI_T1 = 1, 2, "T0", "T1"
    SCARD_ATTR_VENDOR_IFD_VERSION = 0x10102

    def __init__(self, script: list[tuple[int, int] | int], uids: list[str | int], name: str = "Reader 00 00") -> None:
        self.script, self.uids, self.name = list(script), list(uids), name
        self.to_card: list[bytes] = []
        self.to_reader: list[tuple[int, bytes]] = []
        self.escape_codes = {ESCAPE + 3500}
        self.now_s = 0.0
        self.step_s = 0.1
        self.open = 0
        self.last = EMPTY
        self.before_step: Any = lambda place: None
        self._place = 0

    def SCardEstablishContext(self, scope: int) -> tuple[int, str]:  # noqa: N802
        self.open += 1
        return OK, "context"

    def SCardReleaseContext(self, context: str) -> int:  # noqa: N802
        self.open -= 1
        return OK

    def SCardListReaders(self, context: str, groups: list[str]) -> tuple[int, list[str]]:  # noqa: N802
        return (OK, [self.name]) if self.name else (NO_READERS, [])

    def SCardGetStatusChange(self, context: str, wait_ms: int, states: list[Any]) -> tuple[int, list[Any]]:  # noqa: N802
        if wait_ms == 0:
            return OK, [(self.name, self.last, CLASSIC_1K)]
        self.now_s += self.step_s
        self.before_step(self._place)
        self._place += 1
        if not self.script:
            return NO_SERVICE, []
        step = self.script.pop(0)
        if isinstance(step, int):
            return step, [(self.name, self.last, [])]
        self.last = step[0]
        atr = CLASSIC_1K if step[0] & PRESENT else b""
        return OK, [(self.name, step[0] | CHANGED | step[1] << 16, list(atr))]

    def SCardConnect(self, context: str, name: str, mode: int, protocol: int) -> tuple[int, str, int]:  # noqa: N802
        return OK, "direct" if mode == 3 else "card", 2

    def SCardDisconnect(self, card: str, what: int) -> int:  # noqa: N802
        return OK

    def SCardTransmit(self, card: str, header: str, command: list[int]) -> tuple[int, list[int]]:  # noqa: N802
        assert (card, header) == ("card", "T1")
        if bytes(command) != pcsc_watch.GET_UID:
            self.to_card.append(bytes(command))
            return OK, [0x90, 0x00]
        uid = self.uids.pop(0)
        return (uid, []) if isinstance(uid, int) else (OK, list(bytes.fromhex(uid)))

    def SCardControl(self, card: str, code: int, command: list[int]) -> tuple[int, list[int]]:  # noqa: N802
        assert card == "direct"
        if code not in self.escape_codes:
            return NO_SERVICE, []
        self.to_reader.append((code, bytes(command)))
        return OK, list(b"\xe1\x00\x00\x00\x0aACR1252_V2" if command[:5] == [0xE0, 0, 0, 0x18, 0] else b"\x90\x00")

    def SCardGetAttrib(self, card: str, attribute: int) -> tuple[int, list[int]]:  # noqa: N802
        return OK, [0x39, 0x30, 4, 1]

    def SCARD_CTL_CODE(self, code: int) -> int:  # noqa: N802
        return ESCAPE + code

    def SCardGetErrorMessage(self, result: int) -> str:  # noqa: N802
        return {NO_SERVICE: "Service not available."}.get(result, "Something.")


def ran(monkeypatch: pytest.MonkeyPatch, scard: Scard, **more: Any) -> tuple[list[Card], str, Watch]:
    """The cards that came, why it ended, and the watch."""
    monkeypatch.setattr("time.monotonic", lambda: scard.now_s)
    cards: list[Card] = []
    reasons: list[str] = []
    options = {"pattern": "*", "model": Model.AUTO, "keeps_own_beep": False, "writing": Writing(), **more}
    watch = Watch(scard, tell=cards.append, lost=reasons.append, **options)
    scard.before_step = getattr(scard, "on_step", lambda place: None)
    if "on_step" in vars(scard):
        scard.before_step = lambda place: scard.on_step(place, watch)  # type: ignore[attr-defined]
    watch.run()
    assert scard.open == 0, "the context was not released"
    (reason,) = reasons
    return cards, reason, watch


def test_a_card_that_lies_there_is_read_once_also_when_others_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    script: list[tuple[int, int] | int] = [
        (EMPTY, 0),
        TIMEOUT,
        (PRESENT, 1),
        (PRESENT | INUSE, 1),
        (PRESENT, 1),
        TIMEOUT,
        TIMEOUT,
    ]
    cards, reason, watch = ran(monkeypatch, Scard(script, ["04A23B5A712E809000"]))
    assert [(card.uid, card.kind) for card in cards] == [("04A23B5A712E80", "MIFARE Classic 1K")]
    assert reason.startswith("Service not available (SCardGetStatusChange)")
    assert (watch.identity.model, watch.identity.firmware_version) == ("Reader 00 00", "1.4.12345")


@pytest.mark.parametrize(("away_s", "times"), [(0.1, 1), (1.0, 2)])
def test_a_card_at_the_edge_of_the_field_counts_once_and_anew_after_it_was_away(
    monkeypatch: pytest.MonkeyPatch, away_s: float, times: int
) -> None:
    scard = Scard([(PRESENT, 1), (EMPTY, 2), (PRESENT, 3)], ["DEADBEEF9000"] * 2)
    scard.step_s = away_s
    cards, _, _ = ran(monkeypatch, scard)
    assert [card.uid for card in cards] == ["DEADBEEF"] * times


def test_a_card_changed_between_two_looks_is_noticed_by_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    cards, _, _ = ran(monkeypatch, Scard([(PRESENT, 1), (PRESENT, 3)], ["DEADBEEF9000", "A1B2C3D49000"]))
    assert [card.uid for card in cards] == ["DEADBEEF", "A1B2C3D4"]


@pytest.mark.parametrize(
    ("uids", "uid", "refusal"),
    [
        ([REMOVED, "DEADBEEF9000"], "DEADBEEF", ""),
        (["6300", "DEADBEEF9000"], "DEADBEEF", ""),
        ([REMOVED] * 3, "", PARTIAL),
        (["6A81"], "", UNSUPPORTED),
        (["9000"], "", PARTIAL),
        (["04A23B9000"], "", PARTIAL),
        (["081122339000"], "", RANDOM),
        (["90"] * 3, "", PARTIAL),
    ],
)
def test_reading_is_tried_again_and_what_names_nobody_is_refused(
    monkeypatch: pytest.MonkeyPatch, uids: list[str | int], uid: str, refusal: str
) -> None:
    cards, _, _ = ran(monkeypatch, Scard([(PRESENT, 1)], uids))
    assert [(card.uid, card.refusal) for card in cards] == [(uid, refusal)]


def test_a_card_that_does_not_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    cards, _, _ = ran(monkeypatch, Scard([(PRESENT | MUTE, 1)], []))
    assert [card.refusal for card in cards] == [PARTIAL]


def test_a_reader_that_is_pulled_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    _, reason, _ = ran(monkeypatch, Scard([(EMPTY, 0), (UNAVAILABLE, 0)], []))
    assert reason == "'Reader 00 00' was pulled out"


def test_without_any_reader_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    _, reason, _ = ran(monkeypatch, Scard([], [], name=""))
    assert reason == "no PC/SC reader fits '*'; there: none. Is it plugged in?"


def test_whatever_the_binding_raises_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    scard = Scard([(PRESENT, 1)], [])
    _, reason, _ = ran(monkeypatch, scard)
    assert reason.startswith("IndexError")


def test_an_acr1252_gets_its_signals_by_escape_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    scard = Scard([TIMEOUT, (PRESENT, 1), TIMEOUT, TIMEOUT], ["DEADBEEF9000"], "ACS ACR1252 Dual Reader PICC 00 00")
    scard.on_step = lambda place, watch: watch.signal(CardSignal.REFUSED) if place == 2 else None  # type: ignore[attr-defined]
    _, _, watch = ran(monkeypatch, scard)
    assert [command.hex(" ") for _, command in scard.to_reader] == [
        "e0 00 00 18 00",
        "e0 00 00 21 01 87",
        "e0 00 00 29 01 01",
        "e0 00 00 28 01 3c",
    ]
    assert scard.to_card == [] and watch.errors == 1, "only the end of the script"
    assert watch.identity.firmware_version == "ACR1252_V2"


def test_an_acr122u_whose_escape_commands_are_forbidden_is_told_while_a_card_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scard = Scard([TIMEOUT, (PRESENT, 1), TIMEOUT, TIMEOUT], ["DEADBEEF9000"], "ACS ACR122U PICC Interface 00 00")
    scard.escape_codes = set()
    scard.on_step = lambda place, watch: watch.signal(CardSignal.ACCEPTED) if place == 2 else None  # type: ignore[attr-defined]
    ran(monkeypatch, scard)
    assert [command.hex(" ") for command in scard.to_card] == ["ff 00 52 00 00", "ff 00 40 ae 04 02 00 01 01"]


def test_the_readers_own_tone_is_left_on_when_told_so_and_other_readers_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, more in (("ACS ACR122U 00 00", {"keeps_own_beep": True, "model": Model.PLAIN}), ("Omnikey", {})):
        scard = Scard([(PRESENT, 1), TIMEOUT], ["DEADBEEF9000"], name)
        scard.on_step = lambda place, watch: watch.signal(CardSignal.WAIT)  # type: ignore[attr-defined]
        ran(monkeypatch, scard, **more)
        assert (scard.to_card, scard.to_reader) == ([], [])


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("*", "ACS ACR1281 1S Dual Reader 00 02 PICC"),
        ("acs acr122u*", "ACS ACR122U 01 00"),
        ("*ICC 00 00", "ACS ACR1281 1S Dual Reader ICC 00 00"),
        ("*SAM*", "ACS ACR1281 1S Dual Reader SAM 00 01"),
    ],
)
def test_a_reader_is_chosen_by_its_name(pattern: str, chosen: str) -> None:
    names = [
        "ACS ACR122U 01 00",
        "ACS ACR1281 1S Dual Reader ICC 00 00",
        "ACS ACR1281 1S Dual Reader SAM 00 01",
        "ACS ACR1281 1S Dual Reader 00 02 PICC",
    ]
    assert choose(names, pattern) == chosen


def test_brackets_in_a_readers_name_mean_only_themselves() -> None:
    name = "ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] 00 00"
    assert choose([name, "ACS ACR1252 Dual Reader [ACR1252 Dual Reader SAM] 01 00"], name) == name


def test_a_pattern_that_fits_nothing_names_what_is_there() -> None:
    with pytest.raises(Lost, match="no PC/SC reader fits 'X'; there: 'A', 'B'"):
        choose(["B", "A"], "X")


def test_models_by_name_and_texts_of_firmware() -> None:
    assert model_of("ACS ACR1552 1S CL Reader PICC 00 00", Model.AUTO) is Model.ACR1252
    assert model_of("HID Omnikey 5022", Model.AUTO) is Model.PLAIN
    assert model_of("HID Omnikey 5022", Model.ACR122U) is Model.ACR122U
    assert version_in(b"ACR122U214\x90\x00") == "ACR122U214"
    assert version_in(b"\xe1\x00\x00\x00\x0aACR1252_V2") == "ACR1252_V2"
    assert version_in(b"\xff\x00\x01") == "" == version_in(b"")


async def test_a_process_that_may_have_no_more_threads_tries_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    reader = pcsc.PcscReader(pcsc.Settings(), Scard([], []))
    for _ in range(2):
        with pytest.raises(NoAnswer, match="can't start new thread"):
            await anext(reader.cards())


async def test_without_pyscard_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name.startswith("smartcard"):
            raise ImportError("No module named 'smartcard'")
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(NoAnswer, match=r"pip install 'chargepoint\[readers\]'"):
        await anext(pcsc.PcscReader(pcsc.Settings()).cards())
