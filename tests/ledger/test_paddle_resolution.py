"""What could not be applied is put before a person, who resolves it by command."""

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from compliance.models import AuditEvent
from ledger import operations
from ledger.models import Checkout, PaddleEvent
from tests.ledger.books import adjusted, amounts, began, broken, completed, new_workspace, notify

pytestmark = pytest.mark.django_db


def command(*arguments: str) -> str:
    said = StringIO()
    call_command("paddle_events", *arguments, stdout=said)
    return said.getvalue()


def held(workspace_id: Any) -> tuple[Checkout, str]:
    """A purchase whose price nobody here knows, and its notification's id."""
    checkout = began(workspace_id)
    notification = completed(checkout, price_id="pri_made_at_paddle")
    notify(notification)
    return checkout, notification["event_id"]


def state_of(event_id: str) -> str:
    return PaddleEvent.objects.get(event_id=event_id).state


def test_what_waits_for_a_person_is_listed_with_its_reason_and_is_said_to_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    checkout, event_id = held(new_workspace())
    said = command()
    assert event_id in said and checkout.transaction_id in said and "unknown_price" in said
    assert "1 wait for a person." in said
    alerts = [record for record in caplog.records if record.message == "paddle event needs a person"]
    assert [(record.levelname, vars(record)["code"]) for record in alerts] == [("ERROR", "unknown_price")]


def test_a_pack_that_is_put_on_sale_later_lets_its_purchase_through(settings: Any) -> None:
    workspace_id = new_workspace()
    _, event_id = held(workspace_id)
    assert "needs_person" in command("retry", event_id)
    pack = {"name": "Late", "mcredits": 7_000, "amount_minor": 700, "currency": "USD", "price_id": "pri_made_at_paddle"}
    settings.CREDIT_PACKS = [*settings.CREDIT_PACKS, pack]
    assert "applied" in command("retry", event_id)
    assert amounts(workspace_id) == (7_000, 0, 0)
    with pytest.raises(CommandError, match="waits for a person"):
        command("retry", event_id)
    assert broken() == []


def test_a_purchase_is_granted_by_hand_once_and_its_refund_follows() -> None:
    """Red when the grant by hand forgets the checkout, which the refund and the reconciliation go by."""
    workspace_id = new_workspace()
    checkout, event_id = held(workspace_id)
    notify(adjusted(checkout, "refund", total=500))
    assert amounts(workspace_id) == (0, 0, 0)
    command("grant", event_id, "--mcredits", "60000", "--reason", "ticket-7")
    assert (amounts(workspace_id), state_of(event_id)) == ((60_000, 0, 0), "applied")
    for again in (("grant", event_id, "--mcredits", "60000", "--reason", "ticket-7"), ("retry", event_id)):
        with pytest.raises(CommandError):
            command(*again)
    notify(completed(checkout))
    assert operations.apply_pending_paddle_events(now=datetime.now(UTC)) == 1
    assert amounts(workspace_id) == (30_000, 0, 0)
    audited = AuditEvent.objects.get(action="paddle_event.granted")
    assert (audited.target, audited.detail["reason"]) == (event_id, "ticket-7")
    assert broken() == []


def test_what_is_dismissed_books_nothing_and_is_off_the_list() -> None:
    checkout = began(new_workspace())
    notification = completed(checkout)
    notification["data"]["id"] = "txn_unheard_of"
    notify(notification)
    with pytest.raises(CommandError, match="Refund it at Paddle"):
        command("grant", notification["event_id"], "--mcredits", "1000", "--reason", "ticket-8")
    command("dismiss", notification["event_id"], "--reason", "refunded")
    assert state_of(notification["event_id"]) == "ignored"
    assert "0 wait for a person." in command()


@pytest.mark.parametrize(
    "arguments",
    [
        ("grant", "{event}", "--mcredits", "0", "--reason", "ticket"),
        ("grant", "{event}", "--mcredits", "-5", "--reason", "ticket"),
        ("grant", "{event}", "--mcredits", "1000", "--reason", "Mrs Okafor rang"),
        ("grant", "{event}", "--reason", "ticket"),
        ("dismiss", "evt_unheard_of", "--reason", "ticket"),
    ],
)
def test_a_command_that_means_nothing_changes_nothing(arguments: tuple[str, ...]) -> None:
    workspace_id = new_workspace()
    _, event_id = held(workspace_id)
    with pytest.raises(CommandError):
        command(*(part.format(event=event_id) for part in arguments))
    assert (amounts(workspace_id), state_of(event_id)) == ((0, 0, 0), "needs_person")


def test_the_warning_of_a_chargeback_takes_nothing_and_is_put_before_a_person() -> None:
    workspace_id = new_workspace()
    checkout = began(workspace_id)
    notify(completed(checkout))
    notify(adjusted(checkout, "chargeback_warning"))
    assert amounts(workspace_id) == (100_000, 0, 0)
    assert "chargeback_warning" in command()
    notify(adjusted(checkout, "chargeback"))
    assert amounts(workspace_id) == (0, 0, 0)


def test_a_refund_of_the_tax_alone_takes_no_credits() -> None:
    """Red when the share is worked out of the money alone: the price was paid, only its tax was not owed."""
    workspace_id = new_workspace()
    checkout = began(workspace_id)
    notify(completed(checkout))
    notification = adjusted(checkout, "refund", total=160)
    notification["data"]["items"] = [{"type": "tax", "amount": None}]
    notify(notification)
    assert amounts(workspace_id) == (100_000, 0, 0)
    notification = adjusted(checkout, "refund", total=500)
    notification["data"]["items"] = [{"type": "partial", "amount": "500"}]
    notify(notification)
    assert amounts(workspace_id) == (50_000, 0, 0)


@pytest.mark.parametrize("status", ["pending_approval", "approved", "rejected", "reversed"])
def test_a_late_repetition_of_a_refund_in_another_state_changes_nothing_more(status: str) -> None:
    workspace_id = new_workspace()
    checkout = began(workspace_id)
    notify(completed(checkout))
    notify(adjusted(checkout, "refund", total=250, adjustment_id="adj_one"))
    notify(adjusted(checkout, "refund", total=250, adjustment_id="adj_one", status=status))
    assert amounts(workspace_id) == (75_000, 0, 0)
