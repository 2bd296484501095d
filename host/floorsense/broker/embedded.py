"""The embedded broker: amqtt on a loopback port, where there is no Mosquitto. Run as a process of its own.

python -m floorsense.broker.embedded PORT
"""

import asyncio
import logging
import sys
from importlib.metadata import version

from amqtt.broker import Broker


async def serve(port: int) -> None:
    """Serve until killed. Raises OSError, wrapped by amqtt, for a port in use."""
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    # In Mosquitto's words: whoever started us waits for them.
    print(f"amqtt version {version('amqtt')} running", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    try:
        asyncio.run(serve(int(sys.argv[1])))
    except Exception as error:
        # One line at the end of the log, where a person will be shown the last one.
        sys.exit(f"amqtt: {error.__cause__ or error}")
