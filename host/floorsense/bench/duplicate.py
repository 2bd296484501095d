"""A second client with a board's id: the mistake of provisioning two boards alike."""

import asyncio
import threading
from collections.abc import Sequence

from floorsense import packets

# As eager as a client of good manners: a second after it was thrown out it is back.
_BACK_S = 1.0
_KEEPALIVE_S = 60
_DIAL_S = 5


class Duplicates:
    """``begin`` connects one for each id, ``end`` takes them away, without a farewell."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def begin(self, broker: tuple[str, int], client_ids: Sequence[bytes], returns: bool) -> None:
        """``returns``: whoever is thrown out comes back a second later; else it stays away."""
        self.end()
        self._loop = loop = asyncio.new_event_loop()

        def run() -> None:
            for one in client_ids:
                tasks.append(loop.create_task(_live(broker, one, returns)))
            loop.run_forever()
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            loop.close()

        tasks: list[asyncio.Task[None]] = []
        self._thread = threading.Thread(target=run, name="duplicates", daemon=True)
        self._thread.start()

    def end(self) -> None:
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_DIAL_S)
            self._loop = self._thread = None


async def _live(broker: tuple[str, int], client_id: bytes, returns: bool) -> None:
    while True:
        try:
            dial = asyncio.open_connection(*broker)
            reader, writer = await asyncio.wait_for(dial, _DIAL_S)
            try:
                writer.write(packets.connect(client_id, _KEEPALIVE_S, clean=False))
                while await reader.read(4096):
                    pass
            finally:
                writer.transport.abort()
        except (OSError, TimeoutError):
            pass
        if not returns:
            return
        await asyncio.sleep(_BACK_S)
