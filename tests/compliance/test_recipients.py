"""Who receives what: the list for everybody, the counts for the operator, and the alert when something else was tried."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from compliance import versions
from compliance.elements import ELEMENTS
from compliance.versions import VERSIONS
from config.management.commands.clock import LANES
from identity.models import AccountMail
from ledger.top_up_models import NOTICE_KINDS
from processors import alerts, disclosures, register
from processors.disclosures import About
from processors.mail import MAILS, MailUnregistered, send
from processors.models import BlockedEgress
from tests.identity.browser import Browser
from tests.identity.conftest import MakeAccount, SignIn
from tests.sandbox_fixture import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC)
OPERATOR = "operator@example.com"


def block(host: str, *, at: datetime = NOW, reason: str = "host_not_listed", field: str = "") -> None:
    BlockedEgress.objects.create(at=at, host=host, port=443, reason=reason, field=field)


@pytest.fixture
def mailbox(sandbox: Sandbox, settings: Settings) -> Callable[[], list[dict[str, Any]]]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.OPERATOR_EMAIL = OPERATOR

    def read() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = sandbox.ask("GET", "/mails", to=OPERATOR)
        return found

    return read


@pytest.mark.policy("C4.9")
def test_blocked_attempts_reach_the_operator_in_one_mail_an_hour(mailbox: Callable[[], list[dict[str, Any]]]) -> None:
    assert alerts.tell_of_blocked_egress(now=NOW) == 0
    for _ in range(3):
        block("tracker.example")
    block("api.twilio.com", reason="field_not_listed", field="FriendlyName")
    assert alerts.tell_of_blocked_egress(now=NOW) == 4
    [mail] = mailbox()
    assert mail["subject"] == "4 attempts to send data elsewhere were blocked"
    assert "3 x tracker.example:443 host_not_listed" in mail["text"]
    assert "1 x api.twilio.com:443 field_not_listed field=FriendlyName" in mail["text"]
    for minutes in range(1, 60):
        block("tracker.example")
        assert alerts.tell_of_blocked_egress(now=NOW + timedelta(minutes=minutes)) == 0
    assert len(mailbox()) == 1
    assert alerts.tell_of_blocked_egress(now=NOW + timedelta(minutes=61)) == 59
    assert len(mailbox()) == 2


def test_an_alert_that_the_mail_server_does_not_take_is_sent_later(
    mailbox: Callable[[], list[dict[str, Any]]], settings: Settings
) -> None:
    block("tracker.example")
    settings.EMAIL_PORT, open_port = 9, settings.EMAIL_PORT
    assert alerts.tell_of_blocked_egress(now=NOW) == 0
    settings.EMAIL_PORT = open_port
    assert alerts.tell_of_blocked_egress(now=NOW) == 1
    assert mailbox()[0]["subject"] == "An attempt to send data elsewhere was blocked"


def test_the_clock_tells_of_them() -> None:
    assert alerts.tell_of_blocked_egress in {work for rounds in LANES.values() for _, work in rounds}


def disclose(day: datetime, phone: str, *classes: str, times: int = 1) -> None:
    for _ in range(times):
        disclosures.record(
            processor="twilio", endpoint="calls.create", data_classes=classes, whom=About(phone_e164=phone), now=day
        )


@pytest.mark.policy("C4.2-3")
def test_the_operator_counts_disclosures_by_day_and_class_and_sees_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    disclose(NOW, "+12025550111", "phone", "call_control", times=2)
    disclose(NOW, "+12025550111", "phone")
    for number in range(112, 116):
        disclose(NOW, f"+12025550{number}", "phone")
    disclose(NOW - timedelta(days=1), "+12025550111", "phone")
    disclose(NOW - timedelta(days=40), "+12025550111", "phone")
    call_command("disclosures", processor="twilio")
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines()[1:-1]]
    today, yesterday = str(NOW.date()), str(NOW.date() - timedelta(days=1))
    assert rows == [
        # Of fewer than five people it is not told how often either.
        [today, "twilio", "call_control", "few", "<5"],
        [today, "twilio", "phone", "7", "5"],
        [yesterday, "twilio", "phone", "few", "<5"],
    ]
    assert "555" not in out
    call_command("disclosures", days=2, until=date(2020, 1, 1))
    assert capsys.readouterr().out.splitlines()[-1] == "0 days with disclosures among 2."
    with pytest.raises(CommandError, match="no recipient crm"):
        call_command("disclosures", processor="crm")
    with pytest.raises(CommandError, match="between 1 and"):
        call_command("disclosures", days=0)


@pytest.mark.policy("C4.1", "C4.2-3")
def test_the_public_list_is_the_register_and_tells_no_counts_and_everybody_sees_only_what_is_theirs(
    make_account: MakeAccount, sign_in: SignIn, settings: Settings
) -> None:
    member = make_account()
    other = make_account(email="other@example.com", mobile="+1 202 555 0111")
    disclose(NOW, member.user.mobile_e164, "phone", times=3)
    disclose(NOW, other.user.mobile_e164, "mobile", "one_time_code")
    settings.SERVER_COUNTRY = "LT"
    shown_to_all = Browser().get("/api/processors")[1]
    public = shown_to_all["items"]
    assert shown_to_all["server_country"] == register.get("time4vps").country == "Lithuania"
    assert [each["key"] for each in public] == [each.key for each in register.PROCESSORS]
    for shown, listed in zip(public, register.PROCESSORS, strict=True):
        assert (shown["purpose"], shown["country"], shown["clause"]) == (listed.purpose, listed.country, listed.clause)
        assert [each["key"] for each in shown["receives"]] == list(listed.receives)
        assert [each["key"] for each in shown["directly"]] == list(listed.directly)
        assert "count" not in shown
    mine = sign_in(member).get("/api/privacy/disclosures")[1]["items"]
    about_calls = [each for each in mine if each["endpoint"] == "calls.create"]
    assert [(each["count"], [one["key"] for one in each["data_classes"]]) for each in about_calls] == [(3, ["phone"])]


@pytest.mark.policy("C0")
def test_the_page_of_what_is_kept_is_the_inventory() -> None:
    shown = Browser().get("/api/data-kinds")[1]["items"]
    assert [each["element"] for each in shown] == [key for key in ELEMENTS if key != "none"]
    for each in shown:
        element = ELEMENTS[each["element"]]
        assert (each["retention"], each["purpose"], each["stays"]) == (
            element.retention,
            element.purpose,
            element.stays,
        )


@pytest.mark.policy("C2.6")
def test_a_mail_that_nobody_registered_is_not_sent_and_none_is_for_advertising() -> None:
    with pytest.raises(MailUnregistered):
        send(kind="spring_offer", to=["ada@example.com"], subject="s", text="t", row_id=uuid4(), attempt=1)
    assert {kind for kind, _ in AccountMail.KINDS} | set(NOTICE_KINDS) <= set(MAILS)
    assert set(MAILS.values()) == {"security", "service", "invitation", "law", "operations"}


@pytest.mark.policy("C4.9", "C10.2")
def test_a_recipient_or_a_class_of_data_that_no_version_names_is_found() -> None:
    assert versions.unannounced(processors=register.PROCESSORS, version=VERSIONS[-1]) == []
    assert {each.key for each in register.PROCESSORS} == set(VERSIONS[-1].receives)
    crm = replace(register.get("paddle"), key="crm", name="A CRM")
    paddle = replace(register.get("paddle"), receives=(*register.get("paddle").receives, "phone"))
    twilio = replace(register.get("twilio"), directly=(*register.get("twilio").directly, "payment_details"))
    assert versions.unannounced(processors=[crm, paddle, twilio], version=VERSIONS[-1]) == [
        "crm is in no version of the policy: add one to compliance/versions.py that names it.",
        f"paddle receives phone, which {VERSIONS[-1].name} does not name: add a version that does.",
        f"twilio receives payment_details, which {VERSIONS[-1].name} does not name: add a version that does.",
    ]


@pytest.mark.policy("C4.2-3", "C4.9")
def test_whomever_pages_let_a_browser_speak_with_is_listed_with_what_it_learns_by_that(settings: Settings) -> None:
    settings.PADDLE_JS_URL = "https://cdn.paddle.com/paddle/v2/paddle.js"
    settings.TWILIO_TWIML_APP_SID = "AP" + "0" * 32
    ours = urlsplit(settings.LIVE_SOCKET_URL).netloc
    spoken_with = {
        urlsplit(source).netloc.rsplit(".", 2)[-2]
        for path in ("/call", "/credits/checkout")
        for directive in Client().get(path).headers["Content-Security-Policy"].split(";")
        for source in directive.split()[1:]
        if "://" in source and urlsplit(source).netloc != ours
    }
    assert spoken_with == {"twilio", "paddle"}
    for key in spoken_with:
        assert {"network_address", "browser"} <= set(register.get(key).directly)
    # Where pages themselves lead: nobody is written to, but the browser goes there.
    assert all({"network_address", "browser"} <= set(register.get(key).directly) for key in ("google", "meta"))
