"""Secrets that are replaced while the product runs: what the former one signed holds for as long as that is named.

Planted once to see this fail: `deserialize`, `believed`, `key_of` and `_signed` without the former ones; each test turned red.
"""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings as in_use
from django.core import signing as django_signing
from pytest_django.fixtures import Settings

from config.task_signatures import RotatedSerializer
from identity import devices
from identity.models import Membership
from tests.identity.browser import Browser
from tests.outgoing.conftest import (
    Receiver,
    colleague,
    make_account,
    owner,
    page,
    receiver,
    sandbox,
    sandbox_process,
    send,
    sign_in,
    webhook,
)
from tests.outgoing.test_signing import is_ours
from tests.voice.carrier import give_credit, place, signature
from tests.voice.carrier import send as carrier_sends
from voice.twilio import socket_signed_by_twilio

__all__ = ["colleague", "make_account", "owner", "page", "receiver", "sandbox", "sandbox_process", "sign_in", "webhook"]
pytestmark = pytest.mark.django_db(transaction=True)
ANOTHER = "another value of random characters that nobody knows, xyz"


def test_what_the_former_key_signed_is_believed_until_that_is_taken_out(settings: Settings) -> None:
    former = settings.SECRET_KEY
    mail = django_signing.Signer(salt="mailed").sign("who")
    mark = devices.marked(shown="", email="ada@example.com")
    task = RotatedSerializer([former], "tasks").serialize({"a": 1})

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = ANOTHER, [former]
    assert django_signing.Signer(salt="mailed").unsign(mail) == "who"
    assert devices.key_of(shown=mark, email="ada@example.com") != ""
    both = RotatedSerializer([ANOTHER, former], "tasks")
    assert both.deserialize(task) == {"a": 1}
    newer = both.serialize({"a": 2})
    assert both.deserialize(newer) == {"a": 2}

    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(django_signing.BadSignature):
        django_signing.Signer(salt="mailed").unsign(mail)
    assert devices.key_of(shown=mark, email="ada@example.com") == ""
    alone = RotatedSerializer([ANOTHER], "tasks")
    assert alone.deserialize(newer) == {"a": 2}
    with pytest.raises(ValueError, match="mismatch"):
        alone.deserialize(task)


def test_a_webhooks_receiver_knows_us_by_its_secret_until_the_former_key_is_taken_out(
    page: Browser, receiver: Receiver, webhook: dict[str, Any], settings: Settings
) -> None:
    former = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = ANOTHER, [former]
    page.post(f"/api/webhooks/{webhook['id']}/test")
    send()
    settings.SECRET_KEY_FALLBACKS = []
    page.post(f"/api/webhooks/{webhook['id']}/test")
    send()
    overlapping, alone = receiver.took
    assert is_ours(*overlapping, webhook["secret"])
    assert not is_ours(*alone, webhook["secret"])


def test_both_of_the_carriers_tokens_are_believed_while_both_are_named(owner: Membership, settings: Settings) -> None:
    give_credit(owner, 50_000)
    placed = place(owner)
    primary, secondary = in_use.TWILIO_AUTH_TOKEN, "f" * 32

    def answered(token: str, sequence: int) -> int:
        path, params = placed.agent("ringing", at_s=sequence, sequence=sequence)
        signed = signature(path, params, token=token)
        return carrier_sends("POST", path, urlencode(params).encode(), signed=signed).status

    assert answered(secondary, 1) == 403
    settings.TWILIO_AUTH_TOKEN, settings.TWILIO_AUTH_TOKEN_OTHER = secondary, primary
    assert (answered(primary, 2), answered(secondary, 3)) == (204, 204)
    proof = signature("/twilio/media/", {}, token=primary, origin=settings.MEDIA_SOCKET_URL)
    assert socket_signed_by_twilio(raw_path="/twilio/media/", signature=proof)
    settings.TWILIO_AUTH_TOKEN_OTHER = ""
    assert answered(primary, 4) == 403
    assert not socket_signed_by_twilio(raw_path="/twilio/media/", signature=proof)
