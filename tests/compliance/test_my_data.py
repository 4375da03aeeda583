"""The page for people who were called: a number that is proved opens what is held about it, and nothing tells a stranger
whether a number is known."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.db.models import F
from psycopg_pool import PoolTimeout
from pytest_django.fixtures import Settings

from api.streaming import BROKEN_OFF
from compliance import audit_check, erasure, policy, retention
from compliance.models import AuditEvent, Case, ConsentEvent, Suppression
from compliance.stores import Subject, all_stores
from config import personal_data
from identity import number_access, opt_out
from identity.models import Membership, NumberKey
from processors.models import Disclosure
from processors.pseudonyms import pseudonym
from tests.compliance.test_erasure import all_rows, bytes_on_disk, plant
from tests.identity.browser import Browser, code_of, whole
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.test_passcodes import other_than
from tests.sandbox_fixture import Sandbox
from voice.callee import subject_of_number
from voice.models import Call, Lead

NOW = datetime.now(UTC)
SOON = NOW + timedelta(hours=6)
KNOWN = "+37060012345"
UNKNOWN = "+37060012399"
# Of what was said in each call.
LINES = 9


@pytest.fixture
def customers(make_account: MakeAccount) -> tuple[Membership, Membership]:
    """Two that hold the same number, the first with another person's besides."""
    first = make_account(email="one@sellers.example", mobile="+12025550182", workspace_name="Sellers One")
    second = make_account(email="two@sellers.example", mobile="+12025550183", workspace_name="Sellers Two")
    plant(first, "Brobdingnag", KNOWN, LINES)
    plant(second, "Glubbdubdrib", KNOWN, LINES)
    plant(first, "Laputania", "+37060054321", LINES)
    return first, second


def ask(browser: Browser, number: str, **changes: object) -> tuple[int, Any]:
    form = {"number": number, "sms_consent": True, "policy_version": policy.current_version(), **changes}
    return browser.post("/api/my-data/code", form)


def proved(sandbox: Sandbox, number: str = KNOWN, address: str = "198.51.100.30") -> Browser:
    """A browser whose person has the phone in hand."""
    browser = Browser(address)
    assert ask(browser, number) == (200, {"valid_minutes": 10})
    status, _ = browser.post("/api/my-data/session", {"number": number, "code": sandbox.code_at(number)})
    assert status == 200
    return browser


def seen(browser: Browser) -> Any:
    status, found = browser.get("/api/my-data")
    assert status == 200, found
    return found


@pytest.mark.policy("C3.1", "C2.2")
def test_a_stranger_is_answered_the_same_for_a_number_that_is_known_and_one_that_is_not(
    customers: object, sandbox: Sandbox
) -> None:
    opt_out.stop_number(mobile_e164="+37060012377", way="support", now=NOW)
    answers = []
    for number in (KNOWN, UNKNOWN, "+37060012377"):
        browser = Browser()
        answer = [ask(browser, number)]
        code = sandbox.messages_at(number)[-1]["code"] if sandbox.messages_at(number) else "111111"
        answer += [
            browser.post("/api/my-data/session", {"number": number, "code": wrong})
            for wrong in (other_than(code), "12ab")
        ]
        answers.append([*answer, browser.get("/api/my-data")])
    assert answers[0] == answers[1] == answers[2]
    assert [status for status, _ in answers[0]] == [200, 422, 422, 401]
    # The phone that wants no messages got none; the others after a consent that names no account.
    assert [len(sandbox.messages_at(number)) for number in (KNOWN, UNKNOWN, "+37060012377")] == [1, 1, 0]
    consents = ConsentEvent.objects.filter(purpose="my_data", given=True, user_id__isnull=True)
    assert {row.person for row in consents} >= {pseudonym("phone", number) for number in (KNOWN, UNKNOWN)}
    # No account ends after which the term of such a proof could begin, so it runs at once.
    assert all(row.unlinked_at == row.at for row in consents)
    received = Disclosure.objects.filter(person=pseudonym("phone", UNKNOWN))
    assert {row.processor for row in received} == {"twilio"}


@pytest.mark.policy("C3.1")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sms_consent": False}, "invalid_fields"),
        ({"policy_version": "1999-1"}, "policy_outdated"),
        ({"number": "12345"}, "mobile_invalid"),
        ({"number": "+1 900 555 0199"}, "mobile_invalid"),
        ({"name": "Nosy"}, "invalid_fields"),
    ],
)
def test_without_consent_and_a_number_nothing_is_sent(
    sandbox: Sandbox, browser: Browser, changes: dict[str, object], code: str
) -> None:
    status, problem = ask(browser, **{"number": KNOWN, **changes})  # type: ignore[arg-type]
    assert (status, code_of(problem)) in ((422, code), (409, code))
    assert sandbox.messages_at(KNOWN) == []
    assert not ConsentEvent.objects.filter(purpose="my_data").exists()


def test_the_fourth_code_within_ten_minutes_is_not_sent(sandbox: Sandbox, browser: Browser) -> None:
    assert [ask(browser, UNKNOWN)[0] for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.policy("C7.1")
def test_who_has_the_phone_in_hand_sees_who_holds_what_and_takes_a_copy_of_it_once(
    customers: tuple[Membership, Membership], sandbox: Sandbox
) -> None:
    browser = proved(sandbox)
    found = seen(browser)
    assert [(each["name"], each["calls_made"], each["texts"]) for each in found["workspaces"]] == [
        ("Sellers One", 1, LINES),
        ("Sellers Two", 1, LINES),
    ]
    assert found["workspaces"][0]["known_as"][0] | {"added_at": ""} == {
        "name": "Brobdingnag Lead",
        "company": "",
        "notes": "Brobdingnag notes",
        "added_at": "",
    }
    assert {each["element"]: each["count"] for each in found["preview"]["goes"]} | {"consent": 0} == {
        "callee": 2,
        "call": 2,
        "transcript": 2 * LINES,
        "session": 1,
        "otp_attempt": 2,
        "consent": 0,
        "disclosure": 2,
    }
    status, link = browser.post("/api/my-data/links")
    assert status == 201
    later = Browser("203.0.113.5")
    status, copy = later.get(link["path"])
    assert status == 200
    text = json.dumps(copy)
    assert all(word in text for word in ("Brobdingnag notes", "Glubbdubdrib speaking", "Sellers Two", KNOWN))
    assert "Laputania" not in text and "37060054321" not in text
    assert later.get(link["path"])[0] == 404
    assert Case.objects.get(kind="access").outcome == "done"
    # A new link ends the one before, and each its day.
    first, second = (browser.post("/api/my-data/links")[1]["path"] for _ in range(2))
    assert later.get(first)[0] == 404
    NumberKey.objects.update(expires_at=F("expires_at") - timedelta(days=1))
    assert later.get(second)[0] == 404
    assert seen_status(browser) == 401
    assert retention.expire(now=datetime.now(UTC))["session"] >= 2
    assert NumberKey.objects.count() == 0


class Failing:
    """A store of the test's own that cannot be read to its end."""

    name = "failing"

    def export(self, subject: Subject) -> dict[str, Iterator[dict[str, str]]]:
        def items() -> Iterator[dict[str, str]]:
            yield {"first": "item"}
            raise PoolTimeout

        return {"callee": items()}


STORES: tuple[Any, ...] = ()
INVENTORIES = personal_data.INVENTORIES


def test_a_copy_that_an_error_breaks_off_says_so_and_answers_no_request(
    customers: object, sandbox: Sandbox, settings: Settings
) -> None:
    """Red when the error goes on to Daphne, which answers nobody's errors any more after it, or when the case is closed before."""
    global STORES
    browser = proved(sandbox)
    path = browser.post("/api/my-data/links")[1]["path"]
    STORES = (Failing(), *personal_data.STORES)
    settings.PERSONAL_DATA = "tests.compliance.test_my_data"
    response: Any = Browser().client.get(path, secure=True)
    assert response.status_code == 200 and async_to_sync(whole)(response).endswith(BROKEN_OFF)
    assert not Case.objects.filter(kind="access").exists()
    # So the link is not used, but soon over.
    STORES = personal_data.STORES
    assert NumberKey.objects.get(kind="link").expires_at <= datetime.now(UTC) + number_access.REOPENED_FOR
    assert [Browser().get(path)[0] for _ in range(2)] == [200, 404]


def seen_status(browser: Browser) -> int:
    return browser.get("/api/my-data")[0]


def test_the_page_shuts_itself_and_opens_nothing_of_an_account(
    customers: tuple[Membership, Membership], sandbox: Sandbox, sign_in: SignIn
) -> None:
    browser = proved(sandbox)
    cookie = browser.client.cookies["__Host-my-data"]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, True, "Strict", 1800)
    assert browser.get("/api/leads")[0] == 401
    assert browser.get("/api/session")[1]["state"] == "anonymous"
    member = sign_in(customers[0])
    assert code_of(member.get("/api/my-data")[1]) == "number_not_proved"
    guessed = Browser()
    guessed.client.cookies["__Host-my-data"] = "x" * 43
    assert seen_status(guessed) == 401
    assert browser.delete("/api/my-data/session")[0] == 204
    assert seen_status(browser) == 401
    assert NumberKey.objects.count() == 0


@pytest.mark.policy("C4.1")
def test_calls_stop_at_once_for_one_customer_or_for_all_and_may_be_allowed_again(
    customers: tuple[Membership, Membership], sandbox: Sandbox, sign_in: SignIn
) -> None:
    seller = sign_in(customers[0])
    lead = Lead.objects.get(workspace=customers[0].workspace, phone_e164=KNOWN)
    ringing = Call.objects.get(lead=lead)
    Call.objects.filter(id=ringing.id).update(status="ringing", ended_at=None)
    browser = proved(sandbox)
    one = str(customers[0].workspace_id)
    status, found = browser.post("/api/my-data/calls", {"workspace": one, "allowed": False})
    assert status == 200
    assert [each["calls"] for each in found["workspaces"]] == ["stopped_by_you", "allowed"]
    assert Call.objects.get(id=ringing.id).hangup_requested_at is not None
    refusals = [each["code"] for each in seller.get(f"/api/leads/{lead.id}/dial-check")[1]["refusals"]]
    assert refusals[0] == "lead_suppressed"
    case = Case.objects.get(kind="objection")
    assert (case.state, case.outcome, case.proved_by) == ("closed", "done", "passcode")
    browser.post("/api/my-data/calls", {"workspace": None, "allowed": False})
    assert {each["calls"] for each in seen(browser)["workspaces"]} == {"stopped"}
    again = {"first_name": "Again", "phone": "+370 600 12345"}
    assert code_of(sign_in(customers[1], "198.51.100.8").post("/api/leads", again)[1]) == "lead_suppressed"
    for workspace in (one, None):
        browser.post("/api/my-data/calls", {"workspace": workspace, "allowed": True})
    assert {each["calls"] for each in seen(browser)["workspaces"]} == {"allowed"}
    assert Suppression.objects.filter(lifted_at__isnull=True).count() == 0
    # What a rep was told on the telephone is not undone by whoever has the phone now.
    seller.post(f"/api/leads/{lead.id}/suppression", {})
    browser.post("/api/my-data/calls", {"workspace": one, "allowed": True})
    assert seen(browser)["workspaces"][0]["calls"] == "stopped"
    for workspace in (str(lead.id), "nobody", ""):
        status, problem = browser.post("/api/my-data/calls", {"workspace": workspace, "allowed": False})
        assert (status, code_of(problem)) == (404, "holds_nothing")


@pytest.mark.policy("C7.2", "C7.5")
def test_a_wish_to_correct_something_waits_for_a_person_with_its_last_day(customers: object, sandbox: Sandbox) -> None:
    browser = proved(sandbox)
    words = "My name is spelt with one b, and my card is 4111 1111 1111 1111."
    status, found = browser.post("/api/my-data/correction", {"words": words})
    assert status == 201
    assert [(each["kind"], each["state"]) for each in found["cases"]] == [("correction", "verified")]
    case = Case.objects.get()
    assert (case.channel, case.contact, case.proved_by) == ("callee_page", KNOWN, "passcode")
    assert case.entries.get().text == "My name is spelt with one b, and my card is [card number removed]."
    statuses = [browser.post("/api/my-data/correction", {"words": f"wish {n}"})[0] for n in range(10)]
    assert statuses == [201] * 9 + [429]


@pytest.mark.policy("C6.2", "C7.3")
def test_everything_about_the_number_goes_in_all_workspaces_from_rows_and_bytes_and_nobody_calls_it_again(
    customers: tuple[Membership, Membership], sandbox: Sandbox, sign_in: SignIn
) -> None:
    browser, seller = proved(sandbox), sign_in(customers[0])
    browser.post("/api/my-data/correction", {"words": "It is Lilliputia"})
    # Nothing of the call was understood, and it is asked about nevertheless.
    about = {"question": "What does Brobdingnag Lead want?"}
    assert seller.post("/api/questions", about, **{"Idempotency-Key": "asked-before"})[0] == 200
    form = {"confirm": "+370 600 12344", "when": "now"}
    assert code_of(browser.post("/api/my-data/erasure", form)[1]) == "confirmation_mismatch"
    status, found = browser.post("/api/my-data/erasure", {"confirm": "+370 600 12345", "when": "after_grace"})
    assert (status, found["erasure"]["cancellable"], found["calls"]) == (202, True, "stopped_by_you")
    assert erasure.run_due_erasures(now=NOW + timedelta(days=2, hours=23)) == 0
    assert browser.post("/api/my-data/erasure/cancel")[0] == 200
    assert Case.objects.get(kind="deletion").outcome == "taken_back"
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("CHECKPOINT")
    canaries = ["Brobdingnag", "Glubbdubdrib", "37060012345", "Lilliputia"]
    assert all(canary.lower() in all_rows() for canary in canaries)
    status, found = browser.post("/api/my-data/erasure", {"confirm": KNOWN, "when": "now"})
    assert status == 202
    assert erasure.run_due_erasures(now=SOON) == 1

    rows = all_rows()
    assert [canary for canary in canaries if canary.lower() in rows] == []
    assert {canary: bytes_on_disk(canary) for canary in canaries} == dict.fromkeys(canaries, 0)
    assert "laputania" in rows and bytes_on_disk("Laputania")
    left = {store.name: +Counter(store.find(subject_of_number(KNOWN))) for store in all_stores()}
    # The proof that messages were agreed to, and who received the number, by its keyed hash.
    assert {name for name, counts in left.items() if counts} == {"compliance", "disclosures"}
    assert left["compliance"] == {"consent": 1}
    assert seen_status(browser) == 401
    receipt = browser.get("/api/erasure-receipts/" + found["erasure"]["receipt_path"].rsplit("/", 1)[1])[1]
    erased = {item["element"]: item["count"] for item in receipt["erased"]}
    assert (receipt["state"], receipt["left"], erased["callee"], erased["call"], erased["transcript"]) == (
        "done",
        0,
        2,
        2,
        2 * LINES,
    )
    assert any("do-not-call" in item["what"] for item in receipt["kept"])
    shown = [each["first_name"] for each in seller.get("/api/leads")[1]["items"]]
    assert sorted(shown) == ["Laputania", "Removed at the person's request"]
    again = {"first_name": "Again", "phone": KNOWN}
    assert code_of(seller.post("/api/leads", again)[1]) == "lead_suppressed"
    assert audit_check.verify().broken is None


def test_guessing_codes_and_links_opens_nothing_and_is_noticed(customers: object, sandbox: Sandbox) -> None:
    browser = Browser()
    ask(browser, KNOWN)
    wrong = other_than(sandbox.code_at(KNOWN))
    codes = [code_of(browser.post("/api/my-data/session", {"number": KNOWN, "code": wrong})[1]) for _ in range(22)]
    # Twilio's own limit comes first and is told as any other wrong code.
    assert codes == ["number_code_wrong"] * 20 + ["otp_too_many"] * 2
    links = [browser.get(f"/api/my-data/download?token=guess-{n}")[0] for n in range(22)]
    assert links == [404] * 20 + [429] * 2
    alerts = AuditEvent.objects.filter(action__startswith="number.").order_by("sequence")
    assert [(alert.action, alert.target) for alert in alerts] == [
        ("number.code_guessed", pseudonym("phone", KNOWN)),
        ("number.links_guessed", pseudonym("network", "198.51.100.7")),
    ]
    assert NumberKey.objects.count() == 0


def test_a_code_is_good_for_its_number_and_once(customers: object, sandbox: Sandbox) -> None:
    browser = Browser()
    for number in (KNOWN, UNKNOWN):
        ask(browser, number)
    mine = sandbox.code_at(UNKNOWN)
    if mine != sandbox.code_at(KNOWN):
        assert browser.post("/api/my-data/session", {"number": KNOWN, "code": mine})[0] == 422
    assert browser.post("/api/my-data/session", {"number": UNKNOWN, "code": mine})[0] == 200
    assert seen(browser)["workspaces"] == []
    assert Browser().post("/api/my-data/session", {"number": UNKNOWN, "code": mine})[0] == 422
    ask(browser, KNOWN)
    code = sandbox.code_at(KNOWN)
    sandbox.age_codes(601)
    assert browser.post("/api/my-data/session", {"number": KNOWN, "code": code})[0] == 422
