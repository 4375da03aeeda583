"""Leads, calls, legs, media streams, transcripts and the carrier's callbacks."""

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from identity.models import TenantModel
from voice.guard_models import DialPause
from voice.limit_models import LimitMark
from voice.queue_models import QueueSession, Reservation, Tag
from voice.refusal_models import TranscriptRefusal
from voice.scripted_models import ScriptedCall
from voice.segment_models import TranscriptSegment
from voice.state import CLOSING_AT_S, is_machine
from voice.watch_models import CallWatch

__all__ = [
    "ERASED_NAME",
    "RESTRICTED_NAME",
    "TERMINAL_STATUSES",
    "TEXTLESS_STATES",
    "Call",
    "CallLeg",
    "CallWatch",
    "Callback",
    "DialIntent",
    "DialPause",
    "Lead",
    "LimitMark",
    "MediaStream",
    "QueueSession",
    "Reservation",
    "ScriptedCall",
    "Tag",
    "TranscriptRefusal",
    "TranscriptSegment",
]
TERMINAL_STATUSES = ("completed", "busy", "no_answer", "failed", "cancelled")
# In these nothing was written down, or what was is removed.
TEXTLESS_STATES = ("off", "expired")


ERASED_NAME = "Removed at the person's request"
RESTRICTED_NAME = "Restricted at the person's request"


class Lead(TenantModel):
    """A person who may be called. After erasure only the row's id, workspace and erased_at remain.

    tags: names of the workspace's tags. disposition: what came of the last call that rang this person, as `Call.result`
    says it; null when none ever did. attempts: calls in a row, up to the last, that were busy or not answered. retry_at: when
    such a call may be tried again; null when it may not. restricted_at: since when nothing about the person may be used,
    reading included; null while it may. search_text: names, company and number, each on a line, as searches compare them
    (`voice_folded`); the database writes it whenever one of those is written.
    """

    first_name = models.CharField(max_length=120)
    last_name = models.CharField(max_length=120, blank=True)
    company = models.CharField(max_length=120, blank=True)
    phone_e164 = models.CharField(max_length=16, null=True)
    country = models.CharField(max_length=2, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField()
    last_call_at = models.DateTimeField(null=True)
    tags = ArrayField(models.CharField(max_length=30), default=list)
    disposition = models.CharField(max_length=20, null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)
    restricted_at = models.DateTimeField(null=True)
    search_text = models.TextField(blank=True, editable=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("workspace", "phone_e164"), name="lead_phone_once_per_workspace"),
            models.CheckConstraint(
                condition=Q(phone_e164__isnull=False) | Q(erased_at__isnull=False),
                name="lead_has_phone_or_is_erased",
            ),
        )
        indexes = (
            models.Index(fields=("workspace", "-created_at", "-id"), name="lead_newest"),
            models.Index(
                fields=("workspace", "disposition", "-created_at", "-id"),
                condition=Q(disposition__isnull=False),
                name="lead_disposed",
            ),
            # In the order of the queue.
            models.Index(
                "workspace",
                "retry_at",
                F("last_call_at").asc(nulls_first=True),
                "created_at",
                "id",
                condition=Q(disposition__isnull=True) | Q(retry_at__isnull=False),
                name="lead_queue",
            ),
            # Who was called asks over all workspaces.
            models.Index(fields=("phone_e164",), name="lead_of_number"),
            GinIndex(fields=("search_text",), opclasses=["gin_trgm_ops"], name="lead_search"),
        )

    @property
    def name(self) -> str:
        shown = RESTRICTED_NAME if self.restricted_at else self.own_name
        return ERASED_NAME if self.erased_at else shown

    @property
    def own_name(self) -> str:
        """As it is kept, whoever may use it: for the person themselves, and for what follows the row. "" once it is erased."""
        return f"{self.first_name} {self.last_name}".strip()


class Call(TenantModel):
    """One call of a rep to a lead. By phone the carrier rings the rep, then bridges the lead; in the browser the rep's page
    calls the carrier instead.

    way: phone or browser.
    sequence: number of the newest event of this call; segments and changes share one numbering.
    callbacks_applied: how many callbacks, and what is stored like them, it was made of until now.
    minutes_charged: call minutes debited so far; the next due minute has this ordinal.
    max_duration_s: how long a call may last at all; its credits usually end before.
    warned_at_s: the last mark of `voice.credit_end` that was told. limited_at: where its credits end, as the carrier was told;
    of a call in the browser until the lead answers: where the carrier ends it whatever we do.
    hangup_requested_at: when it is to end; the closing line is spoken in the seconds before.
    ended_by: who of the team ended a colleague's call; empty when nobody did, or once that person is gone.
    shut_out: whether it ends because its rep is kept out, or is not of the workspace any more.
    opted_out: whether the lead pressed the key of the notice that ends the call and all that would follow.
    ended_because: which wish of the lead or the rep about their data ends it; null without one.
    answered_at: the callee leg's answer, from which call minutes count.
    answered_by: who took the lead's phone, as the carrier guesses: human, machine_..., fax or unknown; null when it did not say.
    outcome: what came of it by the carrier's word; null while it goes on, and when the rep ended it before an answer.
    disposition: what the rep says came of it, which nothing but a person changes.
    """

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="calls")
    # Found by an index of its own, below.
    user = models.ForeignKey("identity.User", on_delete=models.CASCADE, related_name="+", db_index=False)
    idempotency_key = models.CharField(max_length=80)
    way = models.CharField(max_length=7, default="phone", db_default="phone")
    status = models.CharField(max_length=16, default="intended")
    transcript_state = models.CharField(max_length=20, default="waiting_for_notice")
    rate_card_id = models.UUIDField()
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    duration_s = models.PositiveIntegerField(default=0)
    end_reason = models.CharField(max_length=40, null=True)
    max_duration_s = models.PositiveIntegerField()
    minutes_charged = models.PositiveIntegerField(default=0)
    charged_mcredits = models.BigIntegerField(default=0)
    settled_at = models.DateTimeField(null=True)
    warned_at_s = models.PositiveSmallIntegerField(null=True)
    limited_at = models.DateTimeField(null=True)
    hangup_requested_at = models.DateTimeField(null=True)
    hangup_confirmed_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey("identity.User", on_delete=models.SET_NULL, null=True, related_name="+")
    shut_out = models.BooleanField(default=False, db_default=False)
    opted_out = models.BooleanField(default=False, db_default=False)
    ended_because = models.CharField(max_length=40, null=True)
    media_started_at = models.DateTimeField(null=True)
    reconciled_at = models.DateTimeField(null=True)
    analysis_state = models.CharField(max_length=10, default="none")
    analysis_claimed_at = models.DateTimeField(null=True)
    sequence = models.PositiveIntegerField(default=0)
    callbacks_applied = models.PositiveIntegerField(default=0)
    answered_by = models.CharField(max_length=20, null=True)
    outcome = models.CharField(max_length=10, null=True)
    disposition = models.CharField(max_length=20, null=True)
    notes = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("workspace", "user", "idempotency_key"), name="call_once_per_intent"),
            models.UniqueConstraint(
                fields=("user",), condition=~Q(status__in=TERMINAL_STATUSES), name="call_one_live_per_user"
            ),
            models.UniqueConstraint(
                fields=("lead",), condition=~Q(status__in=TERMINAL_STATUSES), name="call_one_live_per_lead"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=TERMINAL_STATUSES) | Q(ended_at__isnull=False),
                name="call_ended_has_time",
            ),
        )
        indexes = (
            models.Index(fields=("workspace", "-created_at", "-id"), name="call_newest"),
            models.Index(fields=("user", "-created_at"), name="call_of_person"),
            models.Index(
                fields=("workspace", "created_at", "id"), condition=~Q(status__in=TERMINAL_STATUSES), name="call_live"
            ),
            models.Index(fields=("ended_at",), condition=Q(status__in=TERMINAL_STATUSES), name="call_ended"),
            # Without those of which nothing was to be written: most calls, for ever.
            models.Index(
                fields=("ended_at",),
                condition=Q(status__in=TERMINAL_STATUSES) & ~Q(transcript_state__in=TEXTLESS_STATES),
                name="call_text_kept",
            ),
            models.Index(
                fields=("ended_at",), condition=Q(analysis_state__in=("none", "claimed")), name="call_analysis_due"
            ),
        )

    @property
    def is_live(self) -> bool:
        return self.status not in TERMINAL_STATUSES

    @property
    def result(self) -> str | None:
        """What came of it: the rep's word, or else the carrier's."""
        return self.disposition or self.outcome

    @property
    def is_machine(self) -> bool:
        """Whether a voicemail, or a fax, took the lead's phone, as far as the carrier can tell."""
        return is_machine(self.answered_by)

    @property
    def closes(self) -> bool:
        """Whether its closing line has begun: its credits are over, it is as long as a call can be, or its rep is shut out."""
        return self.warned_at_s == CLOSING_AT_S

    def is_longest(self, duration_s: int) -> bool:
        """Whether a call that closes does so for its length."""
        return duration_s >= self.max_duration_s - 2 * CLOSING_AT_S

    def closed_as(self, duration_s: int, *, opted_out: bool) -> str | None:
        """Why it ends where it is not the two who hang up: as its closing line announced, or as a colleague wanted; else None."""
        if self.shut_out:
            return "rep_shut_out"
        if not self.closes:
            # Who it was is forgotten with the person; that it was one is not.
            of_colleague = self.ended_by_id is not None or self.end_reason == "ended_by_colleague"
            otherwise = self.ended_because or ("lead_opted_out" if opted_out else None)
            return "ended_by_colleague" if of_colleague else otherwise
        return "longest_call" if self.is_longest(duration_s) else "credits_used_up"

    @property
    def billable_s(self) -> int:
        """What is charged for of a call that is over. A carrier that ends a call late is not paid for."""
        return min(self.duration_s, self.max_duration_s) if self.answered_at else 0

    @property
    def ledger_reference(self) -> str:
        return self.reference_of(self.id)

    @staticmethod
    def reference_of(call_id: UUID) -> str:
        """What the ledger calls the call."""
        return f"call:{call_id}"

    @staticmethod
    def id_of(reference: str) -> UUID | None:
        """Which call a reference of the ledger means; None for what is no call."""
        kind, _, call_id = reference.partition(":")
        try:
            return UUID(call_id) if kind == "call" else None
        except ValueError:
            return None


class DialIntent(TenantModel):
    """The wish to place one call at the carrier, written before anything is dialled.

    state: pending -> submitting -> submitted | refused; submitting -> submission_unknown when the carrier's answer was
    lost. A dial is never repeated: an unknown submission is looked up at the carrier. Of a call in the browser: waiting (for the
    browser's leg) -> submitted | refused.
    """

    call = models.OneToOneField(Call, on_delete=models.CASCADE, related_name="dial_intent")
    state = models.CharField(max_length=20, default="pending")
    claimed_at = models.DateTimeField(null=True)
    submitted_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, null=True)

    class Meta:
        indexes = (
            models.Index(
                fields=("claimed_at",),
                condition=Q(state__in=("pending", "submitting", "submission_unknown", "waiting")),
                name="dial_open",
            ),
        )


class CallLeg(TenantModel):
    """One of the carrier's two legs. role: agent (the rep's phone or browser, the parent) or callee (its child).

    answered_source, ended_source: where these times are from, see `voice.state.Source`.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="legs")
    role = models.CharField(max_length=6)
    sid = models.CharField(max_length=34, unique=True)
    status = models.CharField(max_length=12, default="queued")
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    duration_s = models.PositiveIntegerField(null=True)
    answered_source = models.PositiveSmallIntegerField(default=0)
    ended_source = models.PositiveSmallIntegerField(default=0)
    carrier_deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=("call", "role"), name="leg_of_call"),)


class MediaStream(TenantModel):
    """Who listens to a call: one media socket to our own engines, or one transcription at Twilio.

    state: issued -> connected -> finished (all its speech is stored) | lost. stream_sid: the carrier's MZ... or GT... .
    settled_ms: in the call's own time, up to where everything that was said is stored.
    Our own: token_hash is the SHA-256 of the one-use token that the socket must present; seen_at when its media process
    last said that it lives; what lies behind settled_ms dies with it.
    Twilio's: heard_sequence and heard_ms are the highest SequenceId and the latest time of its callbacks, holes those that
    have not come: [first, last, start_ms, end_ms]. shown: when the words were spoken that each track has shown and not yet said
    as a whole, and how many they were, by now and before each hole; see voice/arrivals.py.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="streams")
    engine = models.CharField(max_length=6, default="own")
    token_hash = models.CharField(max_length=64, unique=True, null=True)
    state = models.CharField(max_length=10, default="issued")
    stream_sid = models.CharField(max_length=34, null=True)
    issued_at = models.DateTimeField()
    connected_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    settled_ms = models.PositiveIntegerField(default=0)
    dropped_frames = models.PositiveIntegerField(default=0)
    heard_sequence = models.PositiveIntegerField(default=0)
    heard_ms = models.PositiveIntegerField(default=0)
    holes = models.JSONField(default=list)
    shown = models.JSONField(default=dict, db_default={})

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(engine="own", token_hash__isnull=False) | Q(engine="twilio", token_hash__isnull=True),
                name="stream_own_has_token",
            ),
        )
        indexes = (
            models.Index(fields=("call", "issued_at"), name="stream_of_call"),
            # Not by seen_at, which changes every two seconds: no index has to be told of that.
            models.Index(fields=("call",), condition=Q(state="connected"), name="stream_connected"),
            models.Index(fields=("issued_at",), condition=~Q(holes=[]), name="stream_with_holes"),
        )


class Callback(TenantModel):
    """A carrier's request as it came, stored before it is applied and never changed but for how it was applied.

    What was learned of a call otherwise, and moves it, is stored here too: see voice/leg_news.py.

    dedupe_key: kind, leg or stream SID, status and sequence number: the same news is stored once.
    params: the form fields that we use; others are dropped unread.
    applied_order: 1, 2, 3... within the call; null while it waits, and for texts of Twilio's transcription, which move no call.
    asked_to_end: whether the call was to be ended when this took effect, which its end depends on; the time at which that was asked
        may be one from before a wait for the call. Null as applied_order, and where it was applied before this was kept.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="callbacks")
    kind = models.CharField(max_length=12)
    sid = models.CharField(max_length=34)
    dedupe_key = models.CharField(max_length=160, unique=True)
    params = models.JSONField()
    received_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True)
    applied_order = models.PositiveIntegerField(null=True)
    asked_to_end = models.BooleanField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("call", "applied_order"), name="callback_applied_in_order"),)
        indexes = (
            models.Index(fields=("received_at",), condition=Q(applied_at__isnull=True), name="callback_unapplied"),
            models.Index(fields=("call", "received_at"), name="callback_of_call"),
        )
