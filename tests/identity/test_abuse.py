"""Guessing by the ten thousand, and pumping text messages over a thousand numbers: how much of it gets through in all.

What asks for text messages comes by the routes, through both doors that strangers have: the sign-up and the page for people who were called.
What takes hours asks the operation behind them, with the clock as an argument.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db.models import F, Sum
from django.test import override_settings

from compliance import policy
from identity import otp, passcode_alerts
from identity.access import Client
from identity.models import OtpAttempt, User
from identity.verify import OtpTooMany, OtpUnavailable
from processors.models import Disclosure
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import MakeAccount
from tests.identity.test_passcodes import other_than, owner_of, waiting_browser
from tests.sandbox_fixture import Sandbox

BEGUN = datetime.now(UTC)


def from_network(n: int) -> Client:
    return Client(address=f"198.{18 + n // 65536}.{n // 256 % 256}.{n % 256}", agent="")


def called(mobile_e164: str, address: str | None, browser: Browser | None = None) -> tuple[int, Any]:
    """Asks for a code as somebody who was called. browser: one that was there before, at whatever address; to the limits it is a new one."""
    form = {"number": mobile_e164, "sms_consent": True, "policy_version": policy.current_version()}
    browser = browser or Browser()
    browser.client.defaults["REMOTE_ADDR"] = address or ""
    return browser.post("/api/my-data/code", form)


def signs_up(mobile_e164: str, address: str | None) -> tuple[int, Any]:
    """Asks for a code as somebody who signs up."""
    return waiting_browser(mobile_e164, address or "", f"p{mobile_e164[1:]}@example.com").post("/api/otp/send")


def test_of_ten_thousand_guesses_twenty_an_hour_are_asked_about(transactional_db: None) -> None:
    """From 500 networks, one guess in six seconds, in turn by ten who signed up with the number of another. Planted bugs that this
    catches: guesses counted for a network alone, or for whoever guesses."""
    mobile, admitted = "+12025550151", Counter[int]()
    for n in range(10):
        waiting_browser(mobile, email=f"p{n}@example.com")
    guessers = list(User.objects.all())
    for n in range(10_000):
        now, who = BEGUN + timedelta(seconds=6 * n), guessers[n % 10]
        try:
            otp.reserve_check(
                mobile_e164=mobile, user=who, purpose=OtpAttempt.CLAIM_CHECK, client=from_network(n % 500), now=now
            )
        except OtpTooMany:
            continue
        admitted[n // 600] += 1
    assert max(admitted.values()) == otp.CHECKS_PER_NUMBER_AND_HOUR_MAX == 20
    assert sum(admitted.values()) == 340


@override_settings(OTP_COUNTRIES=frozenset({"US", "DE", "IN"}), OTP_SENDS_PER_DAY_MAX=98)
def test_pumping_over_a_thousand_numbers_stops_at_the_ceilings_and_the_owner_of_a_number_still_comes_in(
    make_account: MakeAccount, sandbox: Sandbox
) -> None:
    """Of five blocks of numbers in two countries, of each block by both doors; first from five networks, then from a network for each.
    Planted bugs that this catches: each of the three ceilings left out, or counted for each door by itself; one that shuts the owner out
    too; and an alert for each refusal."""
    blocks = [f"+4915112{n:02}" for n in range(3)] + [f"+9198765{n}" for n in range(2)]
    owner = owner_of("+12025550160", make_account)
    sent, refused, caller = Counter[str](), Counter[str](), Browser()
    for n in range(1_000):
        network = from_network(n % 5 if n < 400 else n)
        mobile, by_sign_up = f"{blocks[n % 5]}{n:04}", n // 5 % 10 == 0
        status, answer = signs_up(mobile, network.address) if by_sign_up else called(mobile, network.address, caller)
        if status == 200:
            sent.update([network.network, blocks[n % 5]])
        else:
            refused[answer["detail"].split(".")[0]] += 1
    for door in (called, signs_up):
        for country in ("+33612345678", "+61412345678", "+79161234567"):
            assert code_of(door(country, from_network(2_000).address)[1]) == "otp_number_refused"
    assert OtpAttempt.objects.count() == 98
    assert (max(sent[from_network(n).network] for n in range(5)), max(sent[block] for block in blocks)) == (10, 20)
    assert refused == {
        "Too many codes were asked for from your network": 350,
        "Too many codes were sent to numbers like yours": 330,
        "No codes can be sent to new numbers today": 222,
    }
    for _ in range(2):
        passcode_alerts.raise_passcode_alerts(now=datetime.now(UTC))
        passcode_alerts.send_passcode_alerts(now=datetime.now(UTC))
    assert [each.subject for each in mail.outbox] == ["Passcodes stopped: 98 text messages in 24 hours"]
    assert owner.post("/api/otp/send")[0] == 200
    assert owner.post("/api/otp/check", {"code": sandbox.code_at("+12025550160")})[0] == 200


@override_settings(OTP_ALL_SENDS_PER_DAY_MAX=otp.SENDS_PER_PREFIX_AND_HOUR_MAX + 2)
def test_proved_numbers_of_one_block_are_signed_in_with_beyond_its_hour_up_to_the_days_ceiling(
    make_account: MakeAccount, sandbox: Sandbox
) -> None:
    """Planted bugs that this catches: the block's limit shuts out whoever has proved a number, and no ceiling at all for them."""
    now, answers = datetime.now(UTC), list[str]()
    for n in range(otp.SENDS_PER_PREFIX_AND_HOUR_MAX + 4):
        mobile = f"+1202555{n + 100:04}"
        user = make_account(email=f"p{n}@example.com", mobile=mobile).user
        purpose, client = OtpAttempt.SEND, from_network(n)
        try:
            reserved = otp.reserve_send(mobile_e164=mobile, user=user, purpose=purpose, client=client, now=now)
        except OtpUnavailable as refusal:
            answers.append(refusal.message)
        else:
            otp.settle(reserved.attempt, OtpAttempt.SENT)
            answers.append("sent")
    most = otp.SENDS_PER_PREFIX_AND_HOUR_MAX + 2
    assert answers[:most] == ["sent"] * most and all(
        "No more codes can be sent today" in each for each in answers[most:]
    )
    assert len(answers) == most + 2
    for door in (called, signs_up):
        assert "numbers like yours" in door("+12025550199", from_network(999).address)[1]["detail"]


def test_sixty_guesses_an_hour_leave_for_one_network_by_all_doors_together(
    sandbox: Sandbox, transactional_db: None
) -> None:
    """Twenty at each of three numbers, two of them by the sign-up. Planted bug that this catches: each door counts its own."""
    address, mobiles = "203.0.113.5", [f"+1{area}5550130" for area in (202, 312, 415, 646)]
    asks = [waiting_browser(mobile, address, f"p{n}@example.com") for n, mobile in enumerate(mobiles[:2])]

    def at_the_page(mobile: str) -> tuple[int, Any]:
        return Browser(address).post("/api/my-data/session", {"number": mobile, "code": "000000"})

    def at_the_sign_up(browser: Browser) -> tuple[int, Any]:
        return browser.post("/api/otp/check", {"code": "000000"})

    guesses = [at_the_sign_up(browser) for browser in asks for _ in range(20)]
    guesses += [at_the_page(mobiles[2]) for _ in range(20)]
    assert {code_of(problem) for _, problem in guesses} == {"otp_expired", "number_code_wrong"}
    more = [at_the_page(mobiles[3]), at_the_sign_up(waiting_browser(mobiles[3], address, "last@example.com"))]
    assert [(status, code_of(problem)) for status, problem in more] == [(429, "otp_too_many")] * 2
    elsewhere = waiting_browser(mobiles[3], "203.0.114.6", "else@example.com")
    assert at_the_sign_up(elsewhere)[0] == 410


@override_settings(OTP_SENDS_PER_DAY_MAX=2, OTP_ALL_SENDS_PER_DAY_MAX=4, OPERATOR_EMAIL="operator@example.com")
def test_the_days_ceilings_stop_new_numbers_then_all_and_the_operator_gets_one_mail_each(
    make_account: MakeAccount, sandbox: Sandbox, transactional_db: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Planted bugs that these catch: no ceiling for who has proved a number, since whoever lives on text messages proves some first;
    and a mail for each refusal, or none."""
    owner = owner_of("+12025550129", make_account)

    def claimed(n: int, mobile: str) -> int:
        return waiting_browser(mobile, f"203.0.113.{n}", f"p{n}@example.com").post("/api/otp/send")[0]

    def alerts(now: datetime) -> list[str]:
        before = len(mail.outbox)
        for _ in range(2):
            passcode_alerts.raise_passcode_alerts(now=now)
            passcode_alerts.send_passcode_alerts(now=now)
        assert all(each.to == ["operator@example.com"] for each in mail.outbox[before:])
        return [str(each.subject) for each in mail.outbox[before:]]

    now = datetime.now(UTC)
    assert alerts(now) == []
    assert [claimed(n, mobile) for n, mobile in enumerate(("+13125550130", "+14155550130", "+16465550130"), 1)] == [
        200, 200, 503
    ]  # fmt: skip
    assert alerts(now) == ["Passcodes stopped: 2 text messages in 24 hours"]
    assert "OTP_SENDS_PER_DAY_MAX" in str(mail.outbox[-1].body)
    assert [owner.post("/api/otp/send")[0] for _ in range(2)] == [200, 200]
    status, problem = owner.post("/api/otp/send")
    assert (status, code_of(problem)) == (503, "otp_unavailable")
    assert "Try again tomorrow" in problem["detail"]
    assert alerts(now) == ["Passcodes stopped: 4 text messages in 24 hours"]
    assert "OTP_ALL_SENDS_PER_DAY_MAX" in str(mail.outbox[-1].body)
    assert alerts(now + timedelta(hours=20)) == []
    OtpAttempt.objects.update(at=F("at") + timedelta(hours=23))
    assert len(alerts(now + timedelta(hours=25))) == 2
    logged = [record.message for record in caplog.records if record.name == "identity.passcode_alerts"]
    assert logged == ["passcodes stopped for today"] * 4


@override_settings(
    OTP_PRICES={"US": 10_000, "GB": 400_000, "*": 900_000},
    OTP_SPEND_PER_DAY_MAX=1_000_000,
    OTP_ALL_SPEND_PER_DAY_MAX=1_500_000,
)
def test_numbers_of_a_dear_country_stop_passcodes_by_their_price_long_before_their_number_does(
    make_account: MakeAccount, sandbox: Sandbox, transactional_db: None
) -> None:
    """Planted bugs that these catch: the price of another country, the cost counted for who has proved a number alone, and no mail of it."""
    owner = owner_of("+447400123460", make_account)

    def claimed(n: int, mobile: str) -> int:
        return waiting_browser(mobile, f"203.0.113.{n}", f"p{n}@example.com").post("/api/otp/send")[0]

    def told() -> list[tuple[str, str]]:
        before = len(mail.outbox)
        passcode_alerts.raise_passcode_alerts(now=datetime.now(UTC))
        passcode_alerts.send_passcode_alerts(now=datetime.now(UTC))
        return [
            (str(each.subject), str(each.body).partition("\n\n")[2].partition(" They")[0])
            for each in mail.outbox[before:]
        ]

    assert [claimed(n, f"+1{area}5550130") for n, area in enumerate((312, 415, 646, 720), 1)] == [200] * 4
    assert [claimed(10 + n, f"+44740{n}123457") for n in range(1, 5)] == [200, 200, 200, 503]
    assert claimed(41, "+18085550130") == 503
    assert [
        (subject, "for 1.24 by OTP_PRICES, and OTP_SPEND_PER_DAY_MAX allows 1.00" in text) for subject, text in told()
    ] == [("Passcodes stopped: text messages for 1.00 in 24 hours", True)]
    assert [owner.post("/api/otp/send")[0] for _ in range(2)] == [200, 503]
    assert [(subject, text.startswith("8 passcodes")) for subject, text in told()] == [
        ("Passcodes stopped: text messages for 1.50 in 24 hours", True)
    ]
    assert told() == []


@override_settings(NUM_PROXIES=1)
def test_by_the_route_twilio_hears_of_twenty_guesses_whatever_addresses_the_proxy_names(
    sandbox: Sandbox, transactional_db: None
) -> None:
    """Eighty guesses, each from another network. Planted bugs that this catches: guesses counted for a network alone, and refused
    only after Twilio was asked."""
    mobile = "+12025550152"
    browser = waiting_browser(mobile)
    browser.post("/api/otp/send")
    right = sandbox.code_at(mobile)
    answers = []
    for n in range(80):
        passed_on = {"X-Forwarded-For": f"192.0.2.{n}, {from_network(n * 256).address}"}
        answers.append(browser.post("/api/otp/check", {"code": other_than(right)}, **passed_on))
    assert [status for status, _ in answers[20:]] == [429] * 60
    assert {code_of(problem) for _, problem in answers[20:]} == {"otp_too_many"}
    assert all(400 <= status < 500 for status, _ in answers[:20])
    assert OtpAttempt.objects.filter(purpose__in=OtpAttempt.CHECKS).values("network").distinct().count() == 20
    heard = Disclosure.objects.filter(processor="twilio", endpoint="verify.check").aggregate(times=Sum("count"))
    assert heard == {"times": 20}
    assert browser.post("/api/otp/check", {"code": right})[0] == 429
