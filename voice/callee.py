"""What a person who was called sees and may do about it, over all workspaces, once the number is proved."""

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Max, QuerySet

from compliance import access, audit, cases, queries, requests, restriction, suppression, turns
from compliance.models import Case, Suppression
from compliance.stores import Subject
from identity import number_access
from identity.models import Workspace
from processors.errors import DomainError
from processors.pseudonyms import pseudonym
from voice import guard, operations, restricting
from voice.callee_schemas import CallsState, DataLinkOut, KnownAsOut, MyDataOut, WorkspaceHoldsOut
from voice.models import TERMINAL_STATUSES, Call, Lead, TranscriptSegment

# Who wrote an entry of the do-not-call list here; such entries the person may lift again.
SOURCE: Final = "callee"
WORKSPACES_SHOWN_MAX: Final = 200


class HoldsNothing(DomainError):
    """The workspace named holds nothing about the number, or there is none of that name."""

    code: ClassVar[str] = "holds_nothing"

    def __init__(self) -> None:
        super().__init__("This customer holds nothing about your number, so there is nothing to stop. Reload the page.")


def subject_of_number(phone_e164: str) -> Subject:
    return Subject(kind="callee", phone_e164=phone_e164)


def my_data(*, phone_e164: str, now: datetime) -> MyDataOut:
    subject = subject_of_number(phone_e164)
    person = pseudonym("phone", phone_e164)
    return MyDataOut(
        number=phone_e164,
        calls=_state_of(suppression.suppressed_everywhere(phone_e164=phone_e164)),
        restricted=restriction.of_number(phone_e164),
        workspaces=_workspaces(phone_e164),
        held=queries.held(subject=subject).items,
        preview=queries.erasure_preview(subject=subject),
        erasure=queries.erasure_state(person=person, now=now).request,
        cases=queries.own_cases(person=person),
    )


def wish_about_calls(*, phone_e164: str, workspace: str | None, allowed: bool, now: datetime) -> None:
    """Stops or allows calls to the number, of one workspace or of all. Stopped, they stop at once: those that ring now end too.

    Who stops them all objects, so nothing is used any more either, until all are allowed again or somebody decides. Only what
    the person stopped here is allowed again; who was told on the telephone not to call keeps to that.
    Raises HoldsNothing; TooManyTurns for allowing, never for stopping.
    """
    workspace_id = None if workspace is None else _holder(phone_e164, workspace)
    with transaction.atomic():
        if allowed:
            turns.demand_for_lifting(phone_e164=phone_e164, source=SOURCE, now=now)
            lifted = suppression.lift(
                workspace_id=workspace_id, phone_e164=phone_e164, source=SOURCE, now=now, of=SOURCE
            )
            if lifted:
                audit.record(
                    workspace_id=workspace_id,
                    actor_ref="requester",
                    action="number.calls_allowed",
                    target=pseudonym("phone", phone_e164),
                    detail={},
                    now=now,
                )
                if workspace_id is None:
                    _take_objection_back(phone_e164, now)
            return
        if workspace_id is None:
            restricting.lock_calls(user_id=None, phone_e164=phone_e164)
        if not stop_calls(phone_e164, workspace_id, now):
            return
        opened = _open_wish(phone_e164, kind="objection", words="", now=now)
        words = "Calls of one customer were stopped."
        if workspace_id is None:
            restricting.restrict(case=opened, by="requester", now=now, phone_e164=phone_e164)
            words = "All calls were stopped, and everything is used for nothing."
        cases.close(reference=opened.reference, outcome="done", answer=words, by="system", now=now)


def _take_objection_back(phone_e164: str, now: datetime) -> None:
    """What was restricted for another reason stays so."""
    for case in restriction.cases_of(person=pseudonym("phone", phone_e164)):
        if case is not None and case.kind == "objection":
            restricting.lift(case=case, reason="All calls are allowed again.", by="requester", now=now)


def ask_correction(*, phone_e164: str, words: str, now: datetime) -> None:
    """Takes the wish to have something corrected, for a person to answer. Raises TooManyWishes."""
    with transaction.atomic():
        cases.demand_room(person=pseudonym("phone", phone_e164))
        _open_wish(phone_e164, kind="correction", words=words, now=now)


def wish_about_use(*, phone_e164: str, restricted: bool, now: datetime) -> None:
    """Has everything about the number used for nothing, at once and until somebody decides; or takes that back, whatever the person had
    it restricted for. Calls that were stopped stay so.

    Raises TooManyTurns for taking it back.
    """
    person = pseudonym("phone", phone_e164)
    mine = _cases(person).filter(kind="restriction", proved_at__isnull=False)
    open_one = mine.exclude(state="closed").first()
    if restricted:
        # Again, what came to be held since then is covered too. Restricted for another reason it is restricted for this one as well.
        words = "Use nothing that you hold about me."
        case = open_one or _open_wish(phone_e164, kind="restriction", words=words, now=now)
        restricting.restrict(case=case, by="requester", now=now, phone_e164=phone_e164)
        return
    if not restriction.in_force(person=person):
        return
    turns.demand_for_case(person=person, kind="restriction", now=now)
    case = open_one or _open_wish(phone_e164, kind="restriction", words="", now=now)
    words = "Taken back by the person."
    restricting.lift(case=case, reason=words, by="requester", now=now, every=True)
    cases.close(reference=case.reference, outcome="taken_back", answer=words, by="requester", now=now)


def ask_erasure(*, phone_e164: str, confirm: str, at_once: bool, now: datetime) -> None:
    """Erases everything about the number in all workspaces, after 3 days of grace or at once. Nobody calls it from now on.

    Raises ConfirmationMismatch, RequestAlreadyOpen, TooManyTurns.
    """
    person = pseudonym("phone", phone_e164)
    with transaction.atomic():
        newest = requests.newest_erasure(person=person)
        if newest is None or newest.state in ("done", "cancelled"):
            turns.demand_for_case(person=person, kind="deletion", now=now)
        requests.open_callee_erasure(subject=subject_of_number(phone_e164), confirm=confirm, at_once=at_once, now=now)
        stop_calls(phone_e164, None, now)


def cancel_erasure(*, phone_e164: str, now: datetime) -> None:
    """Calls stay stopped until they are allowed again. Raises NotCancellable."""
    requests.cancel_erasure(person=pseudonym("phone", phone_e164), now=now)


def make_link(*, phone_e164: str, now: datetime) -> DataLinkOut:
    """Raises TooManyTurns when so many copies were taken within a day."""
    turns.demand_for_case(person=pseudonym("phone", phone_e164), kind="access", now=now)
    token = number_access.make_link(phone_e164=phone_e164, now=now)
    return DataLinkOut(path=f"/api/my-data/download?token={token}", expires_at=now + number_access.LINK_GOOD_FOR)


def export(*, phone_e164: str, as_page: bool, now: datetime) -> Iterator[str]:
    """Everything held about the number, as `access.export` gives it."""
    return access.export(subject=subject_of_number(phone_e164), now=now, by="requester", as_page=as_page)


def given_out(*, phone_e164: str, token: str, now: datetime) -> None:
    """The copy has left as a whole: its link is used, and that it was given out is a case of its own, answered already."""
    with transaction.atomic():
        number_access.use_up(token=token)
        opened = _open_wish(phone_e164, kind="access", words="", now=now)
        cases.close(reference=opened.reference, outcome="done", answer="Downloaded.", by="system", now=now)


def _open_wish(phone_e164: str, *, kind: cases.Kind, words: str, now: datetime) -> Case:
    return cases.open_case(
        kind=kind,
        channel="callee_page",
        person=pseudonym("phone", phone_e164),
        # Whoever corrects something has to find it.
        contact=phone_e164 if words else "",
        words=words,
        proof="passcode",
        now=now,
    )


def stop_calls(phone_e164: str, workspace_id: UUID | None, now: datetime) -> bool:
    """Puts the number on the list of one workspace or of all, and ends calls to it; whether it was not there before.

    Within the caller's transaction.
    """
    calls = lock_calls(phone_e164, workspace_id)
    entry = suppression.suppress(
        workspace_id=workspace_id, phone_e164=phone_e164, reason="asked_not_to_be_called", source=SOURCE, now=now
    )
    operations.end_all(calls, why="lead_stopped_calls", now=now)
    lately = calls.filter(created_at__gt=now - guard.COMPLAINTS_WITHIN)
    guard.look_after_complaint(workspace_ids=set(lately.values_list("workspace_id", flat=True)), now=now)
    return entry.created_at == now


def lock_calls(phone_e164: str, workspace_id: UUID | None) -> QuerySet[Call]:
    """The calls to a number, of which those that are live are locked until the transaction ends: before the list, a case or the audit
    log, as whoever notes something for a call."""
    calls = Call.objects.get_queryset().filter(lead__phone_e164=phone_e164)
    if workspace_id is not None:
        calls = calls.filter(workspace_id=workspace_id)
    live = calls.exclude(status__in=TERMINAL_STATUSES)
    list(live.select_for_update(of=("self",), no_key=True).order_by("id").values_list("id", flat=True))
    return calls


def _holder(phone_e164: str, workspace: str) -> UUID:
    """Raises HoldsNothing."""
    held = {str(each): each for each in _leads(phone_e164).values_list("workspace_id", flat=True)}
    if workspace not in held:
        raise HoldsNothing
    return held[workspace]


def _leads(phone_e164: str) -> QuerySet[Lead]:
    return Lead.objects.get_queryset().filter(phone_e164=phone_e164)


def _cases(person: str) -> QuerySet[Case]:
    return Case.objects.filter(person=person).order_by("-opened_at", "-id")


def _state_of(entry: Suppression | None, workspace_id: UUID | None = None) -> CallsState:
    """workspace_id: whose own list is meant; None for the list of all."""
    if entry is None:
        return "allowed"
    return "stopped_by_you" if entry.source == SOURCE and entry.workspace_id == workspace_id else "stopped"


def _workspaces(phone_e164: str) -> list[WorkspaceHoldsOut]:
    leads = list(_leads(phone_e164).order_by("created_at", "id")[:WORKSPACES_SHOWN_MAX])
    ids = {lead.workspace_id for lead in leads}
    names = dict(Workspace.objects.filter(id__in=ids).values_list("id", "name"))
    called = Call.objects.get_queryset().filter(lead__in=leads).values("workspace_id")
    calls = {
        row["workspace_id"]: (row["count"], row["last"])
        for row in called.annotate(count=Count("id"), last=Max("created_at"))
    }
    spoken = TranscriptSegment.objects.get_queryset().filter(call__lead__in=leads, kind="speech").values("workspace_id")
    texts = {row["workspace_id"]: row["count"] for row in spoken.annotate(count=Count("id"))}
    return [
        WorkspaceHoldsOut(
            workspace=str(workspace_id),
            name=names.get(workspace_id, ""),
            known_as=[
                KnownAsOut(name=lead.own_name, company=lead.company, notes=lead.notes, added_at=lead.created_at)
                for lead in leads
                if lead.workspace_id == workspace_id
            ],
            calls_made=calls.get(workspace_id, (0, None))[0],
            last_call_at=calls.get(workspace_id, (0, None))[1],
            texts=texts.get(workspace_id, 0),
            calls=_state_of(suppression.is_suppressed(workspace_id=workspace_id, phone_e164=phone_e164), workspace_id),
        )
        for workspace_id in sorted(ids, key=lambda each: names.get(each, ""))
    ]
