"""A stop beside whatever else goes on with the same phone: passcodes that wait to be sent, a change of number, a database that fails.

Planted bugs that these catch: a look at consents and stops before the wait for the number's turn, none right before Twilio is asked, a
change of number or a stop that waits for no turn, a stop whose second half nobody makes up for.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from compliance import consent
from compliance.models import AuditHead
from identity import opt_out
from identity.models import Membership, Session, User
from identity.number_lock import lock_numbers
from tests.compliance.test_my_data import ask
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.test_mobile_change import NEW, begin, check, member, page
from tests.identity.test_opt_out import answered, half_in, stop
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import alone, hire

__all__ = ["member", "page"]

WITHIN_S: Final = 10.0


def waiting() -> int:
    """How many wait for a lock in the test's database."""
    with connection.cursor() as cursor:
        # Within a transaction the first look is what all later ones see.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
        )
        found: int = cursor.fetchone()[0]
        return found


def until_all_wait(acts: list[Future[int]]) -> None:
    """Or have ended without waiting."""
    until = time.monotonic() + WITHIN_S
    while waiting() < sum(not act.done() for act in acts):
        assert time.monotonic() < until
        time.sleep(0.01)


def in_turn(hold: Callable[[], object], *acts: Callable[[], int]) -> list[int]:
    """Their answers. Each begins as the one before has ended or waits, and they go on as what `hold` locked is given back."""
    begun: list[Future[int]] = []
    with ThreadPoolExecutor(len(acts)) as threads:
        with transaction.atomic():
            hold()
            for act in acts:
                begun.append(threads.submit(alone, act))
                until_all_wait(begun)
        return [each.result(timeout=WITHIN_S) for each in begun]


def support_stops(phone: str) -> int:
    call_command("texts", "stop", phone, "--yes", "--by", hire().email)
    return 200


@pytest.mark.policy("C3.6")
@pytest.mark.parametrize(
    ("way", "refused_with"), [("page", 422), ("text", 409), ("support", 409)], ids=["page", "text", "support"]
)
def test_a_passcode_that_waits_for_its_turn_is_not_sent_after_a_stop(
    way: str, refused_with: int, member: Membership, page: Browser, sandbox: Sandbox
) -> None:
    phone = member.user.mobile_e164
    waits = half_in()
    before = len(sandbox.messages_at(phone))
    stops = {
        "page": lambda: stop(page),
        "text": lambda: answered("STOP", sender=phone)[0],
        "support": lambda: support_stops(phone),
    }
    told, asked = in_turn(lambda: lock_numbers(phone), stops[way], lambda: waits.post("/api/otp/send")[0])
    assert told in (200, 204)
    assert asked == refused_with
    assert len(sandbox.messages_at(phone)) == before


@pytest.mark.policy("C3.6")
def test_nor_is_one_for_somebody_without_an_account(sandbox: Sandbox, transactional_db: None) -> None:
    phone = "+37060012399"
    told = in_turn(
        lambda: lock_numbers(phone), lambda: answered("STOP", sender=phone)[0], lambda: ask(Browser(), phone)[0]
    )
    # As everybody is told.
    assert told == [200, 200]
    assert sandbox.messages_at(phone) == []


def no_send_is_reserved() -> None:
    """Whoever asks for one has looked at consents and stops, and cannot write it down yet."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE identity_otpattempt IN SHARE MODE")


@pytest.mark.policy("C3.6")
@pytest.mark.parametrize(
    ("way", "refused_as"), [("page", "sms_consent_missing"), ("text", "number_stopped")], ids=["page", "text"]
)
def test_a_stop_that_comes_after_the_limits_were_asked_is_heeded_before_twilio_is(
    way: str, refused_as: str, member: Membership, page: Browser, sandbox: Sandbox
) -> None:
    phone = member.user.mobile_e164
    asks, answers = half_in(), list[tuple[int, Any]]()
    before = len(sandbox.messages_at(phone))

    def ask_for_one() -> int:
        answers.append(asks.post("/api/otp/send"))
        return answers[0][0]

    stops = {"page": lambda: stop(page), "text": lambda: answered("STOP", sender=phone)[0]}
    _, told = in_turn(no_send_is_reserved, ask_for_one, stops[way])
    assert told in (200, 204)
    assert [code_of(problem) for _, problem in answers] == [refused_as]
    assert len(sandbox.messages_at(phone)) == before


@pytest.mark.policy("C3.6")
def test_nor_is_one_sent_then_to_somebody_without_an_account(sandbox: Sandbox, transactional_db: None) -> None:
    phone = "+37060012399"
    told = in_turn(no_send_is_reserved, lambda: ask(Browser(), phone)[0], lambda: answered("STOP", sender=phone)[0])
    assert told == [200, 200]
    assert sandbox.messages_at(phone) == []


def test_a_phone_that_becomes_somebodys_while_it_answers_stop_is_stopped(page: Browser, sandbox: Sandbox) -> None:
    begin(page)
    check(page, "old", sandbox.code_at(User.objects.get().mobile_e164))
    code = sandbox.code_at(NEW)

    def change() -> int:
        return check(page, "new", code)[0]

    # The change waits after everything that might refuse it.
    changed, told = in_turn(
        lambda: AuditHead.objects.select_for_update().get_or_create(), change, lambda: answered("STOP", sender=NEW)[0]
    )
    assert (changed, told) == (200, 200)
    user = User.objects.get()
    assert (user.mobile_e164, opt_out.is_stopped(NEW)) == (NEW, True)
    assert not consent.holds(user_id=user.id, purpose="sms")
    assert page.get("/api/session")[1]["state"] == "anonymous"


@contextmanager
def no_session_ends() -> Iterator[None]:
    """The database refuses to end any, as if it had no time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'no time' USING ERRCODE = 'query_canceled'; END $$;"
            "CREATE TRIGGER refuse BEFORE DELETE ON identity_session FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER refuse ON identity_session; DROP FUNCTION refuse")


@pytest.mark.policy("C3.7")
def test_a_stop_that_broke_off_is_finished_by_the_clock(
    member: Membership, page: Browser, make_account: MakeAccount, sign_in: SignIn
) -> None:
    unconcerned = sign_in(make_account(email="eve@example.com", mobile="+12025550177"), "198.51.100.8")
    phone = member.user.mobile_e164
    with no_session_ends():
        assert answered("STOP", sender=phone)[0] == 503
        # One that fails again is tried again.
        assert opt_out.finish_stops(now=datetime.now(UTC)) == 0
    assert opt_out.is_stopped(phone)
    assert page.get("/api/session")[1]["state"] == "signed_in"
    assert opt_out.finish_stops(now=datetime.now(UTC)) == 1
    assert not Session.objects.filter(user_id=member.user_id).exists()
    assert not consent.holds(user_id=member.user_id, purpose="sms")
    assert unconcerned.get("/api/session")[1]["state"] == "signed_in"
    # Nothing is left to do, whoever signs up with it.
    assert opt_out.finish_stops(now=datetime.now(UTC)) == 0


def test_that_a_phone_answered_stop_to_the_carrier_is_heard_at_the_next_passcode(
    member: Membership, page: Browser, sandbox: Sandbox
) -> None:
    """Where the carrier keeps incoming messages to itself."""
    waits = half_in()
    sandbox.fail("verify", "error", 21610)
    assert code_of(waits.post("/api/otp/send")[1]) == "otp_number_refused"
    assert page.get("/api/session")[1]["state"] == "anonymous"
    assert not consent.holds(user_id=member.user_id, purpose="sms")
    # Of its START nobody tells us: whoever agrees again is believed, and the carrier has the last word.
    assert not opt_out.is_stopped(member.user.mobile_e164)
