"""Nobody is dialled outside the hours of their own country, by their own clock.

Planted bugs that this catches: hours of the rep's clock, a look at the hours that only the page takes, one country's law for all, a
number judged by the first of its time zones.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from phonenumbers.tzdata import TIMEZONE_DATA
from uuid_utils.compat import uuid7

from identity.models import Membership
from tests.identity.browser import Browser
from tests.identity.conftest import SignIn
from tests.ledger.books import amounts
from tests.voice.carrier import actor_of, give_credit
from tests.voice.queues import leads, name_of, start, tally
from voice import dialling, operations
from voice.calling_hours import (
    BY_COUNTRY,
    OURS,
    Hours,
    hours_of,
    is_calling_hour,
    opens_at,
    otherwise_by_country,
    zones_in_calling_hours,
    zones_of,
)
from voice.models import Call, DialIntent, Lead
from voice.operations import DialRefused
from voice.phones import parse_phone
from voice.public_holidays import holiday_on
from voice.retries import next_try

# 4 March 2026 is a Wednesday.
TIMES = {
    "an ordinary morning": ("DE", "2026-03-04 08:00", True),
    "a minute too early": ("DE", "2026-03-04 07:59", False),
    "the last minute of the evening": ("US", "2026-03-04 20:59", True),
    "nine in the evening": ("US", "2026-03-04 21:00", False),
    "a Saturday": ("US", "2026-03-07 20:00", True),
    "a Sunday": ("US", "2026-03-08 12:00", False),
    "before ten in France": ("FR", "2026-03-04 09:59", False),
    "lunch in France": ("FR", "2026-03-04 13:30", False),
    "after lunch in France": ("FR", "2026-03-04 14:00", True),
    "a Saturday in France": ("FR", "2026-03-07 11:00", False),
    "a Saturday in Spain": ("ES", "2026-03-07 11:00", False),
    "a Saturday evening in Australia": ("AU", "2026-03-07 17:00", False),
    "eight in Canada": ("CA", "2026-03-04 08:30", False),
    "eight in the evening in South Africa": ("ZA", "2026-03-04 20:00", False),
    "eight in the morning there": ("ZA", "2026-03-04 08:00", True),
    "a Saturday there, too early": ("ZA", "2026-03-07 08:59", False),
    "the last minute of a Saturday there": ("ZA", "2026-03-07 12:59", True),
    "a Saturday afternoon there": ("ZA", "2026-03-07 13:00", False),
    "a Sunday there": ("ZA", "2026-03-08 10:00", False),
    "no country": ("", "2026-03-04 12:00", True),
}
# Numbers, moments in UTC, and when each may be called: clocks in the United States go forward on 8 March, in Europe on 29 March.
NUMBERS = {
    "a mobile of Australia, too late in Sydney": ("+61412345678", "2026-03-04 09:00", "2026-03-05 02:30"),
    "a mobile of Australia, too early on the Cocos": ("+61412345678", "2026-03-04 02:15", "2026-03-04 02:30"),
    "a line of Sydney": ("+61298765432", "2026-03-03 22:00", "2026-03-03 22:00"),
    "a mobile of Spain, nine in Madrid and eight on the Canaries": (
        "+34612345678",
        "2026-03-04 20:00",
        "2026-03-05 09:00",
    ),
    "a mobile of Russia": ("+79161234567", "2026-03-04 10:00", "2026-03-05 06:00"),
    "a mobile of Kazakhstan": ("+77011234567", "2026-03-04 10:00", "2026-03-04 10:00"),
    "Manaus, while it is late on Noronha": ("+5592987654321", "2026-03-04 23:00", "2026-03-05 13:00"),
    "Idaho, which has two": ("+12085550123", "2026-03-04 15:30", "2026-03-04 16:00"),
    "a free number of America": ("+18005550189", "2026-03-04 15:00", "2026-03-04 18:00"),
    "a night in which the clocks go forward": ("+13125550189", "2026-03-08 04:00", "2026-03-09 13:00"),
    "the same night a week before": ("+13125550189", "2026-03-01 04:00", "2026-03-02 14:00"),
    "midnight after a Sunday": ("+4930123456", "2026-03-29 22:00", "2026-03-30 06:00"),
    "a satellite's, by the clock of nowhere": ("+881612345678", "2026-03-04 07:59", "2026-03-04 08:00"),
    "Ascension in Paris": ("+33142345678", "2026-05-14 08:00", "2026-05-15 08:00"),
    "Good Friday in Paris, which it may be in Alsace too": ("+33142345678", "2026-04-03 08:00", "2026-04-07 08:00"),
    "the night before a holiday in Paris": ("+33142345678", "2026-05-13 18:00", "2026-05-15 08:00"),
    "midnight after a holiday in Paris": ("+33142345678", "2026-05-14 22:00", "2026-05-15 08:00"),
    "a holiday of France in Berlin": ("+4930123456", "2026-07-14 08:00", "2026-07-14 08:00"),
    "Maundy Thursday in Madrid": ("+34912345678", "2026-04-02 08:00", "2026-04-07 07:00"),
    "a holiday of Catalonia alone, of a Spanish line": ("+34912345678", "2026-09-11 08:00", "2026-09-14 07:00"),
    "the day of the Canaries, of a mobile": ("+34612345678", "2025-05-30 10:00", "2025-06-02 08:00"),
    "the same day of a line of Madrid": ("+34912345678", "2025-05-30 10:00", "2025-05-30 10:00"),
    "Christmas in Sydney, a Friday": ("+61298765432", "2026-12-25 01:00", "2026-12-28 22:00"),
    "the Monday after Anzac Day in Sydney": ("+61298765432", "2026-04-27 01:00", "2026-04-27 23:00"),
    "the same in Brisbane, where none is kept instead": ("+61731234567", "2026-04-27 01:00", "2026-04-27 01:00"),
    "Heritage Day in Johannesburg, a Thursday": ("+27110123456", "2026-09-24 08:00", "2026-09-25 06:00"),
    "the Monday after a Sunday's holiday there": ("+27821234567", "2026-08-10 08:00", "2026-08-11 06:00"),
    "a holiday of Victoria alone": ("+61398765432", "2026-11-03 01:00", "2026-11-03 01:00"),
    "a mobile of Australia on Anzac Day kept on a Monday somewhere": (
        "+61412345678",
        "2026-04-27 03:00",
        "2026-04-28 02:30",
    ),
}


@pytest.fixture
def member(make_account: Callable[..., Membership]) -> Membership:
    member = make_account()
    give_credit(member, 50_000)
    return member


@pytest.fixture
def page(member: Membership, sign_in: SignIn) -> Browser:
    return sign_in(member)


def lead_in(member: Membership, zone: str, country: str = "US") -> Lead:
    (lead,) = leads(member, "Ada", time_zone=zone)
    Lead.objects.filter(id=lead.id).update(country=country)
    return lead


def in_paris(hour: int, minute: int) -> datetime:
    """Soon, on a Monday that is no holiday there."""
    there = datetime.now(ZoneInfo("Europe/Paris")) + timedelta(days=1)
    monday = there + timedelta(days=(7 - there.weekday()) % 7)
    while holiday_on(monday.date(), country="FR", time_zone="Europe/Paris"):
        monday += timedelta(days=7)
    return monday.replace(hour=hour, minute=minute, second=0, microsecond=0)


def night_somewhere() -> str:
    """A place where it is between one and six in the morning now."""
    return next(zone for zone in sorted(available_timezones()) if 1 <= datetime.now(ZoneInfo(zone)).hour < 6)


@pytest.mark.parametrize(("country", "there", "open_then"), TIMES.values(), ids=TIMES)
def test_each_country_has_its_hours(country: str, there: str, open_then: bool) -> None:
    assert hours_of(country).are_open(datetime.fromisoformat(there)) is open_then


@pytest.mark.parametrize(("phone", "at", "opens"), NUMBERS.values(), ids=NUMBERS)
def test_a_number_is_called_when_it_is_a_calling_hour_wherever_it_may_be(phone: str, at: str, opens: str) -> None:
    found, now = parse_phone(phone), datetime.fromisoformat(at).replace(tzinfo=UTC)
    then = opens_at(now, time_zone=found.time_zone, country=found.country)
    assert then == datetime.fromisoformat(opens).replace(tzinfo=UTC)
    assert is_calling_hour(now, time_zone=found.time_zone, country=found.country) is (then == now)
    assert (found.time_zone in open_for(found.country, now)) is (then == now)


def open_for(country: str, now: datetime) -> set[str]:
    """As the queue finds it."""
    zones = set(zones_in_calling_hours(now))
    for other, closed, opened in otherwise_by_country(now):
        if other == country:
            zones = zones - set(closed) | set(opened)
    return zones


@pytest.mark.parametrize("month", [1, 7])
def test_every_number_of_several_time_zones_can_be_called_at_some_hour(month: int) -> None:
    several = {zones[0] for zones in TIMEZONE_DATA.values() if len(zones_of(zones[0], "")) > 1}
    assert len(several) > 20
    midweek = datetime(2026, month, 14, tzinfo=UTC)
    for zone, country in [*((zone, "") for zone in several), ("Australia/Adelaide", "AU"), ("Atlantic/Canary", "ES")]:
        opens = opens_at(midweek, time_zone=zone, country=country)
        assert opens is not None and opens - midweek < timedelta(days=1), zone


@pytest.mark.parametrize("hours", [OURS, *BY_COUNTRY.values()], ids=["ours", *BY_COUNTRY])
def test_every_rule_names_its_source_and_allows_no_more_than_ours(hours: Hours) -> None:
    assert hours.source
    week = [datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=hour) for hour in range(168)]
    assert any(hours.are_open(there) for there in week)
    assert all(OURS.are_open(there) for there in week if hours.are_open(there))


@pytest.mark.django_db
def test_outside_its_hours_a_lead_is_not_dialled_and_the_page_says_when_it_may_be(
    page: Browser, member: Membership, settings: Any
) -> None:
    settings.CALLING_HOURS = "kept"
    lead = lead_in(member, night_somewhere())
    check = page.get(f"/api/leads/{lead.id}/dial-check")[1]
    assert (check["may_call"], check["within_calling_hours"]) == (False, False)
    (refusal,) = check["refusals"]
    assert refusal["code"] == "outside_calling_hours"
    assert "Monday to Friday from 8:00 to 21:00 and Saturday from 8:00 to 21:00" in refusal["message"]
    status, answer = page.post("/api/calls", {"lead_id": str(lead.id)}, **{"Idempotency-Key": "click-number-one"})
    assert (status, answer["code"]) == (409, "outside_calling_hours")
    assert Call.objects.get_queryset().count() + DialIntent.objects.get_queryset().count() == 0
    assert amounts(member.workspace_id) == (50_000, 0, 0)


@pytest.mark.django_db
def test_where_the_rep_decides_the_page_says_that_it_is_outside_and_dials(
    page: Browser, member: Membership, settings: Any
) -> None:
    settings.CALLING_HOURS = "shown"
    lead = lead_in(member, night_somewhere())
    check = page.get(f"/api/leads/{lead.id}/dial-check")[1]
    assert (check["may_call"], check["within_calling_hours"]) == (True, False)
    assert page.post("/api/calls", {"lead_id": str(lead.id)}, **{"Idempotency-Key": "click-number-one"})[0] == 201


@pytest.mark.django_db
def test_the_hour_is_looked_at_when_call_is_pressed_whatever_the_page_showed(member: Membership, settings: Any) -> None:
    settings.CALLING_HOURS = "kept"
    lead = lead_in(member, "Europe/Paris", "FR")
    noon = in_paris(12, 59).replace(second=30)

    def press(now: datetime) -> Call:
        return operations.start_call(
            actor=actor_of(member), lead_id=lead.id, idempotency_key=str(uuid7()), now=now.astimezone(UTC)
        )

    with pytest.raises(DialRefused) as refused:
        press(noon + timedelta(minutes=1))
    assert refused.value.code == "outside_calling_hours"
    assert "Monday to Friday from 10:00 to 13:00 and from 14:00 to 20:00." in refused.value.message
    assert refused.value.message.endswith("Take another lead, or call from Monday 14:00 their time.")
    assert press(noon).status == "intended"


@pytest.mark.django_db
def test_the_queue_passes_over_whom_the_law_of_their_country_protects_now(member: Membership, settings: Any) -> None:
    """At lunch in Paris, of two neighbours."""
    settings.CALLING_HOURS = "kept"
    lunch = in_paris(13, 30).astimezone(UTC)
    lead_in(member, "Europe/Paris", "FR")
    (other,) = leads(member, "Berta", time_zone="Europe/Berlin")
    Lead.objects.filter(id=other.id).update(country="DE")
    assert "Europe/Paris" in zones_in_calling_hours(lunch)
    shown = start(member, now=lunch)
    assert name_of(shown) == "Berta"
    assert tally(shown)["outside_hours"] == 1


@pytest.mark.django_db
def test_a_queue_of_people_outside_their_hours_says_when_the_first_may_be_called(
    member: Membership, settings: Any
) -> None:
    settings.CALLING_HOURS = "kept"
    lunch = in_paris(13, 30)
    lead_in(member, "Europe/Paris", "FR")
    lead_in(member, "Pacific/Honolulu")
    shown = start(member, now=lunch.astimezone(UTC))
    assert (shown.lead, shown.left, tally(shown)["outside_hours"]) == (None, 0, 2)
    assert shown.next_open_at == lunch.replace(hour=14, minute=0)


def a_holiday(country: str, zone: str) -> datetime:
    """The next one there on a weekday other than Monday, at eleven; of it only the law of that country says anything."""
    at = datetime.now(ZoneInfo(zone)).replace(hour=11, minute=0, second=0, microsecond=0) + timedelta(days=1)
    while not 0 < at.weekday() < 5 or holiday_on(at.date(), country=country, time_zone=zone) is None:
        at += timedelta(days=1)
    return at


def test_countries_whose_law_says_nothing_of_holidays_have_none() -> None:
    assert {holiday_on(date(2026, 12, 25), country=each, time_zone="UTC") for each in ("", "US", "CA")} == {None}


@pytest.mark.django_db
def test_on_a_public_holiday_nobody_is_dialled_and_the_refusal_names_it(member: Membership, settings: Any) -> None:
    settings.CALLING_HOURS = "kept"
    lead, at = lead_in(member, "Europe/Paris", "FR"), a_holiday("FR", "Europe/Paris")
    name = holiday_on(at.date(), country="FR", time_zone="Europe/Paris")
    with pytest.raises(DialRefused) as refused:
        operations.start_call(
            actor=actor_of(member), lead_id=lead.id, idempotency_key=str(uuid7()), now=at.astimezone(UTC)
        )
    assert refused.value.code == "public_holiday"
    assert f"keeps a public holiday ({name}), on which people there may not be called." in refused.value.message
    assert Call.objects.get_queryset().count() == 0
    lead.refresh_from_db()
    check = dialling.dial_check(actor=actor_of(member), lead=lead, now=at.astimezone(UTC))
    assert (check.public_holiday, check.within_calling_hours, check.may_call) == (name, False, False)


@pytest.mark.django_db
def test_the_queue_and_retries_skip_a_holiday(member: Membership, settings: Any) -> None:
    settings.CALLING_HOURS = "kept"
    at = a_holiday("FR", "Europe/Paris")
    lead_in(member, "Europe/Paris", "FR")
    (other,) = leads(member, "Berta", time_zone="Europe/Berlin")
    Lead.objects.filter(id=other.id).update(country="DE")
    shown = start(member, now=at.astimezone(UTC))
    assert (name_of(shown), tally(shown)["outside_hours"]) == ("Berta", 1)
    # Busy on the evening before.
    evening = (at - timedelta(days=1)).replace(hour=19, minute=55)
    again = next_try(outcome="busy", attempts=1, ended_at=evening, time_zone="Europe/Paris", country="FR")
    assert again is not None
    assert again.astimezone(at.tzinfo).date() > at.date()
