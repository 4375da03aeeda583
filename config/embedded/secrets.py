"""The secrets of one embedded stack: made once, kept in a file that only its user can read."""

import base64
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

Secrets = dict[str, str]

_MAKERS: dict[str, Callable[[], str]] = {
    "secret_key": lambda: secrets.token_urlsafe(50),
    "suppression_key": lambda: secrets.token_hex(32),
    "field_key": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "lookup_key": lambda: secrets.token_hex(32),
    "staff_secret_key": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "postgres_superuser_password": lambda: secrets.token_urlsafe(24),
    "postgres_password": lambda: secrets.token_urlsafe(24),
    "twilio_account_sid": lambda: "AC" + secrets.token_hex(16),
    "twilio_auth_token": lambda: secrets.token_hex(16),
    "twilio_api_key_secret": lambda: secrets.token_hex(16),
    "twilio_verify_service_sid": lambda: "VA" + secrets.token_hex(16),
    "twilio_verify_claim_service_sid": lambda: "VA" + secrets.token_hex(16),
    "twilio_verify_callee_service_sid": lambda: "VA" + secrets.token_hex(16),
    "paddle_api_key": lambda: "pdl_sdbx_apikey_" + secrets.token_hex(24),
    "paddle_webhook_secret": lambda: "pdl_ntfset_" + secrets.token_hex(24),
    "google_client_secret": lambda: "GOCSPX-" + secrets.token_urlsafe(21),
    "facebook_app_secret": lambda: secrets.token_hex(16),
    "paddle_client_token": lambda: "test_" + secrets.token_hex(14)[:27],
}


def make() -> Secrets:
    return {name: maker() for name, maker in _MAKERS.items()}


def load_or_create(path: Path) -> Secrets:
    """What the file holds, with what a newer version needs besides added to it; mode 0600.

    Raises ValueError when the file is no JSON object: it is never overwritten, since the data depends on it.
    """
    known: Secrets = {}
    if path.exists():
        known = json.loads(path.read_text())
        if not isinstance(known, dict):
            raise ValueError(f"{path} does not hold a JSON object; restore it from a backup.")
    whole = make() | known
    if whole != known:
        new = path.with_name(path.name + ".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(whole, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    return whole
