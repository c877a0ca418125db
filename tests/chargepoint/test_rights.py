"""Rights and roles, as webconfig.md 2 has them."""

from __future__ import annotations

import itertools

import pytest

from chargepoint.action_kinds import Asker, BadRequest
from chargepoint.action_table import ACTIONS
from chargepoint.actions import may, request_of
from chargepoint.messages import SetTariff, Tariff
from chargepoint.rights import ADMINISTRATORS, RIGHTS, STAFF, Right, has, least_role, lesser
from chargepoint.vocabulary import Role

R = Right
TABLE = {
    Role.CUSTOMER: set(),
    Role.VIEWER: {R.SEE},
    Role.OPERATOR: {R.SEE, R.OPERATE, R.DOWNLOAD},
    Role.TECHNIK: {R.SEE, R.OPERATE, R.DOWNLOAD, R.SERVICE, R.CONFIGURE},
    Role.ADMINISTRATOR: set(Right),
}
DEEDS = {
    Role.VIEWER: set(),
    Role.OPERATOR: {
        "start", "stop", "unlock", "block", "unblock", "emergency_stop", "out_of_service", "working", "start_dump",
        "stop_dump", "support_bundle", "day_archive", "connector_out_of_service", "connector_working", "free_mode",
    },
}  # fmt: skip


@pytest.mark.parametrize("role", Role)
def test_each_role_is_the_set_of_rights_that_the_description_gives_it(role: Role) -> None:
    assert RIGHTS[role] == TABLE[role]
    assert {right for right in Right if has(role, right)} == TABLE[role]
    assert not any(has(None, right) for right in Right)


def test_the_rights_grow_from_role_to_role() -> None:
    order = list(Role)
    assert all(RIGHTS[one] < RIGHTS[next_one] for one, next_one in itertools.pairwise(order))
    assert lesser(Role.ADMINISTRATOR, Role.VIEWER) is lesser(Role.VIEWER, Role.TECHNIK) is Role.VIEWER
    assert least_role(Right.OPERATE) is Role.OPERATOR
    assert set(STAFF) == {Role.TECHNIK, Role.ADMINISTRATOR}
    assert set(ADMINISTRATORS) == {Role.ADMINISTRATOR}


@pytest.mark.parametrize("name", ACTIONS)
def test_each_deed_takes_one_right_and_all_roles_without_it_are_refused(name: str) -> None:
    action = ACTIONS[name]
    assert action.right is not Right.SEE
    for role in Role:
        asker = Asker("x", role)
        assert may(action, asker) is (action.right in TABLE[role]) is (role in action.roles)
        if role in DEEDS:
            assert may(action, asker) is (name in DEEDS[role])
        if not may(action, asker):
            with pytest.raises(BadRequest, match="this takes"):
                request_of(name, {}, asker)


def test_a_technician_reconfigures_and_only_an_administrator_resets() -> None:
    assert Role.TECHNIK in ACTIONS["apply_configuration"].roles
    assert ACTIONS["factory_reset"].roles == {Role.ADMINISTRATOR}


def test_prices_are_set_by_who_configures_and_need_a_currency() -> None:
    boris = Asker("boris", Role.TECHNIK)
    given = {"connector": 0, "currency": "EUR", "per_kwh": "45", "idle_free_min": 10}
    wanted = Tariff(currency="EUR", per_kwh=45, idle_free_min=10)
    request = request_of("set_tariff", given, boris)
    assert request == SetTariff(connector=0, tariff=wanted, source="installer", by="boris")
    assert request_of("set_tariff", {"connector": 1}, boris) == SetTariff(connector=1, source="installer", by="boris")
    for bad in ({"per_kwh": 1}, {"currency": "eur"}, {"currency": "E1R"}, {"currency": "EUR", "per_kwh": -1}):
        with pytest.raises(BadRequest):
            request_of("set_tariff", {"connector": 0, **bad}, boris)
