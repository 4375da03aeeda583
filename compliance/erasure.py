"""Erasing a person everywhere: a walk over all stores whose every step is a row, so that it can die anywhere and go on.

requested -> approved -> running (each store) -> verifying (each store finds nothing) -> rewriting (the bytes) -> done.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from compliance import audit, cases, erasure_ledger, pace, receipts, sealing, tombstones
from compliance.erasure_ledger import Entry
from compliance.models import ErasureStep, Request
from compliance.rewrite import rewrite_bytes
from compliance.stores import Holding, NotYet, Stopping, Store, Subject, all_stores, found, subject_anew
from compliance.tombstones import is_erased
from processors.pseudonyms import pseudonym

__all__ = ["due_erasures", "is_erased", "run_due_erasures", "run_erasure"]

logger = logging.getLogger(__name__)

# One walk is over in seconds; a worker that died with it gives it up to the next one after this.
LEASE: Final = timedelta(minutes=10)
FIRST_RETRY: Final = timedelta(seconds=5)
LAST_RETRY: Final = timedelta(hours=1)
AT_A_TIME_MAX: Final = 20
LEDGER: Final = "erasure_ledger"
REWRITE: Final = "rewrite"
HOLD: Final = "hold"

Rewrite = Callable[[], dict[str, int]]


class LeftBehind(RuntimeError):
    """A store still finds something after erasing; all stores are walked again. The message names the store."""


def due_erasures(*, now: datetime) -> list[UUID]:
    """What is due and not claimed by a worker, the longest waiting first."""
    due = Request.objects.filter(
        _free(now), kind="erasure", state__in=Request.OPEN_STATES, runs_at__lte=now, next_attempt_at__lte=now
    )
    return list(due.order_by("next_attempt_at").values_list("id", flat=True)[:AT_A_TIME_MAX])


def run_due_erasures(*, now: datetime) -> int:
    """Runs what is due; returns how many were finished. Takes seconds to minutes, so it belongs into a worker."""
    return sum(run_erasure(request_id=each, now=now) for each in due_erasures(now=now))


def run_erasure(*, request_id: UUID, now: datetime, rewrite: Rewrite | None = rewrite_bytes) -> bool:
    """Takes one erasure as far as it gets; whether it is done. False also when another worker has it or it is not
    due. rewrite: None leaves the bytes to the next run, so that several erasures share one rewrite."""
    if not _claim(request_id, now):
        return False
    request = Request.objects.get(id=request_id)
    try:
        with pace.behind_others():
            _walk(request, now, rewrite)
    except Exception as error:
        # Whatever stopped it, the rows say how far it came; the next attempt goes on from there.
        delay = min(FIRST_RETRY * 2 ** min(request.attempts, 10), LAST_RETRY)
        Request.objects.filter(id=request_id).update(
            claimed_until=None, next_attempt_at=now + delay, attempts=F("attempts") + 1
        )
        logger.warning(
            "erasure interrupted",
            extra={"erasure_id": str(request_id), "error_type": type(error).__name__, "attempt": request.attempts + 1},
        )
        return False
    return request.state == "done"


def _claim(request_id: UUID, now: datetime) -> bool:
    due = Request.objects.filter(_free(now), id=request_id, state__in=Request.OPEN_STATES, runs_at__lte=now)
    return bool(due.update(claimed_until=now + LEASE, started_at=Coalesce("started_at", Value(now))))


def _free(now: datetime) -> Q:
    return Q(claimed_until__isnull=True) | Q(claimed_until__lte=now)


def _walk(request: Request, now: datetime, rewrite: Rewrite | None) -> None:
    subject = Subject.from_json(request.subject)
    stores = all_stores()
    if request.state == "requested":
        # The person has approved by typed confirmation in a session whose phone was proved; others need a second
        # person.
        with transaction.atomic():
            subject = subject_anew(subject)
            request.subject = subject.as_json()
            # Nobody joins a workspace that is buried.
            _bury(subject, now)
            _advance(request, "approved")
    if request.state == "approved":
        _advance(request, "running")
    if request.state == "running":
        _plan(request, stores)
        subject = _widened(request, subject, now)
        _stop(stores, subject, now)
        _seal_what_is_held(request, subject, stores, now)
        # Nothing goes before the ledger knows of it: a restored backup must not bring it back, nor lose what was held.
        _step(request, LEDGER, lambda: _enter(request, subject, now), now)
        for store in stores:
            _step(request, store.name, lambda store=store: store.erase(subject, now=now), now)  # type: ignore[misc]
        _advance(request, "verifying")
    if request.state == "verifying":
        _verify(request, subject, stores)
        _advance(request, "rewriting", forget_subject=True)
    if request.state == "rewriting":
        if rewrite is None:
            Request.objects.filter(id=request.id).update(claimed_until=None)
            return
        _step(request, REWRITE, rewrite, now)
        _finish(request, now)


def _stop(stores: Sequence[Store], subject: Subject, now: datetime) -> None:
    """Against the order of erasing: who may come in ends before the calls that they would place. Raises what the first raised that could
    not stop, after all were told to."""
    waiting: NotYet | None = None
    for store in reversed(stores):
        if isinstance(store, Stopping):
            try:
                store.stop(subject, now=now)
            except NotYet as error:
                waiting = waiting or error
    if waiting is not None:
        raise waiting


def _advance(request: Request, state: str, *, forget_subject: bool = False) -> None:
    request.state = state
    if forget_subject:
        # Emptied before the rewrite, so that the rewrite takes these bytes too; nothing later needs them.
        request.subject = {
            "kind": request.subject["kind"],
            "user_id": None,
            "workspace_ids": [],
            "workspace_ids_to_erase": [],
        }
        request.subject |= {"email": "", "phone_e164": "", "contact": ""}
        request.user_id = None
    request.save(update_fields=["state", "subject", "user_id"])


def _widened(request: Request, subject: Subject, now: datetime) -> Subject:
    """With the workspaces that the person is alone in by now; all stores are walked again for them."""
    with transaction.atomic():
        anew = subject_anew(subject)
        more = set(anew.workspace_ids_to_erase) - set(subject.workspace_ids_to_erase)
        if not more:
            return subject
        subject = replace(
            subject,
            workspace_ids=tuple({*subject.workspace_ids, *more}),
            workspace_ids_to_erase=tuple({*subject.workspace_ids_to_erase, *more}),
        )
        _bury(subject, now)
        request.steps.exclude(name__in=(REWRITE, HOLD)).update(state="pending")
        request.subject = subject.as_json()
        request.save(update_fields=["subject"])
    return subject


def _bury(subject: Subject, now: datetime) -> None:
    tombstones.bury(kind="user", values=[subject.user_id] if subject.user_id else [], now=now)
    tombstones.bury(kind="workspace", values=subject.workspace_ids_to_erase, now=now)


def _enter(request: Request, subject: Subject, now: datetime) -> dict[str, int]:
    """Has the erasure and all that was buried for it in the erasure ledger for certain. Raises LedgerAway."""
    # One that a restored backup made necessary is there already.
    if request.channel != Request.RESTORED:
        email = pseudonym("email", subject.email) if subject.email else None
        erasure_ledger.note([_entry(request, subject.kind, email=email, plan=found(subject))], now=now)
    erasure_ledger.write_out(now=now)
    return {}


def remembered(*, since: datetime) -> Iterator[Entry]:
    """Whose data goes, or went since then, as far as the rows still say it; for a ledger that does not know it."""
    begun = Q(state__in=("running", "verifying", "rewriting")) | Q(state="done", finished_at__gte=since)
    for request in Request.objects.filter(begun, kind="erasure").exclude(channel=Request.RESTORED).order_by("id"):
        subject, receipt = request.subject or {}, request.receipt or {}
        is_callee = subject.get("kind") == "callee" or receipt.get("called", False)
        yield _entry(request, "callee" if is_callee else "user", email=None, plan={})


def _entry(request: Request, of: str, *, email: str | None, plan: Mapping[str, int]) -> Entry:
    held = sum(sum(step.counts.values()) for step in request.steps.filter(name=HOLD))
    detail = {"of": of, "email": email, "plan": dict(plan), "held": held}
    return Entry("erasure", request.person, request.opened_at, detail)


def _plan(request: Request, stores: Any) -> None:
    names = [LEDGER, *(store.name for store in stores), REWRITE]
    steps = [ErasureStep(request=request, position=index, name=name) for index, name in enumerate(names)]
    ErasureStep.objects.bulk_create(steps, ignore_conflicts=True)


def _step(request: Request, name: str, act: Callable[[], dict[str, int]], now: datetime) -> None:
    """Does a step unless it was done before, and records how it went. Raises what `act` raises."""
    step = ErasureStep.objects.get(request=request, name=name)
    if step.state == "done":
        return
    step.attempts += 1
    step.started_at = step.started_at or now
    try:
        counts = act()
    except Exception as error:
        step.error_type = type(error).__name__
        # Another worker may have done it meanwhile, if this one was taken for dead.
        ErasureStep.objects.filter(id=step.id).exclude(state="done").update(
            state="failed", error_type=step.error_type, attempts=step.attempts, started_at=step.started_at
        )
        logger.warning(
            "erasure step failed", extra={"erasure_id": str(request.id), "step": name, "error_type": step.error_type}
        )
        raise
    step.counts = dict(Counter(step.counts) + Counter(counts))
    step.state, step.error_type, step.finished_at = "done", "", now
    step.save()


def _seal_what_is_held(request: Request, subject: Subject, stores: Any, now: datetime) -> None:
    """A copy of what a legal hold covers, before the rows go; the receipt says so."""
    holding = [store for store in stores if isinstance(store, Holding)]
    kept = sealing.keep((copy for store in holding for copy in store.held_copies(subject)), now=now)
    if kept.counts:
        step, is_first = ErasureStep.objects.get_or_create(request=request, name=HOLD, defaults={"position": 0})
        step.counts = dict(Counter(step.counts) + kept.counts)
        step.state, step.finished_at = "done", now
        step.save(update_fields=["counts", "state", "finished_at"])
        days = (kept.told_after, kept.told_after if is_first else request.held_told_after)
        request.held_told_after = None if None in days else min(day for day in days if day is not None)
        request.save(update_fields=["held_told_after"])


def _verify(request: Request, subject: Subject, stores: Any) -> None:
    """Raises LeftBehind, after putting all steps back, when any store still finds something."""
    for store in stores:
        left = store.verify(subject)
        if left:
            logger.error(
                "erasure left something behind",
                extra={"erasure_id": str(request.id), "store": store.name, "left": left},
            )
            with transaction.atomic():
                request.steps.exclude(name__in=(REWRITE, HOLD)).update(state="pending")
                _advance(request, "running")
            raise LeftBehind(f"{store.name} still holds {left}.")


def _finish(request: Request, now: datetime) -> None:
    """Writes the receipt and signs it, once: counts by class of data and times, nothing about the person."""
    erased: Counter[str] = Counter()
    steps = list(request.steps.order_by("position"))
    for step in steps:
        if step.name not in (REWRITE, HOLD):
            erased.update(step.counts)
    with transaction.atomic():
        if not Request.objects.select_for_update().filter(id=request.id, state="rewriting").exists():
            # A rewrite may last longer than the lease: another worker was there first.
            request.refresh_from_db()
            return
        request.receipt = {
            "erased": dict(sorted(erased.items())),
            "steps": [{"name": step.name, "attempts": step.attempts} for step in steps],
            "left": 0,
            "held": next((step.counts for step in steps if step.name == HOLD), {}),
            "called": request.subject["kind"] == "callee",
            "rewrite": steps[-1].counts,
        }
        request.state, request.finished_at, request.claimed_until, request.subject = "done", now, None, None
        request.receipt["signature"] = receipts.sign(receipts.text_of(request))
        request.save()
        cases.erasure_ended(request=request, outcome="done", now=now)
        audit.record(
            workspace_id=None,
            actor_ref="system",
            action="erasure.done",
            target=str(request.id),
            detail={"erased": sum(erased.values())},
            now=now,
        )
