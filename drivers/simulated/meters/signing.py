"""Signed records of simulated meters: OCMF in form, with a stand-in for the signature."""

from __future__ import annotations

import hashlib
import hmac
import json

KEY = b"no secret: the key of all simulated meters"


def record(meter: str, fields: dict[str, object], begin_wh: float, end_wh: float | None, page: int) -> str:
    """`OCMF|data|signature`. `fields` are the client's (ID, TT, CI ...); `end_wh` None: the session still runs."""
    data = data_part(meter, fields, begin_wh, end_wh, page)
    return f'OCMF|{data}|{{"SA":"HMAC-SHA256","SD":"{signature(data)}"}}'


def data_part(meter: str, fields: dict[str, object], begin_wh: float, end_wh: float | None, page: int) -> str:
    readings = [_reading("B", begin_wh)] + ([] if end_wh is None else [_reading("E", end_wh)])
    known = {"FV": "1.0", "PG": f"T{page}", "MS": meter, "IS": True}
    return json.dumps(known | fields | {"RD": readings}, separators=(",", ":"))


def signature(data: str) -> str:
    return hmac.new(KEY, data.encode(), hashlib.sha256).hexdigest().upper()


def is_signed(text: str) -> bool:
    """Whether a record is exactly as it left a simulated meter."""
    try:
        kind, data, signed = text.split("|")
        return kind == "OCMF" and json.loads(signed)["SD"] == signature(data)
    except (ValueError, KeyError, TypeError):
        return False


def _reading(kind: str, wh: float) -> dict[str, object]:
    return {"TX": kind, "RV": round(wh / 1000, 3), "RI": "1-0:1.8.0", "RU": "kWh", "ST": "G"}
