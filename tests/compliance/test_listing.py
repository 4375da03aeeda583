"""What is held is read on the page, kind by kind and a page at a time, as the copy of everything has it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from compliance import suppression
from compliance.models import ConsentEvent
from identity import opt_out
from identity.models import AccessEvent, AccountMail, Membership, User
from processors.pseudonyms import pseudonym
from tests.compliance.test_erasure import accounts, plant
from tests.compliance.test_my_data import KNOWN, ask, proved
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.sandbox_fixture import Sandbox
from voice import transcript_refusals
from voice.models import Call

__all__ = ["accounts"]

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC)
OWN = "/api/privacy/held/things"
OF_NUMBER = "/api/my-data/held"


def read(browser: Browser, path: str, element: str) -> list[list[dict[str, Any]]]:
    """All pages."""
    pages: list[list[dict[str, Any]]] = []
    cursor: str | None = ""
    while cursor is not None:
        status, found = browser.get(f"{path}?element={element}{cursor and f'&cursor={cursor}'}")
        assert status == 200, found
        pages.append(found["items"])
        cursor = found["next_cursor"]
    return pages


@pytest.mark.policy("C7.1")
def test_every_kind_that_says_so_is_read_in_pages_that_hold_what_the_copy_holds(
    accounts: tuple[Membership, Membership], sign_in: SignIn
) -> None:
    browser, (person, other) = sign_in(accounts[0]), accounts
    for number in range(45):
        at = NOW - timedelta(minutes=number)
        AccessEvent.objects.create(at=at, kind="signed_in", user_id=person.user_id, agent=f"Own {number}")
        AccessEvent.objects.create(at=at, kind="signed_in", user_id=other.user_id, agent="Foreign")
    kinds = {each["element"]: each for each in browser.get("/api/privacy/held")[1]["items"]}
    copy = browser.get("/api/privacy/export")[1]["data"]
    listed = {element for element, kind in kinds.items() if kind["listed"]}
    assert {"account", "consent", "session", "access_event", "otp_attempt", "call", "callee"} <= listed
    # These have no form of their own: the text stands in its call, vectors are figures made of it.
    assert set(kinds) - listed <= {"transcript", "embedding"}
    for element in listed:
        pages = read(browser, OWN, element)
        items = [item for page in pages for item in page]
        assert sorted(map(str, items)) == sorted(map(str, copy[element]["items"])), element
    events = read(browser, OWN, "access_event")
    assert [len(page) for page in events[:-1]] == [20] * (len(events) - 1) and len(events) >= 3
    assert "Foreign" not in str(events)
    # The newest stands first.
    assert events[0][0]["agent"] == "Own 44"


@pytest.mark.policy("C7.1")
def test_who_was_called_reads_the_own_words_call_by_call(make_account: MakeAccount, sandbox: Sandbox) -> None:
    seller = make_account()
    plant(seller, "Laputania", "+37060054321", lines=4)
    plant(seller, "Brobdingnag", KNOWN, lines=4)
    first = Call.objects.get_queryset().get(lead__phone_e164=KNOWN)
    for number in range(6):
        first.pk, first.idempotency_key = uuid7(), f"again {number}"
        first.save(force_insert=True)
    browser = proved(sandbox)
    kinds = {each["element"]: each for each in browser.get("/api/my-data")[1]["held"]}
    assert kinds["call"]["title"] == "Calls with you: when, how long, how they ended"
    calls = read(browser, OF_NUMBER, "call")
    assert [len(page) for page in calls] == [5, 2]
    # The oldest comes last.
    said = [line["text"] for line in calls[-1][-1]["transcript"]]
    assert said == [f"this is Brobdingnag speaking, sentence {number}" for number in range(1, 5)]
    (consents,) = read(browser, OF_NUMBER, "consent")
    assert len(consents) == ConsentEvent.objects.filter(purpose="my_data").count()
    assert "Laputania" not in str([read(browser, OF_NUMBER, each) for each, kind in kinds.items() if kind["listed"]])
    assert code_of(Browser().get(f"{OF_NUMBER}?element=call")[1]) == "number_not_proved"


@pytest.mark.policy("C7.1")
def test_who_was_called_reads_what_stops_calls_and_not_from_where_a_stranger_typed_the_number(
    make_account: MakeAccount, sandbox: Sandbox
) -> None:
    """Red when the do-not-call list is left out of the copy, or the copy tells the address of whoever typed the number without proving
    it, as if that had been the person's own consent."""
    seller = make_account()
    plant(seller, "Brobdingnag", KNOWN, lines=1)
    suppression.suppress(
        workspace_id=seller.workspace_id, phone_e164=KNOWN, reason="asked_not_to_be_called", source="rep", now=NOW
    )
    suppression.suppress(workspace_id=None, phone_e164="+37060054321", reason="other", source="other", now=NOW)
    transcript_refusals.refuse(workspace_id=seller.workspace_id, phone_e164=KNOWN, now=NOW)
    ask(Browser("203.0.113.99"), KNOWN)
    browser = proved(sandbox)
    opt_out.stop_number(mobile_e164=KNOWN, way="support", now=NOW, by="operator")
    kinds = {each["element"]: each for each in browser.get("/api/my-data")[1]["held"]}
    assert (kinds["suppression"]["count"], kinds["suppression"]["listed"]) == (3, True)
    entries = [item for page in read(browser, OF_NUMBER, "suppression") for item in page]
    assert {item["what"] for item in entries} == {"calls", "text messages", "transcripts"}
    [calls] = [item for item in entries if item["what"] == "calls"]
    assert (calls["reason"], calls["source"]) == ("asked_not_to_be_called", "rep")
    assert (calls["workspace_id"], calls["created_at"]) == (str(seller.workspace_id), NOW.isoformat())
    copy = browser.get(browser.post("/api/my-data/links")[1]["path"])[1]["data"]
    assert sorted(map(str, copy["suppression"]["items"])) == sorted(map(str, entries))
    consents = [item for page in read(browser, OF_NUMBER, "consent") for item in page]
    assert len(consents) == 2 and not any("given" in each for each in consents)
    assert "203.0.113.99" not in str(copy) + str(consents)
    # It stays, so no preview says that it goes.
    assert "suppression" not in {each["element"] for each in browser.get("/api/my-data")[1]["preview"]["goes"]}


def test_what_is_no_kind_and_no_place_in_it_is_refused(
    accounts: tuple[Membership, Membership], sign_in: SignIn
) -> None:
    browser = sign_in(accounts[0])
    for element in ("credentials", "audit", "nothing", ""):
        assert code_of(browser.get(f"{OWN}?element={element}")[1]) == "kind_not_listed"
    for cursor in ("x", "0", "0.x", "9.1", "-1.1", "00.1"):
        assert code_of(browser.get(f"{OWN}?element=access_event&cursor={cursor}")[1]) == "cursor_invalid"
    assert code_of(browser.get(OWN)[1]) == "invalid_fields"


def test_what_stands_under_an_address_alone_is_read_by_who_has_proved_it(
    make_account: MakeAccount, sign_in: SignIn
) -> None:
    """Anybody can sign up with an address that has no account yet. Red when the page or the copy shows what was sent there."""
    browser = sign_in(make_account(email="somebody.else@example.com"))
    mine = User.objects.get()
    AccountMail.objects.create(kind=AccountMail.RESET_LINK, email=mine.email, created_at=NOW, next_at=NOW)
    AccessEvent.objects.create(
        at=NOW, kind="sign_in_failed", account_key=pseudonym("email", mine.email), address="203.0.113.77"
    )

    def told() -> str:
        pages = [read(browser, OWN, element) for element in ("access_event", "account_mail")]
        return str(pages) + str(browser.get("/api/privacy/export")[1])

    User.objects.update(email_verified_at=None, email_first_proved_at=None)
    assert "203.0.113.77" not in told()
    User.objects.update(email_verified_at=NOW, email_first_proved_at=NOW)
    assert "203.0.113.77" in told()
