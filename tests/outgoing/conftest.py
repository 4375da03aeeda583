"""What the tests of webhooks share: a customer's server that really listens, and the workspace that names it."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from identity.models import Membership
from identity.outgoing import endpoints, sending
from identity.outgoing.models import Delivery, Endpoint
from identity.outgoing.schemas import EVENTS, EndpointIn
from tests.identity.conftest import make_account, sign_in
from tests.identity.teams import colleague, mails, owner, page
from tests.sandbox_fixture import sandbox, sandbox_process
from tests.voice.carrier import actor_of

__all__ = ["colleague", "mails", "make_account", "owner", "page", "sandbox", "sandbox_process", "sign_in"]


@dataclass
class Receiver:
    """A customer's server. status: what it answers; took: headers and bodies of what reached it."""

    url: str
    status: int = 200
    answer: Callable[[BaseHTTPRequestHandler], None] | None = None
    took: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


def serve(server: ThreadingHTTPServer, received: Receiver) -> Iterator[Receiver]:
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield received
    server.shutdown()
    server.server_close()


def listening() -> tuple[ThreadingHTTPServer, Receiver]:
    """A server on a free port that does not serve yet."""
    received = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            received.took.append(({name.lower(): value for name, value in self.headers.items()}, body))
            if received.answer is not None:
                received.answer(self)
                return
            self.send_response(received.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"http://127.0.0.1:{server.server_port}/hook?from=klose"
    return server, received


@pytest.fixture(autouse=True)
def _nothing_inside_is_named(settings: Settings) -> None:
    settings.WEBHOOK_NETWORKS = ()


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_NETWORKS = (ip_network("127.0.0.0/8"),)
    yield from serve(*listening())


@pytest.fixture
def webhook(owner: Membership, receiver: Receiver) -> dict[str, Any]:
    """One that listens to everything, as the answer with its secret shows it."""
    form = EndpointIn(url=receiver.url, events=list(EVENTS))
    made = endpoints.make(actor=actor_of(owner), form=form, now=datetime.now(UTC))
    return made.model_dump(mode="json")


def send(*, later: timedelta = timedelta()) -> int:
    """A round of the clock."""
    return sending.send_due(now=datetime.now(UTC) + later)


def delivery() -> Delivery:
    return Delivery.objects.get_queryset().select_related("endpoint").get()


def endpoint() -> Endpoint:
    return Endpoint.objects.get_queryset().get()
