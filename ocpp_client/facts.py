"""Small durable values of this service, by name: versions, credentials on trial, what was told last."""

from __future__ import annotations

from chargepoint.storage.database import Database, Statement


class Facts:
    """The table `facts` of ocpp.db, held in memory."""

    def __init__(self, database: Database, values: dict[str, bytes]) -> None:
        self._database = database
        self._values = values

    @classmethod
    async def load(cls, database: Database) -> Facts:
        rows = await database.read("SELECT key, value FROM facts")
        return cls(database, {key: bytes(value) for key, value in rows})

    def get(self, key: str) -> bytes | None:
        return self._values.get(key)

    async def keep(self, key: str, value: bytes | None) -> None:
        """Set (None: forget) a value, durable when this returns. Raises CannotRecord."""
        await self.keep_all({key: value})

    async def keep_all(self, values: dict[str, bytes | None], also: tuple[Statement, ...] = ()) -> None:
        """Set several values, and carry out `also`, all or none. Raises CannotRecord."""
        statements: list[Statement] = [
            ("DELETE FROM facts WHERE key = ?", (key,))
            if value is None
            else ("INSERT OR REPLACE INTO facts (key, value) VALUES (?, ?)", (key, value))
            for key, value in values.items()
        ]
        await self._database.write([*statements, *also])
        for key, value in values.items():
            if value is None:
                self._values.pop(key, None)
            else:
                self._values[key] = value
