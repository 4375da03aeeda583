"""The way to Django that the web process has, with an end in front of Django: what is answered lean, and what is handed on."""

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from django.test import Client

from api.lean import LeanReads
from identity.reading import Readings

_WITHIN_S: Final = 20
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Answer:
    """As the server sends it. headers: in their order."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class LeanDoor:
    """On an event loop of its own, in a thread, as the server's is. connections: how many it may open."""

    def __init__(self, connections: int = 2) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.readings = Readings(connections)

    def ask(
        self,
        path: str,
        headers: Mapping[str, str],
        *,
        method: str = "GET",
        beside: list[tuple[bytes, bytes]] | None = None,
        scope: Mapping[str, Any] | None = None,
    ) -> Answer | None:
        """None when the request was handed on. beside: further headers. scope: what else differs from a plain request."""
        address, _, query = path.partition("?")
        whole = {
            "type": "http",
            "method": method,
            "path": unquote(address),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "https",
            "headers": [
                *((name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()),
                *(beside or []),
            ],
            **(scope or {}),
        }
        return self.run(self._asked(whole))

    def run(self, act: Coroutine[Any, Any, _Found]) -> _Found:
        return asyncio.run_coroutine_threadsafe(act, self.loop).result(_WITHIN_S)

    async def _asked(self, scope: dict[str, Any]) -> Answer | None:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        # Each time anew, since a test may have changed what its headers are made of.
        await LeanReads(_django, self.readings)(scope, _nothing_comes, send)
        if not sent:
            return None
        start, body = sent
        headers = [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
        return Answer(start["status"], headers, body["body"])

    def close(self) -> None:
        self.run(self._closed())
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def _closed(self) -> None:
        for reading in self.readings.all_open():
            reading.close()


def shown_by(client: Client) -> dict[str, str]:
    """What a browser with these cookies shows of itself."""
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    return {"Host": "testserver", **({"Cookie": cookies} if cookies else {})}


async def _django(scope: Any, receive: Any, send: Any) -> None:
    """Stands where Django stands, and answers nothing."""


async def _nothing_comes() -> Any:
    raise AssertionError("A lean read waits for no body.")
