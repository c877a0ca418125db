"""The protocol on a CAN bus: what only this carrier has. Whole charges on both carriers stand in test_charge.py."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from drivers.codecs.can import CanFrame
from drivers.codecs.canopen import Emergency, NmtState, abort
from drivers.controllers.native import ABOUT, recognise
from drivers.errors import BadFrame, NoAnswer, Refused
from drivers.interfaces import Cause, ConnectorType, ControllerStatus
from drivers.loading import load
from drivers.native import canopen
from drivers.native.can_link import FRESH_S
from drivers.native.canopen import BY_INDEX, LIMITS, PERMISSION, RENEWAL, STATE, TPDOS, decode_pdo, encode_pdo
from drivers.native.codes import CAUSE_CODES, STATUS_CODES, Command
from drivers.native.controller import NativeController, Settings, open_device
from drivers.native.objects import LEASE_S, STATUS
from drivers.native.registers import Value, decode_block, encode_block
from drivers.ports.can import CanPort
from drivers.simulated.can_line import CanLine
from drivers.simulated.canopen import CanopenNode
from drivers.simulated.controller import Controller
from drivers.simulated.controller_state import Hardware
from drivers.simulated.outlet import Outlet
from drivers.simulated.registers import ControllerObjects
from drivers.simulated.vehicle import PlugOptions

TYPE2 = Hardware(number=1, type=ConnectorType.TYPE2, max_current_a=32, max_power_w=22_080, has_lock=True, serial="S-7")
NODE = 5


class Bench:
    """Simulated controllers on a bus, and the driver of the first. `lose` says which frames get lost."""

    def __init__(self, hardware: Hardware = TYPE2, bit_rate: int = 250_000, nodes: int = 1) -> None:
        self.line = CanLine(bit_rate, before=self.catch_up)
        self.outlets = [Outlet(Controller(hardware)) for _ in range(nodes)]
        self.nodes = [
            CanopenNode(ControllerObjects(each.controller), NODE + at) for at, each in enumerate(self.outlets)
        ]
        for node in self.nodes:
            self.line.attach(node)
        self.port: CanPort = self.line.port("can")
        driver = open_device(Settings(port="can", address=NODE), self.port)
        assert isinstance(driver, NativeController)
        self.driver = driver
        self.lose: Callable[[CanFrame], bool] = lambda frame: False
        for node in self.nodes:
            self._through(node)

    @property
    def outlet(self) -> Outlet:
        return self.outlets[0]

    @property
    def node(self) -> CanopenNode:
        return self.nodes[0]

    def _through(self, node: CanopenNode) -> None:
        send, received = node.send, node.received
        node.send = lambda frame: None if self.lose(frame) else send(frame)
        node.received = lambda frame, now_s: None if self.lose(frame) else received(frame, now_s)  # type: ignore[method-assign]

    def catch_up(self) -> None:
        for outlet in self.outlets:
            outlet.advance(asyncio.get_running_loop().time())

    def sent(self, cob: int) -> list[tuple[float, CanFrame]]:
        """Frames of one identifier that were on the bus."""
        return [(at_s, frame) for at_s, frame in self.line.seen if frame.can_id == cob + NODE]


@contextlib.asynccontextmanager
async def a_bench(hardware: Hardware = TYPE2, bit_rate: int = 250_000, nodes: int = 1) -> AsyncIterator[Bench]:
    bench = Bench(hardware, bit_rate, nodes)
    async with bench.port:
        yield bench


async def charging(bench: Bench) -> None:
    bench.outlet.plug(PlugOptions())
    await asyncio.sleep(2)
    await bench.driver.start(7, 0, 16.0, 11_000.0, LEASE_S)
    for _ in range(3):
        await bench.driver.limit(16.0, 11_000.0, LEASE_S)
        await asyncio.sleep(1)
    assert (await bench.driver.read()).status is ControllerStatus.C6_CHARGING


def test_the_driver_of_an_installers_guess_works_on_can() -> None:
    assert load("controllers", "native").ABOUT is ABOUT
    assert {"serial", "tcp", "can"} == set(ABOUT.ports)


async def test_an_address_that_no_node_has_is_refused() -> None:
    async with a_bench() as bench:
        with pytest.raises(ValueError, match=r"address = 200: .* 1\.\.127"):
            open_device(Settings(port="can", address=200), bench.port)


async def test_a_reading_is_never_older_than_its_time_and_silence_is_an_error() -> None:
    async with a_bench() as bench:
        reading = await bench.driver.read()
        assert reading.status is ControllerStatus.A_NOT_CONNECTED and reading.boot_count == 1
        bench.lose = lambda frame: True
        await asyncio.sleep(FRESH_S + 0.01)
        with pytest.raises(NoAnswer, match=r"controller with node id 5 on port 'can': it tells no status"):
            await bench.driver.read()
        await asyncio.sleep(2)
        with pytest.raises(NoAnswer, match=r"no heartbeat for \d"):
            await bench.driver.read()
        bench.lose = lambda frame: False
        await asyncio.sleep(0.5)
        assert (await bench.driver.read()).status is ControllerStatus.A_NOT_CONNECTED


async def test_nobody_at_that_id_is_an_error() -> None:
    async with a_bench() as bench:
        other = open_device(Settings(port="can", address=9), bench.port)
        with pytest.raises(NoAnswer, match=r"node id 9 .*: nothing has been heard of it"):
            await other.read()
        assert await recognise(bench.port, NODE) is not None  # type: ignore[arg-type]
        with pytest.raises(NoAnswer):
            await recognise(bench.port, 9)  # type: ignore[arg-type]


async def test_a_change_of_status_is_on_the_bus_within_50_ms_on_a_bus_of_twelve() -> None:
    async with a_bench(bit_rate=250_000, nodes=12) as bench:
        await bench.driver.read()
        for node in bench.nodes:
            node.received(CanFrame(0, bytes((1, 0)), False), asyncio.get_running_loop().time())
        await asyncio.sleep(1.0)
        worst_s = 0.0
        for _ in range(8):
            await asyncio.sleep(0.337)
            now_s = asyncio.get_running_loop().time()
            bench.outlet.plug(PlugOptions(start_delay_s=100))
            before = len(bench.sent(STATE.cob))
            while not any(
                decode_pdo(STATE, f.data)["controller_status"] == 1 for _, f in bench.sent(STATE.cob)[before:]
            ):
                await asyncio.sleep(0.001)
            worst_s = max(worst_s, asyncio.get_running_loop().time() - now_s)
            assert (await bench.driver.read()).status is ControllerStatus.B_CONNECTED
            bench.outlet.unplug("pull")
            await asyncio.sleep(0.1)
        assert worst_s < canopen.REVEALED_AFTER_S, worst_s
        assert bench.port.load_pct < 35


async def test_a_reading_behind_an_order_knows_of_it() -> None:
    async with a_bench() as bench:
        bench.outlet.plug(PlugOptions())
        await asyncio.sleep(2)
        for session_ref in range(1, 6):
            await bench.driver.read()
            await bench.driver.start(session_ref, 0, 16.0, 11_000.0, LEASE_S)
            assert (await bench.driver.read()).session_ref == session_ref
            await bench.driver.stop()
            assert (await bench.driver.read()).session_ref == 0
            await asyncio.sleep(0.03)


async def test_a_renewal_is_one_frame_and_what_is_not_taken_is_an_error() -> None:
    async with a_bench() as bench:
        await charging(bench)
        before = len(bench.line.seen)
        await bench.driver.limit(10.009, 6_900.9, LEASE_S)
        ours = [frame for _, frame in list(bench.line.seen)[before:] if frame.can_id == RENEWAL.cob + NODE]
        assert [frame.data.hex(" ").upper() for frame in ours] == ["88 13 E8 03 F4 1A 00 00"]
        reading = await bench.driver.read()
        assert (reading.limit_current_a, reading.limit_power_w) == (10.0, 6900.0)
        bench.lose = lambda frame: frame.can_id == RENEWAL.cob + NODE
        with pytest.raises(NoAnswer, match="it did not take the renewal of its lease"):
            await bench.driver.limit(10.0, 6_900.0, LEASE_S)
        bench.lose = lambda frame: False
        await bench.driver.limit(9.0, 6_900.0, LEASE_S)
        assert (await bench.driver.read()).limit_current_a == 9.0


async def test_a_part_that_got_lost_is_never_joined_with_parts_of_another_moment() -> None:
    async with a_bench() as bench:
        await charging(bench)
        bench.lose = lambda frame: frame.can_id == PERMISSION.cob + NODE
        bench.outlet.controller.break_down("reboot")
        await asyncio.sleep(0.9)
        for _ in range(20):
            await asyncio.sleep(0.1)
            with contextlib.suppress(NoAnswer):
                reading = await bench.driver.read()
                assert reading.status is ControllerStatus.C6_CHARGING and reading.boot_count == 1
        bench.lose = lambda frame: False
        await asyncio.sleep(1.0)
        reading = await bench.driver.read()
        assert (reading.boot_count, reading.session_ref) == (2, 0)


async def test_single_lost_frames_cost_at_most_one_reading() -> None:
    async with a_bench() as bench:
        await charging(bench)
        bench.line.drop = 0.02
        failed = 0
        for _ in range(100):
            await asyncio.sleep(0.5)
            with contextlib.suppress(NoAnswer):
                await bench.driver.limit(16.0, 11_000.0, LEASE_S)
            try:
                assert (await bench.driver.read()).session_ref == 7
            except NoAnswer:
                failed += 1
        assert bench.outlet.controller.contactor.is_closed
        assert failed < 5, failed


async def test_an_order_whose_answers_got_lost_is_carried_out_once() -> None:
    async with a_bench() as bench:
        bench.outlet.plug(PlugOptions())
        await asyncio.sleep(2)
        await bench.driver.read()
        lost = [3]

        def lose(frame: CanFrame) -> bool:
            if frame.can_id == 0x580 + NODE and frame.data[1:3] == b"\x0a\x24":  # the answer to order_number
                lost[0] -= 1
                return lost[0] >= 0
            return False

        bench.lose = lose
        await bench.driver.start(7, 0, 16.0, 11_000.0, LEASE_S)
        assert bench.outlet.controller.session_ref == 7 and bench.outlet.controller.order_done == 1


async def test_a_node_that_restarted_is_started_again_and_says_so_by_its_count() -> None:
    async with a_bench() as bench:
        await bench.driver.read()
        bench.outlet.controller.break_down("reboot")
        await asyncio.sleep(0.5)
        with pytest.raises(NoAnswer):
            await bench.driver.read()
        await asyncio.sleep(2.5)
        assert NmtState.BOOT_UP in [frame.data[0] for _, frame in bench.sent(0x700)]
        reading = await bench.driver.read()
        assert (reading.boot_count, reading.status) == (2, ControllerStatus.A_NOT_CONNECTED)


async def test_a_node_that_somebody_stopped_is_started_again() -> None:
    async with a_bench() as bench:
        await bench.driver.read()
        bench.line.put(CanFrame(0, bytes((0x02, NODE)), False))
        await asyncio.sleep(2.0)
        assert bench.node.state is NmtState.OPERATIONAL
        assert (await bench.driver.read()).boot_count == 1


async def test_a_reset_of_the_node_ends_the_charge_in_order() -> None:
    async with a_bench() as bench:
        await charging(bench)
        bench.line.put(CanFrame(0, bytes((0x81, NODE)), False))
        await asyncio.sleep(4.0)
        assert not bench.outlet.controller.contactor.is_closed
        assert (await bench.driver.read()).boot_count == 2


@pytest.mark.parametrize(
    "code, text",
    [
        (0x0609_0030, r"object 2408: value out of range \(SDO abort 06090030\)"),
        (0x0602_0000, "there is no such object"),
        (0x0800_0022, "not in its present state"),
        (0x1234_5678, "no known reason"),
    ],
)
async def test_an_abort_is_a_refusal_with_its_reason(code: int, text: str) -> None:
    async with a_bench() as bench:
        await bench.driver.read()
        real = bench.node._server.answer
        bench.node._server.answer = (  # type: ignore[method-assign]
            lambda request: (
                abort(int.from_bytes(request[1:3], "little"), 0, code) if request[0] >> 5 == 1 else real(request)
            )
        )
        with pytest.raises(Refused, match="controller with node id 5 on port 'can': .*" + text):
            await bench.driver.lock()


async def test_writes_that_cannot_be_are_aborted_by_the_controller() -> None:
    async with a_bench() as bench:
        await bench.driver.read()
        for index, data, code in (
            (0x2400, (20_000).to_bytes(2, "little"), 0x0609_0030),
            (0x2400, b"\x01", 0x0607_0010),
            (0x2100, b"\x01\x00", 0x0601_0002),
            (0x2101 + 0x3000, b"\x01\x00", 0x0602_0000),
            (0x1018, b"\x01\x00", 0x0601_0002),
        ):
            reply = bench.node._server.answer(
                bytes((0x23 | (4 - len(data)) << 2, *index.to_bytes(2, "little"), 0)) + data.ljust(4, b"\0")
            )
            assert reply is not None and reply == abort(index, 0, code), hex(index)
        assert bench.node._server.answer(bytes((0x40, 0x00, 0x21, 1)) + bytes(4)) == abort(0x2100, 1, 0x0609_0011)


async def test_a_cut_bus_is_no_answer_at_once_and_heals() -> None:
    async with a_bench() as bench:
        await bench.driver.read()
        bench.line.cut()
        await asyncio.sleep(0.5)
        began_s = asyncio.get_running_loop().time()
        with pytest.raises(NoAnswer, match="the adapter is gone"):
            await bench.driver.read()
        with pytest.raises(NoAnswer):
            await bench.driver.limit(10.0, 5000.0, LEASE_S)
        assert asyncio.get_running_loop().time() - began_s < 0.1
        bench.line.restore()
        await asyncio.sleep(6)
        assert (await bench.driver.read()).boot_count == 1


async def test_two_nodes_with_one_id_are_named() -> None:
    async with a_bench() as bench:
        twin = CanopenNode(ControllerObjects(Controller(TYPE2)), NODE)
        await bench.driver.identify()
        await bench.driver.read()
        bench.line.attach(twin)
        await asyncio.sleep(3.0)
        with pytest.raises(BadFrame, match="two devices on this bus have node id 5"):
            await bench.driver.read()
        with pytest.raises(BadFrame, match="two devices"):
            await bench.driver.lock()
        bench.line.devices.remove(twin)
        await asyncio.sleep(8.0)
        assert (await bench.driver.read()).boot_count == 1


@pytest.mark.parametrize("period_ms", [0, 50, 100, 1000])
async def test_another_heartbeat_time_is_no_second_node(period_ms: int) -> None:
    async with a_bench() as bench:
        bench.node.heartbeat_ms = period_ms
        await bench.driver.identify()
        for _ in range(20):
            await asyncio.sleep(0.5)
            await bench.driver.read()


async def test_looking_who_is_there_starts_no_node() -> None:
    line = CanLine(250_000)
    node = CanopenNode(ControllerObjects(Controller(TYPE2)), 7)
    line.attach(node)
    async with line.port() as port:
        await asyncio.sleep(0.2)
        identity = await recognise(port, 7)  # type: ignore[arg-type]
        assert identity is not None and identity.serial == "S-7"
        await asyncio.sleep(2.0)
        assert node.state is NmtState.PRE_OPERATIONAL


async def test_an_emergency_tells_status_and_cause_before_the_status_does() -> None:
    async with a_bench() as bench:
        await charging(bench)
        told: list[Emergency] = []
        bench.port.listen(lambda frame: told.append(Emergency.decode(frame.data)), can_id=0x80 + NODE, mask=0x7FF)
        bench.lose = lambda frame: frame.can_id == STATE.cob + NODE
        bench.outlet.controller.break_down("overheat")
        await asyncio.sleep(0.1)
        (first,) = told
        assert (first.code, first.register) == (0x4210, 0x09)
        reading = await bench.driver.read()
        assert (reading.status, reading.cause) == (ControllerStatus.E7_OVERHEAT, Cause.OVERHEAT)
        bench.lose = lambda frame: False
        bench.outlet.controller.clear()
        await asyncio.sleep(3)
        assert told[-1].code == 0
        assert not (await bench.driver.read()).status.is_error


async def test_an_order_does_not_wait_for_a_long_transfer() -> None:
    async with a_bench(bit_rate=125_000) as bench:
        await charging(bench)
        await bench.driver.identify()
        reading = asyncio.create_task(bench.driver.read_frames())
        await asyncio.sleep(0.01)
        began_s = asyncio.get_running_loop().time()
        await bench.driver.stop()
        assert asyncio.get_running_loop().time() - began_s < 0.05
        assert (await reading).frames


async def test_a_stop_ends_the_permission_also_where_sdo_is_stuck() -> None:
    async with a_bench() as bench:
        await charging(bench)
        bench.lose = lambda frame: frame.can_id in (0x600 + NODE, 0x580 + NODE)
        with pytest.raises(NoAnswer):
            await bench.driver.stop()
        await asyncio.sleep(0.5)
        assert not bench.outlet.controller.contactor.is_closed


async def test_the_light_shows_what_it_is_told_and_keeps_its_brightness() -> None:
    async with a_bench() as bench:
        await bench.driver.show_light((0, 128, 255))
        assert bench.outlet.controller.light_colour == 0x0080FF
        await bench.driver.write_parameter("light_brightness", 40)
        assert {each.name: each.value for each in await bench.driver.parameters()}["light_brightness"] == 40
        with pytest.raises(Refused, match=r"must be 0\.\.100"):
            await bench.driver.write_parameter("light_brightness", 101)
        with pytest.raises(ValueError, match=r"0\.\.255"):
            await bench.driver.show_light((0, 0, 256))


# ------------------------------------------------------------------------------------------------------- pure functions


def test_every_status_object_is_in_one_tpdo_and_all_fit() -> None:
    sources = [each.source or each.name for pdo in TPDOS for each in pdo.objects]
    assert sorted(sources) == sorted(
        [each.name for each in STATUS.objects if each.name != "ev_requests_energy"] + ["marks"]
    )
    assert all(sum(each.bits for each in pdo.objects) == 64 for pdo in (*TPDOS, RENEWAL))
    indices = [each.index + canopen.BASE for pdo in (*TPDOS, RENEWAL) for each in pdo.objects]
    assert len(set(indices)) == len(indices) and not set(indices) & BY_INDEX.keys()


@pytest.mark.parametrize(
    "name, value, told",
    [
        ("voltage", 230_149, 230_100), ("current_l1", -1500, -1500), ("current_l2", -5, -10),
        ("current_l3", 31_999, 31_990),
        ("limit_current", 15_999, 15_990), ("limit_current", 4_000_000, 655_350), ("soc", None, None),
        ("soc", 1003, 1003), ("requested_voltage", None, None), ("battery_temperature", -400, -400),
        ("battery_temperature", None, None), ("session_energy", 4_000_000_000, 4_000_000_000), ("soc", 0xFFFF, 0xFFFE),
        ("remaining", None, None), ("current_l2", 1_000_000, 327_670),
    ],
)  # fmt: skip
def test_values_travel_rounded_down_and_never_as_the_mark_of_no_value(
    name: str, value: int | None, told: int | None
) -> None:
    values: dict[str, Value] = decode_block(STATUS, encode_block(STATUS, {})) | {name: value}
    pdo = next(pdo for pdo in TPDOS if any(each.source == name for each in pdo.objects))
    assert decode_pdo(pdo, encode_pdo(pdo, values))[name] == told


@pytest.mark.parametrize("cause", range(len(CAUSE_CODES)))
def test_every_cause_has_an_emergency_code(cause: int) -> None:
    values: dict[str, Value] = {
        "controller_status": STATUS_CODES.index("E2"), "cause": cause, "hardware_flags": 0x0102,
    }  # fmt: skip
    code, register, own = canopen.emergency(values)
    assert code and register & 1
    assert canopen.emergency_values(own) == values
    assert canopen.emergency({**values, "controller_status": 0})[:2] == (0, 0)


def test_a_lease_is_read_as_it_was_written() -> None:
    values: dict[str, Value] = {"grant_lease": 5000, "grant_current": 16_009, "grant_power": 11_000}
    assert decode_pdo(RENEWAL, encode_pdo(RENEWAL, values)) == {**values, "grant_current": 16_000}
    assert LIMITS.number == 7 and int(Command.STOP) == 2
