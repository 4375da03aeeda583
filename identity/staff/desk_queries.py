"""Reads of the desk: the queue, and everything of one case on one page."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet

from compliance import audit, case_replies, cases, jurisdictions, queries, receiving, restriction
from compliance.jurisdictions import Law
from compliance.keyed_tokens import receipt_token
from compliance.models import AuditEvent, Case, CaseLink, Correction, NomineeGrant, PreparedDeletion, Request
from compliance.stores import Subject
from identity import contact, opt_out
from identity.models import User
from identity.staff.actor import StaffActor
from identity.staff.desk_schemas import (
    DeskActOut,
    DeskAnswerOut,
    DeskCaseOut,
    DeskCasePageOut,
    DeskCorrectionOut,
    DeskCountsOut,
    DeskEntryOut,
    DeskErasureOut,
    DeskGrantOut,
    DeskJoinedOut,
    DeskLawOut,
    DeskLinkOut,
    DeskPersonOut,
    DeskPreparedOut,
    DeskQueuePage,
    DeskReplyOut,
    Show,
    Step,
)
from identity.staff.people_named import names_of
from processors.errors import CursorInvalid
from processors.pseudonyms import pseudonym

PAGE: Final = 30
ENTRIES_SHOWN_MAX: Final = 200
ACTS_SHOWN_MAX: Final = 200


def queue(*, actor: StaffActor, show: Show, cursor: str | None, now: datetime) -> DeskQueuePage:
    """Raises CursorInvalid. That it was read is written down."""
    rows, next_cursor = _page(_shown(show, actor, now), cursor, newest_first=show == "answered")
    audit.record(
        workspace_id=None,
        actor_ref=actor.ref,
        action="cases.listed",
        target="cases",
        detail={"count": len(rows)},
        now=now,
    )
    names = names_of(row.taken_by for row in rows if row.taken_by)
    answered = receiving.answered_deletions(rows)
    prepared = PreparedDeletion.objects.filter(case__in=[row.id for row in rows], state="waiting")
    waiting = set(prepared.values_list("case_id", flat=True))
    counted: tuple[Show, ...] = ("open", "mine", "overdue", "waiting")
    return DeskQueuePage(
        items=[
            _line(row, actor, names, now, approval_waits=row.id in waiting, answered=row.id in answered) for row in rows
        ],
        counts=DeskCountsOut(**{one: _shown(one, actor, now).count() for one in counted}),
        next_cursor=next_cursor,
    )


def page_of(case: Case, *, actor: StaffActor, now: datetime) -> DeskCasePageOut:
    entries = list(case.entries.order_by("at", "id")[:ENTRIES_SHOWN_MAX])
    acts = list(AuditEvent.objects.filter(target=str(case.id)).order_by("-sequence")[:ACTS_SHOWN_MAX])
    prepared = case.deletions.filter(state="waiting").first()
    user = User.objects.filter(id=case.user_id).first() if case.user_id else None
    person, law = _person(case, user), _law(case, user)
    refs = [case.taken_by, *(each.author for each in entries), *(each.actor_ref for each in acts)]
    grant = case.grants.order_by("-prepared_at").first()
    links = list(case.links.order_by("made_at"))
    refs += [prepared.prepared_by] if prepared else []
    refs += [each.made_by for each in links]
    names = names_of([*refs, grant.prepared_by, grant.decided_by] if grant else refs)
    return DeskCasePageOut(
        case=_line(
            case,
            actor,
            names,
            now,
            approval_waits=prepared is not None,
            answered=bool(receiving.answered_deletions([case])),
        ),
        person=person,
        law=DeskLawOut(
            name=law.name,
            law=law.law,
            last_day=law.last_day(case.opened_at.date()),
            is_right=case.kind in law.gives,
        ),
        proved_at=case.proved_at,
        paused_at=case.paused_at,
        closed_at=case.closed_at,
        joined_to=case.joined_to.reference if case.joined_to else None,
        joined=[
            DeskJoinedOut(reference=each.reference, proved=each.proved_at is not None)
            for each in case.joined.order_by("opened_at", "id")
        ],
        erasure=_erasure(case.erasure, now) if case.erasure else None,
        prepared=_prepared(prepared, actor, names) if prepared else None,
        corrections=[_correction(each) for each in case.corrections.order_by("began_at", "id")[:ENTRIES_SHOWN_MAX]],
        grant=_grant(grant, actor, names) if grant else None,
        links=[_link(each, names) for each in links],
        entries=[
            DeskEntryOut.model_validate(
                {"id": each.id, "at": each.at, "kind": each.kind, "author": names[each.author], "text": each.text}
            )
            for each in entries
        ],
        acts=[DeskActOut(at=each.at, action=each.action, by=names[each.actor_ref]) for each in acts],
        replies=_replies(case),
        answers=[
            DeskAnswerOut(key=key, label=one.label, outcome=one.outcome, text=case_replies.filled(case, one.text, law))
            for key, one in case_replies.ANSWERS.items()
        ],
        may=_may(case, actor, prepared, now=now),
    )


def _shown(show: Show, actor: StaffActor, now: datetime) -> QuerySet[Case]:
    if show == "answered":
        return Case.objects.filter(state="closed")
    rows = Case.objects.exclude(state="closed")
    if show == "mine":
        return rows.filter(taken_by=actor.ref)
    if show == "overdue":
        return rows.filter(due_on__lt=now.date())
    return rows.filter(paused_at__isnull=False) if show == "waiting" else rows


def _page(rows: QuerySet[Case], cursor: str | None, *, newest_first: bool) -> tuple[list[Case], str | None]:
    """The cursor is the id of the last one seen. Raises CursorInvalid."""
    by, than = ("closed_at", "lt") if newest_first else ("due_on", "gt")
    if cursor is not None:
        last = Case.objects.filter(id=_id(cursor)).first()
        if last is None or getattr(last, by) is None:
            raise CursorInvalid
        at: Any = getattr(last, by)
        rows = rows.filter(Q(**{f"{by}__{than}": at}) | Q(**{by: at, f"id__{than}": last.id}))
    order = ("-closed_at", "-id") if newest_first else ("due_on", "id")
    found = list(rows.order_by(*order)[: PAGE + 1])
    return found[:PAGE], str(found[PAGE - 1].id) if len(found) > PAGE else None


def _id(cursor: str) -> UUID:
    """Raises CursorInvalid."""
    try:
        return UUID(cursor)
    except ValueError:
        raise CursorInvalid from None


def _line(
    case: Case, actor: StaffActor, names: dict[str, str], now: datetime, *, approval_waits: bool, answered: bool
) -> DeskCaseOut:
    return DeskCaseOut.model_validate(
        {
            "reference": case.reference,
            "kind": case.kind,
            "channel": case.channel,
            "state": case.state,
            "outcome": case.outcome,
            "opened_at": case.opened_at,
            "due_on": case.due_on,
            "days_left": (case.due_on - now.date()).days if case.is_open else None,
            "proved_by": case.proved_by,
            "pause_reason": case.pause_reason,
            "taken_by": names[case.taken_by] if case.taken_by else None,
            "is_mine": case.taken_by == actor.ref,
            "approval_waits": approval_waits,
            "deletion_answered": answered,
        }
    )


def _law(case: Case, user: User | None) -> Law:
    """Of the country of the number: where somebody lives is not kept."""
    return jurisdictions.of_country(contact.country_of(user.mobile_e164 if user else case.contact))


def _person(case: Case, user: User | None) -> DeskPersonOut:
    return DeskPersonOut(
        kind=_kind_of_person(case),
        name=f"{user.first_name} {user.last_name}" if user else None,
        email=user.email if user else None,
        user_id=case.user_id,
        contact=case.contact,
        restricted=restriction.in_force(person=case.person),
    )


def _kind_of_person(case: Case) -> Any:
    if case.emptied_at is not None:
        return "gone"
    if case.user_id is not None:
        return "account"
    if case.contact.startswith("+"):
        return "number"
    return "address" if case.person == pseudonym("email", case.contact) or not case.proved_at else "number_not_kept"


def _erasure(request: Request, now: datetime) -> DeskErasureOut:
    return DeskErasureOut.model_validate(
        {
            "state": request.state,
            "runs_at": request.runs_at,
            "cancellable": request.state == "requested" and request.runs_at > now,
            "receipt_path": f"/erased/{receipt_token(request.id)}",
        }
    )


def _prepared(prepared: PreparedDeletion, actor: StaffActor, names: dict[str, str]) -> DeskPreparedOut:
    return DeskPreparedOut(
        by=names[prepared.prepared_by],
        by_me=prepared.prepared_by == actor.ref,
        at=prepared.prepared_at,
        seen=prepared.digest,
        preview=queries.erasure_preview(subject=Subject.from_json(prepared.subject)),
    )


def _grant(grant: NomineeGrant, actor: StaffActor, names: dict[str, str]) -> DeskGrantOut:
    by_me = grant.prepared_by == actor.ref
    return DeskGrantOut.model_validate(
        {
            "state": grant.state,
            "evidence": grant.evidence,
            "access": grant.access,
            "erasure": grant.erasure,
            "by": names[grant.prepared_by],
            "by_me": by_me,
            "at": grant.prepared_at,
            "seen": grant.id,
            "decided_by": names[grant.decided_by] if grant.decided_by else "",
            "decided_at": grant.decided_at,
            "link_until": grant.link_until,
            "used_at": grant.used_at,
            "may_decide": actor.may("decide"),
        }
    )


def _link(link: CaseLink, names: dict[str, str]) -> DeskLinkOut:
    return DeskLinkOut.model_validate(
        {
            "what": link.what,
            "by": names[link.made_by],
            "made_at": link.made_at,
            "expires_at": link.expires_at,
            "used_at": link.used_at,
        }
    )


def _correction(correction: Correction) -> DeskCorrectionOut:
    left = sum(correction.left.values())
    return DeskCorrectionOut.model_validate(
        {
            "what": correction.what,
            "began_at": correction.began_at,
            "done_at": correction.done_at,
            "left": left if correction.done_at is None and correction.attempts else None,
        }
    )


def _replies(case: Case) -> list[DeskReplyOut]:
    if not case.is_open or "@" not in case.contact:
        return []
    return [
        DeskReplyOut(key=key, label=one.label, text=case_replies.filled(case, one.text), takes_words=one.takes_words)
        for key, one in case_replies.REPLIES.items()
        if one.to_unproved or case.proved_at is not None
    ]


def _may(case: Case, actor: StaffActor, prepared: PreparedDeletion | None, *, now: datetime) -> list[Step]:
    """The next steps, the likeliest first; each route refuses what is not among them by itself."""
    decides = actor.may("decide")
    if not case.is_open:
        return ["lift"] if decides and restriction.is_ended_by(case) else []
    goes = case.erasure is not None and case.erasure.state in Request.OPEN_STATES
    proved = case.proved_at is not None
    steps: dict[Step, bool] = {
        "approve": decides and prepared is not None and prepared.prepared_by != actor.ref,
        "take": case.taken_by != actor.ref,
        "prove": not goes,
        "mail_proof": not goes and not proved and case.kind != "nominee",
        "carry_out": decides
        and proved
        and not goes
        and prepared is None
        and _is_carried_out(case)
        and not (_is_only_restricted(case) and restriction.began_with(case)),
        "correct": decides and proved and case.kind == "correction",
        "grant": decides
        and case.kind == "nominee"
        and case.proved_by == "link"
        and not goes
        and not case.grants.filter(state="waiting").exists(),
        "resume": case.paused_at is not None or (proved and case.state == "verified"),
        "reply": "@" in case.contact,
        "close": decides
        and proved
        and not goes
        and not case.corrections.filter(done_at__isnull=True).exists()
        and not (case.kind == "opt_out" and _may_be_texted(case)),
        "refuse": decides and not goes,
        "withdraw": decides and prepared is not None,
        "take_back": decides and case.erasure is not None and _erasure(case.erasure, now).cancellable,
        "lift": decides and restriction.is_ended_by(case),
        "sort": not goes,
        "pause": case.paused_at is None,
        "note": True,
    }
    allowed = [step for step, is_allowed in steps.items() if is_allowed]
    # Once more it is only needed where the first time was wrong.
    return sorted(allowed, key=lambda step: step == "prove" and proved)


def _is_carried_out(case: Case) -> bool:
    """The rest is done by hand, and the answer says so."""
    if case.kind == "access":
        return case.user_id is not None
    if case.kind == "opt_out":
        return _may_be_texted(case)
    return case.kind in ("deletion", "restriction", "objection")


def _may_be_texted(case: Case) -> bool:
    return opt_out.may_be_sent(user_id=case.user_id, person=case.person)


def _is_only_restricted(case: Case) -> bool:
    """Whether a restriction is all that it asks for; who was called and objects is put on the do-not-call list too."""
    return case.kind == "restriction" or (case.kind == "objection" and case.user_id is not None)


def read(*, actor: StaffActor, reference: str, now: datetime) -> DeskCasePageOut:
    """That it was read is written down. Raises CaseUnknown."""
    return page_of(cases.read(reference=reference, by=actor.ref, now=now), actor=actor, now=now)
