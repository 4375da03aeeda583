"""Which receipts of erasures are ours, asked as somebody who has one does."""

import json
from base64 import b64decode, b64encode, urlsafe_b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.test import override_settings

from compliance.models import Request
from tests.identity.browser import Browser


def refuse_a_receipt_that_is_not_ours(browser: Browser, token: str) -> None:
    """Red when a receipt is shown as signed whatever the row says, or when another text passes under a signature."""

    def is_genuine(text: str, signature: str) -> bool:
        status, checked = browser.post("/api/erasure-receipts/check", {"text": text, "signature": signature})
        assert status == 200
        return bool(checked["genuine"])

    path, request = f"/api/erasure-receipts/{token}", Request.objects.get()
    signed = browser.get(path)[1]["signed"]
    text, signature = signed["text"], signed["signature"]
    said = json.loads(text)
    assert (said["left"], said["erased"]["transcript"]) == (0, 199)
    assert signed["genuine"] and is_genuine(text, signature)
    for other, under in (
        (text.replace("199", "198"), signature),
        (text + " ", signature),
        (text, signature[:-4] + "AAA="),
        (text, b64encode(Ed25519PrivateKey.generate().sign(text.encode())).decode()),
        (text, "forged"),
        (text, "é"),
    ):
        assert not is_genuine(other, under)
    # Anybody checks it without us, by the public key.
    key = Ed25519PublicKey.from_public_bytes(b64decode(signed["public_key"]))
    key.verify(b64decode(signature), text.encode())
    # The keys that are replaced have no part in it.
    fresh = urlsafe_b64encode(bytes(range(32))).decode()
    replaced = {"SUPPRESSION_KEY": "a1b2" * 16, "SUPPRESSION_KEY_PREVIOUS": settings.SUPPRESSION_KEY}
    with override_settings(SECRET_KEY="x" * 60, SECRET_KEY_FALLBACKS=[], STAFF_SECRET_KEYS=[fresh], **replaced):
        assert is_genuine(text, signature)
    # Whoever changes the row behind our back has no signature for it.
    Request.objects.filter(id=request.id).update(receipt={**request.receipt, "left": 1})
    assert browser.get(path)[1]["signed"]["genuine"] is False
    Request.objects.filter(id=request.id).update(receipt={"erased": {}, "left": 0})
    assert browser.get(path)[1]["signed"] is None
