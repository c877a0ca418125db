"""HTTP/1.1 of the pages: h11 reads and writes the protocol, asyncio carries it. `messages.py` is what handlers see,
`speaker.py` one connection, `paths.py` finds a path's row, `websocket.py` a WebSocket.

A general HTTP framework would take a third of the memory that this service may have (docs/decisions.md).
"""
