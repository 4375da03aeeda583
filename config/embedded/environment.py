"""The settings that the embedded stack supplies to the product's processes and to the sandbox."""

import json
from collections.abc import Mapping
from pathlib import Path

from config.embedded.folders import Folders
from config.embedded.ports import Ports, to_environment
from config.embedded.postgres import Postgres
from config.embedded.secrets import Secrets
from config.embedded.valkey import Valkey

# Amounts are integers: credits in milli-credits, money in minor units of the currency.
CREDIT_PACKS = [
    {
        "price_id": price_id,
        "name": name,
        "mcredits": mcredits,
        "amount_minor": amount_minor,
        "currency": "USD",
    }
    for price_id, name, mcredits, amount_minor in (
        ("pri_01klosesales0000000starter", "Starter", 100_000, 1_000),
        ("pri_01klosesales0000000000team", "Team", 550_000, 5_000),
        ("pri_01klosesales000000000floor", "Sales floor", 2_400_000, 20_000),
    )
]
# Recurring, of amount 0: its checkout saves a payment method and charges nothing.
TOP_UP_PRICE = {
    "price_id": "pri_01klosesales000000000topup",
    "name": "Automatic top-up",
    "amount_minor": 0,
    "currency": "USD",
    "billing_interval": "year",
}
_CALLER_ID = "+12025550147"
_TWIML_APP_SID = "AP" + "0" * 32
_API_KEY_SID = "SK" + "0" * 32
_GOOGLE_CLIENT_ID = "000000000000-klosesales.apps.googleusercontent.com"
_FACEBOOK_APP_ID = "000000000000000"
PROJECT = Path(__file__).resolve().parent.parent.parent


def databases(folders: Folders, secrets: Secrets, *, durable: bool = True) -> tuple[Postgres, Valkey]:
    """PostgreSQL and Valkey in the stack's folders; nothing is started."""
    postgres = Postgres(
        cluster=folders.postgres,
        sockets=folders.run,
        superuser_password=secrets["postgres_superuser_password"],
        password=secrets["postgres_password"],
        durable=durable,
    )
    return postgres, Valkey(sockets=folders.run)


def supplied(folders: Folders, secrets: Secrets, ports: Ports) -> dict[str, str]:
    """Every setting that has no sensible value without a stack: addresses, credentials, keys."""
    postgres, valkey = databases(folders, secrets)
    sandbox = f"http://localhost:{ports.sandbox}"
    public = f"http://localhost:{ports.web}"
    return to_environment(ports) | {
        "DATA_DIR": str(folders.data),
        "SECRET_KEY": secrets["secret_key"],
        "SUPPRESSION_KEY": secrets["suppression_key"],
        "FIELD_KEYS": secrets["field_key"],
        "LOOKUP_KEY": secrets["lookup_key"],
        "STAFF_SECRET_KEYS": secrets["staff_secret_key"],
        "DATABASE_URL": postgres.url,
        "ERASURE_LEDGER_URL": postgres.ledger_url,
        "REDIS_URL": valkey.url,
        "TRANSCRIBER_ADDRESS": f"unix://{folders.run / 'transcriber.sock'}",
        "PUBLIC_URL": public,
        "MEDIA_SOCKET_URL": f"ws://localhost:{ports.media}",
        "LIVE_SOCKET_URL": f"ws://localhost:{ports.live}",
        "TWILIO_ACCOUNT_SID": secrets["twilio_account_sid"],
        "TWILIO_AUTH_TOKEN": secrets["twilio_auth_token"],
        "TWILIO_VERIFY_SERVICE_SID": secrets["twilio_verify_service_sid"],
        "TWILIO_VERIFY_CLAIM_SERVICE_SID": secrets["twilio_verify_claim_service_sid"],
        "TWILIO_VERIFY_CALLEE_SERVICE_SID": secrets["twilio_verify_callee_service_sid"],
        "TWILIO_CALLER_ID": _CALLER_ID,
        # The sandbox's phones may ring at night.
        "CALLING_HOURS": "shown",
        "TWILIO_API_URL": sandbox,
        "TWILIO_VERIFY_URL": sandbox,
        "PADDLE_API_KEY": secrets["paddle_api_key"],
        "PADDLE_API_URL": sandbox,
        "PADDLE_WEBHOOK_SECRET": secrets["paddle_webhook_secret"],
        "PADDLE_CLIENT_TOKEN": secrets["paddle_client_token"],
        "PADDLE_JS_URL": f"{sandbox}/paddle/v2/paddle.js",
        "PADDLE_TOP_UP_PRICE_ID": str(TOP_UP_PRICE["price_id"]),
        "CREDIT_PACKS": json.dumps(CREDIT_PACKS),
        # So that a program on this machine can be told.
        "WEBHOOK_NETWORKS": "127.0.0.0/8,::1/128",
        "GOOGLE_CLIENT_ID": _GOOGLE_CLIENT_ID,
        "GOOGLE_CLIENT_SECRET": secrets["google_client_secret"],
        "GOOGLE_ACCOUNTS_URL": sandbox,
        "GOOGLE_API_URL": sandbox,
        "FACEBOOK_APP_ID": _FACEBOOK_APP_ID,
        "FACEBOOK_APP_SECRET": secrets["facebook_app_secret"],
        "FACEBOOK_URL": sandbox,
        "FACEBOOK_GRAPH_URL": sandbox,
        "EMAIL_HOST": "localhost",
        "EMAIL_SECURITY": "none",
        "EMAIL_PORT": str(ports.sandbox_smtp),
        "SANDBOX_TWILIO_ACCOUNT_SID": secrets["twilio_account_sid"],
        "SANDBOX_TWILIO_AUTH_TOKEN": secrets["twilio_auth_token"],
        "SANDBOX_TWILIO_VERIFY_SERVICE_SID": secrets["twilio_verify_service_sid"],
        "SANDBOX_TWILIO_VERIFY_CLAIM_SERVICE_SID": secrets["twilio_verify_claim_service_sid"],
        "SANDBOX_TWILIO_VERIFY_CALLEE_SERVICE_SID": secrets["twilio_verify_callee_service_sid"],
        "SANDBOX_TWILIO_CALLER_ID": _CALLER_ID,
        "SANDBOX_TWILIO_MESSAGES_URL": f"{public}/twilio/messages",
        "SANDBOX_TWILIO_TWIML_APP_SID": _TWIML_APP_SID,
        "SANDBOX_TWILIO_API_KEY_SID": _API_KEY_SID,
        "SANDBOX_TWILIO_API_KEY_SECRET": secrets["twilio_api_key_secret"],
        "SANDBOX_TWILIO_VOICE_URL": f"{public}/twilio/browser",
        "SANDBOX_TWILIO_VOICE_STATUS_URL": f"{public}/twilio/browser/status",
        "SANDBOX_PADDLE_API_KEY": secrets["paddle_api_key"],
        "SANDBOX_PADDLE_WEBHOOK_SECRET": secrets["paddle_webhook_secret"],
        "SANDBOX_PADDLE_CLIENT_TOKEN": secrets["paddle_client_token"],
        "SANDBOX_PADDLE_PRICES": json.dumps([*CREDIT_PACKS, TOP_UP_PRICE]),
        "SANDBOX_WEBHOOK_URL": f"{public}/paddle/webhook",
        "SANDBOX_PADDLE_CHECKOUT_URL": f"{public}/credits",
        "SANDBOX_GOOGLE_CLIENT_ID": _GOOGLE_CLIENT_ID,
        "SANDBOX_GOOGLE_CLIENT_SECRET": secrets["google_client_secret"],
        "SANDBOX_GOOGLE_REDIRECT_URI": f"{public}/social/google/return",
        "SANDBOX_FACEBOOK_APP_ID": _FACEBOOK_APP_ID,
        "SANDBOX_FACEBOOK_APP_SECRET": secrets["facebook_app_secret"],
        "SANDBOX_FACEBOOK_REDIRECT_URI": f"{public}/social/facebook/return",
        "SANDBOX_STATE_FILE": str(folders.data / "sandbox.json"),
    }


def browser_calls(environ: Mapping[str, str]) -> dict[str, str]:
    """What lets reps call in the browser on a supplied stack, for whoever plays Twilio's signalling, which the sandbox does not:
    without somebody who does, their browsers would look for it at Twilio."""
    names = ("TWILIO_TWIML_APP_SID", "TWILIO_API_KEY_SID", "TWILIO_API_KEY_SECRET")
    return {name: environ[f"SANDBOX_{name}"] for name in names}
