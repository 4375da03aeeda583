"""Paddle's own SDK on our session."""

import logging
from dataclasses import dataclass
from typing import cast

from django.conf import settings
from paddle_billing import Client, Options
from paddle_billing.Environment import Environment

from processors import egress, register

# What the SDK calls so writes whole addresses and the seller's own words into the log.
logging.getLogger("null_logger").disabled = True


@dataclass(frozen=True, slots=True)
class _Address:
    """Where Paddle is, in the shape that the SDK asks its environment for."""

    base_url: str


def paddle_client(*, read_timeout_s: float = egress.READ_TIMEOUT_S) -> Client:
    """A client that sends only what the register lists, never retries, and keeps nothing in a log.

    Raises ProcessorMisconfigured.
    """
    address = _Address(register.base_url(register.get("paddle").bases[0], settings))
    session = egress.session("paddle")
    # The SDK sets these on a session of its own making only.
    session.headers.update(
        {
            "Authorization": f"Bearer {settings.PADDLE_API_KEY}",
            "Content-Type": "application/json",
            "Paddle-Version": "1",
        }
    )
    options = Options(environment=cast(Environment, address), retries=0)
    return Client(
        settings.PADDLE_API_KEY,
        options=options,
        http_client=session,
        retry_count=0,
        timeout=read_timeout_s,
    )
