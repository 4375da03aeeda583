"""What the law of each place gives, as a table; and that reports over people are of groups alone.

Planted bugs that these catch: a law whose own last day comes before ours, a right that nobody can ask for, and an answer that sends
somebody in India to a European authority.
"""

from datetime import date, timedelta
from typing import get_args

import pytest

from compliance import jurisdictions
from compliance.cases import Kind
from compliance.deadlines import deadline
from compliance.jurisdictions import LAWS, Place
from identity.contact import country_of
from identity.models import User
from tests.identity.browser import Browser
from tests.identity.conftest import MakeAccount, SignIn
from tests.staff.ours import at_desk

NUMBERS: dict[Place, str] = {
    "IN": "+919812345678",
    "EU": "+37060012345",
    "UK": "+447700900123",
    "US": "+12025550110",
    "other": "+41790000001",
}
COMPLAINTS: dict[Place, str] = {
    "IN": "Data Protection Board of India",
    "EU": "authority of the country where you live",
    "UK": "Information Commissioner",
    "US": "attorney general",
    "other": "your authority",
}
places = pytest.mark.parametrize("place", get_args(Place))


@pytest.mark.policy("C7.4", "C7.6")
@places
def test_no_law_wants_an_answer_before_we_promise_it(place: Place) -> None:
    start = date(2027, 1, 1)
    for came_on in (start + timedelta(days=each) for each in range(4 * 366)):
        assert deadline(came_on) <= LAWS[place].last_day(came_on)


@pytest.mark.policy("C7.4")
@pytest.mark.parametrize(
    ("place", "days", "more", "less"),
    [
        ("IN", 90, {"nominee", "withdrawal", "grievance"}, {"restriction", "objection"}),
        ("EU", None, {"restriction", "objection", "withdrawal"}, {"nominee"}),
        ("UK", None, {"restriction", "objection", "withdrawal"}, {"nominee"}),
        ("US", 45, {"objection"}, {"restriction", "nominee"}),
    ],
)
def test_the_table_says_what_each_law_gives(place: Place, days: int | None, more: set[Kind], less: set[Kind]) -> None:
    law = LAWS[place]
    assert law.days == days
    assert {"access", "correction", "deletion"} | more <= law.gives <= set(get_args(Kind))
    assert not law.gives & less


@pytest.mark.policy("C7.4")
@places
def test_the_country_of_the_number_decides_which_law_it_is(place: Place) -> None:
    assert jurisdictions.of_country(country_of(NUMBERS[place])).place == place
    assert jurisdictions.of_country(country_of("not a number")).place == "other"


@pytest.mark.django_db
@pytest.mark.policy("C7.4")
@places
def test_the_case_and_the_privacy_centre_say_it_and_offer_the_same_to_everybody(
    place: Place, make_account: MakeAccount, sign_in: SignIn
) -> None:
    member = make_account()
    user: User = member.user
    user.mobile_e164 = NUMBERS[place]
    user.save(update_fields=["mobile_e164"])
    page: Browser = sign_in(member)
    law = page.get("/api/privacy/law")[1]
    assert law["name"] == LAWS[place].name and set(law["gives"]) == LAWS[place].gives
    assert COMPLAINTS[place] in law["complaint"]
    # Whatever the law says, it is taken and has the same last day.
    status, cases = page.post("/api/privacy/cases", {"kind": "restriction", "words": "Use nothing of it."})
    assert status == 201
    reference, due_on = cases["items"][0]["reference"], cases["items"][0]["due_on"]
    shown = at_desk("privacy_officer", "Pia").get(f"/api/staff/cases/{reference}")[1]
    assert shown["law"]["is_right"] is ("restriction" in LAWS[place].gives)
    assert due_on <= shown["law"]["last_day"]
    refusal = next(each["text"] for each in shown["answers"] if each["key"] == "not_ours")
    assert COMPLAINTS[place] in refusal and "{" not in refusal
