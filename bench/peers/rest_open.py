"""The product's own application without authentication: everybody is the owner, whatever the request shows, nobody is looked up,
and no workspace is looked at, neither by our queries nor by PostgreSQL.
"""

import os
from typing import Any
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402 - needs the settings
from django.db.models import Q  # noqa: E402
from django.test import override_settings  # noqa: E402

from api import lean  # noqa: E402
from api.auth import KeyAuth, SessionAuth  # noqa: E402
from identity.auth import Actor  # noqa: E402
from identity.models import TenantManager  # noqa: E402

_OWNER = Actor(UUID(os.environ["BENCH_USER_ID"]), UUID(os.environ["BENCH_WORKSPACE_ID"]), "owner")
_OF_SESSIONS = (
    "config.middleware.RenewedSessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
)


def _owner(*_: Any) -> Actor:
    return _OWNER


async def _owner_lean(*_: Any) -> Actor:
    return _OWNER


def _anybody(_: Any) -> lean.Caller:
    return lean.Caller(session_key=None, key="none")


def _of_any_workspace(manager: TenantManager[Any], workspace_id: UUID) -> Any:
    # The lean reads find the value again in what they compile.
    return manager.get_queryset().filter(Q(workspace_id=workspace_id) | Q(workspace_id__isnull=False))


lean.actor_of = _owner_lean  # type: ignore[assignment]
lean.caller_of = _anybody  # type: ignore[assignment]
for _auth in (KeyAuth, SessionAuth):
    _auth.__call__ = _owner  # type: ignore[method-assign, assignment]
TenantManager.for_workspace = _of_any_workspace  # type: ignore[method-assign, assignment]
override_settings(MIDDLEWARE=[name for name in settings.MIDDLEWARE if name not in _OF_SESSIONS]).enable()

from config.asgi import application  # noqa: E402 - is made when it is imported

__all__ = ["application"]
