"""E-mail addresses, mobile numbers and second factors: unreadable without the keys, bound to their place, found all the same."""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from django.conf import settings as configured
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.models import F
from pytest_django.fixtures import Settings

from compliance import cases, requests
from identity.models import AccountMail, Invitation, NumberKey, Session, User
from identity.number_access import make_link
from identity.personal_data import subject_of
from identity.staff.models import StaffMember
from processors import sealed_columns
from processors.seal import SealUnreadable
from tests.identity.browser import PASSWORD, Browser, code_of, form
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.social import go_through, meet, rest
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import Desk, hire

EMAIL, NUMBER = "zelda.quorn@marsh.example", "+12025550187"
NEW_KEY = Fernet.generate_key().decode()
PROJECT = Path(__file__).resolve().parent.parent.parent
Told = Callable[..., str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    def run(*arguments: str) -> str:
        call_command("sealed", *arguments)
        return capsys.readouterr().out

    return run


def everything() -> str:
    """Every row of every table, and what PostgreSQL noted of their values; bytes as hex digits."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        texts = []
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608 - our own table names
            texts += [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT concat(most_common_vals::text, histogram_bounds::text) FROM pg_stats")
        texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts).lower()


def bytes_on_disk(word: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    files = (path for path in (Path(configured.DATA_DIR) / "postgres").rglob("*") if path.is_file())
    return sum(word.encode() in path.read_bytes() for path in files if path.exists())


def moved(table: str, to: str, value: str, *, of: UUID, into: UUID) -> None:
    """One column of a row gets the stored bytes of another place, as somebody who can write to the database could do."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {to} = (SELECT {value} FROM {table} WHERE id = %s) WHERE id = %s",  # noqa: S608
            [of, into],
        )


@pytest.mark.policy("C4.7")
def test_a_copy_of_the_database_tells_no_address_no_number_and_no_second_factor(
    make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox
) -> None:
    member = make_account(email=EMAIL, mobile=NUMBER, first_name="Zelda", workspace_name="Marsh Sales")
    page, now = sign_in(member), datetime.now(UTC)
    page.post("/api/team/invitations", {"email": "ivo.quorn@marsh.example", "role": "rep"})
    page.post("/api/mobile", {"mobile": "+1 212 555 0163", "password": PASSWORD, **_agreed()})
    Browser("203.0.113.9").post("/api/password/forgot", {"email": "nobody.quorn@marsh.example"})
    cases.ask(user_id=member.user_id, kind="objection", words="Please stop.", contact=EMAIL, now=now)
    requests.open_erasure(subject=subject_of(member.user_id), confirm=EMAIL, at_once=False, now=now)
    make_link(phone_e164="+12025550189", now=now)
    ours = hire("admin", "Quentin")
    # Each is there, and can be read by whoever has the keys.
    assert Session.objects.filter(data__has_key="mobile_change").exists()
    assert Invitation.objects.get_queryset().get().email == "ivo.quorn@marsh.example"
    assert AccountMail.objects.get().email == "nobody.quorn@marsh.example"
    assert (NumberKey.objects.get().phone_e164, ours.email) == ("+12025550189", "quentin@klosesales.example")

    rows = everything()
    assert "zelda" in rows and "marsh sales" in rows
    words = [EMAIL, "quorn", "@marsh", "2025550187", "2125550163", "2025550189", "quentin@", ours.secret.lower()]
    assert [word for word in words if word in rows or word.encode().hex() in rows] == []
    assert ours.secret.encode().hex() not in rows
    assert bytes_on_disk("Marsh Sales")
    assert {word: bytes_on_disk(word) for word in (*words, ours.secret)} == dict.fromkeys((*words, ours.secret), 0)


def _agreed() -> dict[str, object]:
    return {"policy_version": form()["policy_version"], "sms_consent": True}


def test_what_is_put_into_another_row_or_column_does_not_open(make_account: MakeAccount) -> None:
    victim, thief = make_account().user, make_account(email="eve@example.com", mobile="+12025550199").user
    moved("identity_user", "mobile_e164_sealed", "mobile_e164_sealed", of=thief.id, into=victim.id)
    with pytest.raises(SealUnreadable):
        _ = User.objects.get(id=victim.id).mobile_e164
    moved("identity_user", "mobile_e164_sealed", "email_sealed", of=thief.id, into=thief.id)
    with pytest.raises(SealUnreadable):
        _ = User.objects.get(id=thief.id).mobile_e164
    # The blind index of one with the ciphertext of the other.
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE identity_user SET mobile_verified_at = NULL, email_sealed = substring(victim.email_sealed, 1, 36) ||"
            " substring(identity_user.email_sealed, 37) FROM identity_user AS victim"
            " WHERE victim.id = %s AND identity_user.id = %s",
            [victim.id, thief.id],
        )
    assert User.objects.filter(email=victim.email).count() == 2
    with pytest.raises(SealUnreadable):
        _ = User.objects.get(id=thief.id).email


@pytest.mark.usefixtures("transactional_db")
def test_one_of_us_does_not_come_in_with_a_colleagues_second_factor() -> None:
    admin, helper = hire("admin", "Ann"), hire("support", "Bob")
    moved("staff_staffmember", "totp_secret_sealed", "totp_secret_sealed", of=helper.member.id, into=admin.member.id)
    status, answer = Desk().enter(admin, code=helper.code())
    assert (status, code_of(answer)) == (503, "staff_secret_unreadable")


def test_people_sign_in_with_their_address_in_whatever_case(make_account: MakeAccount) -> None:
    make_account(email="Zelda.Quorn@Marsh.example")
    status, session = Browser().post("/api/signin", {"email": " ZELDA.quorn@marsh.EXAMPLE ", "password": PASSWORD})
    assert (status, session["state"]) == (200, "awaiting_otp")


def test_addresses_that_are_two_stay_two(make_account: MakeAccount) -> None:
    """The long s and the sharp s would be others' letters if cases were folded."""
    emails = ["sam@example.com", "\u017fam@example.com", "ada@strasse.example", "ada@stra\u00dfe.example"]
    for number, email in enumerate(emails):
        make_account(email=email, mobile=f"+1202555013{number}")
    assert [User.objects.get(email=email).mobile_e164[-1] for email in emails] == list("0123")


def test_of_two_who_claim_one_address_at_the_same_moment_one_gets_it(
    make_account: MakeAccount, browser: Browser
) -> None:
    users = []
    for number in range(8):
        Browser(f"203.0.113.{number}").post("/api/signup", form(email="one@example.com", mobile=f"+1202555012{number}"))
        users.append(User.objects.order_by("-created_at")[0].id)
    assert User.objects.filter(email="One@Example.com", mobile_verified_at__isnull=True).count() == 8

    def claim(user_id: UUID) -> bool:
        try:
            return bool(User.objects.filter(id=user_id).update(mobile_verified_at=datetime.now(UTC)))
        except IntegrityError as error:
            assert "user_email_of_one_account" in str(error) and "one@example.com" not in str(error)
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, users)) == 1
    assert User.objects.filter(email="one@example.com", mobile_verified_at__isnull=False).count() == 1


def test_a_sealed_column_is_compared_with_whole_values_alone_and_never_set_without_its_row(
    make_account: MakeAccount,
) -> None:
    user = make_account().user
    assert list(User.objects.filter(email__in=["no@example.com", "ADA@example.com"])) == [user]
    assert not User.objects.exclude(mobile_e164="+12025550110").exists()
    for refused in ("email__icontains", "email__startswith", "email__iexact", "email__gt", "mobile_e164__regex"):
        with pytest.raises(FieldError):
            User.objects.filter(**{refused: "ada"})
    with pytest.raises(FieldError):
        StaffMember.objects.filter(totp_secret="x")
    others: list[Any] = [F("mobile_e164"), 12]
    for value in others:
        with pytest.raises(TypeError):
            User.objects.filter(email=value)
    with pytest.raises(TypeError):
        User.objects.update(email="eve@example.com")
    user.mobile_e164 = "202 555 0110"
    with pytest.raises(ValueError):
        user.save()
    assert User.objects.get().mobile_e164 == "+12025550110"


def test_a_value_that_nobody_looks_at_is_neither_opened_nor_written_anew(make_account: MakeAccount) -> None:
    make_account()
    row = User.objects.get()
    before = row.__dict__["email"]
    row.first_name = "Bea"
    row.save()
    assert isinstance(before, bytes) and User.objects.get().__dict__["email"] == before
    row.email = "bea@example.com"
    row.save(update_fields=["email"])
    assert User.objects.get(email="Bea@example.com").email == "bea@example.com"
    assert not User.objects.filter(email="ada@example.com").exists()


def test_a_key_is_replaced_with_overlap_and_the_command_says_when_the_old_one_can_go(
    make_account: MakeAccount, settings: Settings, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [make_account(email=f"a{n}@example.com", mobile=f"+1202555013{n}").user for n in range(5)]
    (old,) = settings.FIELD_KEYS
    settings.FIELD_KEYS = [NEW_KEY, old]
    assert User.objects.get(email="a0@example.com").mobile_e164 == "+12025550130"
    make_account(email="after@example.com", mobile="+12025550139")
    assert "10 values; an older key, run `renew`" in told("status")

    # Stopped after its first batch of the people, and run again.
    monkeypatch.setattr(sealed_columns, "ROWS_AT_ONCE", 2)
    list(islice((each for each in sealed_columns.renew() if each.values), 1))
    assert "6 values; an older key, run `renew`" in told("status")
    said = told("renew")
    assert "identity_user: 6 sealed anew; 6 of 6 rows" in said and "0 values; an older key, which can go" in said
    assert "identity_user" not in "".join(line for line in told("renew").splitlines() if ": 0" not in line)

    settings.FIELD_KEYS = [NEW_KEY]
    sealed_columns.demand_right_keys()
    assert [User.objects.get(id=each.id).email for each in people] == [f"a{n}@example.com" for n in range(5)]
    settings.FIELD_KEYS = [old]
    with pytest.raises(sealed_columns.KeysWrong, match="not in FIELD_KEYS"):
        sealed_columns.demand_right_keys()
    with pytest.raises(CommandError, match="Put the missing keys back"):
        told("status")


def test_with_a_new_look_up_key_alone_nobody_is_found_until_everything_is_sealed_anew(
    make_account: MakeAccount, settings: Settings, told: Told
) -> None:
    make_account()
    settings.LOOKUP_KEY = "ab" * 32
    assert not User.objects.filter(email="ada@example.com").exists()
    with pytest.raises(sealed_columns.KeysWrong, match="LOOKUP_KEY_PREVIOUS"):
        sealed_columns.demand_right_keys()
    with pytest.raises(CommandError, match="Put the missing keys back"):
        told("status")
    assert "identity_user: 2 sealed anew" in told("renew")
    sealed_columns.demand_right_keys()
    assert User.objects.get(email="ada@example.com").mobile_e164 == "+12025550110"


@pytest.mark.parametrize(
    ("value", "said"),
    [(NEW_KEY, "Put that key back behind the newest."), ("short", "FIELD_KEYS is not 32 random bytes")],
    ids=["another-key", "no-key"],
)
def test_the_product_does_not_start_with_other_keys_than_its_rows_and_says_what_to_do(
    value: str, said: str, make_account: MakeAccount
) -> None:
    make_account()
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    environ = {**os.environ, "DATABASE_URL": database.geturl(), "FIELD_KEYS": value}
    command = [sys.executable, "-m", "config.embedded.prepare"]
    ended = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert said in ended.stderr and "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("FIELD_KEYS", []),
        ("FIELD_KEYS", ["short"]),
        ("FIELD_KEYS", ["*" * 43 + "="]),
        ("LOOKUP_KEY", ""),
        ("LOOKUP_KEY_PREVIOUS", "ab"),
    ],
)
def test_without_a_usable_key_nothing_is_written(
    setting: str, value: object, make_account: MakeAccount, settings: Settings
) -> None:
    setattr(settings, setting, value)
    with pytest.raises(ImproperlyConfigured, match=setting):
        make_account()
    assert not User.objects.exists()


def test_a_change_of_number_under_way_is_over_when_its_key_is_gone(
    make_account: MakeAccount, sign_in: SignIn, settings: Settings
) -> None:
    page = sign_in(make_account())
    assert page.post("/api/mobile", {"mobile": "+12125550163", "password": PASSWORD, **_agreed()})[0] == 200
    (old,) = settings.FIELD_KEYS
    settings.FIELD_KEYS = [NEW_KEY, old]
    list(sealed_columns.renew())
    settings.FIELD_KEYS = [NEW_KEY]
    status, answer = page.post("/api/mobile/send")
    assert (status, code_of(answer)) == (409, "no_mobile_change")


@pytest.mark.django_db
def test_a_process_of_before_that_still_runs_fails_and_writes_nothing_as_it_is() -> None:
    for model, fields in sealed_columns.sealed_columns().items():
        for field in fields:
            statement = f'UPDATE {model._meta.db_table} SET "{field.name}" = %s'  # noqa: S608 - our own names
            with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement, ["eve@example.com"])


def test_a_value_that_was_changed_does_not_open_is_named_and_holds_up_no_other(
    make_account: MakeAccount, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    user, other = make_account().user, make_account(email="eve@example.com", mobile="+12025550199").user
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE identity_user SET email_sealed = set_byte(email_sealed, 60, get_byte(email_sealed, 60) # 1)"
            " WHERE id = %s",
            [user.id],
        )
    with pytest.raises(SealUnreadable):
        _ = User.objects.get(id=user.id).email
    settings.FIELD_KEYS = [NEW_KEY, *settings.FIELD_KEYS]
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("sealed", "renew")
    said = capsys.readouterr().out
    assert f"identity_user.email_sealed of {user.id}: cannot be read" in said and "1 values; an older key" in said
    settings.FIELD_KEYS = [NEW_KEY]
    assert (User.objects.get(id=other.id).email, User.objects.get(id=user.id).mobile_e164) == (
        other.email,
        "+12025550110",
    )


def test_a_sign_up_with_a_provider_whose_key_is_gone_begins_again(
    sandbox: Sandbox, settings: Settings, browser: Browser
) -> None:
    go_through(browser, "google", meet(sandbox, "google"), "sign_up")
    browser.post("/api/social/sign-up", rest())
    (old,) = settings.FIELD_KEYS
    settings.FIELD_KEYS = [NEW_KEY, old]
    list(sealed_columns.renew())
    settings.FIELD_KEYS = [NEW_KEY]
    browser.post("/api/otp/send")
    status, answer = browser.post("/api/otp/check", {"code": sandbox.code_at("+12025550110")})
    assert (status, code_of(answer)) == (404, "social_sign_up_over")
    assert (browser.get("/api/session")[1]["state"], User.objects.count()) == ("anonymous", 0)
