"""Messages on their way: taken, refused, late, led astray. The customer's server is a real one.

Planted bugs that this catches: a redirect that is followed, a name that leads inside, a slow server that is waited for, a message
that is tried for ever, one that holds a name.
"""

import json
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from pytest_django.fixtures import Settings
from uuid_utils.compat import uuid7

from compliance import policy, versions
from identity.models import Membership
from identity.outgoing import deliveries, sending
from identity.outgoing import mails as webhook_mails
from identity.outgoing.models import Delivery, Endpoint
from processors import customers, egress
from processors.models import BlockedEgress, Disclosure
from tests.identity.browser import Browser, code_of
from tests.outgoing.conftest import Receiver, delivery, endpoint, send
from tests.outgoing.test_signing import is_ours
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import actor_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def on_its_way(owner: Membership, webhook: dict[str, Any]) -> None:
    """A test message that nobody has sent yet."""
    deliveries.send_test(actor=actor_of(owner), endpoint_id=UUID(webhook["id"]), now=datetime.now(UTC))


def listed(page: Browser, webhook: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    items: list[dict[str, Any]] = page.get(f"/api/webhooks/{webhook['id']}/deliveries?{asked}")[1]["items"]
    return items


def test_a_message_arrives_once_signed_and_counted(
    page: Browser, receiver: Receiver, webhook: dict[str, Any], on_its_way: None
) -> None:
    assert (send(), send()) == (1, 0)
    [(headers, body)] = receiver.took
    assert is_ours(headers, body, webhook["secret"])
    assert not is_ours(headers, body + b" ", webhook["secret"])
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 30
    assert (headers["content-type"], headers["user-agent"]) == ("application/json", "Klosesales-Webhooks/1")
    assert "cookie" not in headers and "authorization" not in headers
    message = json.loads(body)
    assert (message["type"], message["data"]) == ("webhook.test", {"webhook_id": webhook["id"]})
    [item] = listed(page, webhook)
    assert (item["state"], item["attempts"], item["answer_status"], item["next_at"]) == ("sent", 1, 200, None)
    assert item["message_id"] == headers["webhook-id"]
    told = Disclosure.objects.get(processor="customer")
    assert (told.endpoint, told.count, sorted(told.data_classes)) == (
        "webhook.webhook.test",
        1,
        ["event", "record_reference"],
    )


def test_two_clocks_send_to_one_server_one_after_the_other(receiver: Receiver, on_its_way: None) -> None:
    """Red when a clock looks only at whether another has the same message."""
    another = delivery()
    another.id, another.subject = uuid7(), "another"
    another.save(force_insert=True)
    of_another_clock: list[int] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        if not of_another_clock:
            of_another_clock.append(send())
            connections.close_all()
        request.send_response(200)
        request.send_header("Content-Length", "0")
        request.end_headers()

    receiver.answer = answer
    assert (send(), of_another_clock) == (2, [0])
    assert len(receiver.took) == 2


def test_what_is_not_taken_is_tried_again_later_and_then_arrives(
    page: Browser, receiver: Receiver, webhook: dict[str, Any], on_its_way: None
) -> None:
    for times, status in enumerate((302, 400, 503), start=1):
        receiver.status = status
        later = timedelta(minutes=10 * times)
        assert (send(later=later), send(later=later)) == (0, 0)
        [item] = listed(page, webhook, state="pending")
        assert (item["attempts"], item["answer_status"], item["next_at"] is not None) == (times, status, True)
        assert page.get("/api/webhooks")[1]["items"][0]["failures"] == times
    receiver.status = 204
    assert send(later=timedelta(hours=1)) == 1
    assert len(receiver.took) == 4
    assert len({headers["webhook-id"] for headers, _ in receiver.took}) == 1
    assert (delivery().state, endpoint().failures, endpoint().failing_since) == ("sent", 0, None)


def test_a_message_is_given_up_after_a_day(receiver: Receiver, on_its_way: None) -> None:
    receiver.status = 500
    waits = []
    at = datetime.now(UTC)
    while delivery().state == "pending":
        sending.send_due(now=at)
        waits.append((delivery().next_at - at).total_seconds())
        at = max(delivery().next_at, endpoint().resting_until or at)
        assert len(waits) < 20
    assert len(receiver.took) == 11
    assert waits[:5] == [10, 60, 300, 900, 1800]
    assert at - delivery().created_at <= timedelta(hours=24)
    # One that rests with its server is given up all the same.
    Delivery.objects.get_queryset().update(state="pending", gives_up_at=at)
    assert sending.send_due(now=at) == 0
    assert (delivery().state, len(receiver.took)) == ("dead", 11)


def test_a_person_sends_again_what_was_given_up_or_taken(
    page: Browser, receiver: Receiver, webhook: dict[str, Any], on_its_way: None
) -> None:
    address = f"/api/deliveries/{delivery().id}/again"
    assert code_of(page.post(address)[1]) == "delivery_on_its_way"
    assert code_of(page.post(f"/api/webhooks/{webhook['id']}/test")[1]) == "delivery_on_its_way"
    receiver.status = 410
    send()
    assert (delivery().state, code_of(page.post(address)[1])) == ("dead", "webhook_off")
    receiver.status = 200
    page.patch(f"/api/webhooks/{webhook['id']}", {"on": True})
    for _ in range(2):
        assert page.post(address)[0] == 202
        assert send() == 1
    ids = {headers["webhook-id"] for headers, _ in receiver.took}
    assert (len(receiver.took), len(ids)) == (3, 1)


def test_a_server_that_fails_rests_whatever_waits_for_it(receiver: Receiver, webhook: dict[str, Any]) -> None:
    receiver.status = 500
    row = endpoint()
    now = datetime.now(UTC)
    for number in range(5):
        Delivery.objects.create(
            workspace_id=row.workspace_id,
            endpoint=row,
            event="webhook.test",
            subject=str(number),
            data={"webhook_id": str(row.id)},
            created_at=now,
            next_at=now,
            gives_up_at=now + timedelta(days=1),
        )
    for seconds in range(5):
        sending.send_due(now=now + timedelta(seconds=seconds))
    assert len(receiver.took) == 1
    receiver.status = 200
    assert sending.send_due(now=now + timedelta(seconds=6)) == 4


def test_a_webhook_that_fails_for_days_is_switched_off_and_its_keepers_are_told(
    page: Browser, receiver: Receiver, webhook: dict[str, Any], on_its_way: None, sandbox: Sandbox, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    receiver.status = 500
    at = datetime.now(UTC)
    long_ago = at - timedelta(days=3, seconds=1)
    Endpoint.objects.get_queryset().update(failures=8, failing_since=long_ago)
    sending.send_due(now=at)
    assert endpoint().off_at is None
    at += timedelta(minutes=10)
    sending.send_due(now=at)
    assert (endpoint().off_at, endpoint().off_reason, delivery().state) == (at, "failing", "dead")
    assert page.get("/api/webhooks")[1]["items"][0]["off_reason"] == "failing"
    for _ in range(2):
        webhook_mails.send_webhook_mails(now=at)
    [mail] = [one for one in sandbox.ask("GET", "/mails", to="ada@example.com") if "webhook" in one["subject"]]
    assert "/settings/webhooks" in mail["text"] and "127.0.0.1" in mail["text"]
    assert webhook["secret"] not in mail["text"]
    back = page.patch(f"/api/webhooks/{webhook['id']}", {"on": True})[1]
    assert (back["off_at"], back["failures"], back["failing_since"]) == (None, 0, None)


def test_a_webhook_that_is_switched_off_anew_while_its_mail_is_claimed_has_a_mail_of_its_own(
    webhook: dict[str, Any],
) -> None:
    """Red when a clock takes whatever is to be told later for its own claim."""
    now = datetime.now(UTC)
    rows = Endpoint.objects.get_queryset()
    rows.update(off_at=now, off_reason="gone", mail_at=now)
    anew = now + timedelta(seconds=3)

    def off_anew(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        done = execute(sql, *rest)
        if 'SET "mail_at"' in sql:
            rows.update(off_at=anew, mail_at=anew)
        return done

    with connections["default"].execute_wrapper(off_anew):
        assert webhook_mails.send_webhook_mails(now=now) == 0
    assert (endpoint().mail_at, webhook_mails.send_webhook_mails(now=anew)) == (anew, 1)


def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver, on_its_way: None) -> None:
    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(307)
        handler.send_header("Location", "http://169.254.169.254/latest/meta-data/")
        handler.end_headers()

    receiver.answer = elsewhere
    send()
    assert (delivery().answer_status, delivery().state, len(receiver.took)) == (307, "pending", 1)
    # Had it been followed, the guard would have refused and said so.
    assert not BlockedEgress.objects.filter(host="169.254.169.254").exists()


def test_a_slow_server_is_waited_for_ten_seconds_however_it_trickles(
    receiver: Receiver, on_its_way: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customers, "ALL_WITHIN_S", 0.6)

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        try:
            for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 100:
                handler.wfile.write(bytes([letter]))
                time.sleep(0.05)
        except OSError:
            pass

    receiver.answer = trickle
    began = time.monotonic()
    send()
    assert time.monotonic() - began < 3
    assert (delivery().answer_status, delivery().error) == (None, "timed_out")


def test_of_a_huge_answer_only_the_status_is_read(receiver: Receiver, on_its_way: None) -> None:
    wrote: list[int] = []

    def pour(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(2**31))
        handler.end_headers()
        try:
            while len(wrote) < 1_000:
                wrote.append(handler.wfile.write(b"x" * 65_536))
        except OSError:
            pass

    receiver.answer = pour
    assert send() == 1
    assert sum(wrote) < 32 * 1_048_576


def test_what_is_no_answer_is_a_failure(receiver: Receiver, on_its_way: None) -> None:
    for times, said in enumerate(
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n")
    ):
        receiver.answer = lambda handler, said=said: handler.wfile.write(said) and None
        send(later=timedelta(minutes=times))
        assert (delivery().attempts, delivery().answer_status, delivery().error) == (
            times + 1,
            None,
            "answer_unreadable",
        )


def test_a_server_that_is_not_there_is_a_failure(on_its_way: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    Endpoint.objects.get_queryset().update(url=f"http://127.0.0.1:{port}/")
    send()
    assert (delivery().answer_status, delivery().error) == (None, "not_reached")


@pytest.mark.policy("C4.9")
def test_a_name_that_leads_inside_is_not_connected_to(receiver: Receiver, on_its_way: None, settings: Settings) -> None:
    settings.WEBHOOK_NETWORKS = ()
    inside = receiver.url.replace("http://127.0.0.1", "https://localhost")
    Endpoint.objects.get_queryset().update(url=inside)
    send()
    assert (delivery().error, receiver.took) == ("address_refused", [])


@pytest.mark.policy("C4.9")
def test_plain_http_goes_to_the_named_networks_alone(receiver: Receiver, on_its_way: None, settings: Settings) -> None:
    settings.WEBHOOK_NETWORKS = (ip_network("10.0.0.0/8"),)
    send()
    assert (delivery().error, receiver.took) == ("address_refused", [])


@pytest.mark.policy("C4.9", "C10.2")
def test_what_no_version_of_the_policy_names_does_not_leave_and_holds_up_nothing(
    receiver: Receiver, on_its_way: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "FIRST", replace(versions.FIRST, receives={"customer": frozenset({"event"})}))
    assert (send(), receiver.took) == (0, [])
    assert (delivery().state, delivery().error) == ("dead", "not_allowed")
    assert BlockedEgress.objects.get().reason == "not_in_policy"
    assert not Disclosure.objects.filter(processor="customer").exists()


def test_one_broken_message_does_not_hold_up_those_behind_it(receiver: Receiver, on_its_way: None) -> None:
    broken = delivery()
    behind = delivery()
    behind.id, behind.subject = uuid7(), "behind"
    behind.save(force_insert=True)
    Delivery.objects.get_queryset().filter(id=broken.id).update(data={"webhook_id": "x" * 70_000})
    assert (send(), send()) == (0, 1)
    assert Delivery.objects.get_queryset().get(id=broken.id).state == "pending"


@pytest.mark.policy("C4.9")
def test_a_field_that_is_not_listed_does_not_leave() -> None:
    refused: tuple[tuple[dict[str, Any], str], ...] = (
        ({"type": "call.completed", "timestamp": "t", "data": {"phone": "+12025550147"}}, "field_not_listed"),
        ({"type": "call.completed", "timestamp": "t", "data": {}, "lead": {"name": "Ada"}}, "field_not_listed"),
        ({"type": "lead.added", "timestamp": "t", "data": {}}, "endpoint_not_listed"),
    )
    for message, reason in refused:
        with pytest.raises(egress.EgressRefused):
            egress.disclose_to_customer(message=message)
        assert BlockedEgress.objects.filter(processor="customer", reason=reason).exists()
    assert not Disclosure.objects.filter(processor="customer").exists()
