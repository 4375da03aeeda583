"""Puts the caller into a browser socket's scope, so that realtime needs to authenticate nobody."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.conf import settings
from django.http import parse_cookie
from django.utils import timezone

from identity import tenancy
from identity.auth import Actor, actor_of_session
from identity.sessions import SessionStore, ends_at, still_acting
from realtime.session import Held
from realtime.watch import Caller
from voice.queries import may_follow_call

Application = Callable[..., Awaitable[None]]


def with_caller(inner: Application) -> Application:
    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        cookies = next((value for name, value in scope["headers"] if name == b"cookie"), b"").decode("latin-1")
        given = {"who": lambda: caller_of(cookies), "may_follow": may_follow, "over": over}
        await inner({**scope, **given}, receive, send)

    return application


async def caller_of(cookies: str) -> Held | None:
    """Whose session the upgrade's Cookie header names; None when nobody is signed in."""
    # As requests are read: one cookie that cannot be, such as another site's of the same domain, hides none of ours.
    known = parse_cookie(cookies)
    if known.get(settings.LOOK_COOKIE_NAME):
        # Looks have no live news, and while a browser looks it is nobody else either.
        return None
    held: Held | None = await database_sync_to_async(_held)(known.get(settings.SESSION_COOKIE_NAME))
    return held


def _held(session_key: str | None) -> Held | None:
    if not session_key:
        return None
    session = SessionStore(session_key)
    actor = actor_of_session(session)
    if actor is None or session.row is None:
        return None
    return Held(actor, ends_in_s=max(0.0, (ends_at(session.row) - timezone.now()).total_seconds()))


async def over(callers: Collection[Caller]) -> Collection[Caller]:
    """Which of these act no longer as they did: signed out, blocked, removed, in another role or workspace."""
    actors = [each for each in callers if isinstance(each, Actor)]
    acting: set[Actor] = await database_sync_to_async(still_acting)(actors, now=timezone.now())
    return set(callers) - acting


async def may_follow(caller: Caller, call_id: UUID | None) -> bool:
    """call_id: None for all live calls of the team."""
    assert isinstance(caller, Actor)
    if call_id is None:
        return caller.may("see_team")
    allowed: bool = await database_sync_to_async(_may_follow_call)(caller, call_id)
    return allowed


def _may_follow_call(actor: Actor, call_id: UUID) -> bool:
    """As a request of the actor's would: behind PostgreSQL's own wall as well."""
    with tenancy.confined(actor.workspace_id):
        return may_follow_call(actor=actor, call_id=call_id)


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
