"""Twilio is to write calls down on an installation whose people have accepted a policy that does not say so.

Planted bug that this catches: what is said goes to Twilio as soon as the setting says so.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings

from compliance import policy_change, versions
from compliance.models import ConsentEvent, PolicyVersion
from compliance.versions import FIRST, changed
from config.embedded import prepare
from identity.models import Membership
from processors.models import BlockedEgress, Disclosure
from tests.compliance import coming
from tests.compliance.coming import in_days
from tests.identity.browser import Browser
from tests.voice.carrier import Answer, Placed, give_credit, place, post
from voice.models import MediaStream

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC)
TEXTS = {
    "C1.4": "We keep the text of calls made by our own speech recognition or by Twilio's.",
    "C4.2-3": "Twilio receives telephone numbers, and has what is said in calls turned into text.",
}


@pytest.fixture
def member(make_account: Callable[..., Membership], settings: Settings) -> Membership:
    """Somebody who accepted the policy while our own engines listened; then the operator changed the setting."""
    member = make_account()
    give_credit(member, 1_000_000)
    settings.TRANSCRIPTION_ENGINE = "twilio"
    return member


@pytest.fixture
def announced(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that lets Twilio hear calls, published in time and in force since yesterday."""
    heard = {"twilio": {*FIRST.receives["twilio"], "speech"}}
    later = changed(FIRST, name="2026-2", effective_on=in_days(-1), summary="Twilio.", texts=TEXTS, receives=heard)
    monkeypatch.setattr(coming, "VERSIONS", (FIRST, later))
    settings.POLICY_VERSIONS = "tests.compliance.coming"
    settings.TRANSCRIPTION_ENGINE = "own"
    assert policy_change.publish_versions(now=NOW - timedelta(days=20)) == ["2026-2"]


def picked_up(placed: Placed) -> Answer:
    return post(placed.path("agent"), {"CallSid": placed.agent_sid, "CallStatus": "in-progress"})


@pytest.mark.policy("C4.9", "C10.2")
def test_nothing_that_is_said_goes_to_twilio_before_a_version_in_force_says_so(member: Membership) -> None:
    placed = place(member, began_s_ago=5)
    answer = picked_up(placed)
    assert "<Transcription" not in answer.body and "<Dial" in answer.body, "the call goes on, and nobody listens"
    assert not Disclosure.objects.filter(endpoint="transcription").exists()
    assert not MediaStream.objects.get_queryset().exists()
    [held_back] = BlockedEgress.objects.all()
    assert (held_back.processor, held_back.endpoint, held_back.reason) == ("twilio", "transcription", "not_in_policy")
    with pytest.raises(ImproperlyConfigured, match="lets Twilio receive speech"):
        prepare.prepare()


@pytest.mark.policy("C4.9", "C10.2")
def test_it_goes_there_once_such_a_version_is_in_force_and_who_was_told_is_not_asked(
    announced: None, member: Membership, sign_in: Callable[..., Browser], settings: Settings
) -> None:
    [row] = PolicyVersion.objects.all()
    settings.TRANSCRIPTION_ENGINE = "own"
    policy_change.note_told(version=row, user_id=member.user_id, channel="mail", now=NOW - timedelta(days=10))
    settings.TRANSCRIPTION_ENGINE = "twilio"
    assert sign_in(member).get("/api/leads")[0] == 200
    placed = place(member, began_s_ago=5)
    assert "<Transcription" in picked_up(placed).body
    assert not BlockedEgress.objects.exists()


def test_a_version_that_lets_twilio_hear_calls_says_so_in_every_clause_that_named_our_engines() -> None:
    heard = {"twilio": {*FIRST.receives["twilio"], "speech"}}
    with pytest.raises(ValueError, match="have to say everywhere"):
        versions.changed(FIRST, name="x", effective_on=in_days(20), summary="s", receives=heard)


@pytest.mark.policy("C10.2")
def test_a_new_installation_begins_with_the_version_that_is_in_force(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    make_account: Callable[..., Membership],
    sign_in: Callable[..., Browser],
) -> None:
    settings.POLICY_VERSIONS = "tests.compliance.coming"
    monkeypatch.setattr(coming, "VERSIONS", (FIRST, coming.second(in_days(-1))))
    prepare.prepare()
    member = make_account()
    assert [each.policy_version for each in ConsentEvent.objects.filter(purpose="policy")] == [coming.NAME]
    assert sign_in(member).get("/api/leads")[0] == 200
