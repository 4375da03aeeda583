"""Signatures as Standard Webhooks has them, checked by somebody who knows the secret alone."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import uuid4

from pytest_django.fixtures import Settings

from identity.outgoing import signing


def is_ours(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """As docs/webhooks.md tells receivers to check."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(one, wanted) for one in headers["webhook-signature"].split(" "))


def test_the_signature_is_the_one_that_the_standards_own_library_makes() -> None:
    """The example of the libraries' tests."""
    made = signing.headers(
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        body=b'{"test": 2432232314}',
        signed_with=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        now=datetime.fromtimestamp(1_614_265_330, UTC),
    )
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_secret_follows_from_its_row_and_from_a_key_that_is_in_no_row(settings: Settings) -> None:
    endpoint_id, nonce = uuid4(), signing.new_nonce()
    secret = signing.secret(endpoint_id, nonce)
    assert secret == signing.secret(endpoint_id, nonce)
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    others = {signing.secret(uuid4(), nonce), signing.secret(endpoint_id, signing.new_nonce())}
    settings.SECRET_KEY = "another"
    assert secret not in others | {signing.secret(endpoint_id, nonce)}
