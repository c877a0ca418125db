"""Frames of power modules, byte for byte, in both directions: as published, or computed from the published layouts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.codecs import dpm1000, huawei_power, infypower, mmeet, sinexcel, uugreenpower, winline
from drivers.codecs.can import CanFrame
from drivers.codecs.infypower import Command, Register
from drivers.interfaces import ModuleLimits
from drivers.power.dpm1000 import Dpm1000
from drivers.power.family import Family, Heard
from drivers.power.huawei import Huawei
from drivers.power.infypower import V104, V113, Model
from drivers.power.mmeet import MMeet
from drivers.power.sinexcel import Sinexcel
from drivers.power.uugreenpower import Model as UuModel
from drivers.power.uugreenpower import Range as UuRange
from drivers.power.uugreenpower import UuGreen
from drivers.power.winline import Winline

LIMITS = ModuleLimits(1000.0, 150.0, 100.0, 30_000.0)
INFY = V113(Model.REG, walk_in=False, group=None)
INFY_GROUP_2 = V113(Model.REG, walk_in=True, group=2)
BEG = V104(Model.BEG, walk_in=False, group=None)
UU = UuGreen(UuModel.UR100030, UuRange.BY_VOLTAGE)
HUAWEI, WINLINE, DPM, SINEXCEL, MMEET = Huawei(), Winline(), Dpm1000(), Sinexcel(), MMeet()
ZEROS = "00 00 00 00 00 00 00 00"


def raw(can_id: int, data: str) -> CanFrame:
    return CanFrame(can_id, bytes.fromhex(data))


SENT = {
    "infypower asks for the number of modules": (
        infypower.frame(infypower.EVERYONE, Command.MODULE_COUNT),
        raw(0x02823FF0, ZEROS),
    ),
    "infypower asks module 0 for V and I": (INFY.questions(0)[1], raw(0x028300F0, ZEROS)),
    "infypower all on": (INFY.switch(None, True)[0], raw(0x029A3FF0, ZEROS)),
    "infypower all off": (INFY.switch(None, False)[0], raw(0x029A3FF0, "01 00 00 00 00 00 00 00")),
    "infypower every module 400 V, 50 A": (
        INFY.set_point(None, 400.0, 50.0, LIMITS)[0],
        raw(0x029C3FF0, "00 06 1A 80 00 00 C3 50"),
    ),
    "infypower system 500 V, 150 A": (
        infypower.frame(infypower.EVERYONE, Command.SET_SYSTEM, bytes.fromhex("00 07 A1 20 00 02 49 F0")),
        raw(0x029B3FF0, "00 07 A1 20 00 02 49 F0"),
    ),
    "infypower group 2, 400 V, 50 A": (
        INFY_GROUP_2.set_point(None, 400.0, 50.0, LIMITS)[0],
        raw(0x02DC02F0, "00 06 1A 80 00 00 C3 50"),
    ),
    "infypower walk-in on": (INFY_GROUP_2.set_up(5)[0], raw(0x029305F0, "01 00 00 00 00 00 00 00")),
    "infypower joins group 2": (INFY_GROUP_2.set_up(5)[1], raw(0x029605F0, "02 00 00 00 00 00 00 00")),
    "infypower asks for capabilities": (INFY.first_questions(0)[0], raw(0x028A00F0, ZEROS)),
    "infypower asks for status": (INFY.questions(0)[0], raw(0x028400F0, ZEROS)),
    "BEG group 0 asks for the system voltage": (
        infypower.read_register(0, Register.SYSTEM_VOLTAGE, device=infypower.GROUP),
        raw(0x02E300F0, "10 01 00 00 00 00 00 00"),
    ),
    "BEG group 0, 800 V": (
        infypower.write_register(0, Register.SYSTEM_VOLTAGE, 800_000, device=infypower.GROUP),
        raw(0x02E400F0, "10 01 00 00 00 0C 35 00"),
    ),
    "BEG group 0, 75 A": (
        infypower.write_register(0, Register.SYSTEM_CURRENT, 75_000, device=infypower.GROUP),
        raw(0x02E400F0, "10 02 00 00 00 01 24 F8"),
    ),
    "BEG module 0 on": (BEG.switch(0, True)[0], raw(0x02A400F0, "11 10 00 00 00 00 00 A0")),
    "BEG module 0 off": (BEG.switch(0, False)[0], raw(0x02A400F0, "11 10 00 00 00 00 00 A1")),
    "BEG module 0, 800 V": (
        BEG.set_point(0, 800.0, 75.0, LIMITS)[0],
        raw(0x02A400F0, "10 01 00 00 00 0C 35 00"),
    ),
    "uugreenpower asks module 1 for its voltage": (
        uugreenpower.frame(1, uugreenpower.Kind.READ, uugreenpower.Command.VOLTAGE),
        raw(0x02204000, "12 00 00 00 00 00 00 00"),
    ),
    "uugreenpower all 400 V": (UU.set_point(None, 400.0, 50.0, LIMITS)[0], raw(0x02200000, "10 02 00 00 00 06 1A 80")),
    "uugreenpower all 50 A": (UU.set_point(None, 400.0, 50.0, LIMITS)[1], raw(0x02200000, "10 03 00 00 00 00 C3 50")),
    "uugreenpower all on": (UU.switch(None, True)[0], raw(0x02200000, "10 04 00 00 00 00 00 00")),
    "uugreenpower all off": (UU.switch(None, False)[0], raw(0x02200000, "10 04 00 00 00 00 00 01")),
    "uugreenpower low range": (UU.set_range(1, uugreenpower.LOW_RANGE)[0], raw(0x02204000, "10 5F 00 00 00 00 00 02")),
    "huawei all 400 V": (HUAWEI.set_point(None, 400.0, 50.0, LIMITS)[0], raw(0x068080FC, "01 00 00 00 00 06 40 00")),
    "huawei all 50 A": (HUAWEI.set_point(None, 400.0, 50.0, LIMITS)[1], raw(0x068080FC, "01 0F 00 00 00 00 C8 00")),
    "huawei all on": (HUAWEI.switch(None, True)[0], raw(0x068080FC, "01 32 00 00 00 00 00 00")),
    "huawei all off": (HUAWEI.switch(None, False)[0], raw(0x068080FC, "01 32 00 01 00 00 00 00")),
    "huawei queries module 1": (HUAWEI.questions(1)[0], raw(0x068140FC, "00 00 00 AA 00 41 00 00")),
    "huawei automatic range": (HUAWEI.set_up(1)[0], raw(0x068181FC, "01 4A 00 01 00 00 00 00")),
    "winline asks module 0 for its voltage": (WINLINE.questions(0)[1], raw(0x06080780, "10 00 00 01 00 00 00 00")),
    "winline 400 V": (WINLINE.set_point(0, 400.0, 50.0, LIMITS)[0], raw(0x06080780, "03 00 00 21 43 C8 00 00")),
    "winline 50 A": (WINLINE.set_point(0, 400.0, 50.0, LIMITS)[1], raw(0x06080780, "03 00 00 1B 00 00 C8 00")),
    "winline limit 0.5": (
        winline.write(0, winline.Register.SET_LIMIT, winline.as_bits(0.5)),
        raw(0x06080780, "03 00 00 22 3F 00 00 00"),
    ),
    "winline on": (WINLINE.switch(0, True)[0], raw(0x06080780, "03 00 00 30 00 00 00 00")),
    "winline off": (WINLINE.switch(0, False)[0], raw(0x06080780, "03 00 00 30 00 01 00 00")),
    "winline all off, not point to point": (WINLINE.switch(None, False)[0], raw(0x0607FF80, "03 00 00 30 00 01 00 00")),
    "winline group 5 on": (Winline(LIMITS, 5).switch(None, True)[0], raw(0x0607F785, "03 00 00 30 00 00 00 00")),
    "dpm1000 400 V": (DPM.set_point(0, 400.0, 50.0, LIMITS)[0], raw(0x06080783, "03 00 00 21 43 C8 00 00")),
    "dpm1000 50 A is half of 100 A": (
        DPM.set_point(0, 400.0, 50.0, LIMITS)[1],
        raw(0x06080783, "03 00 00 22 3F 00 00 00"),
    ),
    "dpm1000 asks for its voltage": (
        dpm1000.read(0, dpm1000.Register.VOLTAGE),
        raw(0x06080783, "01 00 00 01 00 00 00 00"),
    ),
    "dpm1000 off": (DPM.switch(0, False)[0], raw(0x06080783, "03 00 00 30 00 00 00 01")),
    "sinexcel queries group 0 sub 1": (SINEXCEL.questions(1)[0], raw(0x180008F0, "50 F0 02 02 00 00 00 00")),
    "sinexcel 400 V": (SINEXCEL.set_point(1, 400.0, 50.0, LIMITS)[0], raw(0x180008F0, "03 F0 00 21 00 00 0F A0")),
    "sinexcel 50 of 100 A": (SINEXCEL.set_point(1, 400.0, 50.0, LIMITS)[1], raw(0x180008F0, "03 F0 00 22 00 00 00 32")),
    "sinexcel on, by its bit": (SINEXCEL.switch(1, True)[0], raw(0x180008F0, "03 F0 02 30 00 00 00 02")),
    "sinexcel sub 33 on, by its bit": (SINEXCEL.switch(33, True)[0], raw(0x180108F0, "03 F0 02 32 00 00 00 02")),
    "mmeet on": (MMEET.switch(0, True)[0], raw(0x06080783, "01 F0 02 01 00 00 00 AA")),
    "mmeet off": (MMEET.switch(0, False)[0], raw(0x06080783, "01 F0 02 01 00 00 00 55")),
    "mmeet 400 V": (MMEET.set_point(0, 400.0, 50.0, LIMITS)[0], raw(0x06080783, "01 F0 02 2C 00 00 9C 40")),
    "mmeet 50 A": (MMEET.set_point(0, 400.0, 50.0, LIMITS)[1], raw(0x06080783, "01 F0 02 2D 00 00 C3 50")),
}


@pytest.mark.parametrize("name", SENT)
def test_what_is_sent(name: str) -> None:
    made, published = SENT[name]
    assert (str(made), made.is_extended) == (str(published), True)


HEARD: dict[str, tuple[Family, CanFrame, dict[str, object]]] = {
    "infypower 400.5 V, 62.25 A": (
        INFY,
        raw(0x0283F000, "43 C8 40 00 42 79 00 00"),
        {"number": 0, "voltage_v": 400.5, "current_a": 62.25},
    ),
    "infypower 45 C, off": (
        INFY,
        raw(0x0284F000, "00 00 00 00 2D 00 01 00"),
        {"temperature_c": 45.0, "is_on": False, "alarms": (), "has_fault": False, "is_limited": False},
    ),
    "infypower -7 C, on, limited": (
        INFY,
        raw(0x0284F000, "00 00 00 00 F9 01 40 00"),
        {"temperature_c": -7.0, "is_on": True, "alarms": ("power limited",), "has_fault": False, "is_limited": True},
    ),
    "infypower walk-in is no alarm": (INFY, raw(0x0284F000, "00 00 00 00 2D 00 40 00"), {"alarms": (), "is_on": True}),
    "infypower capabilities": (
        INFY,
        raw(0x028AF000, "03 E8 00 96 03 E8 0B B8"),
        {"limits": ModuleLimits(1000, 150, 100.0, 30_000)},
    ),
    "infypower read-back of the maker's example": (
        INFY,
        raw(0x0289F000, "00 03 0D 40 00 00 13 88"),
        {"voltage_v": 200.0, "current_a": 5.0},
    ),
    "infypower refuses": (INFY, raw(0x0A83F000, ZEROS), {"refused": "command invalid", "is_starting": False}),
    "infypower refuses data": (INFY, raw(0x0E9CF000, ZEROS), {"refused": "data invalid"}),
    "infypower starts": (INFY, raw(0x1E9CF000, ZEROS), {"refused": "starting up", "is_starting": True}),
    "infypower takes a set-point": (INFY, raw(0x029CF000, ZEROS), {"refused": "", "key": -1}),
    "BEG highest voltage": (BEG, raw(0x02A3F000, "11 30 00 00 00 0F 42 40"), {"max_voltage_v": 1000.0}),
    "BEG status": (
        BEG,
        raw(0x02A3F000, "11 10 00 00 00 10 08 01"),
        {
            "temperature_c": None,
            "is_on": True,
            "alarms": ("output short circuit", "fan fault", "input unbalanced"),
            "has_fault": True,
        },
    ),
    "uugreenpower 400.123 V": (
        UU,
        raw(0x02204B23, "13 00 00 00 00 06 1A FB"),
        {"number": 1, "voltage_v": 400.123, "sender": 0x0B23},
    ),
    "uugreenpower off, no alarm": (
        UU,
        raw(0x02204B23, "13 08 00 00 00 00 00 02"),
        {"is_on": False, "alarms": (), "has_fault": False},
    ),
    "uugreenpower alarms of all four bytes": (
        UU,
        raw(0x02204B23, "13 08 00 00 02 02 01 20"),
        {
            "is_on": True,
            "alarms": ("ac under voltage", "fan stopped", "dcdc over temperature", "duplicate serial number"),
            "has_fault": True,
        },
    ),
    "uugreenpower below zero": (UU, raw(0x02204B23, "13 22 00 00 FF FF E0 C0"), {"temperature_c": -8.0}),
    "huawei V and I": (
        HUAWEI,
        raw(0x0681407C, "01 91 00 00 01 F4 0F A5"),
        {"number": 1, "voltage_v": 400.5, "current_a": 50.0, "is_on": True},
    ),
    "huawei refuses": (HUAWEI, raw(0x0681807C, "21 00 00 00 00 00 00 00"), {"refused": "command invalid"}),
    "huawei alarm word": (
        HUAWEI,
        raw(0x0681407C, "01 83 00 00 00 00 00 40"),
        {"alarms": ("alarm word 00000040",), "has_fault": True},
    ),
    "winline 400.5 V": (WINLINE, raw(0x060F8000, "41 F0 00 01 43 C8 40 00"), {"number": 0, "voltage_v": 400.5}),
    "winline off only": (
        WINLINE,
        raw(0x060F8000, "42 F0 00 40 00 40 00 00"),
        {"is_on": False, "alarms": (), "has_fault": False},
    ),
    "winline fault answer": (
        WINLINE,
        raw(0x060F8000, "41 F2 00 01 43 C8 40 00"),
        {"voltage_v": None, "refused": "register 01, answer F2"},
    ),
    "winline of group 5": (WINLINE, raw(0x060F8025, "41 F0 00 02 42 48 00 00"), {"number": 4, "current_a": 50.0}),
    "dpm1000 400 V": (DPM, raw(0x060F8003, "41 F0 00 01 43 C8 00 00"), {"number": 0, "voltage_v": 400.0}),
    "dpm1000 refuses": (DPM, raw(0x060F8003, "C3 F3 00 21 00 00 00 00"), {"refused": "data invalid"}),
    "sinexcel 400.5 V": (SINEXCEL, raw(0x18078001, "41 F0 02 05 00 00 0F A5"), {"number": 1, "voltage_v": 400.5}),
    "sinexcel 50 A": (SINEXCEL, raw(0x18078041, "41 F0 02 06 00 00 13 88"), {"number": 65, "current_a": 50.0}),
    "sinexcel is being identified": (
        SINEXCEL,
        raw(0x18078001, "43 F4 00 21 00 00 0F A0"),
        {"refused": "being identified", "is_starting": True},
    ),
    "mmeet 400 V": (
        MMEET,
        raw(0x060F8003, "41 F0 02 31 00 00 9C 40"),
        {"number": 0, "voltage_v": 400.0, "is_on": True},
    ),
}


@pytest.mark.parametrize("name", HEARD)
def test_what_is_heard(name: str) -> None:
    family, frame, told = HEARD[name]
    heard = family.decode(frame)
    assert isinstance(heard, Heard)
    assert {key: getattr(heard, key) for key in told} == told


NOT_OURS = {
    "infypower: an order of another controller": (INFY, raw(0x029C01F1, ZEROS)),
    "infypower: our own group order": (INFY, raw(0x02DC02F0, ZEROS)),
    "infypower: 7 bytes": (INFY, raw(0x0284F000, "00 00 00 00 2D 00 01")),
    "uugreenpower: our own order come back": (UU, raw(0x02204000, "10 02 00 00 00 06 1A 80")),
    "uugreenpower: another monitor": (UU, raw(0x02404B23, "13 00 00 00 00 06 1A FB")),
    "huawei: from a controller": (HUAWEI, raw(0x068140FC, "01 91 00 00 01 F4 0F A5")),
    "winline: a value that is not a number": (WINLINE, raw(0x060F8000, "41 F0 00 01 7F C0 00 00")),
    "winline: to another controller": (WINLINE, raw(0x060F8800, "41 F0 00 01 43 C8 40 00")),
    "dpm1000: Winline's low bits": (DPM, raw(0x060F8000, "41 F0 00 01 43 C8 00 00")),
    "sinexcel: to another controller": (SINEXCEL, raw(0x18078801, "41 F0 02 05 00 00 0F A5")),
    "mmeet: a register of Winline": (MMEET, raw(0x060F8003, "41 F0 00 01 43 C8 40 00")),
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_what_is_not_ours(name: str) -> None:
    family, frame = NOT_OURS[name]
    assert family.decode(frame) is None


def test_infypower_numbers_that_are_none_say_nothing() -> None:
    heard = INFY.decode(raw(0x0283F000, "7F C0 00 00 42 79 00 00"))
    assert heard is not None and heard.voltage_v is None and heard.current_a is None


@pytest.mark.parametrize("family", [INFY, BEG, UU, HUAWEI, WINLINE, DPM, SINEXCEL, MMEET], ids=lambda each: each.vendor)
def test_set_points_are_never_rounded_up(family: Family) -> None:
    """All families: what goes out as 400.0004 V and 12.3459 A is no more than that."""
    frames = family.set_point(1, 400.0004, 12.3459, LIMITS)
    exact = family.set_point(1, 400.0, 12.34, LIMITS)
    above = family.set_point(1, 400.001, 12.346, LIMITS)
    for at, frame in enumerate(frames):
        assert exact[at].data <= frame.data <= above[at].data
    assert family.set_point(1, 150.0, 0.0, LIMITS)[-1].data[4:].rstrip(b"\0") == b""


def test_huawei_signals_have_twelve_bits() -> None:
    assert huawei_power.payload(0x191, 1, error=3).hex() == "3191000000000001"


def test_sinexcel_addresses_are_group_and_sub_address() -> None:
    assert sinexcel.address(2, 5) == 0x85


def test_mmeet_orders_to_all_are_not_point_to_point() -> None:
    assert mmeet.frame(winline.EVERYONE, mmeet.Register.SWITCH, 1).can_id == 0x0607FF83


@given(st.floats(min_value=0, max_value=1000))
def test_floating_set_points_are_never_rounded_up(value: float) -> None:
    told = winline.as_float(winline.as_bits(value))
    assert value * (1 - 2**-22) - 1e-38 <= told <= value


@pytest.mark.parametrize("data", ["7F80000000000000", "7FC0000042480000", "43C80000FF800000"])
def test_values_that_are_no_numbers_are_no_values(data: str) -> None:
    heard = V113(Model.REG, walk_in=False, group=None).decode(CanFrame(0x0283F000, bytes.fromhex(data)))
    assert heard is not None and heard.voltage_v is None and heard.current_a is None
