"""The keyboard on the screen: its layers, and what a key does to what is typed. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from hmi.technician.desk import Desk, with_typed

LAYERS: dict[str, tuple[str, ...]] = {
    "en": ("qwertyuiop", "asdfghjkl_", "zxcvbnm.-@"),
    "ru": ("йцукенгшщзх", "фывапролджэ", "ячсмитьбюъё"),
    "signs": ("1234567890", "!?#$%&*()+", "=/\\:;,'\"<>"),
}
NEXT_LAYER = {"en": "ru", "ru": "en", "signs": "en"}
DIGITS = ("123", "456", "789")

ONLY_DIGITS: dict[str, int] = {"pin": 6, "sum": 3, "value": 11, "new_pin": 6, "again_pin": 6}
"""Fields that take digits, and how many."""
SECRETS = frozenset({"password", "pin", "old", "new", "again", "prove", "new_pin", "again_pin"})
"""Never shown in screenshots."""


def typed(desk: Desk, key: str) -> Desk:
    """The desk after a key: one sign, which goes to the field that has the focus."""
    field, text = desk.field, desk.typed_in(desk.field)
    if not field or desk.is_asking or len(key) != 1 or not key.isprintable():
        return desk
    most = ONLY_DIGITS.get(field)
    if most is not None:
        is_sign = field == "value" and key == "-" and not text
        if not ((key.isascii() and key.isdigit()) or is_sign) or len(text) >= most:
            return desk
    elif desk.is_shifted:
        key = key.upper()
    return replace(with_typed(desk, field, text + key), is_shifted=False, said="")


def deleted(desk: Desk) -> Desk:
    if desk.is_asking:
        return desk
    return replace(with_typed(desk, desk.field, desk.typed_in(desk.field)[:-1]), said="")


def at_field(desk: Desk, field: str) -> Desk:
    """Another field has the focus, with the keys it needs."""
    layer = "signs" if field in ONLY_DIGITS else "en" if desk.field in ONLY_DIGITS else desk.layer
    return replace(desk, field=field, layer=layer, is_shifted=False)


def turned_to(desk: Desk, layer: str) -> Desk:
    """Another layer of keys."""
    return replace(desk, layer=layer, is_shifted=False) if layer in LAYERS else desk
