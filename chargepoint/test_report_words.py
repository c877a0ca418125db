"""Words of a test report as a page, in Russian and English. Pure."""

from __future__ import annotations

import re

_EN = {
    "title": "Test report {number}",
    "connector": "Connector",
    "station": "Station",
    "login": "Technician",
    "at": "Begun",
    "at_unknown": "the time was not known",
    "mode": "Mode",
    "mode_ev": "vehicle",
    "mode_load": "load",
    "mode_dry": "without energy",
    "verdict": "Verdict",
    "passed": "passed",
    "warning": "warning",
    "failed": "failed",
    "skipped": "skipped",
    "interrupted": "interrupted",
    "limits": "Limits",
    "energy": "Energy",
    "duration": "Duration",
    "session": "Session",
    "stop_source": "Ended by",
    "note": "Note",
    "criteria": "Criteria",
    "criterion": "Criterion",
    "outcome": "Outcome",
    "found": "Found",
    "wanted": "Wanted",
    "reached": "Energy flowed",
    "times": "Steps in time",
    "errors": "No errors",
    "ended": "Ended in order",
    "deviation": "Meter against modules",
    "insulation": "Insulation",
    "temperature": "Rise of temperature",
    "voltage": "Voltage of the load",
    "current": "Current of the load",
    "lock": "The lock opened",
    "steps": "Steps",
    "status": "Status",
    "time": "Time",
    "measured": "Measured values",
    "versions": "Took part",
    "software": "Software",
    "controller": "Controller",
    "meter": "Meter",
    "none": "none",
}
_RU = {
    "title": "Отчёт о тесте {number}",
    "connector": "Коннектор",
    "station": "Станция",
    "login": "Техник",
    "at": "Начат",
    "at_unknown": "время не было известно",
    "mode": "Режим",
    "mode_ev": "автомобиль",
    "mode_load": "нагрузка",
    "mode_dry": "без энергии",
    "verdict": "Итог",
    "passed": "пройдено",
    "warning": "предупреждение",
    "failed": "не пройдено",
    "skipped": "пропущено",
    "interrupted": "прервано",
    "limits": "Пределы",
    "energy": "Энергия",
    "duration": "Длительность",
    "session": "Сессия",
    "stop_source": "Чем завершён",
    "note": "Примечание",
    "criteria": "Критерии",
    "criterion": "Критерий",
    "outcome": "Итог",
    "found": "Найдено",
    "wanted": "Требуется",
    "reached": "Энергия пошла",
    "times": "Этапы вовремя",
    "errors": "Без ошибок",
    "ended": "Завершён штатно",
    "deviation": "Счётчик против модулей",
    "insulation": "Изоляция",
    "temperature": "Рост температуры",
    "voltage": "Напряжение нагрузки",
    "current": "Ток нагрузки",
    "lock": "Замок открылся",
    "steps": "Этапы",
    "status": "Статус",
    "time": "Время",
    "measured": "Измерения",
    "versions": "Участвовали",
    "software": "Программа",
    "controller": "Контроллер",
    "meter": "Счётчик",
    "none": "нет",
}
WORDS = {"en": _EN, "ru": _RU}
"""By language; both have the same keys."""

_PHRASES_RU = {
    "in time": "вовремя",
    "none": "нет",
    "by its limits": "по пределам",
    "or by hand": "или вручную",
    "too little energy to compare": "мало энергии для сравнения",
    "not measured": "не измерено",
    "no sensor": "нет датчика",
    "no lock was seen": "замок не обнаружен",
    "open": "открыт",
    "locked": "заперт",
    "AC": "переменный ток",
    "TECHNICIAN": "техником",
}
_UNITS = {
    "en": {"kohm": "kΩ", "ohm/V": "Ω/V", "ohm": "Ω", "C": "°C"},
    "ru": {
        "kohm": "кОм", "ohm/V": "Ом/В", "ohm": "Ом", "C": "°C", "kWh": "кВт·ч", "Wh": "Вт·ч", "kW": "кВт", "V": "В",
        "A": "А", "K": "К", "s": "с", "min": "мин",
    },
}  # fmt: skip
_VALUE = re.compile(r"(?<![\w.])([+-]?\d+)(?:\.(\d+))? (kohm|ohm/V|ohm|kWh|Wh|kW|min|V|A|K|C|s|%)(?![\w/])")


def language_of(wanted: str) -> str:
    """`ru` or `en`: whichever of both is nearer; Kazakh reads Russian rather than English."""
    return "ru" if wanted in ("ru", "kk") else "en"


def phrase(text: str, language: str) -> str:
    """What a criterion found or wanted, with its units and known words in `language`."""
    return ", ".join(_part(part, language) for part in text.split(", "))


def _part(text: str, language: str) -> str:
    if language == "ru" and text in _PHRASES_RU:
        return _PHRASES_RU[text]
    mark, units = ("," if language == "ru" else "."), _UNITS[language]
    if text[:1].isdigit():
        text = text.replace(" within ", " ± ")

    def shown(found: re.Match[str]) -> str:
        digits = f"{mark}{found[2]}" if found[2] else ""
        return f"{found[1]}{digits} {units.get(found[3], found[3])}"

    return _VALUE.sub(shown, text)
