"""Which reads are answered lean, and what of a request's address they understand."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic import BaseModel

from identity.auth import Actor
from identity.permissions import Scope
from identity.reading import Reading
from ledger import lean as ledger
from processors.errors import CursorInvalid
from voice import keyset, lean

Values = Mapping[str, Any]
Shown = BaseModel | Mapping[str, Any]
# None for a value that only the usual way understands, or refuses.
Reads = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class LeanRead:
    """One route. path: as the API describes it, with `{...}` for one identifier at most. query: its parameters, each with what
    reads it. scope: what a key needs for it.
    """

    path: str
    scope: Scope
    shown: Callable[[Reading, Actor, Values, datetime], Awaitable[Shown | None]]
    query: Mapping[str, Reads]


class Wanted(NamedTuple):
    """A read with its values: those of the query, and `id` of the path."""

    read: LeanRead
    values: Values


def wanted(scope: Mapping[str, Any]) -> Wanted | None:
    """What a request asks for; None unless it is one of LEAN_READS with plain values."""
    path: str = scope["path"]
    if scope["method"] != "GET" or scope.get("root_path") or "{" in path:
        return None
    found = _ID.search(path)
    read = _BY_PATH.get(path if found is None else f"{path[: found.start()]}{{id}}{path[found.end() :]}")
    if read is None:
        return None
    values: dict[str, Any] = {} if found is None else {"id": UUID(found[0])}
    query: bytes = scope["query_string"]
    for part in query.decode("latin-1").split("&") if query else ():
        name, _, text = part.partition("=")
        reads = read.query.get(name)
        value = None if reads is None or name in values else reads(text)
        if value is None:
            return None
        values[name] = value
    return Wanted(read, values)


def _up_to(most: int, *, least: int) -> Reads:
    def read(text: str) -> int | None:
        number = int(text) if _NUMBER.fullmatch(text) else -1
        return number if least <= number <= most else None

    return read


def _place(text: str) -> tuple[datetime, UUID] | None:
    cursor = text.replace("%3D", "=")
    try:
        return keyset.read(cursor) if _CURSOR.fullmatch(cursor) else None
    except CursorInvalid:
        return None


def _nothing(text: str) -> str | None:
    """A filter that is given and empty."""
    return None if text else ""


async def _leads(reading: Reading, actor: Actor, values: Values, now: datetime) -> Shown | None:
    return await lean.leads_page(reading, actor=actor, after=values.get("cursor"), limit=values.get("limit", 50))


async def _lead(reading: Reading, actor: Actor, values: Values, now: datetime) -> Shown | None:
    return await lean.lead(reading, actor=actor, lead_id=values["id"])


async def _calls(reading: Reading, actor: Actor, values: Values, now: datetime) -> Shown | None:
    after, limit = values.get("cursor"), values.get("limit", 50)
    return await lean.calls_page(reading, actor=actor, after=after, limit=limit, now=now)


async def _call(reading: Reading, actor: Actor, values: Values, now: datetime) -> Shown | None:
    return await lean.call(reading, actor=actor, call_id=values["id"], now=now)


async def _segments(reading: Reading, actor: Actor, values: Values, now: datetime) -> Shown | None:
    after, limit = values.get("after_sequence", 0), values.get("limit", 500)
    return await lean.segments_after(reading, actor=actor, call_id=values["id"], after_sequence=after, limit=limit)


async def _balance(reading: Reading, actor: Actor, values: Values, now: datetime) -> Shown | None:
    return await ledger.balance(reading, workspace_id=actor.workspace_id, now=now)


_NUMBER: Final = re.compile("0|[1-9][0-9]{0,9}")
_CURSOR: Final = re.compile("[A-Za-z0-9_-]{1,198}={0,2}")
# As the product writes them; other spellings of the same number are for the usual way.
_ID: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_A_PAGE: Final[Mapping[str, Reads]] = {"cursor": _place, "limit": _up_to(200, least=1)}
_SEGMENTS: Final[Mapping[str, Reads]] = {
    "after_sequence": _up_to(2_000_000_000, least=0),
    "limit": _up_to(500, least=1),
}
LEAN_READS: Final[Mapping[str, LeanRead]] = {
    "list_leads": LeanRead("/api/leads", "leads:read", _leads, {**_A_PAGE, "search": _nothing, "tag": _nothing}),
    "get_lead": LeanRead("/api/leads/{lead_id}", "leads:read", _lead, {}),
    "list_calls": LeanRead("/api/calls", "calls:read", _calls, _A_PAGE),
    "get_call": LeanRead("/api/calls/{call_id}", "calls:read", _call, {}),
    "list_segments": LeanRead("/api/calls/{call_id}/segments", "calls:read", _segments, _SEGMENTS),
    "get_credits": LeanRead("/api/credits", "credits:read", _balance, {}),
}
_BY_PATH: Final = {re.sub("{[a-z_]+}", "{id}", read.path): read for read in LEAN_READS.values()}
