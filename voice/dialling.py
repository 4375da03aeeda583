"""Whether a lead may be called now, and what the rep should know before."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from compliance import restriction, suppression
from identity.auth import Actor
from identity.models import User
from ledger import queries as ledger_queries
from ledger.money import RateCardTerms, affordable_s, price
from ledger.operations import CapReached, WorkspaceCapReached
from voice import caps, guard, limit_marks, reps, transcript_refusals, ways
from voice.calling_hours import hours_of, is_calling_hour, local_time, opens_at, public_holiday, zones_of
from voice.calling_limits import limits_of
from voice.caps import WorkspaceCaps
from voice.models import TERMINAL_STATUSES, Call, Lead, Reservation
from voice.notice import NOTICE
from voice.phones import SPECIAL_RATE, is_callable
from voice.schemas import DialCheckOut, Refusal

# Twilio's own bound of <Dial timeLimit>.
CALL_LENGTH_MAX_S = 4 * 3600
# Held before the dial; the meter renews the hold while the call runs.
HOLD_S = 300
MAY_NOT_CALL = "You have left this team, or stopped our text messages. Sign in again to call."
RESERVED = "A colleague has this lead in the queue and is about to call. Wait some minutes, or take another lead."


@dataclass(frozen=True, slots=True)
class DialTerms:
    """What a call would cost and how long it could last.

    cap_left_mcredits: what the member may still spend this month, workspace_left_mcredits: what all of the workspace may; None
    without a cap. live_calls_max: how many calls the workspace may have at once, None without a bound.
    """

    rate_card_id: UUID
    terms: RateCardTerms
    available_mcredits: int
    cap_left_mcredits: int | None
    workspace_left_mcredits: int | None
    live_calls_max: int | None

    @property
    def member_max_s(self) -> int:
        """How long a call may last by what the member may spend."""
        return self._bounded_s(self.cap_left_mcredits)

    @property
    def max_duration_s(self) -> int:
        """How long a call may last, whatever is bought during it."""
        left = self.workspace_left_mcredits
        share = None if left is None else caps.share_mcredits(left, terms=self.terms)
        return min(self.member_max_s, self._bounded_s(share))

    @property
    def longest_call_s(self) -> int:
        """The same with the credits that there are."""
        return min(self.max_duration_s, self._bounded_s(self.available_mcredits))

    @property
    def hold_mcredits(self) -> int:
        """What is set aside before dialling."""
        return price(duration_s=min(HOLD_S, max(1, self.longest_call_s)), terms=self.terms)

    def _bounded_s(self, mcredits: int | None) -> int:
        if mcredits is None:
            return CALL_LENGTH_MAX_S
        return min(CALL_LENGTH_MAX_S, affordable_s(amount_mcredits=mcredits, terms=self.terms))


def dial_terms(*, actor: Actor, workspace: WorkspaceCaps, now: datetime, lock: bool = False) -> DialTerms:
    """workspace: its caps, locked already by whoever places the call. lock: within the transaction that does."""
    card = ledger_queries.rate_card_now(actor.workspace_id, now)
    return DialTerms(
        rate_card_id=card.id,
        terms=card.terms,
        available_mcredits=ledger_queries.balance(actor.workspace_id, now=now).available_mcredits,
        cap_left_mcredits=caps.left_mcredits(actor=actor, now=now, lock=lock),
        workspace_left_mcredits=caps.left_to_all_mcredits(workspace_id=actor.workspace_id, caps=workspace, now=now),
        live_calls_max=workspace.live_calls_max,
    )


def refusals(*, actor: Actor, lead: Lead, terms: DialTerms, now: datetime) -> list[Refusal]:
    """Every reason why this lead may not be called now, the gravest first."""
    found: list[Refusal] = []
    if own := restriction.of_own(actor.user_id):
        # Before all that is said of the lead: it is so with every one.
        found.append(Refusal(code=own.code, message=own.message))
    if lead.erased_at or lead.phone_e164 is None:
        found.append(Refusal(code="lead_erased", message="This person had their data removed. Take another lead."))
    elif suppression.is_suppressed(workspace_id=actor.workspace_id, phone_e164=lead.phone_e164):
        found.append(Refusal(code="lead_suppressed", message="This person asked not to be called. Take another lead."))
    elif restriction.covers(lead.id) or restriction.of_number(lead.phone_e164):
        restricted = restriction.SubjectRestricted()
        found.append(Refusal(code=restricted.code, message=restricted.message))
    elif not is_callable(lead.phone_e164):
        found.append(Refusal(code="phone_not_callable", message=SPECIAL_RATE))
    elif lead.phone_e164 == settings.TWILIO_CALLER_ID:
        found.append(
            Refusal(code="lead_is_caller_id", message="This is the number that we call from. Change it first.")
        )
    else:
        found += _limits(lead, now)
        found += _hours(lead, now)
    found += guard.refusals(actor=actor, now=now)
    if terms.max_duration_s <= 0:
        spent = CapReached() if terms.member_max_s <= 0 else WorkspaceCapReached()
        found.append(Refusal(code=spent.code, message=spent.message))
    elif terms.longest_call_s <= 0:
        found.append(
            Refusal(
                code="insufficient_credit",
                message="There are not enough credits for one minute. Buy a pack first.",
            )
        )
    live = Call.objects.for_workspace(actor.workspace_id).exclude(status__in=TERMINAL_STATUSES)
    if live.filter(user_id=actor.user_id).exists():
        found.append(Refusal(code="call_in_progress", message="You are in a call. Hang up before you dial again."))
    elif live.filter(lead=lead).exists():
        found.append(
            Refusal(
                code="lead_in_call", message="Somebody of your team is talking with this lead now. Take another lead."
            )
        )
    elif _reserved(lead, now).exclude(user_id=actor.user_id).exists():
        found.append(Refusal(code="lead_reserved", message=RESERVED))
    if terms.live_calls_max is not None and live.count() >= terms.live_calls_max:
        found.append(Refusal(code="live_calls_reached", message=_as_many_as(terms.live_calls_max)))
    rep = User.objects.filter(id=actor.user_id).only("mobile_e164").first()
    mobile = rep.mobile_e164 if rep else ""
    if mobile and mobile == lead.phone_e164:
        found.append(Refusal(code="lead_is_own_phone", message="This is your own phone. Change the number first."))
    if not mobile:
        found.append(Refusal(code="rep_mobile_missing", message="Verify your mobile number first."))
    if not reps.may_call(user_id=actor.user_id, workspace_id=actor.workspace_id):
        found.append(Refusal(code="rep_may_not_call", message=MAY_NOT_CALL))
    return found


def _as_many_as(live_calls_max: int) -> str:
    calls = "call" if live_calls_max == 1 else "calls"
    return (
        f"Your team has {live_calls_max} {calls} at once, which is as many as its owner allows. Wait until one ends, or ask the owner"
        " for more."
    )


def _reserved(lead: Lead, now: datetime) -> QuerySet[Reservation]:
    return Reservation.objects.filter(lead=lead, released_at__isnull=True, expires_at__gt=now)


def may_be_rung(lead: Lead, *, now: datetime) -> bool:
    """Whether it is an hour in which the lead may be called, or such hours are only shown."""
    return settings.CALLING_HOURS == "shown" or is_calling_hour(now, time_zone=lead.time_zone, country=lead.country)


def _hours(lead: Lead, now: datetime) -> list[Refusal]:
    if may_be_rung(lead, now=now):
        return []
    place = {"time_zone": lead.time_zone, "country": lead.country}
    there = local_time(time_zone=lead.time_zone, now=now)
    opens, holiday = opens_at(now, **place), public_holiday(now, **place)
    said = [f"It is {there:%a %H:%M} where they are."]
    if holiday is None:
        said.append(f"People there may be called {hours_of(lead.country).in_words()}.")
        if len(zones_of(**place)) > 1:
            said.append("Their number is of several time zones: it has to be such an hour in all of them.")
    else:
        said.append(
            f"Their country, or the part of it where they may be, keeps a public holiday ({holiday}), on which people there may not"
            " be called."
        )
    if opens is not None:
        said.append(
            f"Take another lead, or call from {local_time(time_zone=lead.time_zone, now=opens):%A %H:%M} their time."
        )
    return [Refusal(code="public_holiday" if holiday else "outside_calling_hours", message=" ".join(said))]


def _limits(lead: Lead, now: datetime) -> list[Refusal]:
    """Of calls to the same person, whoever of the team made them, also where they were deleted since."""
    limits = limits_of(lead.country)
    if limits is None:
        return []

    def day_of(at: datetime) -> date:
        return local_time(time_zone=lead.time_zone, now=at).date()

    today, found = day_of(now), list[Refusal]()
    refused_at = limit_marks.refused_at(lead)
    if refused_at is not None and today < (again := limits.rests_until(day_of(refused_at))):
        found.append(
            Refusal(
                code="refused_lately",
                message=f"This person said no, and has to be left alone for {limits.rest_days} days. Take another lead, or call"
                f" from {again:%A %-d %B}.",
            )
        )
    often = limits.often_until([day_of(at) for at in limit_marks.called_at(lead, count=limits.calls_max)])
    if often is not None and today < often:
        found.append(
            Refusal(
                code="called_often_enough",
                message=f"Your team has called this person {limits.calls_max} times within {limits.within_days} days, which is as"
                f" often as people there may be called. Take another lead, or call from {often:%A %-d %B}.",
            )
        )
    return found


def dial_check(*, actor: Actor, lead: Lead, now: datetime) -> DialCheckOut:
    terms = dial_terms(actor=actor, workspace=caps.of_workspace(actor.workspace_id), now=now)
    reasons = refusals(actor=actor, lead=lead, terms=terms, now=now)
    there = local_time(time_zone=lead.time_zone, now=now)
    return DialCheckOut(
        may_call=not reasons,
        refusals=reasons,
        price_mcredits_per_minute=terms.terms.mcredits_per_minute,
        longest_call_s=terms.longest_call_s,
        available_mcredits=terms.available_mcredits,
        cap_left_mcredits=terms.cap_left_mcredits,
        workspace_left_mcredits=terms.workspace_left_mcredits,
        callee_local_time=there.strftime("%a %H:%M"),
        callee_time_zone=lead.time_zone,
        within_calling_hours=is_calling_hour(now, time_zone=lead.time_zone, country=lead.country),
        public_holiday=public_holiday(now, time_zone=lead.time_zone, country=lead.country),
        suppressed=any(reason.code == "lead_suppressed" for reason in reasons),
        announcement=NOTICE,
        text_refused=transcript_refusals.refused_before(lead),
        ways=ways.open_ways(),
        way=ways.last_way(actor),
    )
