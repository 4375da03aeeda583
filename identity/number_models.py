"""What is kept of numbers: passcodes sent to them, those that want none, those proved without an account."""

from typing import ClassVar, Final

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from processors.sealed_fields import SealedField, index_column

E164: Final = r"\+[1-9][0-9]{6,14}"


class NumberKey(models.Model):
    """Something random that opens what is held about a number: the cookie of a browser that proved it, or a link to a copy.

    key_digest: SHA-256 in hex of what the browser or the link holds, so that a copy of the table opens nothing.
    """

    SESSION = "session"
    LINK = "link"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=8)
    key_digest = models.CharField(max_length=64, unique=True)
    phone_e164 = SealedField(lookup=True, pattern=E164)
    phone_e164_key = index_column("phone_e164")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=["session", "link"]), name="number_key_kind_known"),
            models.UniqueConstraint(fields=["phone_e164_key"], condition=Q(kind="link"), name="number_key_one_link"),
        ]
        indexes: ClassVar = [models.Index(fields=["phone_e164_key"], name="number_key_of_number")]


class StoppedNumber(models.Model):
    """A phone that answered STOP, or for which somebody asked support: nothing is sent to it, whoever signs up with it.

    number_key: keyed hash of the number, so that it can stay when the person is erased. unfinished_way: how it was asked for, until
    everybody who uses it is stopped as well.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number_key = models.CharField(max_length=64, unique=True)
    stopped_at = models.DateTimeField()
    unfinished_way = models.CharField(max_length=7, blank=True, default="", db_default="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(unfinished_way__in=["", "text", "support"]), name="stopped_number_way_known"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=~Q(unfinished_way=""), name="stopped_number_unfinished")
        ]


class OtpAttempt(models.Model):
    """One passcode sent or checked; never the code. The limits count these rows. Expires after 90 days.

    Those of whoever has proved the number before and signs in with it are told from those of whoever claims it, as anybody can in a
    sign-up, and those of people without an account. So nobody uses up what is kept for another.
    number_key: keyed hash of the number; prefix_key: of its block of ten thousand numbers.
    outcome: `reserved` until Twilio has answered; a reserved send counts, since its message may have left.
    """

    SEND = "send"
    CHECK = "check"
    CLAIM_SEND = "clm_send"
    CLAIM_CHECK = "clm_chck"
    NUMBER_SEND = "num_send"
    NUMBER_CHECK = "num_chck"
    PURPOSES = [
        (SEND, "Sent"),
        (CHECK, "Checked"),
        (CLAIM_SEND, "Sent to a number that is claimed"),
        (CLAIM_CHECK, "Checked of a number that is claimed"),
        (NUMBER_SEND, "Sent to somebody without an account"),
        (NUMBER_CHECK, "Checked of somebody without an account"),
    ]
    SENDS = (SEND, CLAIM_SEND, NUMBER_SEND)
    CHECKS = (CHECK, CLAIM_CHECK, NUMBER_CHECK)
    RESERVED = "reserved"
    SENT = "sent"
    APPROVED = "approved"
    WRONG = "wrong"
    FAILED = "failed"
    OUTCOMES = [
        (RESERVED, "Not answered yet"),
        (SENT, "Sent"),
        (APPROVED, "Approved"),
        (WRONG, "Wrong code"),
        (FAILED, "Refused by the service"),
    ]

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(db_index=True)
    purpose = models.CharField(max_length=8, choices=PURPOSES)
    outcome = models.CharField(max_length=12, choices=OUTCOMES, default=RESERVED)
    user = models.ForeignKey("identity.User", on_delete=models.SET_NULL, null=True, related_name="+")
    number_key = models.CharField(max_length=64)
    prefix_key = models.CharField(max_length=64, blank=True)
    network = models.CharField(max_length=45, blank=True)
    # What the text message was taken to cost, in millionths; 0 for checks.
    price_micro = models.PositiveIntegerField(default=0, db_default=0)
    # Twilio's id of the verification, which is the proof that the session was opened by one.
    verification_sid = models.CharField(max_length=34, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["number_key", "purpose", "at"], name="otp_of_number"),
            models.Index(fields=["prefix_key", "purpose", "at"], name="otp_of_prefix"),
            models.Index(fields=["network", "purpose", "at"], name="otp_of_network"),
        ]


class PasscodeAlert(models.Model):
    """A mail to the operator that so many passcodes left in a day, or such dear ones, that no more do. One row a ceiling, used again the
    next time.

    kind: new, for numbers that are not proved, or all; with _cost where their price was what reached it. raised_at: when it was reached, once in 24 hours; next_at: when the mail is
    tried next.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=8, unique=True)
    raised_at = models.DateTimeField()
    next_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind__in=["new", "all", "new_cost", "all_cost"]), name="passcode_alert_kind_known"
            )
        ]
