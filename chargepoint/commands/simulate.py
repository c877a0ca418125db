"""`chargepoint simulate`: only the device side of a station, on pseudo-terminals and TCP ports."""

from __future__ import annotations

import argparse

from chargepoint.commands.manual import page
from drivers.simulated import __main__ as simulation

SUMMARY = "only the devices: controllers with vehicles, meters and readers on simulated wires"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments and help of the command."""
    simulation.add_arguments(parser)
    page(
        parser,
        """
        Stands on the far side of every wire that a station file names: connector controllers with vehicles, energy
        meters and card readers answer there with the protocols of the real devices. A station that is started with the
        same file (chargepoint run) does not know the difference.

        For each serial port a pseudo-terminal is made, found under the device name of the file; a relative name lies
        beside the file, and the folders of real devices (/dev) are never touched: give such files a --runtime folder.
        For each TCP port the simulation listens on its host and port; port 0 takes any.

        When everything is up, one line of JSON on standard output says where: "control" is the address of the control
        interface, "ports" the path or address of each port. It runs until SIGTERM or Ctrl-C.

        The control interface is HTTP on the loopback interface with JSON bodies; every call returns at once. GET /state
        tells the truth of all devices, GET /connectors/N/log each closing and opening of a contactor with all that was
        known at that moment. POST /connectors/N/plug brings a vehicle {"plug_delay_s", "start_delay_s", "current_a",
        "phases", "soc_pct", "target_soc_pct", "capacity_wh", "max_power_w", "vin", "leave_after_s",
        "leave_after_finish_s", "diode_fault_after_s", ...}; /unplug, /pause, /resume, /fault {"code"}, /clear do what
        they say. POST /readers/NAME/tap {"uid", "connectors"} holds a card to a reader. POST /ports/NAME/cut, /restore,
        /noise and /late disturb a wire, POST /meters/NAME a meter, /emergency {"pressed"} is the button on the case,
        /power-cut {"restore_after_s"} takes the supply away. POST /ports/NAME/can {"bus_off", "shorted", "drop", ...}
        disturbs a CAN bus.

        POST /device/KIND/NAME does something to any other device: input {"active": true} opens a door, output
        {"welded": true} welds a contactor ("stuck_open", "slow_s", and "feedback": what its auxiliary contact shows, as
        "open", "closed" or "opposite"), modules {"module": 3, "fault": "cut"} or {"clear": true}, insulation
        {"resistance_ohm": 50000}, io {"silent": true}, sensor {"temperature_c": 75}, ups {"mains": false}.

        Where outputs share modules, closed contactors join buses to one conductor, as in a cabinet. "switchings" of
        GET /state is each closing and opening with its current and voltage difference, "sins" what must never have
        been: opened under current, closed on more than 20 V, two outputs on one conductor.

        Fault codes: E1 to E9, F, diode, pilot, ev_silent, lock, insulation, precharge, residual_current, overcurrent,
        overvoltage, contactor, weld, overheat, temperature, modules, reboot, silent, flap, t1, lock_state.
        """,
        exit_status={
            0: "it was asked to end",
            1: "a file cannot be used, or a port cannot be made; the reason stands on standard error",
            2: "the command line is wrong",
        },
        files={
            "station.toml": "what is installed; commented files: examples/",
            "simulation.toml": "what holds at the beginning: [simulation] building_load_w, cars_vanish_on_power_cut, "
            "seed; [[connector]] number, lock, closings_per_minute; [[meter]] name, start_wh",
        },
        examples={
            "chargepoint simulate --config examples/demo.toml": "the devices of the demonstration station",
            "curl -d '{\"soc_pct\": 30}' http://127.0.0.1:PORT/connectors/1/plug": "bring a vehicle to connector 1",
            'curl -d \'{"uid": "04A2B3C4"}\' http://127.0.0.1:PORT/readers/1/tap': "hold a card to reader 1",
        },
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit status 0, 1 or 2."""
    return simulation.run(arguments)
