"""What the ledger's tests over HTTP share."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from identity.models import Membership
from tests.identity.browser import Browser
from tests.identity.conftest import make_account, sign_in
from tests.ledger.books import began, completed, notify
from tests.ledger.top_ups import World
from tests.sandbox_fixture import Sandbox, sandbox, sandbox_process

__all__ = ["make_account", "sandbox", "sandbox_process", "sign_in"]


@pytest.fixture
def world(
    make_account: Callable[..., Membership], sign_in: Callable[..., Browser], sandbox: Sandbox, settings: Any
) -> World:
    """An owner with 20 credits; mails go through the sandbox's mail server."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    owner = make_account()
    notify(completed(began(owner.workspace_id, mcredits=20_000)))
    return World(owner=owner, page=sign_in(owner), sandbox=sandbox, now=datetime.now(UTC))
