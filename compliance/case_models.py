"""What is kept of a person's wish about their data, however it came: the case, what was written about it, its mails."""

from typing import ClassVar, Literal, get_args

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from processors.sealed_fields import SealedField, index_column

# What the state of a case may become, and how far along it is; a case never goes back.
RANKS = {"received": 0, "verified": 1, "working": 2, "closed": 3}
KINDS = (
    "access",
    "correction",
    "deletion",
    "restriction",
    "objection",
    "withdrawal",
    "nominee",
    "grievance",
    "opt_out",
    # A mail that nobody has read yet.
    "unsorted",
)
CHANNELS = ("privacy_centre", "mail", "callee_page", "nominee_page", "support")
OUTCOMES = ("done", "refused", "taken_back", "erased")
# How a person has proved who they are: a session whose phone was proved, a passcode to the number in question, a link that was mailed
# to the nominee, one that was mailed to the account's own address, or support.
PROOFS = ("session", "passcode", "link", "mailbox", "support")
LINKS = ("proof", "copy")
ENTRY_KINDS = ("mail", "words", "note", "change", "reply")
CaseMailTemplate = Literal[
    "received",
    "received_unproved",
    "reply",
    "answered",
    "alert_7",
    "alert_20",
    "alert_25",
    "deletion_answered",
    "deletion_asked",
    "deletion_taken_back",
    "nominee_asks",
    "nominee_access",
    "nominee_granted",
    "holder_answered",
    "proof_link",
    "copy_link",
    "came_back",
]
MAILS: tuple[str, ...] = get_args(CaseMailTemplate)
ALERTS = ("alert_7", "alert_20", "alert_25")


class Case(models.Model):
    """One wish of one person, with the clock of the answer.

    reference: what people quote, such as KS-7QF2-9DKX-M4TA; random. person: keyed hash of the account, the number or the
    e-mail address. contact: the number (E.164) or the address, sealed. emptied_at: when contact, account and entries were
    removed with the person.
    due_on: the last day for the answer, from the day that it came; a pause does not move it.
    joined_to: another open case of the same person and kind that is answered together with this one. Each proves its own
    requester all the same. proved_by, proved_at: how this one did.
    paused_at, pause_reason: it waits for somebody else. erasure: the run that fulfils it. taken_by: who of us works on it, as the
    audit log names them; "" while nobody does.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    reference = models.CharField(max_length=17, unique=True)
    kind = models.CharField(max_length=12)
    channel = models.CharField(max_length=16)
    state = models.CharField(max_length=8, default="received")
    outcome = models.CharField(max_length=12, blank=True)
    user_id = models.UUIDField(null=True)
    person = models.CharField(max_length=64)
    contact = SealedField(blank=True, lookup=True)
    contact_key = index_column("contact")
    opened_at = models.DateTimeField()
    due_on = models.DateField()
    proved_at = models.DateTimeField(null=True)
    proved_by = models.CharField(max_length=8, blank=True)
    paused_at = models.DateTimeField(null=True)
    pause_reason = models.CharField(max_length=200, blank=True)
    taken_by = models.CharField(max_length=64, blank=True, db_default="", default="")
    closed_at = models.DateTimeField(null=True)
    emptied_at = models.DateTimeField(null=True)
    joined_to = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="joined")
    erasure = models.OneToOneField("compliance.Request", on_delete=models.SET_NULL, null=True, related_name="case")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="case_kind_known"),
            models.CheckConstraint(condition=Q(channel__in=CHANNELS), name="case_channel_known"),
            models.CheckConstraint(condition=Q(state__in=list(RANKS)), name="case_state_known"),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False, outcome__in=OUTCOMES)
                | (~Q(state="closed") & Q(closed_at__isnull=True, outcome="")),
                name="case_closed_has_outcome",
            ),
            models.CheckConstraint(
                condition=Q(proved_at__isnull=True, proved_by="") | Q(proved_at__isnull=False, proved_by__in=PROOFS),
                name="case_proof_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(paused_at__isnull=True, pause_reason="")
                | (Q(paused_at__isnull=False) & ~Q(pause_reason="") & ~Q(state="closed")),
                name="case_pause_has_reason",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_on", "id"], condition=~Q(state="closed"), name="case_open"),
            models.Index(fields=["person", "kind"], name="case_of_person"),
            models.Index(fields=["closed_at"], condition=Q(state="closed"), name="case_closed"),
        ]

    @property
    def is_open(self) -> bool:
        return self.state != "closed"


class CaseEntry(models.Model):
    """A line of a case: a mail as it came, the person's own words, a note of support, a reply to the person, or what changed.

    author: "requester", "holder" for who has the account in a case of the nominee, or who did it. message_key: keyed hash of a mail, so that the same mail is kept once.
    thread_key: keyed hash of the mail's own id, by which an answer to it is recognised. Card numbers are taken out of text.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="entries")
    at = models.DateTimeField()
    kind = models.CharField(max_length=8)
    author = models.CharField(max_length=64)
    text = models.TextField(blank=True)
    message_key = models.CharField(max_length=64, null=True, unique=True)
    thread_key = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=ENTRY_KINDS), name="case_entry_kind_known")
        ]
        indexes: ClassVar = [
            models.Index(fields=["case", "at"], name="case_entry_of_case"),
            models.Index(fields=["thread_key"], condition=~Q(thread_key=""), name="case_entry_of_thread"),
        ]


class CaseMail(models.Model):
    """A mail of the closed register (`compliance.case_mails`) about a case that is to be sent, or was.

    to: empty for the operator. about: the Message-ID that it answers. next_at: when it is tried next.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="mails")
    template = models.CharField(max_length=20)
    to = SealedField(blank=True)
    about = models.CharField(max_length=250, blank=True)
    text = models.TextField(blank=True)
    created_at = models.DateTimeField()
    next_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(template__in=MAILS), name="case_mail_in_the_register"),
            models.UniqueConstraint(
                fields=["case", "template"],
                condition=Q(template__in=ALERTS),
                name="case_alerted_once_a_day_of_the_clock",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_at"], condition=Q(sent_at__isnull=True), name="case_mail_due"),
        ]


class CaseLink(models.Model):
    """A link for who cannot sign in, mailed to the account's own address; a case has one of each at a time, and the next takes its place.

    what: "proof" shows that the case is theirs, "copy" fetches the copy that it asks for. user_id: whose account. address_key: keyed
    hash of the address to which it was mailed; once the account has another, the link opens nothing. link_hash: SHA-256 of what stands
    in the mail. used_at: once, when.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="links")
    what = models.CharField(max_length=5)
    user_id = models.UUIDField(db_index=True)
    address_key = models.CharField(max_length=64)
    link_hash = models.CharField(max_length=64, unique=True)
    made_by = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(what__in=LINKS), name="case_link_kind_known"),
            models.UniqueConstraint(fields=["case", "what"], name="case_link_one_of_a_kind"),
        ]
