"""The entrance of our own people: password and code together, each code once, and nobody else's session.

Planted bug that these catch: accepting a step again (`totp_step__lte`).
"""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from compliance import audit_check
from compliance.models import AuditEvent
from compliance.retention import expire
from identity.staff import people
from identity.staff.actor import StaffActor, actor_of_key
from identity.staff.models import StaffEvent, StaffMember, StaffSession
from identity.staff.permissions import StaffNotPermitted
from processors.sealed_columns import demand_right_keys
from tests.identity.browser import PASSWORD as CUSTOMERS_PASSWORD
from tests.identity.browser import code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.staff.ours import PASSWORD, REASON, Desk, Ours, alone, at_desk, hire, waits_for_a_lock

pytestmark = pytest.mark.django_db


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("staff", *arguments)
    return capsys.readouterr().out


def token_in(text: str) -> str:
    found = re.search(r"/staff/enrol#(\S+)", text)
    assert found
    return found[1]


def everything() -> str:
    with connection.cursor() as cursor:
        texts = []
        for table in ("staff_staffmember", "staff_recoverycode", "staff_staffsession", "compliance_auditevent"):
            cursor.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608 - our own table names
            texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts)


def test_the_link_of_the_command_sets_up_password_and_app_once(capsys: pytest.CaptureFixture[str]) -> None:
    token = token_in(told(capsys, "add", "Nora@Klosesales.example", "Nora", "support"))
    desk = Desk()
    status, seen = desk.post("/api/staff/enrolment/seen", {"token": token})
    assert (status, seen["email"], seen["role"]) == (200, "nora@klosesales.example", "support")
    assert seen["picture"].startswith("data:image/svg+xml")

    form = {"token": token, "password": "password1234", "code": "000000"}
    assert code_of(desk.post("/api/staff/enrolment", form)[1]) == "weak_password"
    form["password"] = PASSWORD
    status, answer = desk.post("/api/staff/enrolment", form)
    assert (status, code_of(answer)) == (422, "enrolment_code_wrong")
    ours = hire(first_name="Other")
    form["code"] = type(ours)(ours.member, seen["secret"], []).code()
    status, kept = desk.post("/api/staff/enrolment", form)
    assert (status, len(set(kept["codes"]))) == (200, 10)

    for path, body in (("/seen", {"token": token}), ("", form)):
        status, answer = desk.post(f"/api/staff/enrolment{path}", body)
        assert (status, code_of(answer)) == (410, "enrolment_invalid")
    held = everything()
    assert [word for word in (seen["secret"], PASSWORD, token, *kept["codes"]) if word in held] == []


def test_a_link_is_good_for_a_day() -> None:
    ours = hire()
    StaffMember.objects.filter(id=ours.member.id).update(
        enrolment_digest="0" * 64, enrolment_until=datetime.now(UTC) - timedelta(seconds=1)
    )
    assert Desk().post("/api/staff/enrolment/seen", {"token": "x"})[0] == 410


def test_password_and_code_together_open_a_session_of_its_own_kind() -> None:
    ours, desk = hire(), Desk()
    assert desk.state == "anonymous"
    status, session = desk.enter(ours)
    assert (status, session["first_name"], session["role"]) == (200, "Nora", "support")
    assert {name for name, may in session["permissions"].items() if may} == {"look", "answer"}
    cookie = desk.client.cookies["__Host-staff"]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, True, "Strict", "/")
    assert cookie["domain"] == ""
    assert desk.client.get("/api/staff/session", secure=True).headers["Cache-Control"] == "no-store"
    assert cookie.value not in everything()

    assert desk.post("/api/staff/signout")[0] == 204
    desk.client.cookies["__Host-staff"] = cookie.value
    assert desk.state == "anonymous"


def test_whatever_is_wrong_the_answer_is_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    ours, gone = hire(), hire(first_name="Gone")
    told(capsys, "disable", gone.email)
    told(capsys, "add", "new@klosesales.example", "New", "support")
    wrong = [
        Desk().enter(ours, password="another lantern"),
        Desk().enter(ours, code="000000"),
        Desk().enter(ours, code="aaaa-bbbb-cccc-dddd"),
        Desk().enter(ours, email="nobody@klosesales.example"),
        Desk().enter(gone),
        Desk().enter(ours, email="new@klosesales.example", password=""),
    ]
    assert {status for status, _ in wrong} == {401}
    assert {str(answer) for _, answer in wrong} == {str(wrong[0][1])}
    assert code_of(wrong[0][1]) == "staff_sign_in_failed"
    assert StaffSession.objects.count() == 0


def test_no_code_works_twice_and_none_after_a_newer_one() -> None:
    ours = hire()
    code = ours.code()
    assert [Desk().enter(ours, code=code)[0] for _ in range(2)] == [200, 401]
    # The clock of the phone may be half a minute ahead; after that code the present one is old.
    assert Desk().enter(ours, code=ours.code(seconds=30))[0] == 200
    assert Desk().enter(ours, code=ours.code())[0] == 401
    assert StaffEvent.objects.filter(kind="sign_in").count() == 2


def test_codes_of_a_minute_ago_or_ahead_are_refused() -> None:
    ours = hire()
    assert Desk().enter(ours, code=ours.code(seconds=-90))[0] == 401
    assert Desk().enter(ours, code=ours.code(seconds=90))[0] == 401


def test_a_recovery_code_opens_once_however_it_is_typed() -> None:
    ours = hire()
    typed = f" {ours.recovery_codes[0].upper()} "
    assert Desk().enter(ours, code=typed)[0] == 200
    assert Desk().enter(ours, code=typed)[0] == 401
    assert StaffEvent.objects.filter(kind="recovery_code_used").count() == 1
    other = hire(first_name="Other")
    assert Desk().enter(ours, code=other.recovery_codes[0])[0] == 401


def test_guessing_stops_for_an_account_wherever_it_comes_from() -> None:
    ours = hire()
    for number in range(10):
        assert Desk(f"203.0.113.{number}").enter(ours, password="wrong lantern")[0] == 401
    for address in ("203.0.113.70", "203.0.113.71"):
        status, answer = Desk(address).enter(ours)
        assert (status, code_of(answer)) == (429, "sign_in_throttled")
    assert Desk("203.0.113.72").enter(hire(first_name="Other"))[0] == 200
    # What was refused did not count, so a quarter of an hour after the guesses the door opens.
    StaffEvent.objects.filter(kind="sign_in_failed").update(at=datetime.now(UTC) - timedelta(minutes=16))
    assert Desk().enter(ours)[0] == 200


def test_no_stranger_shuts_out_who_came_in_from_this_browser_before() -> None:
    ours, desk = hire(), Desk()
    assert desk.enter(ours, code=ours.code(seconds=-30))[0] == 200
    desk.post("/api/staff/signout")
    for number in range(11):
        Desk(f"203.0.113.{number}").enter(ours, password="wrong lantern")
    assert Desk().enter(ours)[0] == 429
    assert desk.enter(ours)[0] == 200
    # Guesses in it are as few as anybody's.
    desk.post("/api/staff/signout")
    answers = [desk.enter(ours, password="wrong lantern")[0] for _ in range(11)]
    assert answers == [401] * 10 + [429]


def test_a_customer_of_the_same_address_makes_no_browser_known_to_the_entrance(
    make_account: MakeAccount, sign_in: SignIn
) -> None:
    ours, customer = hire(first_name="Ada"), sign_in(make_account(email="ada@klosesales.example"))
    desk = Desk()
    desk.client.cookies["__Host-device"] = customer.client.cookies["__Host-device"].value
    for number in range(11):
        Desk(f"203.0.113.{number}").enter(ours, password="wrong lantern")
    assert desk.enter(ours)[0] == 429


def test_a_link_of_a_colleague_lets_in_whom_the_wrong_passwords_of_others_keep_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ours = hire()
    for number in range(11):
        Desk(f"203.0.113.{number}").enter(ours, password="wrong lantern")
    token, desk = token_in(told(capsys, "reset", ours.email)), Desk()
    renewed = Ours(ours.member, desk.post("/api/staff/enrolment/seen", {"token": token})[1]["secret"], [])
    form = {"token": token, "password": PASSWORD, "code": renewed.code(seconds=-30)}
    assert desk.post("/api/staff/enrolment", form)[0] == 200
    assert Desk().enter(renewed)[0] == 429
    assert desk.enter(renewed)[0] == 200


def test_guessing_stops_for_a_network_that_tries_many_accounts() -> None:
    ours = hire()
    then = datetime.now(UTC)
    StaffEvent.objects.bulk_create(
        [StaffEvent(at=then, kind="sign_in_failed", account_key=str(n), network="203.0.113.9") for n in range(50)]
    )
    assert Desk("203.0.113.9").enter(ours)[0] == 429
    assert Desk("203.0.113.10").enter(ours)[0] == 200


@pytest.mark.django_db(transaction=True)
def test_a_customers_session_is_never_ours_nor_the_other_way_round(make_account: MakeAccount, sign_in: SignIn) -> None:
    member = make_account()
    customer, desk = sign_in(member), at_desk()
    assert customer.get("/api/staff/looks")[0] == 401
    assert desk.get("/api/leads")[0] == 401
    assert desk.get("/api/session")[1]["state"] == "anonymous"
    # Nor does the value of one cookie open anything under the other's name.
    ours, theirs = desk.client.cookies["__Host-staff"].value, customer.session_cookie
    desk.client.cookies["__Host-staff"] = theirs or ""
    customer.client.cookies["__Host-session"] = ours
    assert desk.state == "anonymous"
    assert customer.get("/api/session")[1]["state"] == "anonymous"
    # And no account opens the other's door.
    assert Desk().enter(hire(first_name="Other"), email=member.user.email, password=CUSTOMERS_PASSWORD)[0] == 401
    assert Desk().post("/api/signin", {"email": "nora@klosesales.example", "password": PASSWORD})[0] == 401


@pytest.mark.parametrize(
    "changed", [{"last_used_at": timedelta(minutes=31)}, {"expires_at": timedelta(seconds=1)}], ids=["idle", "over"]
)
def test_a_session_ends_when_it_is_idle_and_at_its_term(changed: dict[str, timedelta]) -> None:
    desk = at_desk()
    now = datetime.now(UTC)
    StaffSession.objects.update(**{name: now - ago for name, ago in changed.items()})
    assert desk.state == "anonymous"
    assert desk.get("/api/staff/looks")[0] == 401
    expire(now=now)
    assert not StaffSession.objects.exists()


def test_use_keeps_a_session_awake_and_is_noted_for_the_admin() -> None:
    desk = at_desk()
    StaffSession.objects.update(last_used_at=datetime.now(UTC) - timedelta(minutes=29))
    assert desk.get("/api/staff/looks")[0] == 200
    assert StaffSession.objects.get().last_used_at > datetime.now(UTC) - timedelta(minutes=1)
    people = at_desk("admin", "Ada").get("/api/staff/people")[1]["items"]
    nora = next(each for each in people if each["first_name"] == "Nora")
    assert (nora["role"], nora["state"], nora["recovery_codes_left"]) == ("support", "active", 10)
    assert nora["last_used_at"] > (datetime.now(UTC) - timedelta(minutes=1)).isoformat()


def test_signing_in_again_ends_the_session_before() -> None:
    desk, ours = Desk(), hire()
    desk.enter(ours)
    desk.enter(ours, code=ours.recovery_codes[0])
    assert StaffSession.objects.count() == 1
    assert desk.state == "signed_in"


def test_who_is_disabled_is_out_at_once_and_comes_back_by_a_new_link_alone(capsys: pytest.CaptureFixture[str]) -> None:
    ours, desk = hire(), Desk()
    desk.enter(ours)
    admin = at_desk("admin", "Ada")
    assert admin.post(f"/api/staff/people/{ours.member.id}/disable")[0] == 204
    assert desk.state == "anonymous"
    assert Desk().enter(ours, code=ours.recovery_codes[0])[0] == 401
    assert admin.post(f"/api/staff/people/{ours.member.id}/disable")[0] == 204
    assert AuditEvent.objects.filter(action="staff.disabled").count() == 1

    token = token_in(told(capsys, "reset", ours.email))
    assert Desk().enter(ours, code=ours.recovery_codes[1])[0] == 401
    secret = desk.post("/api/staff/enrolment/seen", {"token": token})[1]["secret"]
    assert secret != ours.secret
    acts = AuditEvent.objects.filter(action__startswith="staff.").order_by("sequence")
    whole = [(each.action, each.actor_ref.split(":")[0]) for each in acts if str(ours.member.id) in each.target]
    assert whole == [
        ("staff.added", "operator"),
        ("staff.enrolled", "staff"),
        ("staff.disabled", "staff"),
        ("staff.reset", "operator"),
    ]
    assert audit_check.verify().broken is None


def test_nobody_disables_themselves() -> None:
    ours, desk = hire("admin"), Desk()
    desk.enter(ours)
    status, answer = desk.post(f"/api/staff/people/{ours.member.id}/disable")
    assert (status, code_of(answer)) == (409, "staff_self")


@pytest.mark.django_db(transaction=True)
def test_of_two_admins_who_disable_each_other_at_the_same_moment_one_is_left() -> None:
    """Red when only the disabled one is locked: then both are gone, and nobody manages the others any more."""
    first, second = (as_actor(hire("admin", name)) for name in ("Ada", "Zoe"))
    now = datetime.now(UTC)

    def strike_back() -> str:
        try:
            people.disable(member_id=first.member_id, by=second, now=now)
        except StaffNotPermitted as refusal:
            return refusal.code
        return "disabled"

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            people.disable(member_id=second.member_id, by=first, now=now)
            other = threads.submit(alone, strike_back)
            waits_for_a_lock(3)
        assert other.result(timeout=10) == "staff_not_permitted"
    assert list(StaffMember.objects.filter(disabled_at=None).values_list("id", flat=True)) == [first.member_id]


def as_actor(ours: Ours) -> StaffActor:
    desk = Desk()
    desk.enter(ours)
    actor = actor_of_key(desk.client.cookies["__Host-staff"].value, now=datetime.now(UTC))
    assert actor is not None
    return actor


def test_the_command_refuses_what_it_cannot_do(capsys: pytest.CaptureFixture[str]) -> None:
    hire()
    for arguments in (
        ("add", "nora@klosesales.example", "Nora", "admin"),
        ("add", "no-address", "Nora", "admin"),
        ("add", "a@klosesales.example", "Nora", "owner"),
        ("reset", "nobody@klosesales.example"),
        ("disable", "nobody@klosesales.example"),
    ):
        with pytest.raises(CommandError):
            call_command("staff", *arguments)
    assert told(capsys, "list") == "nora@klosesales.example  support  active\n"


def test_a_key_is_replaced_with_overlap_and_without_it_the_way_in_is_closed(
    capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    ours = hire()
    (old,), new = settings.STAFF_SECRET_KEYS, Fernet.generate_key().decode()
    settings.STAFF_SECRET_KEYS = [new, old]
    assert Desk().enter(ours)[0] == 200
    call_command("sealed", "renew")
    assert "STAFF_SECRET_KEYS" in capsys.readouterr().out
    settings.STAFF_SECRET_KEYS = [new]
    assert Desk().enter(ours, code=ours.code(seconds=30))[0] == 200
    settings.STAFF_SECRET_KEYS = [old]
    status, answer = Desk().enter(ours)
    assert (status, code_of(answer)) == (503, "staff_secret_unreadable")
    with pytest.raises(CommandError):
        call_command("sealed", "renew")
    [borne] = demand_right_keys()
    assert "staff_staffmember.totp_secret_sealed cannot be read" in borne
    # A recovery code needs no key.
    assert Desk().enter(ours, code=ours.recovery_codes[0])[0] == 200
    # Whoever left needs none of the keys.
    people.disable(member_id=ours.member.id, by=None, now=datetime.now(UTC))
    assert demand_right_keys() == []


def test_the_privacy_officer_reads_what_happened_at_the_entrance() -> None:
    hire()
    Desk("203.0.113.5").enter(hire(first_name="Other"), password="wrong lantern")
    officer = at_desk("privacy_officer", "Pia")
    items = officer.get("/api/staff/events")[1]["items"]
    assert [(each["kind"], each["member"]) for each in items[:2]] == [("sign_in", "Pia"), ("sign_in_failed", None)]
    assert items[1]["address"] == "203.0.113.5"
    assert REASON not in str(items)
    status, answer = officer.get("/api/staff/events?cursor=made-up")
    assert (status, code_of(answer)) == (400, "cursor_invalid")
