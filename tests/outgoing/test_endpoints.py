"""Naming a server that is told: who may, what address, the secret that is shown once."""

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from identity.models import Membership
from identity.outgoing.models import Endpoint
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import SignIn
from tests.outgoing.conftest import Receiver, send
from tests.outgoing.test_signing import is_ours

pytestmark = pytest.mark.django_db(transaction=True)
HOOK = {"url": "https://hooks.example.com/klose", "events": ["call.completed"]}


def test_a_webhook_is_made_changed_and_removed_and_the_record_says_so(page: Browser) -> None:
    status, made = page.post("/api/webhooks", HOOK)
    assert (status, made["events"], made["made_by"]) == (201, ["call.completed"], "Ada Okafor")
    address = f"/api/webhooks/{made['id']}"
    status, changed = page.patch(address, {"events": ["balance.low", "call.completed"]})
    assert (status, changed["events"], changed["url"]) == (200, ["balance.low", "call.completed"], HOOK["url"])
    off = page.patch(address, {"on": False})[1]
    assert (off["off_at"] is not None, off["off_reason"]) == (True, "by_hand")
    assert code_of(page.post(f"{address}/test")[1]) == "webhook_off"
    assert page.patch(address, {"on": True})[1]["off_at"] is None
    assert page.delete(address)[0] == 204
    assert code_of(page.delete(address)[1]) == "webhook_not_found"
    assert page.get("/api/webhooks")[1]["items"] == []
    acts = [act["action"] for act in page.get("/api/team/activity")[1]["items"]]
    assert acts == ["webhook.removed", *["webhook.changed"] * 3, "webhook.made"]


def test_the_secret_is_shown_once_and_stands_in_no_table(page: Browser) -> None:
    made = page.post("/api/webhooks", HOOK)[1]
    secret = made["secret"]
    assert secret.startswith("whsec_") and len(secret) == 50
    assert secret not in str(page.get("/api/webhooks")[1])
    with connection.cursor() as cursor:
        cursor.execute("SELECT e::text FROM outgoing_endpoint e")
        assert secret.removeprefix("whsec_") not in str(cursor.fetchall())
    other = page.post("/api/webhooks", {**HOOK, "url": "https://other.example.com/"})[1]
    assert other["secret"] != secret


def test_after_a_change_of_the_secret_both_sign_for_a_day(
    page: Browser, receiver: Receiver, webhook: dict[str, Any]
) -> None:
    status, changed = page.post(f"/api/webhooks/{webhook['id']}/secret")
    assert (status, changed["two_secrets_until"] is not None) == (200, True)
    assert changed["secret"] != webhook["secret"]
    page.post(f"/api/webhooks/{webhook['id']}/test")
    send()
    page.post(f"/api/webhooks/{webhook['id']}/test")
    send(later=timedelta(hours=24, seconds=-5))
    Endpoint.objects.get_queryset().update(previous_until=None)
    page.post(f"/api/webhooks/{webhook['id']}/test")
    send()
    both, both_still, one = receiver.took
    for took in (both, both_still):
        assert is_ours(*took, webhook["secret"]) and is_ours(*took, changed["secret"])
    assert is_ours(*one, changed["secret"]) and not is_ours(*one, webhook["secret"])


def test_a_rep_may_nothing_of_it_and_a_manager_may(
    page: Browser, colleague: Callable[[str], Membership], sign_in: SignIn
) -> None:
    made = page.post("/api/webhooks", HOOK)[1]
    rep, manager = sign_in(colleague("rep")), sign_in(colleague("manager"))
    assert code_of(rep.get("/api/webhooks")[1]) == "not_permitted"
    assert code_of(rep.post("/api/webhooks", HOOK)[1]) == "not_permitted"
    assert manager.post(f"/api/webhooks/{made['id']}/test")[0] == 202


REFUSED = (
    "http://hooks.example.com/",
    "ftp://hooks.example.com/",
    "https://user:password@hooks.example.com/",
    "https://hooks.example.com/#here",
    "https:///nowhere",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:99999/",
    "https://hooks.example.com/with space",
    "https://hooks.example.com/\tp",
    "https://[::1",
    "https://127.0.0.1/",
    "https://10.1.2.3/hook",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[fd00::1]/",
    "https://224.0.0.1/",
    "https://0.0.0.0/",
)


def test_an_address_that_nothing_may_go_to_is_refused_with_the_reason(page: Browser) -> None:
    for url in REFUSED:
        status, answer = page.post("/api/webhooks", {**HOOK, "url": url})
        assert (status, code_of(answer)) == (422, "webhook_url_refused"), url
        assert answer["detail"].endswith(".")
    assert page.get("/api/webhooks")[1]["items"] == []


def test_what_the_operator_named_may_be_sent_to_without_tls(page: Browser, settings: Settings) -> None:
    settings.WEBHOOK_NETWORKS = (ip_network("10.1.0.0/16"),)
    assert page.post("/api/webhooks", {**HOOK, "url": "http://10.1.2.3/hook"})[0] == 201
    assert page.post("/api/webhooks", {**HOOK, "url": "http://10.2.2.3/hook"})[0] == 422
    # Its name may lead anywhere, which is looked at when something is sent.
    assert page.post("/api/webhooks", {**HOOK, "url": "http://hooks.example.com/"})[0] == 201


def test_events_are_chosen_from_those_that_there_are(page: Browser) -> None:
    for events in ([], ["call.began"], "call.completed"):
        assert code_of(page.post("/api/webhooks", {**HOOK, "events": events})[1]) == "invalid_fields"


def test_one_address_once_and_ten_at_most(page: Browser) -> None:
    first = page.post("/api/webhooks", HOOK)[1]
    assert code_of(page.post("/api/webhooks", HOOK)[1]) == "webhook_known"
    for number in range(9):
        assert page.post("/api/webhooks", {**HOOK, "url": f"https://hooks.example.com/{number}"})[0] == 201
    assert code_of(page.post("/api/webhooks", {**HOOK, "url": "https://more.example.com/"})[1]) == "webhooks_too_many"
    taken = page.patch(f"/api/webhooks/{first['id']}", {"url": "https://hooks.example.com/3"})
    assert (taken[0], code_of(taken[1])) == (409, "webhook_known")
