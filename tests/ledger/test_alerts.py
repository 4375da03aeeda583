"""Low-balance alerts: drawn over HTTP, raised by the clock's sweep, heard on the socket's topic."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from config.management.commands.clock import LANES
from identity.models import Membership
from ledger import operations
from ledger.models import BalanceAlert, Checkout
from ledger.operations.alert_mails import SUBJECT
from tests.identity.browser import Browser
from tests.ledger.books import adjusted, began, completed, hold, notify
from tests.ledger.hearing import heard
from tests.ledger.test_purchases_api import spend
from tests.ledger.top_ups import LINE, World

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 31, 20, 30, tzinfo=UTC)


@pytest.fixture
def owner(make_account: Callable[..., Membership]) -> Membership:
    member = make_account()
    notify(completed(began(member.workspace_id, mcredits=20_000)))
    return member


@pytest.fixture
def page(owner: Membership, sign_in: Callable[..., Browser]) -> Browser:
    return sign_in(owner)


def draw(page: Browser, threshold: Any) -> tuple[int, Any]:
    return page._send("PUT", "/api/credits/alert", {"threshold_mcredits": threshold}, {})


def sweep(minutes: int = 0) -> int:
    return operations.raise_alerts(now=NOW + timedelta(minutes=minutes))


def test_it_is_raised_once_for_each_fall_below_the_line(page: Browser, owner: Membership) -> None:
    """Red when it is raised at each look, or is not made ready again by a purchase."""
    assert draw(page, 10_000)[1]["alert"] == {"threshold_mcredits": 10_000, "raised_at": None}
    assert sweep() == 0
    spend(owner.workspace_id, 10_000, NOW)
    assert sweep() == 0
    spend(owner.workspace_id, 1, NOW)
    assert [sweep(1), sweep(2)] == [1, 0]
    raised_at = page.get("/api/credits")[1]["alert"]["raised_at"]
    assert datetime.fromisoformat(raised_at) == NOW + timedelta(minutes=1)
    spend(owner.workspace_id, 500, NOW)
    assert sweep(3) == 0
    notify(completed(began(owner.workspace_id, mcredits=5_000)))
    assert (sweep(4), page.get("/api/credits")[1]["alert"]["raised_at"]) == (0, None)
    spend(owner.workspace_id, 9_000, NOW)
    assert [sweep(5), sweep(6)] == [1, 0]


def test_two_clocks_raise_it_once(page: Browser, owner: Membership) -> None:
    draw(page, 20_001)

    def look(_: int) -> int:
        try:
            return sweep()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(look, range(16))) == 1


def test_what_is_set_aside_for_a_call_is_not_spent(page: Browser, owner: Membership) -> None:
    draw(page, 10_000)
    hold(owner.workspace_id, "call:1", 15_000)
    assert sweep() == 0


def test_credits_that_are_taken_back_raise_it_too(page: Browser, owner: Membership) -> None:
    draw(page, 1_000)
    notify(adjusted(Checkout.objects.for_workspace(owner.workspace_id).get(), "chargeback"))
    assert sweep() == 1


def test_everybody_in_the_workspace_hears_of_it_at_once(page: Browser, owner: Membership) -> None:
    draw(page, 30_000)
    sent: list[int] = []
    text = heard(owner.workspace_id, lambda: sent.append(sweep()), kind="balance.low")
    assert sent == [1]
    assert '"threshold_mcredits":30000' in text and '"balance_mcredits":20000' in text


def test_the_same_line_drawn_again_does_not_raise_it_again_and_another_one_does(
    page: Browser, owner: Membership
) -> None:
    draw(page, 30_000)
    assert sweep() == 1
    draw(page, 30_000)
    assert sweep() == 0
    draw(page, 25_000)
    assert sweep() == 1
    assert draw(page, None)[1]["alert"] is None
    assert (sweep(), BalanceAlert.objects.for_workspace(owner.workspace_id).count()) == (0, 0)


@pytest.mark.parametrize("threshold", [0, -5, 1.5, "ten", 10**13])
def test_a_line_that_is_no_amount_is_refused(page: Browser, threshold: Any) -> None:
    status, answer = draw(page, threshold)
    assert (status, answer["code"]) == (422, "invalid_fields")


def test_only_who_buys_draws_the_line(
    owner: Membership, make_account: Callable[..., Membership], sign_in: Callable[..., Browser]
) -> None:
    rep = make_account(workspace_id=owner.workspace_id, role="rep", email="rep@example.com", mobile="+1 202 555 0111")
    status, answer = draw(sign_in(rep), 1_000)
    assert (status, answer["code"]) == (403, "not_permitted")


def test_a_workspace_that_never_had_a_credit_is_below_its_line(
    make_account: Callable[..., Membership], sign_in: Callable[..., Browser]
) -> None:
    """Red when only workspaces with accounts in the ledger are looked at."""
    draw(sign_in(make_account()), 1_000)
    assert [sweep(1), sweep(2)] == [1, 0]


class Mails:
    """The subjects in somebody's mailbox at the sandbox, after the clock has sent what is due."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __call__(self, email: str = "") -> list[str]:
        operations.send_alert_mails(now=self.world.later(minutes=6))
        address = email or self.world.owner.user.email
        return [mail["subject"] for mail in self.world.sandbox.ask("GET", "/mails", to=address)]

    def fall(self, mcredits: int) -> int:
        spend(self.world.owner.workspace_id, mcredits, self.world.now)
        return operations.raise_alerts(now=self.world.later(seconds=1))


@pytest.fixture
def mails(world: World) -> Mails:
    draw(world.page, LINE)
    return Mails(world)


def test_who_may_buy_gets_one_mail_for_each_fall_and_nobody_else(
    mails: Mails, make_account: Callable[..., Membership]
) -> None:
    workspace_id = mails.world.owner.workspace_id
    make_account(workspace_id=workspace_id, role="manager", email="m@example.com", mobile="+1 202 555 0111")
    make_account(workspace_id=workspace_id, role="rep", email="r@example.com", mobile="+1 202 555 0112")
    assert (mails.fall(9_000), mails()) == (0, [])
    assert mails.fall(2_000) == 1
    assert (mails(), mails("m@example.com"), mails("r@example.com")) == ([SUBJECT], [SUBJECT], [])
    mails.fall(500)
    assert mails() == [SUBJECT]
    text = mails.world.sandbox.ask("GET", "/mails", to="m@example.com")[0]["text"]
    assert "10 credits" in text and "/credits" in text
    notify(completed(began(workspace_id, mcredits=20_000)))
    operations.raise_alerts(now=mails.world.now)
    assert (mails.fall(25_000), mails()) == (1, [SUBJECT, SUBJECT])


def test_a_mail_that_the_server_does_not_take_is_sent_later_unless_credits_were_bought(mails: Mails) -> None:
    mails.fall(11_000)
    with override_settings(EMAIL_PORT=9):
        assert operations.send_alert_mails(now=mails.world.now) == 0
    # Claimed for a while by the process that tried.
    assert operations.send_alert_mails(now=mails.world.now) == 0
    assert (mails(), mails()) == ([SUBJECT], [SUBJECT])
    notify(completed(began(mails.world.owner.workspace_id, mcredits=5_000)))
    operations.raise_alerts(now=mails.world.now)
    mails.fall(5_000)
    with override_settings(EMAIL_PORT=9):
        operations.send_alert_mails(now=mails.world.now)
    notify(completed(began(mails.world.owner.workspace_id, mcredits=5_000)))
    operations.raise_alerts(now=mails.world.now)
    assert mails() == [SUBJECT]


def test_two_clocks_send_one_mail(mails: Mails) -> None:
    mails.fall(11_000)

    def send(_: int) -> int:
        try:
            return operations.send_alert_mails(now=mails.world.now)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(send, range(8))) == 1
    assert mails() == [SUBJECT]


def test_a_fall_while_the_mail_about_the_one_before_is_claimed_has_a_mail_of_its_own(mails: Mails) -> None:
    """Red when a clock takes whatever is to be told later for its own claim."""
    mails.fall(11_000)
    fell: list[int] = []

    def falls_again(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        done = execute(sql, *rest)
        if 'SET "mail_at"' in sql and not fell:
            notify(completed(began(mails.world.owner.workspace_id, mcredits=5_000)))
            operations.raise_alerts(now=mails.world.now)
            fell.append(mails.fall(5_000))
        return done

    with connection.execute_wrapper(falls_again):
        assert (operations.send_alert_mails(now=mails.world.now), fell) == (0, [1])
    assert mails() == [SUBJECT]


def test_the_clock_looks_by_itself() -> None:
    work = [work for lane in LANES.values() for _, work in lane]
    assert operations.raise_alerts in work and operations.send_alert_mails in work
