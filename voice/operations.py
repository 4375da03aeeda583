"""Starting, ending and annotating calls."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from compliance import audit, left_bytes, restriction, suppression
from identity.auth import Actor
from identity.models import User
from ledger import operations as ledger
from processors.errors import DomainError
from voice import callbacks, caps, guard, holding, outcomes, queue, wake, ways
from voice.changes import publish_call
from voice.dialling import DialTerms, dial_terms, refusals
from voice.models import TERMINAL_STATUSES, Call, DialIntent, Lead
from voice.queries import visible_calls
from voice.schemas import CallChange, Way
from voice.state import EndingWish

# A hold outlives the longest ring; the meter renews it while the call runs, the sweep releases it when it is silent.
HOLD_EXPIRES_S = 600


class CallIsOver(DomainError):
    """It has ended, so there is nothing left of it to change; permanent."""

    code: ClassVar[str] = "call_is_over"


class DialRefused(DomainError):
    """The call was not placed; nothing was dialled and nothing is held. `reason` is the stable code of the cause."""

    code: ClassVar[str] = "dial_refused"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = reason  # type: ignore[misc]


class IdempotencyKeyReused(DomainError):
    """The key was sent before for a call to another lead, or in another way; nothing was dialled. Permanent."""

    code: ClassVar[str] = "idempotency_key_reused"


def start_call(*, actor: Actor, lead_id: UUID, idempotency_key: str, now: datetime, way: Way = "phone") -> Call:
    """Checks, holds credits and writes the dial intent in one transaction. By phone the carrier is asked right after; in the
    browser it asks us, once the page has connected.

    The same idempotency key yields the same call, however often it is sent.

    :raises IdempotencyKeyReused: the key belongs to another call.
    :raises Lead.DoesNotExist: not in the actor's workspace.
    :raises DialRefused: with the reason's code; nothing was dialled.
    :raises BrowserCallsOff:
    """
    ways.refuse_unless_open(way)

    def earlier() -> Call | None:
        mine = Call.objects.for_workspace(actor.workspace_id).filter(user_id=actor.user_id)
        same_key = mine.filter(idempotency_key=idempotency_key).first()
        if same_key is not None and (same_key.lead_id, same_key.way) != (lead_id, way):
            raise IdempotencyKeyReused("This key belongs to another call. Send a new one.")
        return same_key

    if call := earlier():
        return call
    try:
        with transaction.atomic():
            # The workspace before the lead, as everybody who locks both.
            workspace = caps.of_workspace(actor.workspace_id, lock=True)
            lead = Lead.objects.for_workspace(actor.workspace_id).select_for_update(no_key=True).get(id=lead_id)
            if call := earlier():
                # The same request came twice at once; the other was first and has let go of the lead.
                return call
            terms = dial_terms(actor=actor, workspace=workspace, now=now, lock=True)
            reasons = refusals(actor=actor, lead=lead, terms=terms, now=now)
            if reasons:
                raise DialRefused(reasons[0].code, reasons[0].message)
            return _place(actor=actor, lead=lead, terms=terms, idempotency_key=idempotency_key, way=way, now=now)
    except IntegrityError:
        # Another request of the same person was faster: with the same key it is the same call.
        if call := earlier():
            return call
        raise DialRefused(
            "call_in_progress",
            "A call is already going on with you or this lead. Hang up before you dial again.",
        ) from None
    except ledger.InsufficientCredit as error:
        raise DialRefused(error.code, error.message) from None


def _place(*, actor: Actor, lead: Lead, terms: DialTerms, idempotency_key: str, way: Way, now: datetime) -> Call:
    call = Call.objects.create(
        workspace_id=actor.workspace_id,
        lead=lead,
        user_id=actor.user_id,
        idempotency_key=idempotency_key,
        way=way,
        rate_card_id=terms.rate_card_id,
        max_duration_s=terms.max_duration_s,
        created_at=now,
    )
    ledger.place_hold(
        workspace_id=actor.workspace_id,
        amount_mcredits=terms.hold_mcredits,
        reference=call.ledger_reference,
        expires_at=now.fromtimestamp(now.timestamp() + HOLD_EXPIRES_S, tz=now.tzinfo),
        now=now,
    )
    state = "waiting" if way == "browser" else "pending"
    DialIntent.objects.create(workspace_id=actor.workspace_id, call=call, state=state)
    lead.last_call_at = now
    lead.save(update_fields=["last_call_at"])
    queue.note_called(call=call, now=now)
    publish_call(call, now=now)
    if way == "phone":
        wake.soon("dial", call.id)
    return call


def request_hangup(*, actor: Actor, call_id: UUID, now: datetime) -> Call:
    """Marks the call as to be ended; the worker ends it at the carrier and the sweep makes sure. Idempotent.

    Who ends a colleague's call stands in it, for the rep to see, and in the record of acts.

    :raises Call.DoesNotExist: unknown, or not the actor's to end.
    """
    with transaction.atomic():
        call = visible_calls(actor).select_for_update(of=("self",), no_key=True).get(id=call_id)
        if call.is_live and (call.hangup_requested_at is None or call.hangup_requested_at > now):
            call.hangup_requested_at = now
            if call.user_id != actor.user_id:
                call.ended_by = User.objects.get(id=actor.user_id)
                audit.record(
                    workspace_id=actor.workspace_id,
                    actor_ref=str(actor.user_id),
                    action="call.ended_by_manager",
                    target=str(call.id),
                    detail={},
                    now=now,
                )
            call.save(update_fields=["hangup_requested_at", "ended_by"])
            publish_call(call, now=now)
            wake.soon("hang_up", call.id)
        return call


def refuse_text(*, actor: Actor, call_id: UUID, now: datetime) -> Call:
    """The lead told their rep that they want no text: nothing more is written down, in this call and the next. Idempotent.

    What was written down before stays, as after the key in the notice; the record of acts says who turned it off.

    :raises Call.DoesNotExist: unknown, or another person's call: only who hears the lead knows what they said.
    :raises CallIsOver:
    """
    with transaction.atomic():
        mine = visible_calls(actor).filter(user_id=actor.user_id)
        call = mine.select_for_update(of=("self",), no_key=True).get(id=call_id)
        if call.transcript_state == "refused":
            return call
        if not call.is_live:
            raise CallIsOver("This call is over, so its text has ended already. Reload the page.")
        callbacks.refuse_text(call=call, now=now)
        audit.record(
            workspace_id=actor.workspace_id,
            actor_ref=str(actor.user_id),
            action="transcript.refused",
            target=str(call.id),
            detail={},
            now=now,
        )
        return call


def end_all(calls: QuerySet[Call], *, why: EndingWish, now: datetime) -> None:
    """Ends those of these calls that go on or ring, as `request_hangup` does; one that is ending keeps the reason that it has."""
    for call_id in list(calls.exclude(status__in=TERMINAL_STATUSES).values_list("id", flat=True)):
        # Meanwhile it may be over, and then it was not this that ended it.
        call = Call.objects.get_queryset().filter(id=call_id).exclude(status__in=TERMINAL_STATUSES)
        call.filter(hangup_requested_at__isnull=True).update(ended_because=why)
        call.update(hangup_requested_at=now)
        wake.soon("hang_up", call_id)


def annotate_call(*, actor: Actor, call_id: UUID, change: CallChange, now: datetime) -> Call:
    """Notes and disposition of a call; "do not call" puts the number on the do-not-call list.

    :raises Call.DoesNotExist: unknown, or not the actor's.
    :raises SubjectRestricted: the lead has restricted the use of it.
    """
    with transaction.atomic():
        call = visible_calls(actor).select_for_update(of=("self",), no_key=True).get(id=call_id)
        restriction.refuse(call.lead_id)
        if "disposition" in change.model_fields_set:
            # Before the hold, as whoever changes a lead.
            Lead.objects.select_for_update(no_key=True).filter(id=call.lead_id).first()
        holding.keep_notes(call, now=now)
        if change.notes is not None:
            if call.notes and call.notes != change.notes:
                left_bytes.note_ended_soon(now=now)
            call.notes = change.notes
        if "disposition" in change.model_fields_set:
            call.disposition = change.disposition
        call.save(update_fields=["notes", "disposition"])
        if "disposition" in change.model_fields_set:
            outcomes.note_disposition(call=call)
        # Call, lead, list: in the order of everybody who locks more than one.
        if change.disposition == "do_not_call" and call.lead.phone_e164:
            suppression.suppress(
                workspace_id=actor.workspace_id,
                phone_e164=call.lead.phone_e164,
                reason="asked_not_to_be_called",
                source="rep",
                now=now,
            )
            guard.look_after_complaint(workspace_ids=[actor.workspace_id], now=now)
        publish_call(call, now=now)
        return call
