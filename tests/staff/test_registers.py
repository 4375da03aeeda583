"""Orders of authorities by two people, who was told what, and the register of breaches as our own people keep it.

Planted bugs that these catch: a bundle with kinds that the order does not name, a release without an approval, and an order that is
kept secret and yet shown.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError

from compliance.models import AuditEvent, AuthorityDisclosure
from compliance.personal_data import STORE
from identity import account_name
from identity.models import Membership, SocialIdentity
from identity.personal_data import subject_of
from processors.models import Disclosure
from tests.compliance.ends import end
from tests.compliance.test_erasure import plant
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.staff.ours import Desk, at_desk
from tests.staff.test_holds import HELD, OTHER, opened, placed
from voice.models import Call

NOW = datetime.now(UTC)
ASKER = "asker@people.example"
ORDER = {
    "whose": ASKER,
    "order_id": "2 Js 417/26",
    "authority": "Vilnius district court",
    "legal_basis": "Art. 6 (1) c GDPR, court order",
    "elements": ["call", "account"],
}


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    member = make_account(email=ASKER)
    plant(member, "Brobdingnag", HELD, lines=3)
    return member


def prepared(desk: Desk, **changes: object) -> dict[str, Any]:
    status, order = desk.post("/api/staff/orders", {**ORDER, **changes})
    assert status == 201, order
    assert isinstance(order, dict)
    return order


def act(desk: Desk, order: dict[str, Any], what: str, body: object = None) -> tuple[int, Any]:
    return desk.post(f"/api/staff/orders/{order['reference']}/{what}", body)


@pytest.mark.policy("C4.6")
def test_an_authority_gets_what_its_order_names_once_two_of_us_agree_and_it_is_counted(
    member: Membership, sign_in: SignIn
) -> None:
    pia, ada = at_desk("privacy_officer", "Pia"), at_desk("admin", "Ada", "198.51.100.91")
    for missing in ("order_id", "authority", "legal_basis"):
        assert pia.post("/api/staff/orders", {**ORDER, missing: ""})[0] == 422
    assert code_of(pia.post("/api/staff/orders", {**ORDER, "whose": "nobody@x.example"})[1]) == "account_unknown"
    assert code_of(pia.post("/api/staff/orders", {**ORDER, "elements": ["webhook"]})[1]) == "nothing_of_that"
    order = prepared(pia)
    assert ada.get("/api/staff/orders")[1]["items"][0]["whose"] == ASKER
    assert {each["element"]: each["count"] for each in order["found"]} == {"account": 1, "call": 1}
    assert code_of(act(pia, order, "release")[1]) == "nothing_prepared"
    assert code_of(act(pia, order, "approve", {"seen": order["seen"]})[1]) == "second_person_needed"
    assert code_of(act(ada, order, "approve", {"seen": "0" * 64})[1]) == "preview_changed"
    assert Disclosure.objects.filter(processor="authorities").count() == 0
    assert act(ada, order, "approve", {"seen": order["seen"]})[0] == 200

    answer = pia.client.post(
        f"/api/staff/orders/{order['reference']}/release",
        secure=True,
        headers={"X-CSRFToken": pia.client.cookies["__Host-csrf"].value, "Origin": "https://testserver"},
    )
    text = answer.content.decode()
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{order["reference"]}.json"'
    bundle = json.loads(text)
    assert (set(bundle["data"]), bundle["order_id"]) == ({"account", "call"}, ORDER["order_id"])
    assert ASKER in text and "is Brobdingnag speaking" not in json.dumps(bundle["data"]["account"])
    kept = AuthorityDisclosure.objects.get()
    assert (kept.state, kept.subject, kept.bundle_hash) == (
        "released",
        None,
        hashlib.sha256(text.encode()).hexdigest(),
    )
    assert code_of(act(ada, order, "release")[1]) == "order_over"
    assert ada.get("/api/staff/orders")[1]["items"][0]["whose"] == ""
    # Giving out is a disclosure itself, and one of those that an order may name.
    another = prepared(pia, elements=["account", "disclosure"])
    assert act(ada, another, "approve", {"seen": another["seen"]})[0] == 200
    assert act(pia, another, "release")[0] == 200
    told = sign_in(member).get("/api/privacy/disclosures")[1]["items"]
    given = [each for each in told if each["processor"] == "authorities"]
    kinds = sorted([one["key"] for one in each["data_classes"]] for each in given)
    assert (kinds, {each["count"] for each in given}) == ([["account", "call"], ["account", "disclosure"]], {1})
    actions = AuditEvent.objects.filter(target=order["reference"]).order_by("sequence")
    assert [one.action for one in actions] == ["disclosure.prepared", "disclosure.approved", "disclosure.released"]
    assert len({one.actor_ref for one in actions[:2]}) == 2
    assert end("disclosure", now=NOW + timedelta(days=1_828)) > 0
    assert AuthorityDisclosure.objects.count() == 0


@pytest.mark.policy("C4.6")
@pytest.mark.parametrize(
    ("whose", "elements", "leaves"),
    [
        (HELD, ["call"], [("call_was", HELD)]),
        (HELD, ["transcript"], [("line_was", HELD)]),
        (ASKER, ["account"], [("user_was", None)]),
        (ASKER, ["account", "call"], [("call_was", HELD), ("call_was", OTHER), ("user_was", None)]),
        (HELD, ["callee"], "number"),
    ],
)
def test_another_order_opens_what_it_names_about_its_person_alone(
    member: Membership, sign_in: SignIn, whose: str, elements: list[str], leaves: Any
) -> None:
    """Red when an order about one person opens what a hold keeps about others, or kinds that it does not name."""
    browser, pia, ada = sign_in(member), at_desk("privacy_officer", "Pia"), at_desk("admin", "Ada", "198.51.100.91")
    plant(member, "Laputania", OTHER, lines=3)
    hold = placed(pia, what="account", which=ASKER)
    for call in Call.objects.get_queryset():
        assert browser.patch(f"/api/calls/{call.id}", {"notes": "He paid."})[0] == 200
        line = call.segments.get(sequence=2)
        assert browser.patch(f"/api/segments/{line.id}", {"sequence": 2, "text": "I said nothing"})[0] == 200
    account_name.change(user_id=member.user_id, first_name="Somebody", last_name="Else", now=NOW)
    order = prepared(pia, whose=whose, order_id="3 Js 1/26", elements=elements)
    assert act(ada, order, "approve", {"seen": order["seen"]})[0] == 200
    if isinstance(leaves, str):
        with pytest.raises(CommandError, match=leaves):
            opened(hold, order["order_id"])
    else:
        found = opened(hold, order["order_id"])
        assert sorted((each["kind"], each.get("phone")) for each in found) == leaves
    assert len(opened(hold)) == 5


def counted(browser: Browser) -> dict[str, int]:
    """How many disclosures the person is told of, wherever they are counted."""
    lists = {"held": browser.get("/api/privacy/held")[1]["items"]}
    lists["goes"] = browser.get("/api/privacy/erasure/preview")[1]["goes"]
    return {
        name: sum(each["count"] for each in rows if each["element"] == "disclosure") for name, rows in lists.items()
    }


@pytest.mark.policy("C4.6")
def test_what_an_order_keeps_secret_is_told_to_us_and_not_to_the_person(member: Membership, sign_in: SignIn) -> None:
    pia, ada, browser = at_desk("privacy_officer", "Pia"), at_desk("admin", "Ada", "198.51.100.91"), sign_in(member)
    order = prepared(pia, secret_until=(NOW + timedelta(days=1)).date().isoformat())
    assert act(ada, order, "approve", {"seen": order["seen"]})[0] == 200
    before = counted(browser)
    assert act(ada, order, "release")[0] == 200
    assert counted(browser) == before

    def shown() -> tuple[bool, bool]:
        listed = browser.get("/api/privacy/disclosures")[1]["items"]
        exported = browser.get("/api/privacy/export")[1]["data"].get("disclosure", {"items": []})["items"]
        return (
            any(each["processor"] == "authorities" for each in listed),
            any(each["recipient"] == "authorities" for each in exported),
        )

    assert shown() == (False, False)
    found = pia.post("/api/staff/disclosures/find", {"whose": ASKER})[1]["items"]
    assert "authorities" in [each["processor"] for each in found]
    assert AuditEvent.objects.filter(action="disclosures.searched").count() == 1
    recipients = {each["recipient"]["key"]: each for each in pia.get("/api/staff/recipients")[1]["items"]}
    assert (recipients["authorities"]["times"], recipients["time4vps"]["times"]) == (None, 0)
    AuthorityDisclosure.objects.update(secret_until=(NOW - timedelta(days=1)).date())
    assert shown() == (True, True)
    assert counted(browser) == {kind: count + 1 for kind, count in before.items()}


def test_what_changed_since_it_was_prepared_is_not_given_and_nothing_is_left_of_who_is_erased(
    member: Membership,
) -> None:
    pia, ada = at_desk("privacy_officer", "Pia"), at_desk("admin", "Ada", "198.51.100.91")
    order = prepared(pia, elements=["call", "social_identity"])
    plant(member, "Laputania", "+37060054321", lines=1)
    assert act(ada, order, "approve", {"seen": order["seen"]})[0] == 200
    SocialIdentity.objects.create(user=member.user, provider="google", subject="g1", created_at=NOW)
    assert code_of(act(pia, order, "release")[1]) == "preview_changed"
    assert Disclosure.objects.filter(processor="authorities").count() == 0
    assert act(pia, order, "withdraw")[1]["state"] == "withdrawn"
    assert code_of(act(pia, order, "approve", {"seen": order["seen"]})[1]) == "order_over"
    left = prepared(pia)
    assert [each["reference"] for each in pia.get("/api/staff/orders")[1]["items"]] == [
        left["reference"],
        order["reference"],
    ]
    STORE.erase(subject_of(member.user_id), now=NOW)
    assert STORE.verify(subject_of(member.user_id)) == 0
    assert set(AuthorityDisclosure.objects.values_list("state", "subject")) == {("withdrawn", None)}


@pytest.mark.django_db
@pytest.mark.policy("C5.1-4")
def test_breaches_are_recorded_told_of_and_closed_by_who_may_decide() -> None:
    pia, nora = at_desk("privacy_officer", "Pia"), at_desk("support", "Nora", "198.51.100.91")
    noticed = NOW - timedelta(hours=10)
    form = {"what": "A laptop with a copy was lost.", "noticed_at": noticed.isoformat()}
    assert nora.post("/api/staff/breaches", form)[0] == 403
    assert pia.post("/api/staff/breaches", {**form, "noticed_at": "2026-11-26T10:00:00"})[0] == 422
    later = {**form, "noticed_at": (NOW + timedelta(days=1)).isoformat()}
    assert code_of(pia.post("/api/staff/breaches", later)[1]) == "breach_noticed_later"
    status, breach = pia.post("/api/staff/breaches", form)
    assert (status, breach["hours_left"]) == (201, 61)
    path = f"/api/staff/breaches/{breach['reference']}"
    told = pia.post(f"{path}/told", {"whom": "authority", "how": "by its form"})[1]
    assert (told["hours_left"], told["entries"][0]["author"]) == (None, "Pia")
    assert pia.post(f"{path}/note", {"text": "It was encrypted."})[0] == 200
    assert pia.post(f"{path}/close", {"conclusion": "Nobody could read it."})[1]["closed_at"]
    assert code_of(pia.post(f"{path}/told", {"whom": "people", "how": "by mail"})[1]) == "breach_closed"
    assert code_of(pia.post("/api/staff/breaches/BR-00000000/note", {"text": "what?"})[1]) == "breach_unknown"
    assert [each["reference"] for each in pia.get("/api/staff/breaches")[1]["items"]] == [breach["reference"]]
