"""The signatures of both services, computed from their published algorithms and not with their SDKs.

The tests verify them with the vendors' own SDKs, so that sandbox and product cannot share one mistake.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping


def twilio_signature(auth_token: str, url: str, params: Mapping[str, str]) -> str:
    """HMAC-SHA1 over the exact URL followed by the sorted name/value pairs of the form, in Base64."""
    signed = url + "".join(name + params[name] for name in sorted(params))
    return base64.b64encode(hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def paddle_signature(secret: str, body: bytes, *, timestamp_s: int) -> str:
    """The value of the Paddle-Signature header over `ts:body`."""
    digest = hmac.new(secret.encode(), f"{timestamp_s}:".encode() + body, hashlib.sha256).hexdigest()
    return f"ts={timestamp_s};h1={digest}"
