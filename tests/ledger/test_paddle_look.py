"""What Paddle told and nobody heard is found in its own list of events, over HTTP at the sandbox."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from uuid_utils.compat import uuid7

from config.embedded.environment import CREDIT_PACKS
from config.management.commands.clock import LANES
from identity.models import Membership
from ledger import operations
from ledger.models import PaddleEvent
from ledger.operations import paddle_look
from ledger.paddle import PaddleUnavailable
from tests.identity.browser import Browser
from tests.ledger.books import amounts, notify
from tests.ledger.top_ups import PACK_MCREDITS, World
from tests.sandbox_fixture import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)
PACKS: Final[list[dict[str, Any]]] = [dict(pack) for pack in CREDIT_PACKS]
ALL_MCREDITS: Final = sum(pack["mcredits"] for pack in PACKS[:3])


class Buyer:
    """Buys at the sandbox, whose notifications reach nobody in these tests. Minutes are counted from the beginning."""

    def __init__(self, page: Browser, sandbox: Sandbox, owner: Membership) -> None:
        self.page, self.sandbox, self.workspace_id = page, sandbox, owner.workspace_id
        self.began = datetime.now(UTC)

    def buy(self, pack: dict[str, Any] = PACKS[0]) -> str:
        body = {"price_id": pack["price_id"]}
        started = self.page.post("/api/credits/checkouts", body, **{"Idempotency-Key": str(uuid7())})[1]
        transaction_id = str(started["transaction_id"])
        self.sandbox.ask("POST", f"/paddle/transactions/{transaction_id}/pay")
        until = time.monotonic() + 5
        while not self.told(transaction_id) and time.monotonic() < until:
            time.sleep(0.01)
        return transaction_id

    def told(self, transaction_id: str) -> list[dict[str, Any]]:
        """The event of its completion, as Paddle has it."""
        return [
            event | {"notification_id": f"ntf_{uuid7().hex}"}
            for event in self.sandbox.ask("GET", "/paddle/events")
            if event["event_type"] == "transaction.completed" and event["data"]["id"] == transaction_id
        ]

    def look(self, *, minutes: float) -> int:
        return operations.look_for_missed_events(now=self.began + timedelta(minutes=minutes))

    def available(self) -> int:
        return amounts(self.workspace_id)[0]


@pytest.fixture
def buyer(make_account: Callable[..., Membership], sign_in: Callable[..., Browser], sandbox: Sandbox) -> Buyer:
    owner = make_account()
    return Buyer(sign_in(owner), sandbox, owner)


def test_a_payment_that_nobody_told_of_is_granted_once(buyer: Buyer) -> None:
    transaction_id = buyer.buy()
    assert buyer.look(minutes=5) == 2
    assert buyer.available() == PACK_MCREDITS
    assert [buyer.look(minutes=20), buyer.look(minutes=40)] == [0, 0]
    notify(*buyer.told(transaction_id))
    assert buyer.available() == PACK_MCREDITS


def test_what_was_told_is_not_taken_again(buyer: Buyer) -> None:
    notify(*buyer.told(buyer.buy()))
    # The payment before it was not told.
    assert (buyer.look(minutes=5), buyer.available()) == (1, PACK_MCREDITS)


def test_what_happened_a_moment_ago_may_still_be_told_and_is_read_the_next_time(buyer: Buyer) -> None:
    buyer.buy()
    assert (buyer.look(minutes=0.5), buyer.available()) == (0, 0)
    assert buyer.look(minutes=5) == 0, "it was read half a minute ago"
    assert (buyer.look(minutes=11), buyer.available()) == (2, PACK_MCREDITS)


def test_a_chargeback_that_nobody_told_of_is_taken_back(buyer: Buyer) -> None:
    transaction_id = buyer.buy()
    buyer.look(minutes=5)
    buyer.sandbox.ask("POST", f"/paddle/transactions/{transaction_id}/chargeback")
    assert (buyer.look(minutes=20), buyer.available()) == (1, 0)


def test_a_top_up_that_nobody_told_of_ends_as_granted(world: World) -> None:
    world.opt_in()
    assert world.fall(11_000) == 1
    world.settle()
    assert world.top_ups() == [("charged", "")]
    until = time.monotonic() + 5
    while world.charges()[0]["status"] != "completed" and time.monotonic() < until:
        time.sleep(0.01)
    assert operations.look_for_missed_events(now=world.later(minutes=5)) > 0
    assert world.top_ups() == [("granted", "")]
    assert amounts(world.owner.workspace_id)[0] == 9_000 + PACK_MCREDITS


def test_pages_are_read_to_the_last_one(buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Red when only the first page is read, or the second begins where the first did."""
    monkeypatch.setattr("ledger.paddle_list._A_PAGE", 2)
    for pack in PACKS[:3]:
        buyer.buy(pack)
    assert (buyer.look(minutes=5), buyer.available()) == (6, ALL_MCREDITS)


def test_pages_that_were_read_stay_read_when_there_are_more_than_one_look_takes(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.paddle_list._A_PAGE", 2)
    monkeypatch.setattr(paddle_look, "PAGES_MAX", 2)
    monkeypatch.setattr(paddle_look, "OVERLAP", timedelta(0))
    for pack in PACKS[:3]:
        buyer.buy(pack)
    assert buyer.look(minutes=5) == 4
    assert buyer.look(minutes=6.5) + buyer.look(minutes=8) == 2
    assert buyer.available() == ALL_MCREDITS


@pytest.mark.parametrize("kind", ["error", "drop"])
def test_a_list_that_cannot_be_had_is_asked_for_again_after_a_minute(buyer: Buyer, kind: str) -> None:
    buyer.buy()
    buyer.sandbox.fail("paddle.rest", kind, 503 if kind == "error" else 0)
    with pytest.raises(PaddleUnavailable):
        buyer.look(minutes=5)
    assert (buyer.look(minutes=5.5), buyer.available()) == (0, 0)
    assert (buyer.look(minutes=6.1), buyer.available()) == (2, PACK_MCREDITS)


def test_a_list_that_comes_late_is_waited_for(buyer: Buyer) -> None:
    buyer.buy()
    buyer.sandbox.fail("paddle.rest", "delay", 300)
    assert (buyer.look(minutes=5), buyer.available()) == (2, PACK_MCREDITS)


def test_nothing_is_asked_of_customers(buyer: Buyer) -> None:
    buyer.buy()
    buyer.look(minutes=5)
    kinds = {kind.partition(".")[0] for kind in PaddleEvent.objects.values_list("event_type", flat=True)}
    assert kinds == {"transaction"}


def test_the_clock_looks_by_itself() -> None:
    assert operations.look_for_missed_events in [work for lane in LANES.values() for _, work in lane]
