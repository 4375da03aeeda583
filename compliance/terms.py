"""How what compliance keeps for its term ends, and the disclosures that processors keep below it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from compliance.models import (
    AuditEvent,
    AuditHead,
    AuthorityDisclosure,
    Breach,
    Case,
    ConsentEvent,
    LedgerNote,
    LegalHold,
    NomineeClaim,
    NomineeGrant,
    PolicyReceipt,
    Request,
    Restriction,
    ReviewAlert,
    SecurityReview,
    Suppression,
    Tombstone,
)
from compliance.retention import Rule, delete_rows
from processors.models import Disclosure, Guesses


def _end_links(ids: Sequence[UUID], _now: datetime) -> int:
    """Takes links from the beginning of the chain, as far as all before them go too, and notes where it begins now."""
    with transaction.atomic():
        head = AuditHead.objects.select_for_update().get()
        first_left = (
            AuditEvent.objects.exclude(id__in=ids).order_by("sequence").values_list("sequence", flat=True).first()
        )
        going = AuditEvent.objects.filter(id__in=ids, sequence__lt=first_left or head.sequence + 1)
        last = going.order_by("-sequence").first()
        if last is None:
            return 0
        head.ended_sequence, head.ended_hash = last.sequence, last.hash
        head.save(update_fields=["ended_sequence", "ended_hash"])
        return going.delete()[0]


def _forget_evidence(ids: Sequence[UUID], _now: datetime) -> int:
    """What was decided on it stays, with who decided."""
    return NomineeGrant.objects.filter(id__in=ids).update(evidence="")


def _answered() -> QuerySet[Case]:
    """Without those of which a restriction is in force: whoever decides about it reads them."""
    in_force = Restriction.objects.filter(case=OuterRef("id"), lifted_at__isnull=True)
    return Case.objects.filter(~Exists(in_force), state="closed")


RETENTION: Final = (
    Rule("audit", ("compliance.AuditEvent",), AuditEvent.objects.all, "at", _end_links),
    # Proofs of a person who has an account stay; those of an erased one for the term, by which claims lapse.
    Rule(
        "consent",
        ("compliance.ConsentEvent",),
        lambda: ConsentEvent.objects.filter(user_id__isnull=True, unlinked_at__isnull=False),
        "unlinked_at",
        delete_rows(ConsentEvent),
    ),
    Rule(
        "policy_notice",
        ("compliance.PolicyReceipt",),
        lambda: PolicyReceipt.objects.filter(user_id__isnull=True, unlinked_at__isnull=False),
        "unlinked_at",
        delete_rows(PolicyReceipt),
    ),
    Rule(
        "suppression",
        ("compliance.Suppression",),
        Suppression.objects.all,
        "last_asked_at",
        delete_rows(Suppression),
        is_renewed=True,
    ),
    Rule("erasure_ledger", ("compliance.Tombstone",), Tombstone.objects.all, "erased_at", delete_rows(Tombstone)),
    Rule("erasure_ledger", ("compliance.LedgerNote",), LedgerNote.objects.all, "at", delete_rows(LedgerNote)),
    Rule("access_event", ("processors.Guesses",), Guesses.objects.all, "hour", delete_rows(Guesses)),
    Rule("disclosure", ("processors.Disclosure",), Disclosure.objects.all, "day", delete_rows(Disclosure)),
    Rule(
        "disclosure",
        ("compliance.AuthorityDisclosure",),
        AuthorityDisclosure.objects.all,
        "prepared_at",
        delete_rows(AuthorityDisclosure),
    ),
    Rule(
        "request",
        ("compliance.Request", "compliance.ErasureStep"),
        lambda: Request.objects.filter(state__in=["done", "cancelled"], finished_at__isnull=False),
        "finished_at",
        delete_rows(Request),
    ),
    Rule(
        "request",
        (
            "compliance.Case",
            "compliance.CaseEntry",
            "compliance.CaseLink",
            "compliance.CaseMail",
            "compliance.Correction",
            "compliance.NomineeGrant",
            "compliance.PreparedDeletion",
        ),
        _answered,
        "closed_at",
        delete_rows(Case),
    ),
    Rule(
        "identity_proof",
        ("compliance.NomineeGrant",),
        lambda: NomineeGrant.objects.filter(decided_at__isnull=False).exclude(evidence=""),
        "decided_at",
        _forget_evidence,
    ),
    Rule(
        "request",
        ("compliance.Restriction", "compliance.RestrictedRow"),
        lambda: Restriction.objects.filter(lifted_at__isnull=False),
        "lifted_at",
        delete_rows(Restriction),
    ),
    Rule(
        "legal_hold",
        ("compliance.LegalHold", "compliance.HeldRow", "compliance.HeldCopy"),
        lambda: LegalHold.objects.filter(lifted_at__isnull=False),
        "lifted_at",
        delete_rows(LegalHold),
    ),
    Rule(
        "review",
        ("compliance.SecurityReview", "compliance.FollowUp"),
        # What is still to be done keeps its review.
        lambda: SecurityReview.objects.exclude(follow_ups__done_at__isnull=True, follow_ups__id__isnull=False),
        "reviewed_at",
        delete_rows(SecurityReview),
    ),
    Rule("review", ("compliance.ReviewAlert",), ReviewAlert.objects.all, "due_on", delete_rows(ReviewAlert)),
    Rule(
        "account_mail",
        ("compliance.NomineeClaim",),
        NomineeClaim.objects.all,
        "created_at",
        delete_rows(NomineeClaim),
    ),
    Rule(
        "breach",
        ("compliance.Breach", "compliance.BreachEntry", "compliance.BreachAlert"),
        lambda: Breach.objects.filter(closed_at__isnull=False),
        "closed_at",
        delete_rows(Breach),
    ),
)
