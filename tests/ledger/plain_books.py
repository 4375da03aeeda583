"""The ledger as one would keep it on paper: a few numbers per workspace, no database, no concurrency.

What the product's operations must come to, whatever they are asked for, how often and in which order.
"""

from dataclasses import dataclass, field
from typing import Literal

State = Literal["active", "settled", "released", "expired"]
StoryStep = Literal["completed", "refund", "chargeback", "chargeback_reverse"]
# Which part of a purchase each step moves; a fifth is refunded, the rest charged back and that reversed.
SHARES: dict[StoryStep, tuple[int, int]] = {
    "completed": (1, 1),
    "refund": (-1, 5),
    "chargeback": (-4, 5),
    "chargeback_reverse": (4, 5),
}


@dataclass(slots=True)
class PlainHold:
    remaining: int
    state: State = "active"
    charged: int = 0
    settled_to: int | None = None
    ordinals: set[int] = field(default_factory=set)


@dataclass(slots=True)
class PlainBooks:
    """One workspace's, in milli-credits."""

    available: int = 0
    debt: int = 0
    sales: int = 0
    bought: int = 0
    holds: dict[str, PlainHold] = field(default_factory=dict)
    debits: dict[str, int] = field(default_factory=dict)

    @property
    def amounts(self) -> tuple[int, int, int]:
        return self.available, sum(hold.remaining for hold in self.holds.values()), self.debt

    def hold(self, reference: str, amount: int) -> bool:
        if reference in self.holds:
            return True
        if amount > self.available:
            return False
        self.available -= amount
        self.holds[reference] = PlainHold(amount)
        return True

    def extend(self, reference: str, remaining: int) -> Literal["done", "closed", "insufficient"]:
        hold = self.holds[reference]
        missing = max(0, remaining - hold.remaining)
        if hold.state != "active":
            return "closed"
        if missing > self.available:
            return "insufficient"
        self.available -= missing
        hold.remaining += missing
        return "done"

    def charge(self, reference: str, ordinal: int, amount: int) -> str:
        hold = self.holds.get(reference)
        if hold is None:
            return "closed"
        if ordinal in hold.ordinals:
            return "already_charged"
        if hold.state not in ("active", "expired"):
            return "closed"
        from_hold = min(amount, hold.remaining)
        if amount - from_hold > self.available:
            return "insufficient"
        hold.remaining -= from_hold
        self.available -= amount - from_hold
        self.sales += amount
        hold.charged += amount
        hold.ordinals.add(ordinal)
        return "charged"

    def settle(self, reference: str, total: int) -> None:
        hold = self.holds[reference]
        if (hold.state, hold.settled_to) == ("settled", total):
            return
        if total > hold.charged:
            from_hold = min(total - hold.charged, hold.remaining)
            from_available = min(total - hold.charged - from_hold, self.available)
            hold.remaining -= from_hold
            self.available -= from_available
            adjusted = from_hold + from_available
        else:
            adjusted = total - hold.charged
            self._give(-adjusted)
        hold.charged += adjusted
        self.sales += adjusted
        hold.settled_to = total
        self._close(hold, "settled")

    def release(self, reference: str) -> None:
        hold = self.holds[reference]
        if hold.state in ("active", "expired"):
            self._close(hold, "released")

    def expire(self) -> None:
        for hold in self.holds.values():
            if hold.state == "active":
                self._close(hold, "expired")

    def debit(self, key: str, amount: int) -> bool:
        if key in self.debits:
            return True
        if amount > self.available:
            return False
        self.available -= amount
        self.sales += amount
        self.debits[key] = amount
        return True

    def story(self, step: StoryStep, bought: int) -> None:
        """One step of a purchase of so many milli-credits, the first time that it can be applied."""
        share, of = SHARES[step]
        moved = bought * share // of
        self.bought += moved
        if moved > 0:
            self._give(moved)
        else:
            from_available = min(-moved, self.available)
            self.available -= from_available
            self.debt += -moved - from_available

    def _give(self, amount: int) -> None:
        to_debt = min(amount, self.debt)
        self.debt -= to_debt
        self.available += amount - to_debt

    def _close(self, hold: PlainHold, state: State) -> None:
        self.available += hold.remaining
        hold.remaining = 0
        hold.state = state


@dataclass(slots=True)
class PlainPurchase:
    """Which steps were told, and which of them count already: all but those that wait for an earlier one."""

    bought: int
    told: set[StoryStep] = field(default_factory=set)
    counted: list[StoryStep] = field(default_factory=list)

    def tell(self, step: StoryStep, books: PlainBooks) -> None:
        self.told.add(step)
        for each in SHARES:
            needs = {"completed": set(), "chargeback_reverse": {"completed", "chargeback"}}.get(each, {"completed"})
            if each in self.told and each not in self.counted and needs <= set(self.counted):
                self.counted.append(each)
                books.story(each, self.bought)
