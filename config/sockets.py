"""Puts the caller into a browser socket's scope, so that realtime needs to authenticate nobody."""

from collections.abc import Awaitable, Callable
from http.cookies import SimpleCookie
from importlib import import_module
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.conf import settings

from identity.auth import Actor, actor_of_session
from realtime.consumers import Caller
from voice.queries import may_follow_call

Application = Callable[..., Awaitable[None]]


def with_caller(inner: Application) -> Application:
    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        actor = await database_sync_to_async(_actor)(_session_key(scope))
        await inner({**scope, "actor": actor, "may_follow": _may_follow}, receive, send)

    return application


def _session_key(scope: dict[str, Any]) -> str | None:
    for name, value in scope["headers"]:
        if name == b"cookie":
            morsel = SimpleCookie(value.decode("latin-1")).get(settings.SESSION_COOKIE_NAME)
            return morsel.value if morsel else None
    return None


def _actor(session_key: str | None) -> Actor | None:
    if not session_key:
        return None
    store = import_module(settings.SESSION_ENGINE).SessionStore
    return actor_of_session(store(session_key))


async def _may_follow(caller: Caller, call_id: UUID) -> bool:
    assert isinstance(caller, Actor)
    allowed: bool = await database_sync_to_async(may_follow_call)(actor=caller, call_id=call_id)
    return allowed


def with_own_origin(inner: Application, *, public_url: str) -> Application:
    """Refuses an upgrade that another site's page asked for. Compared as text: browsers send the origin in one form, and a
    malformed one matches nothing."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
        if origin.decode("latin-1") == public_url:
            await inner(scope, receive, send)
        else:
            await refuse_socket(scope, receive, send)

    return application


async def refuse_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers the upgrade with 403: another site's page, or a path where nothing is."""
    await send({"type": "websocket.close"})
