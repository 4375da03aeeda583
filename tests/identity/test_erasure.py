"""Erasing a person from identity: gone, unlinked, or handed on; others untouched."""

from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.db import connection

from compliance.models import ConsentEvent
from compliance.stores import Subject
from identity.models import AccessEvent, Membership, OtpAttempt, Session, User, Workspace
from identity.personal_data import INVENTORY, STORE, subject_of
from tests.compliance.ends import end
from tests.identity.browser import Browser, form
from tests.identity.conftest import MakeAccount, SignIn
from tests.opened import opened_values

NOW = datetime.now(UTC)


def everything_stored() -> str:
    """All rows of all tables of identity as text, and what is sealed, opened."""
    with connection.cursor() as cursor:
        texts = []
        for model in apps.get_app_config("identity").get_models():
            cursor.execute(f'SELECT t::text FROM "{model._meta.db_table}" t')  # noqa: S608 - our own table names
            texts += [row[0] for row in cursor.fetchall()]
    return "\n".join([*texts, *opened_values()])


@pytest.mark.policy("C6.2", "C7.3")
def test_an_erased_person_is_gone_and_another_is_still_there(make_account: MakeAccount, sign_in: SignIn) -> None:
    canary = {"first_name": "Zanzibel", "last_name": "Quxworthy", "email": "zq@example.com", "mobile": "+12025550180"}
    member = make_account(workspace_name="Quxworthy and daughters", **canary)
    control = make_account(first_name="Controlia", email="c@example.com", mobile="+12025550181")
    browser = sign_in(member, "203.0.113.77")
    for known_or_not in (browser, Browser("203.0.113.77")):
        known_or_not.post("/api/signin", {"email": "zq@example.com", "password": "mistyped password"})
    device_key = AccessEvent.objects.exclude(device_key="").get().device_key
    Browser("203.0.113.78").post("/api/signup", form(**canary))
    sign_in(control, "203.0.113.88")
    subject = subject_of(member.user_id)
    assert STORE.verify(subject) > 0
    sealed = [
        value.hex()
        for row in User.objects.exclude(id=control.user_id)
        for value in (row.email_key, row.mobile_e164_key)
    ]
    assert len(sealed) == 4 and all(each in everything_stored() for each in sealed)

    counts = STORE.erase(subject, now=NOW)

    assert counts["account"] == 2 and counts["session"] == 1
    assert STORE.verify(subject) == 0
    stored = everything_stored().lower()
    for trace in (
        "zanzibel",
        "quxworthy",
        "zq@example.com",
        "12025550180",
        "203.0.113.77",
        str(member.user_id),
        device_key,
        *sealed,
    ):
        assert trace not in stored
    for kept in ("controlia", "c@example.com", "12025550181", "203.0.113.88"):
        assert kept in stored
    assert browser.get("/api/session")[1]["state"] == "anonymous"


def test_an_erasure_may_be_repeated(make_account: MakeAccount) -> None:
    subject = subject_of(make_account().user_id)
    STORE.erase(subject, now=NOW)
    assert STORE.erase(subject, now=NOW) == {}
    assert STORE.verify(subject) == 0


def test_what_came_back_during_an_erasure_is_erased_by_its_repetition(
    browser: Browser, make_account: MakeAccount
) -> None:
    subject = subject_of(make_account().user_id)
    STORE.erase(subject, now=NOW)
    browser.post("/api/signin", {"email": "ada@example.com", "password": form()["password"]})
    browser.post("/api/signup", form())
    assert STORE.verify(subject) > 0
    STORE.erase(subject, now=NOW)
    assert STORE.verify(subject) == 0
    assert not ConsentEvent.objects.exclude(user_id=None).exclude(user_id=subject.user_id).exists()


def test_the_workspace_stays_as_a_nameless_row_for_the_ledger(make_account: MakeAccount) -> None:
    member = make_account(workspace_name="Secret plans")
    STORE.erase(subject_of(member.user_id), now=NOW)
    workspace = Workspace.objects.get(id=member.workspace_id)
    assert (workspace.name, workspace.erased_at) == ("", NOW)


def test_a_workspace_that_others_are_in_goes_to_its_manager(make_account: MakeAccount) -> None:
    owner = make_account(workspace_name="Ours")
    make_account(owner.workspace_id, "rep", email="r@example.com")
    manager = make_account(owner.workspace_id, "manager", email="m@example.com")
    STORE.erase(subject_of(owner.user_id), now=NOW)
    assert Workspace.objects.get(id=owner.workspace_id).name == "Ours"
    assert Membership.objects.get(id=manager.id).role == "owner"


def test_stopping_ends_every_session_and_lets_nobody_in_again(make_account: MakeAccount, sign_in: SignIn) -> None:
    member = make_account(mobile="+12025550182")
    browser = sign_in(member)
    STORE.stop(subject_of(member.user_id), now=NOW)
    assert browser.get("/api/session")[1]["state"] == "anonymous"
    credentials = {"email": member.user.email, "password": form()["password"]}
    assert browser.post("/api/signin", credentials)[0] == 403


@pytest.mark.policy("C7.1")
def test_the_export_holds_all_of_the_person_and_nothing_of_another(make_account: MakeAccount, sign_in: SignIn) -> None:
    member = make_account(mobile="+12025550183", workspace_name="Mine")
    other = make_account(mobile="+12025550184", email="other@example.com", workspace_name="Theirs")
    sign_in(member, "203.0.113.5")
    sign_in(other, "203.0.113.6")
    exported = STORE.export(subject_of(member.user_id))
    text = str(exported)
    for own in ("Ada", "Okafor", "ada@example.com", "+12025550183", "203.0.113.5", "Tests/1.0", "Mine", "owner"):
        assert own in text
    for foreign in ("other@example.com", "+12025550184", "203.0.113.6", "Theirs", "argon2"):
        assert foreign not in text


def test_limits_survive_an_erasure(make_account: MakeAccount, sign_in: SignIn) -> None:
    member = make_account(mobile="+12025550185")
    sign_in(member)
    STORE.erase(subject_of(member.user_id), now=NOW)
    attempts = OtpAttempt.objects.filter(purpose="send")
    assert [(each.user_id, each.network) for each in attempts] == [(None, "")]


def test_a_person_who_was_only_called_is_not_known_here(transactional_db: None) -> None:
    callee = Subject(kind="callee", phone_e164="+12025550186")
    assert (STORE.find(callee), STORE.export(callee), STORE.verify(callee)) == ({}, {}, 0)
    assert STORE.erase(callee, now=NOW) == {}


def test_a_sign_up_that_nobody_finished_is_gone_after_a_day(browser: Browser, make_account: MakeAccount) -> None:
    kept = make_account(email="kept@example.com")
    browser.post("/api/signup", form())
    assert end("unfinished_sign_up", now=datetime.now(UTC) + timedelta(hours=23)) == 0
    assert end("unfinished_sign_up", now=datetime.now(UTC) + timedelta(hours=25)) == 1
    assert list(User.objects.all()) == [kept.user]
    assert not Session.objects.exists()
    assert not AccessEvent.objects.exclude(user=None).exists()


def test_every_field_of_identity_is_declared() -> None:
    actual = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_app_config("identity").get_models()
        for field in model._meta.concrete_fields
    }
    assert actual == set(INVENTORY)
