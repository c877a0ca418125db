"""The demo's web pages: at free ports of this machine only."""

from __future__ import annotations

import socket

from chargepoint.demo.station_file import prepared
from chargepoint.demo.web import Ports, first_log_in, with_web
from chargepoint.messages import FirstAdministrator, MakeFirstAdministrator
from chargepoint.one_process import in_process_bus


def test_a_port_where_somebody_listens_is_left_to_him() -> None:
    first = Ports.free()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first.https))
        taken.listen()
        other = Ports.free()
    assert other.https != first.https and 0 < other.https < 65536


def test_the_pages_are_on_the_loopback_interface_and_only_when_they_are_wished() -> None:
    station = {"station": {"name": "x"}, "web": {"idle_min": 30, "addresses": ["0.0.0.0"]}}
    web = prepared(with_web(station, Ports(8443, 8080)), {}, "ws://127.0.0.1:9/")["web"]
    assert web == {"is_fitted": True, "addresses": ["127.0.0.1"], "https_port": 8443, "http_port": 8080, "idle_min": 30}
    assert prepared(with_web({}, None), {}, "ws://127.0.0.1:9/")["web"] == {"is_fitted": False}


async def test_address_login_and_first_password_are_told() -> None:
    async with in_process_bus("hub", "admin") as buses:
        told = FirstAdministrator(ok=True, code="ok", login="admin", first_password="abc-def")

        async def first(_request: MakeFirstAdministrator, _sender: str) -> FirstAdministrator:
            return told

        buses["hub"].serve(MakeFirstAdministrator, first)
        line = await first_log_in(buses["admin"], Ports(8443, 8080))
        assert "https://127.0.0.1:8443/" in line and "login admin" in line and "abc-def" in line
        told = FirstAdministrator(ok=False, code="known")
        assert "as in the run before" in await first_log_in(buses["admin"], Ports(8443, 8080))
