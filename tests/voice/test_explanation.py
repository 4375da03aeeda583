"""Explaining a charge: from the entry back to the carrier's and the seller's messages, over HTTP."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from identity.models import Membership
from ledger.models import Checkout, PaddleEvent
from tests.identity.browser import Browser
from tests.ledger.books import adjusted, broken, notify
from tests.ledger.test_statement_api import REP, finished_call, items
from tests.voice.carrier import give_credit, place, post
from voice import metering
from voice.models import CallLeg

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner(make_account: Callable[..., Membership]) -> Membership:
    return make_account()


@pytest.fixture
def rep(owner: Membership, make_account: Callable[..., Membership]) -> Membership:
    return make_account(workspace_id=owner.workspace_id, **REP)


@pytest.fixture
def page(owner: Membership, sign_in: Callable[..., Browser]) -> Browser:
    return sign_in(owner)


def explained(page: Browser, entry_id: str) -> dict[str, Any]:
    status, found = page.get(f"/api/credits/entries/{entry_id}/explanation")
    assert status == 200, found
    return dict(found)


def row(page: Browser, kind: str, query: str = "") -> dict[str, Any]:
    return next(item for item in items(page, f"kind={kind}&{query}") if item["kind"] == kind)


def results(found: dict[str, Any]) -> list[str]:
    return [step["result"] for step in found["steps"]]


def facts(message: dict[str, Any]) -> dict[str, str]:
    return {fact["name"]: fact["value"] for fact in message["facts"]}


def test_a_settlement_is_told_from_the_carriers_word_to_the_postings(page: Browser, owner: Membership) -> None:
    """Red when the price is worked out of anything but the answered seconds and the call's own rate card."""
    give_credit(owner, 50_000)
    call = finished_call(owner, seconds=125)
    found = explained(page, row(page, "settlement")["id"])
    assert (found["answered_s"], found["rate"]["version"], found["agrees"]) == (125, 1, True)
    assert results(found) == ["1 credit a minute", "3 credits", "0 credits", "3 credits"]
    assert "our own service is away for a while" in found["summary"]
    says = [(each["says"], facts(each).get("Length in seconds")) for each in found["evidence"]]
    assert says == [("The lead's phone answered", None), ("The lead's line was closed", "125")]
    assert {facts(each)["Call SID"] for each in found["evidence"]} == {call.callee_sid}
    assert [(line["account"], line["side"], line["amount_mcredits"]) for line in found["postings"]] == [
        ("held", "debit", 3_000),
        ("sales", "credit", 3_000),
    ]
    assert [each["kind"] for each in found["related"]] == ["hold", "settlement", "release"]
    assert (found["related_total"], found["entry"]["cause"]["id"]) == (3, call.call_id)


def test_each_part_of_a_live_call_is_the_difference_of_two_prices(page: Browser, owner: Membership) -> None:
    """Red when a part is explained by its own length, which a minimum or a rounded price makes wrong."""
    give_credit(owner, 50_000)
    call = place(owner, began_s_ago=135)
    for path, params in (
        call.agent("in-progress", at_s=0, sequence=0),
        call.callee("in-progress", at_s=5, sequence=1),
    ):
        assert post(path, params).status < 300
    metering.charge_due_minutes(now=datetime.now(UTC))
    charges = items(page, "kind=charge")
    assert [charge["ordinal"] for charge in charges] == [2, 1, 0]
    found = explained(page, charges[0]["id"])
    assert results(found) == ["1 credit a minute", "3 credits", "2 credits", "1 credit"]
    assert (found["agrees"], found["answered_s"]) == (True, None)
    assert [each["says"] for each in found["evidence"]] == ["The lead's phone answered"]
    first = explained(page, charges[2]["id"])
    # All were booked at the last part's turn.
    assert "It was booked 13" in first["summary"] and "seconds late" in first["summary"]
    assert "That changes no price." in first["summary"] and "late" not in found["summary"]
    assert results(first)[1:] == ["1 credit", "0 credits", "1 credit"]


def test_a_call_that_the_carrier_had_to_be_asked_about_has_no_message_to_show(page: Browser, owner: Membership) -> None:
    give_credit(owner, 50_000)
    call = finished_call(owner)
    call.row.callbacks.all().delete()
    found = explained(page, row(page, "settlement")["id"])
    assert (found["evidence"], found["agrees"]) == ([], True)
    assert CallLeg.objects.get_queryset().filter(call_id=call.call_id).exists()


def test_what_was_set_aside_is_said_to_be_no_charge(page: Browser, owner: Membership) -> None:
    give_credit(owner, 50_000)
    finished_call(owner)
    for kind in ("hold", "release"):
        assert "Nothing was charged" in explained(page, row(page, kind)["id"])["summary"]


def test_a_purchase_and_what_was_taken_back_of_it_rest_on_the_sellers_messages(
    page: Browser, owner: Membership
) -> None:
    give_credit(owner, 50_000)
    checkout = Checkout.objects.for_workspace(owner.workspace_id).get()
    notify(adjusted(checkout, "refund", total=250, adjustment_id="adj_refund"))
    notify(adjusted(checkout, "chargeback", total=1_000, adjustment_id="adj_dispute"))
    notify(adjusted(checkout, "chargeback_reverse", total=1_000, adjustment_id="adj_won"))
    bought = explained(page, row(page, "purchase")["id"])
    assert (results(bought), bought["agrees"]) == (["50 credits"], True)
    assert facts(bought["evidence"][0])["Transaction"] == checkout.transaction_id
    refund = explained(page, row(page, "refund")["id"])
    assert results(refund) == ["12.5 credits", "12.5 credits", "0 credits"]
    assert refund["steps"][0]["working"] == "50 credits times USD 2.50 of USD 10.00 paid"
    assert [facts(each)["Adjustment"] for each in refund["evidence"]] == ["adj_refund"]
    dispute = explained(page, row(page, "chargeback")["id"])
    assert results(dispute) == ["50 credits", "37.5 credits", "37.5 credits", "0 credits"]
    assert dispute["agrees"] is True
    won = explained(page, row(page, "chargeback_reverse")["id"])
    assert results(won)[-2:] == ["0 credits", "37.5 credits"]
    assert broken() == []


def test_a_sellers_word_that_is_not_known_is_shown_and_never_read_as_a_format(page: Browser, owner: Membership) -> None:
    give_credit(owner, 50_000)
    checkout = Checkout.objects.for_workspace(owner.workspace_id).get()
    notify(adjusted(checkout, "refund", total=250, adjustment_id="adj_refund"))
    event = PaddleEvent.objects.get(payload__adjustment_id="adj_refund")
    event.id, event.event_id = uuid7(), "evt_of_a_word_unknown"
    event.payload |= {"action": "{0.__class__}{status}"}
    event.save(force_insert=True)
    refund = explained(page, row(page, "refund")["id"])
    assert {each["says"] for each in refund["evidence"]} == {"A refund was approved", "{0.__class__}{status}"}


def test_spent_credits_that_are_taken_back_are_shown_as_debt(page: Browser, owner: Membership) -> None:
    give_credit(owner, 5_000)
    finished_call(owner, seconds=170)
    checkout = Checkout.objects.for_workspace(owner.workspace_id).get()
    notify(adjusted(checkout, "chargeback"))
    found = explained(page, row(page, "chargeback")["id"])
    assert results(found) == ["5 credits", "2 credits", "3 credits"]
    give_credit(owner, 10_000)
    paid = explained(page, row(page, "purchase")["id"])
    assert results(paid) == ["10 credits", "3 credits", "7 credits"]


def test_a_rep_has_own_charges_explained_and_no_others(
    page: Browser, owner: Membership, rep: Membership, sign_in: Callable[..., Browser]
) -> None:
    """Red when the entry is looked up in the workspace alone."""
    give_credit(owner, 50_000)
    theirs, mine = finished_call(owner), finished_call(rep)
    browser = sign_in(rep)
    own = row(page, "settlement", f"call_id={mine.call_id}")["id"]
    others = [row(page, "settlement", f"call_id={theirs.call_id}")["id"], row(page, "purchase")["id"], str(uuid7())]
    assert explained(browser, own)["agrees"] is True
    for entry_id in others:
        status, answer = browser.get(f"/api/credits/entries/{entry_id}/explanation")
        assert (status, answer["code"]) == (404, "not_found")


def test_of_a_removed_call_the_amount_is_left_and_said_so(page: Browser, owner: Membership) -> None:
    give_credit(owner, 50_000)
    call = finished_call(owner)
    entry_id = row(page, "settlement")["id"]
    call.row.delete()
    found = explained(page, entry_id)
    assert "was removed" in found["summary"] and found["evidence"] == [] and found["agrees"] is None
    assert sum(line["amount_mcredits"] for line in found["postings"] if line["side"] == "credit") == 2_000


def test_the_receipt_leads_to_the_explanation_of_each_entry(page: Browser, owner: Membership) -> None:
    give_credit(owner, 50_000)
    call = finished_call(owner)
    receipt = page.get(f"/api/calls/{call.call_id}/receipt")[1]
    entries = [line["entry_id"] for line in receipt["rows"] if line["entry_id"]]
    assert len(entries) == 3
    for entry_id in entries:
        assert explained(page, entry_id)["entry"]["id"] == entry_id
