"""Who was called reads what was understood of the calls, on the page and in the copy: the own words, never the other side's.

Planted and seen red: a copy without it, and the other side's words in it.
"""

from typing import Any

import pytest
from asgiref.sync import async_to_sync

from compliance.models import AuditEvent
from identity.models import Membership
from processors.pseudonyms import pseudonym
from tests.compliance.test_erasure import plant, understand
from tests.compliance.test_listing import OF_NUMBER, OWN, read
from tests.compliance.test_my_data import KNOWN, proved
from tests.identity.browser import Browser, code_of, whole
from tests.identity.conftest import MakeAccount, SignIn
from tests.sandbox_fixture import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)
TOO_DEAR = "Your Reldresal package is too expensive for us."
OFFER = "I will send the Glumdalclitch offer on Friday."


@pytest.fixture
def customer(make_account: MakeAccount) -> Membership:
    customer = make_account(workspace_name="Sellers One")
    plant(customer, "Brobdingnag", KNOWN, 1)
    plant(customer, "Laputania", "+37060054321", 1)
    understand("Brobdingnag", ("callee", TOO_DEAR), ("agent", OFFER))
    understand("Laputania", ("callee", "Your Munodi package is too expensive for us."))
    return customer


def copied(browser: Browser, *, as_page: bool = False) -> Any:
    path = browser.post("/api/my-data/links")[1]["path"]
    if not as_page:
        return Browser().get(path)[1]["data"]
    return async_to_sync(whole)(Browser().client.get(f"{path}&as_page=true", secure=True))


@pytest.mark.policy("C7.1")
def test_who_was_called_has_what_was_understood_in_the_copy_and_on_the_page(
    customer: Membership, sandbox: Sandbox
) -> None:
    browser = proved(sandbox)
    held = {each["element"]: each for each in browser.get("/api/my-data")[1]["held"]}
    copy = copied(browser)
    items = copy["insight"]["items"]
    assert (held["insight"]["count"], held["insight"]["listed"]) == (len(items), True)
    [objection] = [each for each in items if each["kind"] == "objection"]
    assert (objection["text"].endswith(TOO_DEAR), objection["customer"]) == (True, "Sellers One")
    # That something was agreed, by whom and until when; in which words is the other side's.
    [step] = [each for each in items if each["kind"] == "next_step"]
    assert (step["text"], step["to_be_done_by"]) == (None, "the customer") and step["due_on"]
    [summary] = [each["text"] for each in items if each["kind"] == "summary"]
    assert TOO_DEAR in summary
    page = copied(browser, as_page=True)
    assert copy["insight"]["what"] in page
    for shown in (str(copy), page):
        assert TOO_DEAR in shown and "Glumdalclitch" not in shown and "Munodi" not in shown
    listed = [item for each in read(browser, OF_NUMBER, "insight") for item in each]
    assert sorted(map(str, listed)) == sorted(map(str, items))


@pytest.mark.policy("C7.1", "C9.1-4")
def test_that_somebody_read_what_is_held_is_noted_for_each_kind_once_a_day(
    customer: Membership, sandbox: Sandbox, sign_in: SignIn
) -> None:
    """Red when pages are read without a trace, and when each page that is turned makes another."""
    seller, called = sign_in(customer), proved(sandbox)
    for _ in range(2):
        read(seller, OWN, "callee")
        read(seller, OWN, "call")
        read(called, OF_NUMBER, "call")
    assert code_of(seller.get(f"{OWN}?element=nothing")[1]) == "kind_not_listed"
    noted = AuditEvent.objects.filter(action="privacy.read").order_by("sequence")
    mine, number = str(customer.user_id), pseudonym("phone", KNOWN)
    assert list(noted.values_list("actor_ref", "target", "detail__element")) == [
        (mine, mine, "callee"),
        (mine, mine, "call"),
        ("requester", number, "call"),
    ]
