"""Callbacks as they are kept: which fields, what makes two of them the same news, and how they are stored."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from psycopg.errors import DeadlockDetected, LockNotAvailable
from uuid_utils.compat import uuid7

# The form fields that we keep; the carrier may add others at any time.
KEPT_FIELDS = (
    "CallSid",
    "ParentCallSid",
    "CallStatus",
    "CallDuration",
    "Timestamp",
    "SequenceNumber",
    "DialCallSid",
    "DialCallStatus",
    "DialCallDuration",
    "StreamSid",
    "StreamEvent",
    "StreamError",
    "TranscriptionSid",
    "TranscriptionEvent",
    "TranscriptionErrorCode",
    "SequenceId",
    "ListenedBy",
    "Digits",
    "AnsweredBy",
)
SID_FIELDS = ("CallSid", "ParentCallSid", "DialCallSid", "StreamSid")
SID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")
SIGNAL_KEYS = (
    "CallSid",
    "CallStatus",
    "SequenceNumber",
    "DialCallSid",
    "StreamSid",
    "StreamEvent",
    "Digits",
    "TranscriptionSid",
    "TranscriptionEvent",
    "SequenceId",
)
_SID_LENGTH: Final = 34
_KEY_LENGTH: Final = 160
_VALUE_LENGTH: Final = 200

# new: it is there now. known: the very same news was there before. no_call: there is no such call.
Stored = Literal["new", "known", "no_call"]


@dataclass(frozen=True, slots=True)
class Arrived:
    """A callback that is to be stored; the fields are those of `Callback`."""

    id: UUID
    call_id: UUID
    kind: str
    sid: str
    dedupe_key: str
    params: dict[str, str]
    received_at: datetime


def arrived(*, call_id: UUID, kind: str, params: Mapping[str, str], now: datetime) -> Arrived:
    """kind: agent, leg, machine, stream, transcript, notice, played, closing or after. params: the form as it came."""
    kept = {name: str(params[name])[:_VALUE_LENGTH] for name in KEPT_FIELDS if name in params}
    # An identifier that is none names nothing: kept, it would only fail later.
    kept = {name: value for name, value in kept.items() if name not in SID_FIELDS or SID.fullmatch(value)}
    sid = kept.get("StreamSid") or kept.get("TranscriptionSid") or kept.get("CallSid", "")
    return Arrived(
        id=uuid7(),
        call_id=call_id,
        kind=kind,
        sid=sid[:_SID_LENGTH],
        dedupe_key=":".join([kind, str(call_id), *(kept.get(name, "") for name in SIGNAL_KEYS)])[:_KEY_LENGTH],
        params=kept,
        received_at=now,
    )


def store(callbacks: Sequence[Arrived], *, lock_patience_ms: int = 0) -> list[Stored]:
    """What became of each, in their order. One statement, since the carrier waits for the answer.

    Of those that are the same news, whether they come together or one after another, the first is stored.
    lock_patience_ms: how long it waits for each lock that somebody else has; 0 for as long as it takes.

    :raises OperationalError, InterfaceError: the database is away, or `is_for_a_lock`; none is stored.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _STORE,
            [
                f"{lock_patience_ms}ms",
                [each.id for each in callbacks],
                [each.call_id for each in callbacks],
                [each.kind for each in callbacks],
                [each.sid for each in callbacks],
                [each.dedupe_key for each in callbacks],
                [json.dumps(each.params) for each in callbacks],
                [each.received_at for each in callbacks],
            ],
        )
        became: dict[UUID, Stored] = dict(cursor.fetchall())
    return [became[each.id] for each in callbacks]


def is_for_a_lock(error: Exception) -> bool:
    """Whether a statement failed for what somebody else has locked; the database is there, and Django calls both the same."""
    return isinstance(error, OperationalError) and isinstance(error.__cause__, (LockNotAvailable, DeadlockDetected))


# In one order everywhere, so that two processes that store the same news at once wait for each other and not both.
def is_away(error: Exception) -> bool:
    """Whether it was the database's connection that failed, so that whatever else is asked of it fails as well."""
    return isinstance(error, (OperationalError, InterfaceError)) and not is_for_a_lock(error)


# The patience is set before the first row is there, and ends with the transaction.
_STORE: Final = """
WITH patience AS MATERIALIZED (
    SELECT set_config('lock_timeout', %s, true)
), came AS MATERIALIZED (
    SELECT came.* FROM patience, unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
        AS came (id, call_id, kind, sid, dedupe_key, params, received_at)
), stored AS (
    INSERT INTO voice_callback (id, workspace_id, call_id, kind, sid, dedupe_key, params, received_at)
    SELECT came.id, call.workspace_id, call.id, came.kind, came.sid, came.dedupe_key, came.params::jsonb, came.received_at
    FROM came JOIN voice_call AS call ON call.id = came.call_id
    ORDER BY came.call_id, came.dedupe_key, came.id
    ON CONFLICT (dedupe_key) DO NOTHING
    RETURNING voice_callback.id
)
SELECT came.id, CASE WHEN stored.id IS NOT NULL THEN 'new' WHEN call.id IS NOT NULL THEN 'known' ELSE 'no_call' END
FROM came LEFT JOIN stored ON stored.id = came.id LEFT JOIN voice_call AS call ON call.id = came.call_id
"""
