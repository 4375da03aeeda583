"""Reading along in a colleague's call: the rep sees who does while it lasts, and the record of acts keeps begin and end."""

from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from compliance import audit
from identity.auth import Actor
from processors.errors import DomainError
from realtime.publish import Topic, end_following_on_commit
from voice import queries
from voice.changes import publish_watchers
from voice.models import TERMINAL_STATUSES, Call, CallWatch
from voice.sweeps import one_by_one

# A page says every 15 seconds that it still shows the call; one that was closed without a word says nothing any more.
LAPSES_AFTER: Final = timedelta(seconds=45)
SWEPT_AT_ONCE_MAX: Final = 200


class NothingToWatch(DomainError):
    """The call is over, or it is the person's own; permanent."""

    code: ClassVar[str] = "nothing_to_watch"


class NotWatching(DomainError):
    """Somebody else's call is going on, and its rep is not told that the person reads along; gone once they watch it or it is over."""

    code: ClassVar[str] = "not_watching"


def refuse_unless_seen(call: Call, *, actor: Actor) -> None:
    """Nobody reads along in a colleague's live call unless its rep sees it. Programs show nobody, so they wait for its end.

    :raises NotWatching:
    """
    if not is_read_along(call, actor=actor):
        return
    if actor.session_id is None:
        raise NotWatching("This call is going on. Ask for its words once it is over.")
    if not call.watches.filter(user_id=actor.user_id).exists():
        raise NotWatching("This call is going on, and its rep does not see you. Watch the call first.")


def is_read_along(call: Call, *, actor: Actor) -> bool:
    """Whether to read the call's words is to read along in somebody else's live call; whoever looks is nobody's own eyes."""
    return call.is_live and (call.user_id != actor.user_id or actor.is_look)


def watch(*, actor: Actor, call_id: UUID, now: datetime) -> None:
    """Begins to read along, or says that it goes on. Whoever's call it is sees it from this moment.

    :raises NotPermitted: the role sees no other people's calls.
    :raises Call.DoesNotExist: unknown, or of another workspace.
    :raises NothingToWatch:
    """
    actor.demand("see_team")
    mine = CallWatch.objects.for_workspace(actor.workspace_id).filter(call_id=call_id, user_id=actor.user_id)
    if mine.exclude(call__status__in=TERMINAL_STATUSES).update(seen_at=now):
        return
    with transaction.atomic():
        call = queries.visible_calls(actor).select_for_update(of=("self",), no_key=True).get(id=call_id)
        if call.user_id == actor.user_id:
            raise NothingToWatch("This is your own call. Go back to it on the page Call.")
        if not call.is_live:
            raise NothingToWatch("This call is over. Read its text on its page.")
        if mine.exists():
            # The same page said it twice at once.
            return
        CallWatch.objects.create(
            workspace_id=actor.workspace_id, call=call, user_id=actor.user_id, began_at=now, seen_at=now
        )
        _note("call.watch_began", call, actor.user_id, now)
        publish_watchers(call, queries.watchers_of(call))


def unwatch(*, actor: Actor, call_id: UUID, now: datetime) -> None:
    """Ends it; nothing happens where there is nothing to end.

    :raises NotPermitted: the role sees no other people's calls.
    :raises Call.DoesNotExist: unknown, or of another workspace.
    """
    actor.demand("see_team")
    call = queries.call_of(actor=actor, call_id=call_id)
    for watch_id in call.watches.filter(user_id=actor.user_id).values_list("id", flat=True):
        _end(watch_id, now)


def sweep_watches(*, now: datetime) -> None:
    """Ends those whose page has fallen silent, and those of calls that are over."""
    due = CallWatch.objects.filter(Q(seen_at__lt=now - LAPSES_AFTER) | Q(call__status__in=TERMINAL_STATUSES))
    ids = list(due.order_by("seen_at").values_list("id", flat=True)[:SWEPT_AT_ONCE_MAX])
    one_by_one("end watch", ids, lambda watch_id: _end(watch_id, now))


def _end(watch_id: UUID, now: datetime) -> None:
    with transaction.atomic():
        one = CallWatch.objects.filter(id=watch_id).first()
        if one is None:
            return
        # In the order in which a watch begins: the call first.
        call = Call.objects.select_for_update(no_key=True).get(id=one.call_id)
        one = CallWatch.objects.filter(id=watch_id).first()
        if one is None:
            return
        one.delete()
        if call.is_live:
            end_following_on_commit(user_id=one.user_id, topic=Topic.call(call.workspace_id, call.id), call_id=call.id)
        ended_at = call.ended_at or (one.seen_at if now - one.seen_at > LAPSES_AFTER else now)
        seconds = max(0, round((ended_at - one.began_at).total_seconds()))
        _note("call.watch_ended", call, one.user_id, now, seconds=seconds)
        publish_watchers(call, queries.watchers_of(call))


def _note(
    action: Literal["call.watch_began", "call.watch_ended"], call: Call, user_id: UUID, now: datetime, **detail: int
) -> None:
    audit.record(
        workspace_id=call.workspace_id,
        actor_ref=str(user_id),
        action=action,
        target=str(call.id),
        detail=detail,
        now=now,
    )
