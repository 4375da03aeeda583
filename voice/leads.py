"""Writing leads: add, change, tag, remove, and the do-not-call mark."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import IntegrityError, transaction

from ai import forgetting as ai
from compliance import audit, correcting, left_bytes, restriction, sealing, suppression
from identity.auth import Actor
from identity.outgoing import deliveries
from identity.permissions import NotPermitted
from identity.team_lock import lock_workspaces
from processors.errors import DomainError
from voice import caps, following, guard, holding, limit_marks, outcomes, tags
from voice.models import TERMINAL_STATUSES, Call, Lead
from voice.phones import parse_phone
from voice.schemas import LeadChange, LeadIn, TagsChange


class LeadExists(DomainError):
    code: ClassVar[str] = "lead_exists"


class LeadSuppressed(DomainError):
    code: ClassVar[str] = "lead_suppressed"


class LeadInCall(DomainError):
    code: ClassVar[str] = "lead_in_call"


class LeadWasCalled(DomainError):
    """Calls rang the number that the lead has, so it stays that of these calls; permanent."""

    code: ClassVar[str] = "lead_was_called"


class LeadGone(DomainError):
    code: ClassVar[str] = "lead_erased"


SUPPRESSED = "This number asked not to be called. It stays on the do-not-call list: choose another lead."


def add_lead(*, actor: Actor, lead: LeadIn, now: datetime) -> Lead:
    """
    :raises PhoneInvalid, PhoneNotCallable, LeadSuppressed, SubjectRestricted, LeadExists, TagUnusable, TooManyTags:
    """
    phone, names = parse_phone(lead.phone), tags.plain(lead.tags)
    if suppression.is_suppressed(workspace_id=actor.workspace_id, phone_e164=phone.e164):
        raise LeadSuppressed(SUPPRESSED)
    if restriction.of_number(phone.e164):
        raise restriction.SubjectRestricted
    try:
        with transaction.atomic():
            if names:
                lock_workspaces([actor.workspace_id])
            return Lead.objects.create(
                workspace_id=actor.workspace_id,
                tags=tags.known(workspace_id=actor.workspace_id, names=names, now=now),
                first_name=lead.first_name,
                last_name=lead.last_name,
                company=lead.company,
                phone_e164=phone.e164,
                country=phone.country,
                time_zone=phone.time_zone,
                notes=lead.notes,
                created_at=now,
            )
    except IntegrityError:
        raise LeadExists("A lead with this number is already in your list. Search for it by the number.") from None


def change_lead(*, actor: Actor, lead_id: UUID, change: LeadChange, now: datetime) -> Lead:
    """Everything that was made of what is corrected follows.

    :raises Lead.DoesNotExist, LeadGone, SubjectRestricted, PhoneInvalid, PhoneNotCallable, LeadSuppressed, LeadExists:
    :raises LeadInCall: the number stays that of which was found that it may be dialled, until the call is over.
    :raises LeadWasCalled: whoever has the number finds, takes along and erases by it what was said with them.
    """
    try:
        with transaction.atomic():
            lead = Lead.objects.for_workspace(actor.workspace_id).select_for_update().get(id=lead_id)
            restriction.refuse(lead.id)
            if lead.erased_at:
                raise LeadGone(
                    "This person had their data removed, and nothing can be added to it. Choose another lead."
                )
            holding.keep_lead(lead, now=now)
            before, notes = following.facts_of(lead), lead.notes
            for field in ("first_name", "last_name", "company", "notes"):
                if (value := getattr(change, field)) is not None:
                    setattr(lead, field, value)
            if change.phone is not None:
                phone = parse_phone(change.phone)
                if suppression.is_suppressed(workspace_id=actor.workspace_id, phone_e164=phone.e164):
                    raise LeadSuppressed(SUPPRESSED)
                if restriction.of_number(phone.e164):
                    raise restriction.SubjectRestricted
                if phone.e164 != lead.phone_e164:
                    _refuse_another_number(lead)
                lead.phone_e164, lead.country, lead.time_zone = phone.e164, phone.country, phone.time_zone
            lead.save()
            following.begin(lead, before, now=now)
            if notes and notes != lead.notes:
                left_bytes.note_ended_soon(now=now)
            return lead
    except IntegrityError:
        raise LeadExists("Another lead already has this number. Search for it by the number.") from None


def _refuse_another_number(lead: Lead) -> None:
    if _is_in_call(lead):
        raise LeadInCall("A call with this lead is going on. Change the number once it is over.")
    if any(map(outcomes.may_have_rung, lead.calls.prefetch_related("legs"))):
        raise LeadWasCalled(
            "This number was called, and those calls stay with whoever has it. Make a new lead for the other number."
        )


def _is_in_call(lead: Lead) -> bool:
    """Whoever starts a call locks its lead, so for who has locked it this stays so."""
    return lead.calls.exclude(status__in=TERMINAL_STATUSES).exists()


def change_tags(*, actor: Actor, lead_id: UUID, change: TagsChange, now: datetime) -> Lead:
    """
    :raises Lead.DoesNotExist, LeadGone, SubjectRestricted, TagUnusable, TooManyTags:
    """
    add, remove = tags.plain(change.add), {name.casefold() for name in tags.plain(change.remove)}
    with transaction.atomic():
        lock_workspaces([actor.workspace_id])
        lead = Lead.objects.for_workspace(actor.workspace_id).select_for_update(no_key=True).get(id=lead_id)
        restriction.refuse(lead.id)
        if lead.erased_at:
            raise LeadGone("This person had their data removed, and nothing can be added to it. Choose another lead.")
        holding.keep_lead(lead, now=now)
        before: list[str] = lead.tags
        kept = [name for name in before if name.casefold() not in remove]
        added = tags.known(workspace_id=actor.workspace_id, names=add, now=now)
        after = sorted({*kept, *added}, key=str.casefold)
        tags.refuse_too_many(after)
        lead.tags = after
        lead.save(update_fields=["tags"])
        tags.forget_unused(workspace_id=actor.workspace_id, names=set(before) - set(after))
        return lead


def remove_lead(*, actor: Actor, lead_id: UUID, now: datetime) -> None:
    """Deletes the lead with its calls, their transcripts, and what answers quote of them. What others of the team talked about,
    only who leads it removes.

    :raises Lead.DoesNotExist, LeadInCall, NotPermitted:
    :raises SubjectRestricted: the person wants it kept until something is decided.
    """
    with transaction.atomic():
        lock_workspaces([actor.workspace_id])
        # Calls before their lead, as everybody who locks both.
        list(Call.objects.for_workspace(actor.workspace_id).filter(lead_id=lead_id).select_for_update().order_by("id"))
        lead = Lead.objects.for_workspace(actor.workspace_id).select_for_update().get(id=lead_id)
        restriction.refuse(lead.id)
        if not actor.may("see_team") and lead.calls.exclude(user_id=actor.user_id).exists():
            raise NotPermitted("Others of your team have called this lead. Ask whoever manages it to remove the lead.")
        if _is_in_call(lead):
            raise LeadInCall("A call with this lead is going on. Hang up first.")
        audit.record(
            workspace_id=actor.workspace_id,
            actor_ref=str(actor.user_id),
            action="lead.removed",
            target=str(lead.id),
            detail={"calls": lead.calls.count()},
            now=now,
        )
        forget(lead, now=now)


def forget(lead: Lead, *, now: datetime) -> None:
    """Deletes the row of a lead with all that `remove_lead` says, after sealing what a hold covers. Within the caller's transaction,
    which has locked the workspace, the calls and the lead."""
    rows = Lead.objects.for_workspace(lead.workspace_id).filter(id=lead.id)
    holding.bury(rows, now=now)
    sealing.keep(holding.copies(leads=rows, calls=lead.calls.all()), now=now)
    call_ids = list(lead.calls.values_list("id", flat=True))
    ai.forget_leads(leads=[ai.NamedLead(lead.id, lead.workspace_id, lead.own_name)])
    ai.forget_calls(call_ids=call_ids, now=now)
    # After thinking, as whoever asks about the lead.
    caps.keep_spending(lead.calls.all())
    limit_marks.keep(lead.calls.all(), now=now)
    deliveries.forget_calls(call_ids=call_ids)
    correcting.forget(kind="lead", target_ids=[lead.id])
    lead.delete()
    left_bytes.note_ended_soon(now=now)
    tags.forget_unused(workspace_id=lead.workspace_id, names=lead.tags)


def is_there(*, actor: Actor, lead_id: UUID) -> bool:
    """Whether the lead is one of the actor's workspace that was neither removed nor erased."""
    return Lead.objects.for_workspace(actor.workspace_id).filter(id=lead_id, erased_at__isnull=True).exists()


def suppress_lead(*, actor: Actor, lead_id: UUID, reason: str, now: datetime) -> Lead:
    """Puts the lead's number on the workspace's do-not-call list.

    :raises Lead.DoesNotExist, LeadGone:
    """
    with transaction.atomic():
        # Calls before their lead, as everybody who locks both: a pause that this brings notes some.
        calls = Call.objects.for_workspace(actor.workspace_id).filter(lead_id=lead_id)
        list(calls.select_for_update(no_key=True).order_by("id").values_list("id"))
        lead = Lead.objects.for_workspace(actor.workspace_id).select_for_update().get(id=lead_id)
        if lead.phone_e164 is None:
            raise LeadGone("This person had their data removed and cannot be called anyway. Go on with another lead.")
        suppression.suppress(
            workspace_id=actor.workspace_id, phone_e164=lead.phone_e164, reason=reason, source="rep", now=now
        )
        guard.look_after_complaint(workspace_ids=[actor.workspace_id], now=now)
        return lead
