"""The words of the domain, exactly as the project's vocabulary has them (sources S0..S4; sections in brackets).

Words about devices (`ControllerStatus`, `HardwareFlag`, `ConnectorType`, ...) live with the drivers, which may not
import anything of the house; they are offered here too, so that there is one place to look.
"""

import enum

from drivers.interfaces import (
    Cause,
    ConnectorType,
    ControllerStatus,
    FailSafe,
    HardwareFlag,
    PowerType,
    SelfDiagnosisFlag,
)

__all__ = [
    "AuthorizationBasis", "Cause", "CommandStatus", "ConnectorFlag", "ConnectorStatus", "ConnectorType",
    "ControllerStatus", "CredentialType", "EventType", "FailSafe", "HardwareFlag", "LinkState", "LogicalStatus",
    "OperatingMode", "PowerType", "Role", "ScheduleKind", "SchedulePurpose", "SelfDiagnosisFlag", "SessionFlag",
    "SessionState", "StartCause", "StartErrorFlag", "StartSource", "StopSource", "TechnicalStatus",
]  # fmt: skip


class ConnectorStatus(enum.StrEnum):
    """What drivers see of a connector (2), derived by priority; see `station/connector.py`."""

    AVAILABLE = "AVAILABLE"
    WAITING_FOR_EV = "WAITING_FOR_EV"
    READY = "READY"
    CHARGING = "CHARGING"
    CHARGED = "CHARGED"
    EMERGENCY_OFF = "EMERGENCY_OFF"
    DISABLED = "DISABLED"
    ERROR = "ERROR"
    UNAVAILABLE = "UNAVAILABLE"
    NO_POWER = "NO_POWER"
    METER_ERROR = "METER_ERROR"
    UPDATING = "UPDATING"


class ConnectorFlag(enum.IntFlag):
    """Software flags of a connector (10); `IGNORE_EV_CONNECTED` is the configuration flag."""

    BLOCKED = 1
    RESERVED = 2
    INITIALIZING = 4
    NO_LINK = 8
    UPDATING = 16
    WAITING_EV = 32
    WAITING_REBOOT = 64
    REBOOTING = 128
    IGNORE_EV_CONNECTED = 256


class TechnicalStatus(enum.StrEnum):
    OK = "OK"
    WARNING = "WARNING"
    NOT_WORKING = "NOT_WORKING"
    OFFLINE = "OFFLINE"
    NOT_CONFIGURED = "NOT_CONFIGURED"


class LogicalStatus(enum.StrEnum):
    WORKING = "WORKING"
    TECHNICIAN = "TECHNICIAN"
    CLIENT = "CLIENT"
    OUT_OF_SERVICE = "OUT_OF_SERVICE"


class OperatingMode(enum.StrEnum):
    """(4) NORMAL: public; HOME: listed users only; MANUAL: remote start with a chosen duration."""

    NORMAL = "NORMAL"
    HOME = "HOME"
    MANUAL = "MANUAL"


class LinkState(enum.StrEnum):
    ONLINE = "ONLINE"
    CONNECTING = "CONNECTING"
    OFFLINE = "OFFLINE"
    DISABLED = "DISABLED"


class SessionState(enum.StrEnum):
    """(5)"""

    READY = "READY"
    ACTIVE = "ACTIVE"
    OVERDUE = "OVERDUE"
    SUCCESS = "SUCCESS"
    ERROR = "ERROR"
    STOP = "STOP"
    INTERRUPTED = "INTERRUPTED"
    GARBAGE = "GARBAGE"
    WARNING = "WARNING"
    UNKNOWN = "UNKNOWN"


class StartSource(enum.StrEnum):
    """(6)"""

    PLUG_AND_CHARGE = "PLUG_AND_CHARGE"
    TECHNICIAN = "TECHNICIAN"
    LOCAL = "LOCAL"
    REMOTE_COMMAND = "REMOTE_COMMAND"
    OCPP_REMOTE = "OCPP_REMOTE"
    OTHER = "OTHER"
    VIN = "VIN"

    @property
    def is_reported(self) -> bool:
        """Whether transactions begun this way are told to the central system."""
        return self in _REPORTED


_REPORTED = frozenset({StartSource.PLUG_AND_CHARGE, StartSource.LOCAL, StartSource.OCPP_REMOTE, StartSource.VIN})


class StopSource(enum.StrEnum):
    """(7) The OCPP reason of each stands in `ocpp_client/v16/words.py`."""

    EMERGENCY_STOP = "EMERGENCY_STOP"
    EV_CHARGED = "EV_CHARGED"
    VIBRATION = "VIBRATION"
    SMOKE = "SMOKE"
    FLOOD = "FLOOD"
    USER_ENERGY_LIMIT = "USER_ENERGY_LIMIT"
    USER_FORBIDDEN = "USER_FORBIDDEN"
    OCPP_HARD_RESET = "OCPP_HARD_RESET"
    OCPP_SOFT_RESET = "OCPP_SOFT_RESET"
    STATUS_CHANGE = "STATUS_CHANGE"
    OCPP_UNLOCK = "OCPP_UNLOCK"
    LOCAL = "LOCAL"
    UNCONTROLLED = "UNCONTROLLED"
    TECHNICIAN = "TECHNICIAN"
    OCPP_AUTH_ERROR = "OCPP_AUTH_ERROR"
    OFFLINE_AUTH_ERROR = "OFFLINE_AUTH_ERROR"
    START_FAILED = "START_FAILED"
    CONNECTOR_ERROR = "CONNECTOR_ERROR"
    OCPP_TX_ERROR = "OCPP_TX_ERROR"
    APP_RESTART = "APP_RESTART"
    POWER_LOSS = "POWER_LOSS"
    OTHER = "OTHER"
    CONNECT_TIMEOUT = "CONNECT_TIMEOUT"
    REMOTE_COMMAND = "REMOTE_COMMAND"
    OCPP_REMOTE = "OCPP_REMOTE"
    UNAVAILABLE = "UNAVAILABLE"
    METER_ERROR = "METER_ERROR"
    TIME_LIMIT = "TIME_LIMIT"
    COST_LIMIT = "COST_LIMIT"
    SOC_LIMIT = "SOC_LIMIT"
    ENERGY_LIMIT = "ENERGY_LIMIT"
    MAX_DURATION = "MAX_DURATION"
    DOOR_OPEN = "DOOR_OPEN"
    OVERHEAT = "OVERHEAT"
    SURGE = "SURGE"
    REMOTE_CUTOFF = "REMOTE_CUTOFF"
    NO_POWER = "NO_POWER"


class CredentialType(enum.StrEnum):
    """(8)"""

    RFID = "RFID"
    OCPP = "OCPP"
    STAND_IN = "STAND_IN"
    LOGIN = "LOGIN"
    VIN = "VIN"


class CardReason(enum.StrEnum):
    """Why a card, or a start, came to nothing: a word for screens, which have a text for each (hmi.md 5). Ours."""

    NONE = ""
    UNKNOWN = "unknown"  # nobody knows the card
    UNREADABLE = "unreadable"  # its number is none that can be used
    RANDOM = "random"  # it has another number each time
    BLOCKED = "blocked"
    EXPIRED = "expired"
    NOT_HERE = "not_here"  # its user may not charge at this station
    LIMIT = "limit"  # its user's energy is used up
    BUSY = "busy"  # it charges already, as the central system sees it
    TIMEOUT = "timeout"  # nobody could be asked in time
    OFFLINE = "offline"  # without a link to the central system it may not start
    APP_ONLY = "app_only"  # charges are started from the app
    RESERVED = "reserved"  # what could be meant is kept for others
    NONE_FREE = "none_free"
    OUT_OF_ORDER = "out_of_order"  # what is meant has a fault, or is out of service
    RESTARTING = "restarting"
    UPDATING = "updating"


class SessionFlag(enum.IntFlag):
    """(9)"""

    OCPPSession = 1
    StartOffline = 2
    UserAuthorizedByCache = 4
    UserAuthorizedByList = 8
    UserAuthorizedOffline = 16
    AuthorizationDisabled = 32
    PlugnCharge = 64
    TerminalNotActivated = 128
    EnergyEstimated = 256  # ours: the meter stop rests on an estimate (R13)


class StartErrorFlag(enum.IntFlag):
    """(9, ours)"""

    CommandRejected = 1
    NoAnswer = 2
    BadAnswer = 4
    EvNotReady = 8
    InsulationFailed = 16
    LockFailed = 32
    NoPowerAvailable = 64


class AuthorizationBasis(enum.StrEnum):
    """Who vouched for a credential; becomes a `SessionFlag` of the session."""

    SERVER = "server"
    CACHE = "cache"
    LOCAL_LIST = "local_list"
    OFFLINE = "offline"
    USERS = "users"
    NONE = "none"


class SchedulePurpose(enum.StrEnum):
    """What a limit schedule bounds: the whole station, any transaction of a connector, or one certain transaction."""

    STATION_MAX = "station_max"
    TX_DEFAULT = "tx_default"
    TX = "tx"


class ScheduleKind(enum.StrEnum):
    """From when its periods count: an instant, each day or week, or the start of the transaction."""

    ABSOLUTE = "absolute"
    DAILY = "daily"
    WEEKLY = "weekly"
    RELATIVE = "relative"


class CommandStatus(enum.StrEnum):
    """(11) "Sent" is never "done"."""

    PLANNED = "PLANNED"
    RECEIVED = "RECEIVED"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class EventType(enum.StrEnum):
    """Kinds of the operation log (12); the second group is ours."""

    STATION_CONFIGURED = "STATION_CONFIGURED"
    CONNECTOR_INIT = "CONNECTOR_INIT"
    USER_AUTHORIZED = "USER_AUTHORIZED"
    USER_DEAUTHORIZED = "USER_DEAUTHORIZED"
    WEBSOCKET_STATE = "WEBSOCKET_STATE"
    SESSION_CREATED = "SESSION_CREATED"
    SESSION_FINISHED = "SESSION_FINISHED"
    TRANSACTION_STARTED = "TRANSACTION_STARTED"
    TRANSACTION_STOPPED = "TRANSACTION_STOPPED"
    OCPP_TO_STATION = "OCPP_TO_STATION"
    STATION_TO_OCPP = "STATION_TO_OCPP"
    CONTROLLER_REQUEST = "CONTROLLER_REQUEST"
    CONTROLLER_RESPONSE = "CONTROLLER_RESPONSE"
    CONNECTOR_STATE = "CONNECTOR_STATE"
    SENSOR_STATE = "SENSOR_STATE"
    REMOTE_COMMAND = "REMOTE_COMMAND"

    EMERGENCY = "EMERGENCY"
    CONFIG_CHANGED = "CONFIG_CHANGED"
    FIRMWARE = "FIRMWARE"
    SERVICE_RESTARTED = "SERVICE_RESTARTED"
    HMI_SCREEN = "HMI_SCREEN"
    TECHNICIAN_ACTION = "TECHNICIAN_ACTION"
    WEB_LOGIN = "WEB_LOGIN"
    TIME_JUMP = "TIME_JUMP"
    DEVICE_STATE = "DEVICE_STATE"  # a meter, port or controller that falls silent or answers again
    POWER_SWITCHED = "POWER_SWITCHED"  # a group of power modules moved from connector to connector, or failed to
    STORAGE = "STORAGE"  # damage found, disk full, room again
    STATION_STARTED = "STATION_STARTED"
    STATION_STOPPED = "STATION_STOPPED"


class InputFunction(enum.StrEnum):
    """What an active digital input means (`station/cabinet/safety.py` says what each stops)."""

    EMERGENCY_STOP = "emergency_stop"
    DOOR = "door"
    SMOKE = "smoke"
    FLOOD = "flood"
    VIBRATION = "vibration"
    SURGE = "surge"
    OVERHEAT = "overheat"
    REMOTE_CUTOFF = "remote_cutoff"
    POWER_FAIL = "power_fail"
    RESIDUAL_CURRENT = "residual_current"  # the breaker's or RCD's auxiliary contact: tripped
    CONTACTOR_FEEDBACK = "contactor_feedback"
    LID = "lid"  # of a household socket: open
    TAMPER = "tamper"
    POWER_REDUCTION = "power_reduction"  # generator or battery operation: less power while it is active
    OTHER = "other"  # shown, stops nothing


class OutputFunction(enum.StrEnum):
    """What a digital output switches."""

    CONTACTOR = "contactor"
    SOCKET = "socket"  # the relay of a household socket
    HEATER = "heater"
    FAN = "fan"
    MAIN_RELAY = "main_relay"
    LIGHT_RED = "light_red"
    LIGHT_GREEN = "light_green"
    LIGHT_BLUE = "light_blue"
    BUZZER = "buzzer"


class ClimateZone(enum.StrEnum):
    """Where in the cabinet (statuses.md 14): front and rear act, inner and outer only inform."""

    FRONT = "front"
    REAR = "rear"
    INNER = "inner"
    OUTER = "outer"

    @property
    def decides(self) -> bool:
        return self in (ClimateZone.FRONT, ClimateZone.REAR)


class Role(enum.StrEnum):
    """What a user is; each role is a set of rights (`rights.py`). TECHNIK is who installs and mends."""

    CUSTOMER = "customer"
    VIEWER = "viewer"
    OPERATOR = "operator"
    TECHNIK = "technik"
    ADMINISTRATOR = "administrator"


class StartCause(enum.StrEnum):
    """Why the station software started this time."""

    POWER_ON = "POWER_ON"
    SOFT_RESET = "SOFT_RESET"
    HARD_RESET = "HARD_RESET"
    CRASH = "CRASH"
    SERVICE_RESTART = "SERVICE_RESTART"
