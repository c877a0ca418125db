"""Signed sessions of the Carlo Gavazzi EM580 (OCMF).

Source: a public driver made with the maker's protocol document. What the session is about is written from 7000 on, the
tariff's text (here the transaction's name, by which a record is known again) at 6900; then command "B" or "E" at 7040.
State 7100: 0 nothing, 1 running, 2 the record is ready, 3 it is corrupted; its size in registers at 7101, the record
from 7110 on. A new session begins only in state 0, which is written when a record was read.
Quirk: so that a record is not lost with a restart of this software, a record that was read is given up only when the
next session begins.
"""

from __future__ import annotations

import asyncio
import logging

from drivers.codecs.modbus import Function, read_holding
from drivers.errors import BadFrame, NoAnswer, Refused
from drivers.interfaces import SessionReference
from drivers.meters.ocmf import RegisterSessions, read_block, words_of, write_block

log = logging.getLogger(__name__)

TARIFF, STATUS, LEVEL, FLAGS, TYPE, DATA, EVSE_TYPE, EVSE = (
    0x6900,
    0x7000,
    0x7001,
    0x7002,
    0x7006,
    0x7007,
    0x701B,
    0x701C,
)
MODALITY, CLOCK, COMMAND, STATE, SIZE, RECORD = 0x7036, 0x7032, 0x7040, 0x7100, 0x7101, 0x7110
NOTHING, RUNNING, READY, CORRUPTED = range(4)
MOST_RECORD = 2031
ASSIGNED, NOT_ASSIGNED = 1, 0
NO_TYPE, ISO14443 = 0, 10
READY_WITHIN_S = 3.0
ASK_AGAIN_S = 0.1


class SigningEm580(RegisterSessions):
    """An EM580 at `address` of `port`: the values of its table, and sessions."""

    async def begin_session(self, reference: SessionReference) -> None:
        """See `SignsSessions`."""
        state = await self._state()
        if state == RUNNING:
            if await self._is_about(reference):
                return
            log.warning("%s: a session that was left running is ended", self._where)
            await self._write(COMMAND, ord("E"))
            state = await self._once(READY, CORRUPTED)
        if state != NOTHING:
            await self._write(STATE, NOTHING)
        if reference.at is not None:
            seconds = int(reference.at.timestamp())
            await self._write(CLOCK, *(seconds >> shift & 0xFFFF for shift in (0, 16, 32, 48)))
        await self._write(STATUS, ASSIGNED if reference.client else NOT_ASSIGNED)
        await self._write(LEVEL, 0)
        await self._write(FLAGS, 0, 0, 0, 0)
        await self._write(TYPE, ISO14443 if reference.client else NO_TYPE)
        await self._write(DATA, *words_of(reference.client, 20))
        await self._write(EVSE_TYPE, 0)
        await self._write(EVSE, *words_of(reference.evse, 20))
        await self._write(TARIFF, *words_of(reference.transaction, 20))
        await self._write(MODALITY, 0)
        await self._write(COMMAND, ord("B"))
        if await self._once(RUNNING) != RUNNING:
            raise NoAnswer(f"{self._where}: it does not begin session {reference.transaction}")

    async def end_session(self, reference: SessionReference) -> bytes:
        """See `SignsSessions`."""
        if await self._state() == RUNNING:
            await self._write(COMMAND, ord("E"))
        state = await self._once(READY, CORRUPTED)
        if state == CORRUPTED:
            raise Refused(f"{self._where}: its record of session {reference.transaction} is corrupted")
        if state == RUNNING:
            raise NoAnswer(f"{self._where}: it does not end session {reference.transaction}")
        if state != READY:
            raise Refused(f"{self._where}: it has no session {reference.transaction} (state {state})")
        (size,) = await self._read(SIZE, 1)
        if not 0 < size <= MOST_RECORD:
            raise BadFrame(f"{self._where}: a record of {size} registers cannot be")
        whole = await read_block(self._port, self._address, Function.READ_HOLDING, RECORD, size)
        record = whole.split(b"\0")[0]
        if reference.transaction.encode() not in record:
            raise Refused(f"{self._where}: its record is not of session {reference.transaction}")
        return record

    async def _is_about(self, reference: SessionReference) -> bool:
        return await self._read(TARIFF, 20) == words_of(reference.transaction, 20)

    async def _once(self, *states: int) -> int:
        """The state once it is one of these; after 3 s whatever it is. Between the end of a session and its record the
        meter may say that it has nothing."""
        give_up_s = asyncio.get_running_loop().time() + READY_WITHIN_S
        state = await self._state()
        while state not in states and asyncio.get_running_loop().time() < give_up_s:
            await asyncio.sleep(ASK_AGAIN_S)
            state = await self._state()
        return state

    async def _state(self) -> int:
        (state,) = await self._read(STATE, 1)
        return state

    async def _read(self, start: int, count: int) -> tuple[int, ...]:
        return await self._port.exchange(read_holding(self._address, start, count))

    async def _write(self, start: int, *words: int) -> None:
        await write_block(self._port, self._address, start, words)
