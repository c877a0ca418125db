"""Signed sessions of the Iskra WM3M4C (OCMF).

Source: Iskra, WM3M4 user's manual 1.14, chapter 6, as a public driver uses it. The description of the session (the data
part of OCMF without readings, JSON) is written from 7100 on with its length at 7056; commands at 7051 ("B" begin, "r"
end, in the high byte); 7000 is the state (0 idle, 1..3 active), 7052 how signing went (15 done). After the end the
signed data stand from 7612 on (length in bytes 7057), the signature from 8188 on (length 7058).
"""

from __future__ import annotations

import asyncio
import json
import logging

from drivers.codecs.modbus import Function, read_holding, write_register
from drivers.errors import BadFrame, NoAnswer, Refused
from drivers.interfaces import SessionReference
from drivers.meters.ocmf import RegisterSessions, read_block, words_of, write_block
from drivers.ports.port import Priority

log = logging.getLogger(__name__)

STATE, COMMAND, SIGNING, ZONE, CLOCK, DESCRIBED_BYTES = 7000, 7051, 7052, 7053, 7054, 7056
DATA_BYTES, SIGNATURE_BYTES, ALGORITHM, CLOCK_STATE = 7057, 7058, 7059, 7071
DESCRIPTION, DATA, SIGNATURE = 7100, 7612, 8188
IDLE, ACTIVE, ACTIVE_AFTER_POWER_FAILURE, ACTIVE_AFTER_RESET = range(4)
BEGIN, END = 0x4200, 0x7200
CLOCK_IS_SET = 2
IN_PROGRESS, DONE = 2, 15
NOT_YET = (0, 1, IN_PROGRESS)
TAKEN_WITHIN_S = 1.0
"""Until then how signing went may still be told of the command before."""
WITHIN_S = 15.0
ASK_AGAIN_S = 0.05
MOST_DATA, MOST_SIGNATURE = 1024, 256
FAULTS = {
    128: "invalid date and time", 129: "check sum", 130: "invalid command", 131: "invalid state",
    132: "invalid measurement", 133: "test mode", 243: "verify state", 244: "signature state", 245: "key generation",
    246: "hash failed", 247: "not initialised", 248: "data not locked", 249: "configuration not locked",
    250: "verification", 251: "public key", 252: "invalid message format", 253: "invalid message size",
    254: "signature", 255: "undefined",
}  # fmt: skip


class SigningIskra(RegisterSessions):
    """A WM3M4C at `address` of `port`: the values of its table, and sessions."""

    async def begin_session(self, reference: SessionReference) -> None:
        """See `SignsSessions`."""
        state = await self._one(STATE)
        if state != IDLE:
            if await self._is_about(reference):
                return
            log.warning("%s: a session that was left running is ended", self._where)
            if state == ACTIVE_AFTER_POWER_FAILURE:
                await self._describe(reference)
            await self._command(END, IDLE)
        await self._describe(reference)
        await self._command(BEGIN, ACTIVE)

    async def end_session(self, reference: SessionReference) -> bytes:
        """See `SignsSessions`."""
        state = await self._one(STATE)
        if state == ACTIVE_AFTER_POWER_FAILURE:
            await self._describe(reference)
        if state != IDLE:
            await self._command(END, IDLE)
        elif await self._one(SIGNING) == IN_PROGRESS:  # the answer to the end was lost: the record is being made
            await self._wait_for(IDLE)
        data = await self._block(DATA, await self._one(DATA_BYTES), MOST_DATA)
        signature = await self._block(SIGNATURE, await self._one(SIGNATURE_BYTES), MOST_SIGNATURE)
        if reference.transaction.encode() not in data:
            raise Refused(f"{self._where}: its record is not of session {reference.transaction}")
        return b"OCMF|" + data + b'|{"SD":"' + signature.hex().upper().encode() + b'"}'

    async def _describe(self, reference: SessionReference) -> None:
        if reference.at is not None:
            seconds = int(reference.at.timestamp())
            await self._write(CLOCK, seconds >> 16 & 0xFFFF)
            await self._write(CLOCK + 1, seconds & 0xFFFF)
            await self._write(ZONE, 0)
            await self._write(CLOCK_STATE, CLOCK_IS_SET)
        await self._write(ALGORITHM, 0)
        text = description(reference)
        await write_block(self._port, self._address, DESCRIPTION, words_of(text))
        await self._write(DESCRIBED_BYTES, len(text))

    async def _is_about(self, reference: SessionReference) -> bool:
        text = description(reference)
        words = await read_block(self._port, self._address, Function.READ_HOLDING, DESCRIPTION, (len(text) + 1) // 2)
        return words.rstrip(b"\0") == text.encode()

    async def _command(self, command: int, wanted: int) -> None:
        """Give a command, wait for the state it leads to and for the signature. Raises Refused, NoAnswer."""
        await self._write(COMMAND, command)
        await self._wait_for(wanted)

    async def _wait_for(self, wanted: int) -> None:
        begun_s = asyncio.get_running_loop().time()
        while True:
            state, signing = await self._one(STATE), await self._one(SIGNING)
            waited_s = asyncio.get_running_loop().time() - begun_s
            is_of_this = state == wanted or waited_s > TAKEN_WITHIN_S
            if is_of_this and signing not in NOT_YET and signing != DONE:
                raise Refused(f"{self._where}: it does not sign: {FAULTS.get(signing, f'fault {signing}')}")
            if state == wanted and signing == DONE:
                return
            if waited_s > WITHIN_S:
                raise NoAnswer(f"{self._where}: no signature within {WITHIN_S:g} s")
            await asyncio.sleep(ASK_AGAIN_S)

    async def _block(self, start: int, size: int, most: int) -> bytes:
        if not 0 < size <= most:
            raise BadFrame(f"{self._where}: a signed record with a part of {size} bytes cannot be")
        whole = await read_block(self._port, self._address, Function.READ_HOLDING, start, (size + 1) // 2)
        return whole[:size]

    async def _one(self, register: int) -> int:
        (value,) = await self._port.exchange(read_holding(self._address, register, 1))
        return value

    async def _write(self, register: int, value: int) -> None:
        await self._port.exchange(write_register(self._address, register, value), priority=Priority.ORDER)


def description(reference: SessionReference) -> str:
    """The data part of OCMF as the meter is to be told it; the meter adds the rest. "|" would break the record."""
    client = " ".join(part for part in (reference.transaction, reference.client) if part)
    parts = {
        "FV": "1.0", "GI": "", "GS": "", "GV": "", "PG": "", "MV": "", "MM": "", "MS": "", "MF": "",
        "IS": bool(reference.client), "IF": [], "IT": "NONE", "ID": client, "CT": "EVSEID",
        "CI": reference.evse, "RD": [],
    }  # fmt: skip
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=True)
    return text.replace("|", " ")
