"""What devices can do: one small Protocol and one frozen reading per ability, units in the names.

What the drivers in `drivers/KIND/` can do stands in the file KIND here. More about connector controllers:
`controller_status`, `connectors`, `vehicle_frames`, `firmware`, `supplied`; of all devices: `device`. Drivers and the
station import all of it from this package, which is its face.

Statuses, flags and connector types are the words of the domain (source S2, appendix 1 and 7.1.2); a driver of
another maker's controller maps its own states onto them. A reading is always fresh: a driver that could not read
raises a `DeviceError`, it never returns an old value or a zero in its place.
"""

from __future__ import annotations

from drivers.interfaces.climate import ClimateReading, ClimateSensor
from drivers.interfaces.connectors import ConnectorType, PowerType
from drivers.interfaces.controller_status import Cause, ControllerStatus, HardwareFlag, SelfDiagnosisFlag
from drivers.interfaces.controllers import (
    AssumesVehicle,
    ConnectorController,
    ControllerReading,
    Diagnosis,
    HasOwnTimeOut,
    Parameter,
    VehicleData,
)
from drivers.interfaces.device import MOST_IDENTITY, FailSafe, Identity
from drivers.interfaces.firmware import MOST_FIRMWARE, FirmwareImage, FirmwareProgress, FirmwareStage, UpdatesFirmware
from drivers.interfaces.insulation import InsulationMonitor, InsulationReading
from drivers.interfaces.io import DigitalIO, IoReading
from drivers.interfaces.lights import HasLight, LightStrip, Rgb
from drivers.interfaces.meters import EnergyMeter, MeterReading, SessionReference, SignsSessions
from drivers.interfaces.parts import Parts
from drivers.interfaces.power import ModuleLimits, ModuleReading, PowerModules
from drivers.interfaces.readers import Card, CardReader, CardSignal, ReaderHealth, SignalsCards, TellsHealth
from drivers.interfaces.supplied import HasSupplyLoop, NeedsSupply, PowerDemand, SupplyOutput
from drivers.interfaces.ups import SupplyReading, UninterruptibleSupply
from drivers.interfaces.vehicle_frames import FrameKind, FramesRead, HasVehicleFrames, VehicleFrame

__all__ = [
    "MOST_FIRMWARE",
    "MOST_IDENTITY",
    "AssumesVehicle",
    "Card",
    "CardReader",
    "CardSignal",
    "Cause",
    "ClimateReading",
    "ClimateSensor",
    "ConnectorController",
    "ConnectorType",
    "ControllerReading",
    "ControllerStatus",
    "Diagnosis",
    "DigitalIO",
    "EnergyMeter",
    "FailSafe",
    "FirmwareImage",
    "FirmwareProgress",
    "FirmwareStage",
    "FrameKind",
    "FramesRead",
    "HardwareFlag",
    "HasLight",
    "HasOwnTimeOut",
    "HasSupplyLoop",
    "HasVehicleFrames",
    "Identity",
    "InsulationMonitor",
    "InsulationReading",
    "IoReading",
    "LightStrip",
    "MeterReading",
    "ModuleLimits",
    "ModuleReading",
    "NeedsSupply",
    "Parameter",
    "Parts",
    "PowerDemand",
    "PowerModules",
    "PowerType",
    "ReaderHealth",
    "Rgb",
    "SelfDiagnosisFlag",
    "SessionReference",
    "SignalsCards",
    "SignsSessions",
    "SupplyOutput",
    "SupplyReading",
    "TellsHealth",
    "UninterruptibleSupply",
    "UpdatesFirmware",
    "VehicleData",
    "VehicleFrame",
]
