"""Rebuilding every call and every charge from what the carrier said and what was learned of it, beside what the tables hold.

Nothing is changed. What a call's own row brings besides: how long it may last and its rate card, when an end was asked for and by what, whether
its closing line had begun, whether its text was removed for its age; of a live call how far the meter has come; of one that was charged less than it cost, that there was
no more credit. Calls that were erased are gone with all that they were made of: of their charges only the sums can be compared.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from compliance.rewrite import no_rewrite
from ledger import booked as books
from ledger import queries as ledger_queries
from ledger.booked import Booked
from ledger.money import RateCardTerms, price
from voice.course import Course
from voice.models import Call, Callback, CallLeg

CALLS_AT_ONCE: Final = 200
_MISSING_SHOWN_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not what it was rebuilt as; both as the same JSON. row: its id, or what stands for it."""

    table: str
    row: str
    held: str
    rebuilt: str

    def __str__(self) -> str:
        return f"{self.table} {self.row}: the table holds {self.held}, rebuilt is {self.rebuilt}"


@dataclass(slots=True)
class Tally:
    """older: calls whose callbacks were applied before they were numbered, which cannot be rebuilt; waiting: callbacks that are
    stored and not applied yet; unpaid: calls that cost more than there was credit for; erased: holds whose call is erased.
    """

    calls: int = 0
    callbacks: int = 0
    differences: int = 0
    older: int = 0
    waiting: int = 0
    unpaid: int = 0
    erased: int = 0


@dataclass(slots=True)
class _Lot:
    """Some calls, with the legs that they have in the tables. owners: whose a leg is."""

    courses: dict[UUID, Course]
    legs: dict[UUID, list[CallLeg]] = field(default_factory=dict)
    owners: dict[str, UUID | None] = field(default_factory=dict)


def replay(*, differs: Callable[[Difference], None]) -> Tally:
    """Compares everything as it is at one moment, some calls at a time, so that memory does not grow with them.

    differs: is told of each difference, in order of the calls. Raises NotYet when tables are rewritten for longer than ten minutes.
    """
    tally = Tally()
    with no_rewrite(), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for difference in _differences(tally):
            tally.differences += 1
            differs(difference)
    return tally


def _differences(tally: Tally) -> Iterator[Difference]:
    after = UUID(int=0)
    while calls := list(Call.objects.get_queryset().filter(id__gt=after).order_by("id")[:CALLS_AT_ONCE]):
        after = calls[-1].id
        lot = _lot(calls)
        _take_callbacks(lot, tally)
        booked = books.booked([call.ledger_reference for call in calls])
        for call in calls:
            tally.calls += 1
            course = lot.courses[call.id]
            if course.is_older:
                tally.older += 1
                continue
            yield from _of_call(course, lot.legs.get(call.id, []), booked.get(call.ledger_reference), tally)
    yield from _of_erased(tally)


def _lot(calls: Iterable[Call]) -> _Lot:
    lot = _Lot({call.id: Course(call) for call in calls})
    for leg in CallLeg.objects.get_queryset().filter(call_id__in=lot.courses).order_by("id"):
        lot.legs.setdefault(leg.call_id, []).append(leg)
        lot.owners[leg.sid] = leg.call_id
    return lot


def _take_callbacks(lot: _Lot, tally: Tally) -> None:
    stored = Callback.objects.get_queryset().filter(call_id__in=lot.courses).order_by("call_id", "applied_order")
    for callback in stored.iterator(CALLS_AT_ONCE):
        tally.callbacks += 1
        tally.waiting += callback.applied_at is None
        lot.courses[callback.call_id].take(callback, is_foreign=lambda sid, call_id: _is_foreign(lot, sid, call_id))


def _is_foreign(lot: _Lot, sid: str, call_id: UUID) -> bool:
    """Whether the leg is another call's, whose news move this one nowhere."""
    if sid not in lot.owners:
        lot.owners[sid] = CallLeg.objects.get_queryset().filter(sid=sid).values_list("call_id", flat=True).first()
    return lot.owners[sid] not in (None, call_id)


def _of_call(course: Course, legs: list[CallLeg], booked: Booked | None, tally: Tally) -> Iterator[Difference]:
    call = course.call
    yield from _lost(course)
    yield from _of_legs(course, legs)
    if booked is None:
        yield Difference("ledger_hold", call.ledger_reference, "nothing", "a hold of this call")
        return
    terms = ledger_queries.rate_card(call.rate_card_id).terms
    total = course.total_mcredits(terms)
    charged = booked.entries_mcredits
    if course.has_ended:
        short = charged < total and not course.given_up and books.had_no_more(booked)
        tally.unpaid += short
        charged = charged if short else total
    yield from _of_charges(call, booked, terms, charged)
    yield from _compared(
        "ledger_hold", call.ledger_reference, _held_hold(booked), _hold(course, booked, charged, total)
    )
    yield from _compared("voice_call", str(call.id), _held_call(course), _call(course, terms, charged))


def _lost(course: Course) -> Iterator[Difference]:
    """Numbers of callbacks that were applied and are not there any more."""
    expected = range(1, max(course.call.callbacks_applied, *course.orders, 0) + 1)
    there = set(course.orders)
    for number in [number for number in expected if number not in there][:_MISSING_SHOWN_MAX]:
        yield Difference("voice_callback", f"number {number} of call {course.call.id}", "nothing", "a callback")


def _of_legs(course: Course, legs: list[CallLeg]) -> Iterator[Difference]:
    held = {leg.sid: leg for leg in legs}
    for sid in dict.fromkeys([*held, *course.legs]):
        facts, leg = course.legs.get(sid), held.get(sid)
        row = str(leg.id) if leg is not None else f"{sid} of call {course.call.id}"
        shown = None if leg is None else [leg.role, leg.status, leg.answered_at, leg.ended_at, leg.duration_s]
        rebuilt = (
            None if facts is None else [facts.role, facts.status, facts.answered_at, facts.ended_at, facts.duration_s]
        )
        yield from _compared("voice_callleg", row, shown, rebuilt)


def _of_charges(call: Call, booked: Booked, terms: RateCardTerms, charged: int) -> Iterator[Difference]:
    """Each part by itself, then what the settlement made of them."""
    for part in booked.parts:
        begins_s = part.ordinal * terms.increment_s
        costs = price(duration_s=begins_s + terms.increment_s, terms=terms) - price(duration_s=begins_s, terms=terms)
        yield from _compared("ledger_entry", str(part.entry_id), part.amount_mcredits, costs)
    newest = booked.newest_settlement
    row = str(newest.id) if newest is not None else f"of {call.ledger_reference}"
    yield from _compared("ledger_entry", row, booked.entries_mcredits, charged)


def _held_hold(booked: Booked) -> object:
    return [booked.state, booked.charged_mcredits, booked.settled_total_mcredits]


def _hold(course: Course, booked: Booked, charged: int, total: int) -> object:
    if course.given_up:
        return ["released", 0, None]
    if course.has_ended:
        return ["settled", charged, total]
    # A hold that nobody renewed in time expires, and its call goes on being charged.
    return [booked.state if booked.state in ("active", "expired") else "active", charged, None]


def _held_call(course: Course) -> object:
    call = course.call
    shown: dict[str, object] = {
        "status": call.status,
        "end_reason": call.end_reason,
        "opted_out": call.opted_out,
        "answered_at": call.answered_at,
        "ended_at": call.ended_at,
        "duration_s": call.duration_s,
        "settled_at": call.settled_at,
        "charged_mcredits": call.charged_mcredits,
        "callbacks_applied": call.callbacks_applied,
        "transcript_state": call.transcript_state,
        "answered_by": call.answered_by,
        "outcome": call.outcome,
    }
    return shown | ({"minutes_charged": call.minutes_charged} if course.has_ended else {})


def _call(course: Course, terms: RateCardTerms, charged: int) -> object:
    state = course.state
    rebuilt: dict[str, object] = {
        "status": state.status,
        "end_reason": state.end_reason,
        "opted_out": course.opted_out,
        "answered_at": state.answered_at,
        "ended_at": state.ended_at,
        "duration_s": state.duration_s,
        "settled_at": course.settled_at,
        "charged_mcredits": charged,
        "callbacks_applied": len(course.orders),
        "transcript_state": "expired" if course.call.transcript_state == "expired" else course.transcript_state,
        "answered_by": course.answered_by,
        "outcome": course.outcome,
    }
    increments = 0 if course.given_up else -(-course.billable_s // terms.increment_s)
    return rebuilt | ({"minutes_charged": increments} if course.has_ended else {})


def _of_erased(tally: Tally) -> Iterator[Difference]:
    for page in books.references(kind="call"):
        ids = {call_id: reference for reference in page if (call_id := Call.id_of(reference)) is not None}
        there = set(Call.objects.get_queryset().filter(id__in=ids).values_list("id", flat=True))
        erased = [reference for call_id, reference in ids.items() if call_id not in there]
        tally.erased += len(erased)
        for reference, booked in books.booked(erased).items():
            yield from _compared("ledger_hold", reference, booked.charged_mcredits, booked.entries_mcredits)


def _compared(table: str, row: str, held: object, rebuilt: object) -> Iterator[Difference]:
    shown, wanted = _bytes(held), _bytes(rebuilt)
    if shown != wanted:
        yield Difference(table, row, shown.decode(), wanted.decode())


def _bytes(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, default=_text).encode()


def _text(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat()
