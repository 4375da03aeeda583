"""Another address of an account reaches Paddle, whose customer bears the one from the checkout (C7.2).

Planted bugs that this catches: Paddle is not told, somebody else's customer is changed, and what Paddle did not take is given up.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from compliance import correcting
from compliance.models import Correction
from identity.account_name import facts_of, follow
from identity.models import Membership
from ledger.models import Checkout
from processors.models import Disclosure
from tests.identity.conftest import MakeAccount, SignIn
from tests.ledger.books import notify
from tests.ledger.top_ups import completed
from tests.sandbox_fixture import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC)
OLD, NEW = "ada@old.example", "ada@new.example"
Buy = Callable[..., dict[str, Any]]


@pytest.fixture
def buy(sandbox: Sandbox, sign_in: SignIn) -> Buy:
    """A pack, paid at Paddle under an address; returns Paddle's transaction."""

    def bought(member: Membership, email: str, key: str = "first") -> dict[str, Any]:
        page = sign_in(member)
        price_id = page.get("/api/credits/packs")[1][0]["price_id"]
        begun = page.post("/api/credits/checkouts", {"price_id": price_id}, **{"Idempotency-Key": f"{key}-purchase"})[1]
        paid: dict[str, Any] = sandbox.ask(
            "POST", f"/paddle/transactions/{begun['transaction_id']}/pay", {"email": email}
        )
        notify(completed(paid))
        assert Checkout.objects.get_queryset().get(transaction_id=paid["id"]).state == "granted"
        return paid

    return bought


@pytest.fixture
def address_at_paddle(sandbox: Sandbox) -> Callable[[dict[str, Any]], str]:
    def read(paid: dict[str, Any]) -> str:
        known = {each["id"]: each for each in sandbox.ask("GET", "/paddle/customers")}
        return str(known[paid["customer_id"]]["email"])

    return read


def changed(member: Membership, email: str) -> None:
    """What following the mailed link does with the account."""
    before = facts_of(member.user)
    member.user.email = email
    member.user.save(update_fields=["email"])
    follow(member.user, before, now=NOW)


@pytest.mark.policy("C7.2")
def test_paddles_customer_has_the_new_address_and_nobody_elses_is_changed(
    make_account: MakeAccount, buy: Buy, address_at_paddle: Callable[[dict[str, Any]], str], sandbox: Sandbox
) -> None:
    member, other = make_account(email=OLD), make_account(email="eve@other.example", mobile="+12025550199")
    mine, gift, theirs = buy(member, OLD), buy(member, "office@other.example", "gift"), buy(other, "eve@other.example")
    changed(member, NEW)
    sandbox.fail("paddle.rest", "error", 503, method="PATCH")
    assert correcting.follow_due(now=NOW + timedelta(minutes=1)) == 0
    assert (address_at_paddle(mine), Correction.objects.get().left) == (OLD, {"ledger": 1})
    assert correcting.follow_due(now=NOW + timedelta(hours=2)) == 1
    assert address_at_paddle(mine) == NEW
    assert (address_at_paddle(gift), address_at_paddle(theirs)) == ("office@other.example", "eve@other.example")
    told = Disclosure.objects.filter(processor="paddle", endpoint="customers.update")
    assert {tuple(row.data_classes) for row in told} == {("account_reference", "email")}


@pytest.mark.policy("C7.2")
def test_an_address_under_which_paddle_has_another_customer_ends_the_old_one(
    make_account: MakeAccount, buy: Buy, sandbox: Sandbox, settings: Settings
) -> None:
    member = make_account(email=OLD)
    before, after = buy(member, OLD), buy(member, NEW, "second")
    changed(member, NEW)
    assert correcting.follow_due(now=NOW + timedelta(minutes=1)) == 1
    known = {each["id"]: (each["email"], each["status"]) for each in sandbox.ask("GET", "/paddle/customers")}
    assert known[before["customer_id"]] == (OLD, "archived") and known[after["customer_id"]] == (NEW, "active")
