"""Random stories of holding, ticking, settling, buying and losing money end as they do on paper.

Planted bugs that this must catch: a settlement that charges the total on top; a hold that is released twice; a tick that
takes its second charge from a hold that the first has emptied; a debit that is booked again when it is repeated.
"""

from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from uuid_utils.compat import uuid7

from ledger import operations, queries
from ledger.models import Hold
from ledger.reconcile import violations
from tests.ledger.books import LATER, NOW, adjusted, amounts, began, completed, hold, new_workspace, notify
from tests.ledger.plain_books import SHARES, PlainBooks, PlainPurchase, StoryStep

ACCOUNTS = (0, 1)
WHO = st.sampled_from(ACCOUNTS)
CREDIT = 6_000
PLACES = st.integers(0, 3)
AMOUNTS = st.integers(1, 2_500)
CHARGES = st.lists(st.tuples(WHO, PLACES, st.integers(0, 4)), min_size=1, max_size=8)
# A part costs the same whenever it is asked for.
PRICES = (900, 300, 1_500, 100, 700)


class Story(RuleBasedStateMachine):
    """Two workspaces, each with the same few references and keys, so that everything is repeated sooner or later."""

    def __init__(self) -> None:
        super().__init__()
        self.name = uuid7().hex
        self.workspaces: list[UUID] = [new_workspace(mcredits=CREDIT) for _ in ACCOUNTS]
        self.plain = [PlainBooks(available=CREDIT) for _ in ACCOUNTS]
        self.purchases: list[tuple[int, PlainPurchase, dict[StoryStep, dict[str, Any]]]] = []
        self.sales_before = queries.house_balance("sales")
        self.clearing_before = queries.house_balance("paddle_clearing")
        for who in ACCOUNTS:
            self.place_hold(who, 0, 2_000)

    def reference(self, who: int, place: int) -> str:
        return f"{self.name}:{who}:{place}"

    @rule(who=WHO, thousands=st.integers(1, 4), paid=st.booleans())
    def buy(self, who: int, thousands: int, paid: bool) -> None:
        """Paddle's other news of it are delivered later, one by one, in any order and number."""
        checkout = began(self.workspaces[who], mcredits=thousands * 1_000)
        news: dict[StoryStep, dict[str, Any]] = {
            "completed": completed(checkout),
            "refund": adjusted(checkout, "refund", total=200),
            "chargeback": adjusted(checkout, "chargeback", total=800),
            "chargeback_reverse": adjusted(checkout, "chargeback_reverse", total=800),
        }
        self.purchases.append((who, PlainPurchase(thousands * 1_000), news))
        if paid:
            self.deliver(-1, ["completed"])

    @precondition(lambda self: self.purchases)
    @rule(which=st.integers(0, 99), steps=st.lists(st.sampled_from([*SHARES]), min_size=1, max_size=2))
    def deliver(self, which: int, steps: list[StoryStep]) -> None:
        who, purchase, news = self.purchases[which % len(self.purchases)]
        for step in steps:
            notify(news[step])
            purchase.tell(step, self.plain[who])

    @rule(who=WHO, place=PLACES, amount=AMOUNTS)
    def place_hold(self, who: int, place: int, amount: int) -> None:
        expected = self.plain[who].hold(self.reference(who, place), amount)
        try:
            hold(self.workspaces[who], self.reference(who, place), amount)
        except operations.InsufficientCredit:
            assert not expected
        else:
            assert expected

    @rule(who=WHO, place=PLACES, amount=AMOUNTS)
    def extend(self, who: int, place: int, amount: int) -> None:
        if (reference := self.reference(who, place)) not in self.plain[who].holds:
            return
        expected = self.plain[who].extend(reference, amount)
        try:
            operations.extend_hold(reference=reference, remaining_mcredits=amount, expires_at=LATER, now=NOW)
        except operations.HoldClosed:
            assert expected == "closed"
        except operations.InsufficientCredit:
            assert expected == "insufficient"
        else:
            assert expected == "done"

    @rule(asked=CHARGES)
    def tick(self, asked: list[tuple[int, int, int]]) -> None:
        charges = [
            operations.Charge(self.workspaces[who], self.reference(who, place), ordinal, PRICES[ordinal])
            for who, place, ordinal in asked
        ]
        expected = [
            self.plain[who].charge(self.reference(who, place), ordinal, PRICES[ordinal])
            for who, place, ordinal in asked
        ]
        assert [result.outcome for result in operations.capture_due(charges=charges, now=NOW)] == expected

    @rule(who=WHO, place=PLACES, total=st.integers(0, 6_000))
    def settle(self, who: int, place: int, total: int) -> None:
        if (reference := self.reference(who, place)) in self.plain[who].holds:
            operations.settle(reference=reference, total_mcredits=total, now=NOW)
            self.plain[who].settle(reference, total)

    @rule(who=WHO, place=PLACES)
    def release(self, who: int, place: int) -> None:
        if (reference := self.reference(who, place)) in self.plain[who].holds:
            operations.release_hold(reference=reference, now=NOW)
            self.plain[who].release(reference)

    @rule()
    def expire(self) -> None:
        operations.release_expired_holds(now=LATER)
        for books in self.plain:
            books.expire()

    @rule(who=WHO, key=st.integers(0, 5), amount=st.integers(1, 900))
    def debit(self, who: int, key: int, amount: int) -> None:
        repeated = f"{key}" in self.plain[who].debits
        expected = self.plain[who].debit(f"{key}", amount)
        try:
            booked = operations.debit(
                workspace_id=self.workspaces[who],
                key=f"{key}",
                amount_mcredits=amount,
                kind="ai_query",
                reference=f"{self.name}:question",
                now=NOW,
            )
        except operations.InsufficientCredit:
            assert not expected
        else:
            assert expected
            assert (booked.repeated, booked.amount_mcredits) == (repeated, self.plain[who].debits[f"{key}"])

    @invariant()
    def the_balances_are_those_on_paper(self) -> None:
        for workspace_id, books in zip(self.workspaces, self.plain, strict=True):
            assert amounts(workspace_id) == books.amounts

    def teardown(self) -> None:
        for workspace_id, books in zip(self.workspaces, self.plain, strict=True):
            kept = Hold.objects.for_workspace(workspace_id)
            assert {each.reference: (each.state, each.remaining_mcredits, each.charged_mcredits) for each in kept} == {
                reference: (each.state, each.remaining, each.charged) for reference, each in books.holds.items()
            }
        assert queries.house_balance("sales") - self.sales_before == sum(books.sales for books in self.plain)
        bought = queries.house_balance("paddle_clearing") - self.clearing_before
        assert bought == sum(books.bought for books in self.plain)
        assert [violation.invariant for violation in violations(now=NOW)] == []


@pytest.mark.django_db
def test_whatever_is_asked_for_in_whatever_order_the_books_are_those_on_paper() -> None:
    run_state_machine_as_test(
        cast(Any, Story),
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            # A story that ends wrong is told as it was: to shorten it takes minutes.
            phases=(Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )
