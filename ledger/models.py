"""Accounts, entries and postings, holds and rate cards. Amounts are integer milli-credits.

The tables of buying stand in ledger/paddle_models.py. Triggers (migration 0002) keep entries and postings append-only and
every entry balanced; the constraints below hold whatever the code does.
"""

from django.db import models
from django.db.models import F, Q
from uuid_utils.compat import uuid7

from identity.models import TenantModel, Workspace
from ledger.alert_models import BalanceAlert
from ledger.chart import HOUSE_ACCOUNTS, TENANT_ACCOUNTS
from ledger.member_models import MemberSpending
from ledger.money import RateCardTerms
from ledger.paddle_models import Checkout, PaddleEvent, PaddleLook
from ledger.top_up_models import TopUp, TopUpNotice, TopUpPlan

__all__ = [
    "Account",
    "BalanceAlert",
    "Checkout",
    "Entry",
    "Hold",
    "MemberSpending",
    "PaddleEvent",
    "PaddleLook",
    "Posting",
    "RateCard",
    "TopUp",
    "TopUpNotice",
    "TopUpPlan",
]


class Account(models.Model):
    """Where milli-credits stand. workspace: null for the house's accounts.

    balance_mcredits: kept for a workspace's accounts, in the account's own direction, never below 0; null for the house's.
    sequence: number of the workspace's newest entry, kept on its available account; 0 on the others.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", null=True)
    kind = models.CharField(max_length=16)
    balance_mcredits = models.BigIntegerField(null=True)
    sequence = models.BigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("workspace", "kind"), nulls_distinct=False, name="ledger_account_once_per_owner_and_kind"
            ),
            models.CheckConstraint(condition=Q(balance_mcredits__gte=0), name="ledger_account_never_negative"),
            models.CheckConstraint(
                condition=Q(workspace__isnull=False, kind__in=TENANT_ACCOUNTS, balance_mcredits__isnull=False)
                | Q(workspace__isnull=True, kind__in=HOUSE_ACCOUNTS, balance_mcredits__isnull=True),
                name="ledger_account_kind_fits_owner",
            ),
        )


class Entry(TenantModel):
    """One event of money in a workspace; its postings say between which accounts. Never changed, never deleted.

    A trigger (migration 0011) refuses a kind that is not in EntryKind, a key of a charge, and anything else without one.
    sequence: 1, 2, 3... within the workspace.
    key: what makes it happen once; for charges (reference, ordinal) does.
    reference: what caused it; ordinal: which of its parts, such as the call minute from 0.
    effect_mcredits: signed change of available + held - debt; balance_after_mcredits: their sum after it.
    occurred_at: when it was booked.
    """

    # The unique constraint on (workspace, sequence) is its index; a trigger on postings guards it.
    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    sequence = models.BigIntegerField()
    kind = models.CharField(max_length=20)
    reference = models.CharField(max_length=100)
    ordinal = models.IntegerField(default=0)
    key = models.CharField(max_length=160, null=True)
    effect_mcredits = models.BigIntegerField()
    balance_after_mcredits = models.BigIntegerField()
    occurred_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("workspace", "sequence"), name="ledger_entry_numbered_in_workspace"),
            models.UniqueConstraint(
                fields=("reference", "ordinal"), condition=Q(kind="charge"), name="ledger_charge_once_per_ordinal"
            ),
            models.UniqueConstraint(
                fields=("workspace", "key"), condition=Q(key__isnull=False), name="ledger_entry_once_per_key"
            ),
        )
        indexes = (models.Index(fields=("reference",), name="ledger_entry_reference"),)


class Posting(models.Model):
    """One side of an entry on one account: a positive amount, debited or credited. Never changed, never deleted."""

    # The table's only index: it serves the entry and keeps an account from being in it twice; accounts are summed over all
    # rows or not at all. A trigger (migration 0011) looks at all rows of a statement at once: that entry and account are
    # there and of one workspace, that the side is one of two, and that the amount is between 1 and AMOUNT_MAX_MCREDITS.
    pk = models.CompositePrimaryKey("entry", "account")
    entry = models.ForeignKey(
        Entry, on_delete=models.PROTECT, related_name="postings", db_index=False, db_constraint=False
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    side = models.CharField(max_length=6)
    amount_mcredits = models.BigIntegerField()


class Hold(TenantModel):
    """Credit set aside for one reference, until it is captured by charges or released.

    state: active -> settled | released | expired. expired only frees the rest: a call that turns out to be alive goes on
    being charged, from what is available.
    remaining_mcredits: still set aside; charged_mcredits: charged for the reference so far, whatever it came from.
    settlements: how often the total was adjusted; settled_total_mcredits: to what, the last time.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    reference = models.CharField(max_length=100, unique=True)
    state = models.CharField(max_length=10, default="active")
    remaining_mcredits = models.BigIntegerField(default=0)
    charged_mcredits = models.BigIntegerField(default=0)
    extensions = models.PositiveIntegerField(default=0)
    settlements = models.PositiveIntegerField(default=0)
    settled_total_mcredits = models.BigIntegerField(null=True)
    placed_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(remaining_mcredits__gte=0, charged_mcredits__gte=0), name="ledger_hold_never_negative"
            ),
            models.CheckConstraint(
                condition=Q(state="active", closed_at__isnull=True)
                | Q(state__in=("settled", "released", "expired"), remaining_mcredits=0, closed_at__isnull=False),
                name="ledger_hold_state_known",
            ),
        )
        indexes = (
            models.Index(fields=("expires_at",), condition=Q(state="active"), name="ledger_hold_due"),
            # What can still be charged; `ledger.live` asks for all of it each second.
            models.Index(fields=("workspace",), condition=Q(state__in=("active", "expired")), name="ledger_hold_open"),
        )


class RateCard(models.Model):
    """One version of the prices; a call keeps the version that it began with. Rows are added, never edited."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.PositiveIntegerField(unique=True)
    mcredits_per_minute = models.BigIntegerField()
    increment_s = models.PositiveSmallIntegerField()
    minimum_s = models.PositiveSmallIntegerField()
    ai_query_mcredits = models.BigIntegerField()
    valid_from = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(mcredits_per_minute__gte=1, mcredits_per_minute__lte=1_000_000_000),
                name="ledger_rate_minute_in_range",
            ),
            models.CheckConstraint(
                condition=Q(increment_s__gte=1, increment_s__lte=3600, minimum_s__gte=0, minimum_s__lte=3600),
                name="ledger_rate_seconds_in_range",
            ),
            models.CheckConstraint(
                condition=Q(ai_query_mcredits__gte=1, ai_query_mcredits__lte=1_000_000_000),
                name="ledger_rate_query_in_range",
            ),
        )
        ordering = (F("version").desc(),)

    @property
    def terms(self) -> RateCardTerms:
        return RateCardTerms(
            version=self.version,
            mcredits_per_minute=self.mcredits_per_minute,
            increment_s=self.increment_s,
            minimum_s=self.minimum_s,
            ai_query_mcredits=self.ai_query_mcredits,
        )
