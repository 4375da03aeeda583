"""Putting what is held about a person under restriction, and what of it may still be read."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from compliance import cases, restriction
from compliance.models import Case
from identity.auth import Actor
from processors.pseudonyms import pseudonym
from voice import operations, watching
from voice.models import Call, Lead
from voice.queries import call_of, who_may_forbid
from voice.state import EndingWish


def restrict(*, case: Case, by: str, now: datetime, phone_e164: str = "") -> None:
    """From now on nobody calls the person of the case, reads what was said, or has it understood; calls that go on end.

    phone_e164: the number that was proved, where the case keeps another way to answer. Raises CaseUnproved: whoever asks could
    silence somebody else, or it is not known whose data is meant.
    """
    if case.proved_at is None:
        raise cases.CaseUnproved("Nobody has proved who asks. Prove it first.")
    phone = phone_e164 or case.contact
    with transaction.atomic():
        leads = Lead.objects.get_queryset().none()
        calls = Call.objects.get_queryset().filter(user_id=case.user_id) if case.user_id else None
        why: EndingWish = "rep_restricted"
        if phone.startswith("+") and case.person == pseudonym("phone", phone):
            leads = Lead.objects.get_queryset().filter(phone_e164=phone)
            calls, why = Call.objects.get_queryset().filter(lead__in=leads), "lead_restricted"
        if calls is None:
            raise cases.CaseUnproved(
                "It is not known whose data is meant: no account, and not the number that was proved. Ask whoever wrote for it."
            )
        rows = [*leads.values_list("id", flat=True), *([case.user_id] if case.user_id else [])]
        # Calls before their lead, as everybody who locks both.
        _lock(calls)
        restriction.restrict(case=case, row_ids=rows, by=by, now=now)
        leads.filter(restricted_at__isnull=True).update(restricted_at=now)
        operations.end_all(calls, why=why, now=now)


def lock_calls(*, user_id: UUID | None, phone_e164: str) -> None:
    """Those that `restrict` ends, for whoever locks the case too: calls come before it. Within the caller's transaction."""
    calls = Call.objects.get_queryset()
    _lock(calls.filter(user_id=user_id) if user_id else calls.filter(lead__phone_e164=phone_e164))


def _lock(calls: QuerySet[Call]) -> None:
    list(calls.select_for_update(of=("self",), no_key=True).order_by("id").values_list("id", flat=True))


def lift(*, case: Case, reason: str, by: str, now: datetime, every: bool = False) -> None:
    """As `restriction.lift` says. Raises RestrictionUnknown, ReasonMissing."""
    with transaction.atomic():
        rows = restriction.lift(case=case, reason=reason, by=by, now=now, every=every)
        Lead.objects.get_queryset().filter(id__in=rows).update(restricted_at=None)


def text_of(*, actor: Actor, call_id: UUID) -> Call:
    """The call, for whoever wants to read or change what was said in it.

    Raises Call.DoesNotExist: unknown, or not the actor's to see; SubjectRestricted: one who spoke has restricted it; NotWatching:
    a colleague's, which goes on unwatched. Members read their own calls while it is they who restricted them.
    """
    call = call_of(actor=actor, call_id=call_id)
    restriction.refuse(*who_may_forbid(call, actor=actor))
    watching.refuse_unless_seen(call, actor=actor)
    return call


def unread_among(calls: Sequence[Call], *, actor: Actor) -> set[UUID]:
    """Those of these calls whose words `text_of` refuses the actor."""
    others = {call.id: {call.lead_id, call.user_id} - {actor.user_id} for call in calls}
    held = set(restriction.covered().filter(row_id__in=set().union(*others.values())))
    return {call_id for call_id, people in others.items() if people & held}
