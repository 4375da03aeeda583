"""Automatic top-up: agreed to, one charge for each fall, the cap, stopping, erasing. Driven over HTTP, Paddle's webhooks
and the sandbox.

Planted and seen red: a cap that the code does not look at (the database's own constraint refused it), a new month that does not
lift the cap, words that are not compared, an erasure that does not wait for Paddle. What else would turn a test red is said beside it and was not planted.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, IntegrityError, connection
from django.test import override_settings
from uuid_utils.compat import uuid7

from compliance.models import ConsentEvent
from compliance.policy import sha256_of
from compliance.stores import NotYet, Subject
from config.management.commands.clock import LANES
from identity.models import Membership
from ledger import operations
from ledger.models import Checkout, TopUp, TopUpPlan
from ledger.operations.top_up_plans import month_of
from ledger.personal_data import STORE
from tests.identity.browser import Browser
from tests.ledger.books import adjusted, amounts, broken, notify
from tests.ledger.test_purchases_api import spend
from tests.ledger.top_ups import PACK_MCREDITS, World, agree, completed, created, terms
from tests.sandbox_fixture import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_fall_is_one_charge_is_one_grant(world: World) -> None:
    """Red when a fall is answered at each look, and when the answer of Paddle grants."""
    world.opt_in()
    assert world.fall(9_000) == 0
    assert world.fall(2_000) == 1
    assert (world.top_ups(), world.asked()) == ([("intended", "")], 0)
    assert world.shown()["charging"] is True
    assert world.settle() == 1
    assert (world.top_ups(), amounts(world.owner.workspace_id)[0]) == ([("charged", "")], 9_000)
    for _ in range(3):
        assert (world.settle(minutes=1), operations.intend_top_ups(now=world.now)) == (0, 0)
    [charge] = world.charges()
    assert (charge["details"]["totals"]["total"], charge["subscription_id"]) == ("1000", world.plan().subscription_id)
    for _ in range(2):
        notify(completed(charge))
    assert (world.top_ups(), amounts(world.owner.workspace_id)[0]) == ([("granted", "")], 9_000 + PACK_MCREDITS)
    shown = world.shown()
    assert (shown["used"], shown["monthly_max"], shown["charging"], shown["capped"]) == (1, 2, False, False)
    newest = world.page.get("/api/credits/purchases")[1]["items"][0]
    assert (newest["automatic"], newest["state"], newest["transaction_id"]) == (True, "granted", charge["id"])
    assert newest["by"].startswith("Ada")
    assert (world.asked(), world.mails(), broken()) == (1, [], [])


def test_what_paddle_is_told_and_nothing_else(world: World) -> None:
    world.opt_in()
    world.fall(11_000)
    world.settle()
    services = world.sandbox.received()["services"]
    asked = next(fields for name, fields in services.items() if name.endswith("/charge"))
    assert set(asked["fields"]) == {"effective_from", "on_payment_failure", "items[].price_id", "items[].quantity"}
    told = world.page.get("/api/privacy/disclosures")[1]["items"]
    [window] = [each for each in told if each["endpoint"] == "checkout.open"]
    assert ([each["key"] for each in window["data_classes"]], window["count"]) == (["email", "payment_reference"], 1)


def test_two_clocks_at_one_fall_charge_once(world: World) -> None:
    """Red when the row of the plan is not locked, and when a charge is asked for without being claimed."""
    world.opt_in()
    spend(world.owner.workspace_id, 11_000, world.now)

    def look(_: int) -> tuple[int, int]:
        try:
            return operations.intend_top_ups(now=world.now), operations.settle_top_ups(now=world.now)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        looked = list(pool.map(look, range(16)))
    assert sum(intended for intended, _ in looked) == 1
    assert (len(world.charges()), world.asked()) == (1, 1)


def test_the_balance_may_be_below_the_line_from_the_start(world: World) -> None:
    world.opt_in(threshold_mcredits=50_000)
    assert operations.intend_top_ups(now=world.later(seconds=1)) == 1


def test_the_cap_of_the_month_is_kept_and_told_once_and_ends_with_the_month(world: World) -> None:
    """Red when the cap is not looked at, when it is told at each fall, and when a new month does not lift it."""
    world.now = world.now.replace(day=10)
    world.opt_in()
    spent = 11_000
    for _ in range(2):
        assert world.fall(spent) == 1
        world.settle()
        notify(completed(world.charges()[-1]))
        spent = PACK_MCREDITS
    assert world.fall(spent) == 0
    assert (world.shown()["capped"], world.shown()["used"]) == (True, 2)
    for _ in range(2):
        assert operations.intend_top_ups(now=world.later(hours=1)) == 0
    told = world.mails()
    assert told == ["Your credits are low and this month's automatic top-ups are used up"]
    assert (len(world.charges()), world.plan().state) == (2, "active")
    assert operations.intend_top_ups(now=world.later(days=31)) == 1
    assert world.mails() == told


def test_the_database_itself_keeps_the_cap_and_the_terms(world: World) -> None:
    plan = world.opt_in(monthly_max=1)
    world.fall(11_000)
    row = TopUp.objects.for_workspace(plan.workspace_id).get()
    row.id, row.fall, row.number, row.state = uuid7(), 2, 2, "failed"
    with pytest.raises(IntegrityError, match="within_the_cap"):
        row.save(force_insert=True)
    row.number, row.state = 1, "charged"
    with pytest.raises(IntegrityError, match=r"one_in_flight|number_once"):
        row.save(force_insert=True)
    for change in ({"amount_minor": 1}, {"monthly_max": 30}, {"words": "anything"}):
        with pytest.raises(DatabaseError, match="append-only"):
            TopUpPlan.objects.get_queryset().update(**change)


@pytest.mark.parametrize(
    ("at", "month"),
    [
        (datetime(2026, 4, 1, 1, 0, tzinfo=ZoneInfo("Europe/Vilnius")), date(2026, 3, 1)),
        (datetime(2026, 4, 1, 0, 0, tzinfo=UTC), date(2026, 4, 1)),
        (datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC), date(2026, 3, 1)),
    ],
)
def test_a_month_begins_at_midnight_utc(at: datetime, month: date) -> None:
    assert month_of(at) == month


def test_what_was_agreed_to_is_kept_word_for_word(world: World) -> None:
    plan = world.opt_in()
    consent = ConsentEvent.objects.get(purpose="top_up")
    assert (consent.user_id, consent.given, consent.ip) == (world.owner.user_id, True, "198.51.100.7")
    assert consent.text_hash == sha256_of(plan.words)
    for words in ("below 10 credits", "USD 10.00 plus tax", "at most 2 times", "at most USD 20.00", "stop at any time"):
        assert words in plan.words
    shown = world.page.get("/api/privacy/consents")[1]["items"]
    assert shown[0]["purpose"] == "top_up"


def test_words_that_were_not_shown_cannot_be_agreed_to(world: World) -> None:
    """Red when the hash is not compared: 9 top-ups would be agreed to by the words for 2."""
    status, words = world.page.post("/api/credits/top-up/words", terms())
    assert status == 200
    for body in (terms(monthly_max=9), terms(threshold_mcredits=9_999)):
        status, answer = world.page.post(
            "/api/credits/top-up", body | {"words_hash": words["words_hash"]}, **{"Idempotency-Key": "click-one"}
        )
        assert (status, answer["code"]) == (409, "top_up_words_changed")
    assert not TopUpPlan.objects.get_queryset().exists() and not ConsentEvent.objects.filter(purpose="top_up").exists()


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"threshold_mcredits": PACK_MCREDITS + 1}, 422, "top_up_line_too_high"),
        ({"price_id": "pri_unknown"}, 422, "pack_unknown"),
        ({"threshold_mcredits": 0}, 422, "invalid_fields"),
        ({"monthly_max": 0}, 422, "invalid_fields"),
        ({"monthly_max": 31}, 422, "invalid_fields"),
        ({"monthly_max": "often"}, 422, "invalid_fields"),
    ],
)
def test_terms_that_make_no_sense_are_refused(world: World, changes: dict[str, Any], status: int, code: str) -> None:
    found, answer = agree(world.page, **changes)
    assert (found, answer["code"]) == (status, code)


def test_without_a_price_it_is_not_offered(world: World) -> None:
    with override_settings(PADDLE_TOP_UP_PRICE_ID=""):
        assert world.page.get("/api/credits/top-up") == (200, {"offered": False, "plan": None})
        status, answer = agree(world.page)
    assert (status, answer["code"]) == (409, "top_up_not_offered")


def test_a_second_click_finds_the_same_and_another_choice_replaces_what_was_not_finished(world: World) -> None:
    first = agree(world.page, key="click-one")[1]
    assert agree(world.page, key="click-one")[1] == first
    assert agree(world.page, key="click-one", monthly_max=3)[1]["code"] == "idempotency_key_reused"
    second = agree(world.page, key="click-two", monthly_max=3)[1]
    assert second["transaction_id"] != first["transaction_id"]
    reasons = TopUpPlan.objects.for_workspace(world.owner.workspace_id).values_list("end_reason", flat=True)
    assert sorted(reasons) == ["", "replaced"]
    # The first checkout is paid all the same: its method must not stay at Paddle.
    late = world.subscribe(first["transaction_id"])
    notify(created(late, first["transaction_id"]))
    assert operations.cancel_subscriptions(now=world.later(minutes=5)) == 1
    assert (world.subscription()["status"], world.plan().state) == ("canceled", "pending")


def test_while_it_is_on_it_cannot_be_set_up_again(world: World) -> None:
    world.opt_in()
    status, answer = agree(world.page, monthly_max=5)
    assert (status, answer["code"]) == (409, "top_up_exists")


def test_only_the_owner_agrees_who_buys_may_stop_and_a_rep_sees_nothing(
    world: World, make_account: Callable[..., Membership], sign_in: Callable[..., Browser]
) -> None:
    workspace_id = world.owner.workspace_id
    manager = sign_in(
        make_account(workspace_id=workspace_id, role="manager", email="m@example.com", mobile="+1 202 555 0111")
    )
    rep = sign_in(make_account(workspace_id=workspace_id, role="rep", email="r@example.com", mobile="+1 202 555 0112"))
    assert agree(manager)[1]["code"] == agree(rep)[1]["code"] == "not_permitted"
    world.opt_in()
    assert rep.get("/api/credits/top-up")[1]["code"] == rep.delete("/api/credits/top-up")[1]["code"] == "not_permitted"
    assert manager.get("/api/credits/top-up")[1]["plan"]["state"] == "active"
    assert manager.delete("/api/credits/top-up")[1]["plan"]["end_reason"] == "stopped"


def test_one_click_stops_it_and_paddle_forgets_the_method(world: World) -> None:
    """Red when only our own row is ended."""
    world.opt_in()
    status, answer = world.page.delete("/api/credits/top-up")
    assert (status, answer["plan"]["state"], answer["plan"]["cancelling"]) == (200, "ended", False)
    assert world.subscription()["status"] == "canceled"
    assert world.fall(15_000) == 0
    assert list(ConsentEvent.objects.filter(purpose="top_up").order_by("at").values_list("given", flat=True)) == [
        True,
        False,
    ]
    assert world.page.delete("/api/credits/top-up")[0] == 200
    assert world.mails() == []


def test_a_charge_that_nobody_asked_for_yet_ends_with_the_stop(world: World) -> None:
    world.opt_in()
    world.fall(11_000)
    world.page.delete("/api/credits/top-up")
    world.settle(minutes=1)
    assert (world.top_ups(), world.asked()) == ([("failed", "stopped")], 0)


def test_a_method_that_paddle_cannot_forget_now_is_forgotten_by_the_clock(world: World) -> None:
    """Red when a failed cancellation is not tried again."""
    world.opt_in()
    world.sandbox.fail("paddle.rest", "error", value=503, count=2)
    assert world.page.delete("/api/credits/top-up")[1]["plan"]["cancelling"] is True
    assert operations.cancel_subscriptions(now=world.later(minutes=5)) == 0
    assert operations.cancel_subscriptions(now=world.later(minutes=10)) == 1
    assert world.subscription()["status"] == "canceled"
    assert operations.cancel_subscriptions(now=world.later(hours=2)) == 0


def test_an_erasure_cancels_at_paddle_first_and_unlinks_the_person(world: World) -> None:
    """Red when erasing forgets the subscription, and when it goes on although Paddle does not answer."""
    plan = world.opt_in()
    subject = Subject(kind="user", user_id=world.owner.user_id, workspace_ids=(plan.workspace_id,))
    assert STORE.find(subject) == {"payment": 1}
    exported = STORE.export(subject)["payment"][0]
    assert exported["agreed_to"] == plan.words.split("\n")
    world.sandbox.fail("paddle.rest", "drop")
    with pytest.raises(NotYet):
        STORE.stop(subject, now=world.now)
    assert world.subscription()["status"] == "active"
    for _ in range(2):
        STORE.stop(subject, now=world.later(minutes=1))
    assert world.subscription()["status"] == "canceled"
    assert [STORE.erase(subject, now=world.now) for _ in range(2)] == [{"payment": 1}, {}]
    assert STORE.verify(subject) == 0
    plan.refresh_from_db()
    assert (plan.user_id, plan.end_reason, plan.idempotency_key) == (None, "erased", "")
    assert world.fall(15_000) == 0


def test_a_chargeback_takes_the_credits_and_switches_it_off(world: World) -> None:
    world.opt_in()
    world.fall(11_000)
    world.settle()
    notify(completed(world.charges()[-1]))
    bought = Checkout.objects.for_workspace(world.owner.workspace_id).get(top_up__isnull=False)
    notify(adjusted(bought, "refund", total=500))
    assert (amounts(world.owner.workspace_id)[0], world.plan().state) == (9_000 + PACK_MCREDITS // 2, "active")
    notify(adjusted(bought, "chargeback", total=500))
    assert (amounts(world.owner.workspace_id)[0], world.plan().end_reason) == (9_000, "charged_back")
    assert (world.mails(), broken()) == (["Automatic top-up is off"], [])


def test_a_pack_that_costs_something_else_by_now_is_not_charged(world: World, settings: Any) -> None:
    """Red when the terms of today are charged instead of those that were agreed to."""
    world.opt_in()
    world.fall(11_000)
    dearer = [pack | {"amount_minor": pack["amount_minor"] + 1} for pack in settings.CREDIT_PACKS]
    with override_settings(CREDIT_PACKS=dearer):
        world.settle()
    assert (world.asked(), world.top_ups(), world.plan().end_reason) == (
        0,
        [("failed", "pack_changed")],
        "pack_changed",
    )


def test_who_hands_the_workspace_over_is_not_charged_for_it_any_more(
    world: World, make_account: Callable[..., Membership]
) -> None:
    heir = make_account(
        workspace_id=world.owner.workspace_id, role="manager", email="m@example.com", mobile="+1 202 555 0111"
    )
    world.opt_in()
    assert world.page.post("/api/team/owner", {"user_id": str(heir.user_id)})[0] == 204
    assert (world.fall(11_000), world.asked()) == (0, 0)
    assert (world.plan().state, world.plan().end_reason) == ("ended", "owner_left")
    operations.cancel_subscriptions(now=world.later(seconds=5))
    assert world.subscription()["status"] == "canceled"
    assert world.mails() == ["Automatic top-up is off"]


def test_the_clock_does_it_all_by_itself() -> None:
    work = {work for lane in LANES.values() for _, work in lane}
    assert {
        operations.intend_top_ups,
        operations.settle_top_ups,
        operations.cancel_subscriptions,
        operations.send_top_up_mails,
    } <= work


def test_a_mail_that_the_server_does_not_take_is_sent_later(world: World) -> None:
    world.opt_in()
    world.fall(11_000)
    world.sandbox.ask("POST", f"/paddle/subscriptions/{world.plan().subscription_id}/card", {"declines": True})
    world.settle()
    with override_settings(EMAIL_PORT=9):
        assert operations.send_top_up_mails(now=world.now) == 0
    assert world.mails() == ["Automatic top-up is off"]
    operations.send_top_up_mails(now=world.later(days=1))
    assert len(world.mails()) == 1


def test_a_workspace_that_never_had_a_credit_is_below_its_line(
    make_account: Callable[..., Membership], sign_in: Callable[..., Browser], sandbox: Sandbox
) -> None:
    """Red when only workspaces with accounts in the ledger are looked at."""
    owner = make_account()
    new = World(owner=owner, page=sign_in(owner), sandbox=sandbox, now=datetime.now(UTC))
    new.opt_in()
    assert operations.intend_top_ups(now=new.later(seconds=1)) == 1
    new.settle()
    notify(completed(new.charges()[0]))
    assert amounts(owner.workspace_id) == (PACK_MCREDITS, 0, 0)
