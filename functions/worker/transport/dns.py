"""
Host names to addresses.

Has threads of its own: the event loop's are few, and it waits for them when it ends, while the
lookup of a dead name can take half a minute.
"""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from functions.worker.transport.addresses import ConnectTo, route

TTL = 120  # seconds: getaddrinfo does not tell the record's own
_NEGATIVE_TTL = 60.0  # seconds
_THREADS = 16
NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class DnsResolver(AbstractResolver):
    """
    Resolves as the system does, and remembers for a minute which names there are not.

    aiohttp remembers those that there are, and asks once for all who wait for a name.
    """

    def __init__(self, connect_to: ConnectTo, clock: Callable[[], float]) -> None:
        self._connect_to = connect_to
        self._clock = clock
        self._threads = ThreadPoolExecutor(_THREADS, "dns")
        self._unknown: dict[str, tuple[float, socket.gaierror]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        # Results carry a port of their own, which is the one connected to.
        host, port = route(self._connect_to, host, port)
        until, error = self._unknown.get(host, (0.0, None))
        if error is not None and self._clock() < until:
            raise socket.gaierror(*error.args)
        try:
            infos = await asyncio.get_running_loop().run_in_executor(
                self._threads,
                lambda: socket.getaddrinfo(
                    host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
                ),
            )
        except socket.gaierror as error:
            if error.errno in NO_SUCH_NAME:
                self._unknown[host] = (self._clock() + _NEGATIVE_TTL, error)
            raise
        return [
            ResolveResult(
                hostname=host,
                host=_address(address),
                port=port,
                family=family,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for family, _, protocol, _, address in infos
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _address(address: tuple[Any, ...]) -> str:
    # The scope says that an address is of this machine's own network.
    host, _, *rest = address
    return f"{host}%{rest[1]}" if any(rest[1:]) else str(host)
