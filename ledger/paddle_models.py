"""What is kept of purchases: our own checkouts, and Paddle's events as they came, less everything personal."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from identity.models import TenantModel, Workspace

CHECKOUT_STATES = ("open", "paid", "granted", "failed")
EVENT_STATES = ("pending", "applied", "ignored", "needs_person")


class Checkout(TenantModel):
    """A purchase that somebody began. The workspace of a grant comes from here, by transaction id, and nowhere else.

    user_id: who began it, null once that person is erased; idempotency_key: the browser's, "" then. joined_keys: those of later
    clicks that led to the same purchase; none then.
    mcredits, amount_minor, currency: the pack as it was shown, which is what is granted.
    paid_minor: what Paddle says was paid, tax included; null until then.
    granted_mcredits: credits given for it; taken_back_mcredits: of these, taken back by refunds and chargebacks;
    charged_back_mcredits: of these, by chargebacks that were not reversed.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    user_id = models.UUIDField(null=True)
    idempotency_key = models.CharField(max_length=100)
    joined_keys = ArrayField(models.CharField(max_length=100), default=list, db_default=[])
    price_id = models.CharField(max_length=80)
    pack_name = models.CharField(max_length=80)
    mcredits = models.BigIntegerField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    transaction_id = models.CharField(max_length=80, unique=True)
    state = models.CharField(max_length=10, default="open")
    paid_minor = models.BigIntegerField(null=True)
    granted_mcredits = models.BigIntegerField(default=0)
    taken_back_mcredits = models.BigIntegerField(default=0)
    charged_back_mcredits = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    granted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("workspace", "user_id", "idempotency_key"),
                condition=Q(user_id__isnull=False),
                name="ledger_checkout_once_per_key",
            ),
            models.CheckConstraint(condition=Q(state__in=CHECKOUT_STATES), name="ledger_checkout_state_known"),
            models.CheckConstraint(
                condition=Q(mcredits__gte=1, amount_minor__gte=1, granted_mcredits__gte=0),
                name="ledger_checkout_amounts_positive",
            ),
            models.CheckConstraint(
                condition=Q(charged_back_mcredits__gte=0)
                & Q(taken_back_mcredits__gte=models.F("charged_back_mcredits"))
                & Q(taken_back_mcredits__lte=models.F("granted_mcredits")),
                name="ledger_checkout_takes_back_at_most_the_grant",
            ),
            models.CheckConstraint(
                condition=Q(state="granted", granted_at__isnull=False, granted_mcredits__gte=1)
                | (~Q(state="granted") & Q(granted_at__isnull=True, granted_mcredits=0)),
                name="ledger_checkout_granted_is_dated",
            ),
        )
        indexes = (models.Index(fields=("workspace", "price_id", "-created_at"), name="ledger_checkout_recent"),)


class PaddleEvent(models.Model):
    """A notification of Paddle, stored before it is applied; only its handling ever changes.

    payload: the fields of the allow-list in ledger/paddle.py and nothing else: no card, no name, no address.
    transaction_id: the transaction that it is about, "" for other events.
    state: pending (waits, perhaps for an earlier event), applied, ignored, needs_person (a person has to look).
    problem: stable code of why it waits or needs a person.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    event_id = models.CharField(max_length=80, unique=True)
    event_type = models.CharField(max_length=80)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    transaction_id = models.CharField(max_length=80, default="", blank=True)
    payload = models.JSONField()
    state = models.CharField(max_length=12, default="pending")
    problem = models.CharField(max_length=40, default="", blank=True)
    handled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(state__in=EVENT_STATES), name="ledger_paddle_event_state_known"),
        )
        indexes = (
            models.Index(fields=("received_at",), condition=Q(state="pending"), name="ledger_paddle_event_due"),
            models.Index(fields=("transaction_id",), name="ledger_paddle_event_about"),
        )


class PaddleLook(models.Model):
    """How far Paddle's own list of events has been read, in its one row.

    looked_until: what happened before this was read. next_at: when it is read next.
    """

    name = models.CharField(max_length=12, primary_key=True)
    looked_until = models.DateTimeField()
    next_at = models.DateTimeField()

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(name="events"), name="ledger_paddle_look_is_one"),)
