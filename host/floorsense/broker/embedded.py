"""The embedded broker: amqtt on a loopback port, where there is no Mosquitto. Run as a process of its own."""

import asyncio
import os
import sys

from amqtt.broker import Broker


async def serve(port: int) -> None:
    """Serve until the process that started us is gone."""
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(1)
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
