"""What the tests of automatic top-up share: a workspace that opted in, driven over HTTP, the sandbox and signed webhooks."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from config.embedded.environment import CREDIT_PACKS
from identity.models import Membership
from ledger import operations
from ledger.models import TopUp, TopUpPlan
from tests.identity.browser import Browser
from tests.ledger.books import event, notify
from tests.ledger.test_purchases_api import spend
from tests.sandbox_fixture import Sandbox

STARTER = str(CREDIT_PACKS[0]["price_id"])
PACK_MCREDITS = 100_000
LINE = 10_000


def terms(**changes: Any) -> dict[str, Any]:
    return {"price_id": STARTER, "threshold_mcredits": LINE, "monthly_max": 2, **changes}


def agree(page: Browser, *, key: str = "", **changes: Any) -> tuple[int, Any]:
    """Reads the words, then agrees to them."""
    wanted = terms(**changes)
    status, words = page.post("/api/credits/top-up/words", wanted)
    if status != 200:
        return status, words
    body = wanted | {"words_hash": words["words_hash"]}
    return page.post("/api/credits/top-up", body, **{"Idempotency-Key": key or str(uuid7())})


@dataclass
class World:
    """A workspace, its owner's browser and the sandbox that is its Paddle. now: moves on by hand."""

    owner: Membership
    page: Browser
    sandbox: Sandbox
    now: datetime

    def later(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now

    def subscribe(self, transaction_id: str) -> dict[str, Any]:
        """The person saves a payment method in the checkout; what Paddle then has, without telling us."""
        self.sandbox.ask("POST", f"/paddle/transactions/{transaction_id}/pay")
        return self.subscription()

    def subscription(self) -> dict[str, Any]:
        found: list[dict[str, Any]] = self.sandbox.ask("GET", "/paddle/subscriptions")
        return found[-1]

    def opt_in(self, **changes: Any) -> TopUpPlan:
        status, setup = agree(self.page, **changes)
        assert status == 201, setup
        subscription = self.subscribe(setup["transaction_id"])
        notify(created(subscription, setup["transaction_id"]))
        plan = self.plan()
        assert (plan.state, plan.subscription_id) == ("active", subscription["id"])
        return plan

    def plan(self) -> TopUpPlan:
        return TopUpPlan.objects.for_workspace(self.owner.workspace_id).order_by("-agreed_at", "-id")[0]

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.get("/api/credits/top-up")[1]["plan"]
        return found

    def fall(self, mcredits: int) -> int:
        spend(self.owner.workspace_id, mcredits, self.now)
        return operations.intend_top_ups(now=self.later(seconds=1))

    def settle(self, **by: float) -> int:
        return operations.settle_top_ups(now=self.later(**by) if by else self.now)

    def charges(self) -> list[dict[str, Any]]:
        """What Paddle charged, and what it only tried to."""
        sold: list[dict[str, Any]] = self.sandbox.ask("GET", "/paddle/transactions")
        return [one for one in sold if one["origin"] == "subscription_charge"]

    def asked(self) -> int:
        """How often Paddle was asked for a charge."""
        return sum(count for name, count in self.requests().items() if name.endswith("/charge"))

    def requests(self) -> dict[str, int]:
        return {name: service["requests"] for name, service in self.sandbox.received()["services"].items()}

    def top_ups(self) -> list[tuple[str, str]]:
        rows = TopUp.objects.for_workspace(self.owner.workspace_id).order_by("created_at")
        return [(row.state, row.reason) for row in rows]

    def mails(self) -> list[str]:
        """Subjects that the owner got."""
        operations.send_top_up_mails(now=self.later(minutes=6))
        return [mail["subject"] for mail in self.sandbox.ask("GET", "/mails", to=self.owner.user.email)]


def created(subscription: dict[str, Any], transaction_id: str) -> dict[str, Any]:
    return told("subscription.created", subscription | {"transaction_id": transaction_id})


def told(event_type: str, body: dict[str, Any], *, after_s: float = 0) -> dict[str, Any]:
    """Paddle's notification of what the sandbox says of something. after_s: when it happened, by Paddle's clock."""
    at = datetime.now(UTC) + timedelta(seconds=after_s)
    return event(event_type, body) | {"occurred_at": at.isoformat()}


def completed(transaction: dict[str, Any]) -> dict[str, Any]:
    return told("transaction.completed", transaction | {"status": "completed"})


def begun(workspace_id: UUID) -> TopUpPlan:
    """A plan as it is right after the owner agreed."""
    return TopUpPlan.objects.get_queryset().create(
        workspace_id=workspace_id,
        user_id=uuid7(),
        idempotency_key=str(uuid7()),
        price_id=STARTER,
        pack_name="Starter",
        mcredits=PACK_MCREDITS,
        amount_minor=1_000,
        currency="USD",
        threshold_mcredits=LINE,
        monthly_max=2,
        words="Each time",
        transaction_id=f"txn_{uuid7().hex}",
        agreed_at=datetime.now(UTC),
    )
