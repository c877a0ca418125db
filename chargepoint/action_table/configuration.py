"""Deeds at the configuration: the station file, prices, factory state."""

from __future__ import annotations

from chargepoint.action_kinds import Action, Argument, Asker, BadRequest, Make, Values
from chargepoint.action_table.arguments import CONNECTOR_OR_ALL
from chargepoint.guards import Guard
from chargepoint.messages import ApplyDraft, FactoryReset, ReloadConfiguration, SetTariff, Tariff
from chargepoint.preconditions import Need
from chargepoint.rights import Right
from chargepoint.vocabulary import EventType

_APPLYING = (
    Argument("wait", int, "1: as soon as nobody charges, else now", 0, 1, is_needed=False),
    Argument("at", str, "not before this moment (ISO 8601 with zone)", 0, 40, is_needed=False),
    Argument("keep", int, "1: somebody has to keep it once the station is up", 0, 1, is_needed=False),
    Argument("comment", str, "why, for those who see it later", 0, 200, is_needed=False),
    Argument("base", str, "version of the station file it is for", 0, 40, is_needed=False),
)


def _apply(*, is_light: bool) -> Make:
    return lambda v, a: ApplyDraft(
        by=a.login,
        base=v.get("base", ""),
        comment=v.get("comment", ""),
        when_idle=v.get("wait") == 1,
        at=v.get("at", ""),
        must_keep=v.get("keep") == 1,
        is_light=is_light,
    )


PRICES = {
    "per_kwh": "price of a kWh, in the smallest unit of the currency",
    "per_minute": "price of a minute of charging",
    "start_fee": "price of the start",
    "idle_per_minute": "price of a minute after the end of the energy",
    "idle_free_min": "minutes of that for nothing",
}


def _tariff(values: Values, asker: Asker) -> SetTariff:
    """Raises BadRequest for prices without a currency."""
    currency = values.get("currency")
    given = {name: values[name] for name in ("digits", *PRICES) if name in values}
    if currency is None and given:
        raise BadRequest("set_tariff: currency is missing (ISO 4217, as EUR).")
    if currency is not None and not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise BadRequest(f"set_tariff: currency = {currency!r} is none of ISO 4217; write EUR, KZT, RUB.")
    tariff = Tariff(currency=currency, **given) if currency is not None else None
    return SetTariff(connector=values["connector"], tariff=tariff, source="installer", by=asker.login)


ROWS: tuple[Action, ...] = (
    Action(
        "reload_configuration", "hub", ReloadConfiguration, Guard.G1, Right.CONFIGURE,
        "Checks the station file and takes it by a restart of the software.",
        (), lambda _v, a: ReloadConfiguration(by=a.login), verb="Reload the configuration", needs=(Need.IDLE,),
    ),
    Action(
        "apply_configuration", "hub", ApplyDraft, Guard.G3, Right.CONFIGURE,
        "Puts the draft in the place of the station file and restarts; if it does not come up, the old file returns.",
        _APPLYING, _apply(is_light=False), verb="Apply the draft", needs=(Need.IDLE, Need.NO_UPDATE),
        waives={Need.IDLE: "wait", Need.NO_UPDATE: "wait"},
    ),
    Action(
        "apply_values", "hub", ApplyDraft, Guard.G2, Right.CONFIGURE,
        "Puts changed values of the draft in place and restarts; not for what the station is and how it is wired.",
        _APPLYING, _apply(is_light=True), verb="Apply changed values", needs=(Need.IDLE, Need.NO_UPDATE),
        waives={Need.IDLE: "wait", Need.NO_UPDATE: "wait"},
    ),
    Action(
        "set_tariff", "station", SetTariff, Guard.G1, Right.CONFIGURE,
        "Sets the prices of connector {connector} (0: all) from now on; without any: those of the station file.",
        (
            CONNECTOR_OR_ALL,
            Argument("currency", str, "as in ISO 4217: EUR, KZT", 3, 3, is_needed=False),
            Argument("digits", int, "digits behind the decimal mark (2)", 0, 4, is_needed=False),
            *(Argument(name, int, words, 0, 10**9, is_needed=False) for name, words in PRICES.items()),
        ),
        _tariff, EventType.CONFIG_CHANGED, verb="Set the prices",
    ),
    Action(
        "factory_reset", "hub", FactoryReset, Guard.G3, Right.ADMINISTER,
        "Forgets users and settings once the power was switched off and on within 60 s; meter data and journal stay.",
        (), lambda _v, a: FactoryReset(by=a.login), verb="Reset to factory state", needs=(Need.IDLE, Need.NO_UPDATE),
    ),
)  # fmt: skip
