"""What is kept of automatic top-up: what somebody agreed to, each charge that followed, and what people were told."""

from typing import get_args

from django.db import models
from django.db.models import F, Q

from identity.models import TenantModel, Workspace
from ledger.paddle_models import Checkout
from ledger.top_up_schemas import MONTHLY_TOP_UPS_MAX, ChargeState, EndReason, TopUpState

NOTICE_KINDS = ("switched_off", "cap_reached")


class TopUpPlan(TenantModel):
    """One opt-in: the terms as they were agreed, and the subscription of price 0 that keeps the payment method.

    user_id: who agreed, null once that person is erased; idempotency_key: the browser's, "" then.
    words: what was shown; compliance keeps its hash with the consent.
    transaction_id: Paddle's, of the checkout that saves the method; what binds the subscription, and nothing else does.
    subscription_id: "" until Paddle tells of it. subscription_at: when what was last heard of it happened.
    raised_at: since when the balance is below the line, as far as it was noticed; falls: how often it fell.
    capped_month: first day of the month in which a fall found the month's top-ups used up.
    cancel_at: when Paddle is to be asked next to forget the method; null when there is nothing to ask. canceled_at: it did.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    user_id = models.UUIDField(null=True)
    idempotency_key = models.CharField(max_length=100)
    price_id = models.CharField(max_length=80)
    pack_name = models.CharField(max_length=80)
    mcredits = models.BigIntegerField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    threshold_mcredits = models.BigIntegerField()
    monthly_max = models.PositiveSmallIntegerField()
    words = models.TextField()
    transaction_id = models.CharField(max_length=80, unique=True)
    subscription_id = models.CharField(max_length=80, default="", blank=True)
    subscription_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, default="pending")
    end_reason = models.CharField(max_length=16, default="", blank=True)
    raised_at = models.DateTimeField(null=True)
    falls = models.PositiveIntegerField(default=0)
    capped_month = models.DateField(null=True)
    agreed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    cancel_at = models.DateTimeField(null=True)
    cancel_attempts = models.PositiveIntegerField(default=0)
    canceled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("workspace",), condition=~Q(state="ended"), name="ledger_top_up_one_live_plan"
            ),
            models.UniqueConstraint(
                fields=("subscription_id",), condition=~Q(subscription_id=""), name="ledger_top_up_subscription_of_one"
            ),
            models.UniqueConstraint(
                fields=("workspace", "user_id", "idempotency_key"),
                condition=Q(user_id__isnull=False),
                name="ledger_top_up_once_per_key",
            ),
            models.CheckConstraint(condition=Q(state__in=get_args(TopUpState)), name="ledger_top_up_state_known"),
            models.CheckConstraint(
                condition=Q(state="ended", ended_at__isnull=False, end_reason__in=get_args(EndReason))
                | (~Q(state="ended") & Q(ended_at__isnull=True, end_reason="")),
                name="ledger_top_up_end_has_reason",
            ),
            models.CheckConstraint(
                condition=~Q(state="active") | ~Q(subscription_id=""), name="ledger_top_up_active_is_bound"
            ),
            models.CheckConstraint(
                condition=Q(mcredits__gte=F("threshold_mcredits"), threshold_mcredits__gte=1, amount_minor__gte=1)
                & Q(monthly_max__gte=1, monthly_max__lte=MONTHLY_TOP_UPS_MAX),
                name="ledger_top_up_terms_in_range",
            ),
        )
        indexes = (
            models.Index(fields=("cancel_at",), condition=Q(cancel_at__isnull=False), name="ledger_top_up_to_cancel"),
            models.Index(fields=("workspace", "-agreed_at"), name="ledger_top_up_newest"),
        )


class TopUp(TenantModel):
    """One charge, written in the transaction that notices the fall and before Paddle is asked.

    fall: which of the plan's falls it answers. month: its first day, UTC; number: which of the month's it is, from 1.
    state: intended -> charged (Paddle took the payment) -> granted (the credits are there), or failed. reason: why.
    asked_at: when Paddle was asked; null while it surely was not. asks: how often. next_at: when it is looked at next.
    checkout: the purchase that it became.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    plan = models.ForeignKey(TopUpPlan, on_delete=models.PROTECT, related_name="top_ups")
    fall = models.PositiveIntegerField()
    month = models.DateField()
    number = models.PositiveSmallIntegerField()
    monthly_max = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=8, default="intended")
    reason = models.CharField(max_length=16, default="", blank=True)
    checkout = models.OneToOneField(Checkout, on_delete=models.PROTECT, null=True, related_name="top_up")
    asked_at = models.DateTimeField(null=True)
    asks = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField()
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("plan", "fall"), name="ledger_top_up_once_per_fall"),
            models.UniqueConstraint(
                fields=("workspace",),
                condition=Q(state__in=("intended", "charged")),
                name="ledger_top_up_one_in_flight",
            ),
            # The cap as the database keeps it: no number twice, and none above the maximum.
            models.UniqueConstraint(
                fields=("workspace", "month", "number"), condition=~Q(state="failed"), name="ledger_top_up_number_once"
            ),
            models.CheckConstraint(
                condition=Q(number__gte=1, number__lte=F("monthly_max")), name="ledger_top_up_within_the_cap"
            ),
            models.CheckConstraint(
                condition=Q(state__in=get_args(ChargeState)), name="ledger_top_up_charge_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state="granted") | Q(checkout__isnull=False), name="ledger_top_up_granted_by_purchase"
            ),
        )
        indexes = (models.Index(fields=("next_at",), condition=Q(state="intended"), name="ledger_top_up_due"),)


class TopUpNotice(TenantModel):
    """A mail that is to be sent once. key: what makes it one. next_at: when it is tried next."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    plan = models.ForeignKey(TopUpPlan, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=100, unique=True)
    created_at = models.DateTimeField()
    next_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(kind__in=NOTICE_KINDS), name="ledger_top_up_notice_known"),)
        indexes = (models.Index(fields=("next_at",), condition=Q(sent_at__isnull=True), name="ledger_top_up_to_mail"),)
