"""Reports over people outside one's own team count groups of five or more; who was erased is in none any more.

Planted bugs that these catch: a row about four people, and counts of a queue that go on counting who was erased.
"""

from datetime import UTC, datetime, timedelta

import pytest

from compliance import erasure
from identity.models import Membership
from processors.models import Disclosure
from processors.queries import GROUP_MIN, disclosed
from tests.compliance.test_erasure import plant
from tests.identity.conftest import MakeAccount, SignIn
from tests.staff.ours import at_desk
from voice import callee

NOW = datetime.now(UTC)


def tell_about(people: int, *, processor: str = "twilio") -> None:
    Disclosure.objects.all().delete()
    for number in range(people):
        Disclosure.objects.create(
            day=NOW.date(),
            processor=processor,
            endpoint="calls.create",
            data_classes=["phone"],
            person=f"person {number}",
            count=2,
        )


@pytest.mark.django_db
@pytest.mark.policy("C2.4")
def test_a_report_tells_of_no_group_of_fewer_than_five() -> None:
    pia = at_desk("privacy_officer", "Pia")

    def told() -> tuple[object, object]:
        items = pia.get("/api/staff/recipients")[1]["items"]
        row = next(each for each in items if each["recipient"]["key"] == "twilio")
        return row["times"], row["last_on"]

    def counted() -> list[tuple[int | None, int | None]]:
        return [(row.requests, row.people) for row in disclosed(since=NOW.date(), until=NOW.date())]

    tell_about(GROUP_MIN - 1)
    assert (told(), counted()) == ((None, None), [(None, None)])
    tell_about(GROUP_MIN)
    assert (told(), counted()) == ((10, NOW.date().isoformat()), [(10, 5)])
    # What is about nobody, such as the list of what happened at Paddle, is no group of people.
    Disclosure.objects.all().delete()
    Disclosure.objects.create(
        day=NOW.date(), processor="twilio", endpoint="calls.list", data_classes=["record_reference"], person="", count=3
    )
    assert (told(), counted()) == ((3, NOW.date().isoformat()), [(3, 0)])


@pytest.mark.django_db(transaction=True)
@pytest.mark.policy("C2.4")
def test_who_was_erased_leaves_counts_that_are_made_anew(make_account: MakeAccount, sign_in: SignIn) -> None:
    member: Membership = make_account()
    plant(member, "Glubbdubdrib", "+37060088123", lines=3)
    plant(member, "Lilliput", "+37060088124", lines=5)
    owner = sign_in(member)

    def counts() -> dict[str, int]:
        held = owner.get("/api/privacy/held")[1]["items"]
        return {each["element"]: each["count"] for each in held if each["element"] in ("callee", "call", "transcript")}

    before = counts()
    callee.ask_erasure(phone_e164="+37060088123", confirm="+37060088123", at_once=True, now=NOW)
    assert erasure.run_due_erasures(now=NOW + timedelta(minutes=1)) == 1
    after = counts()
    assert after == {"callee": before["callee"] - 1, "call": before["call"] - 1, "transcript": before["transcript"] - 3}
