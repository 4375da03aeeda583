"""The sandbox's settings, read from SANDBOX_* in the environment."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


class SandboxSettingInvalid(ValueError):
    """A setting cannot be used; the message names it and says what to put there."""


@dataclass(frozen=True, slots=True)
class CatalogPrice:
    """One price on sale. amount_minor: minor units of `currency` (cents). billing_interval: "" for one that does not recur."""

    price_id: str
    name: str
    amount_minor: int
    currency: str
    billing_interval: Literal["", "month", "year"] = ""


# Ids of the form that Paddle gives out: "pri_" and 26 lower-case letters or digits.
DEFAULT_PRICES = (
    CatalogPrice("pri_01klosesales0000000starter", "Starter", 1_000, "USD"),
    CatalogPrice("pri_01klosesales0000000000team", "Team", 5_000, "USD"),
    CatalogPrice("pri_01klosesales000000000floor", "Sales floor", 20_000, "USD"),
    CatalogPrice("pri_01klosesales000000000topup", "Automatic top-up", 0, "USD", "year"),
)

ACCOUNT_SID = "AC" + "0" * 32
VERIFY_SERVICE_SID = "VA" + "0" * 32
TWIML_APP_SID = "AP" + "0" * 32
API_KEY_SID = "SK" + "0" * 32
VERIFY_CALLEE_SERVICE_SID = "VA" + "0" * 31 + "1"
VERIFY_CLAIM_SERVICE_SID = "VA" + "0" * 31 + "2"
CHECKOUT_URL = "http://localhost:8000/"
SPEECH_FOLDER = Path(__file__).parent / "speech"


@dataclass(frozen=True, slots=True)
class Settings:
    """time_scale shortens waiting (ringing, speaking, retries); media_scale shortens audio, 1.0 being true pace."""

    port: int = 8100
    smtp_port: int = 8125
    account_sid: str = ACCOUNT_SID
    auth_token: str = field(default="", repr=False)
    verify_service_sid: str = VERIFY_SERVICE_SID
    verify_callee_service_sid: str = VERIFY_CALLEE_SERVICE_SID
    verify_claim_service_sid: str = VERIFY_CLAIM_SERVICE_SID
    verify_name: str = "Klosesales"
    caller_id: str = ""
    messages_url: str = ""
    twiml_app_sid: str = TWIML_APP_SID
    api_key_sid: str = API_KEY_SID
    api_key_secret: str = field(default="", repr=False)
    voice_url: str = ""
    voice_status_url: str = ""
    paddle_api_key: str = field(default="", repr=False)
    paddle_webhook_secret: str = field(default="", repr=False)
    paddle_client_token: str = ""
    paddle_webhook_url: str = ""
    paddle_checkout_url: str = CHECKOUT_URL
    google_client_id: str = ""
    google_client_secret: str = field(default="", repr=False)
    google_redirect_uri: str = ""
    facebook_app_id: str = ""
    facebook_app_secret: str = field(default="", repr=False)
    facebook_redirect_uri: str = ""
    prices: tuple[CatalogPrice, ...] = DEFAULT_PRICES
    state_file: Path | None = None
    speech_folder: Path = SPEECH_FOLDER
    time_scale: float = 1.0
    media_scale: float = 1.0
    hang_up_after_s: float = 1.0

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """:raises SandboxSettingInvalid: for a setting that is missing or malformed."""
    for name in ("SANDBOX_TWILIO_AUTH_TOKEN", "SANDBOX_PADDLE_WEBHOOK_SECRET"):
        if not environment.get(name):
            raise SandboxSettingInvalid(f"{name} is not set; give the sandbox the same value as the product.")
    state_file = environment.get("SANDBOX_STATE_FILE", "")
    speech = environment.get("SANDBOX_SPEECH_FOLDER", "")
    return Settings(
        port=_port(environment, "SANDBOX_PORT", 8100),
        smtp_port=_port(environment, "SANDBOX_SMTP_PORT", 8125),
        account_sid=environment.get("SANDBOX_TWILIO_ACCOUNT_SID", ACCOUNT_SID),
        auth_token=environment["SANDBOX_TWILIO_AUTH_TOKEN"],
        verify_service_sid=environment.get("SANDBOX_TWILIO_VERIFY_SERVICE_SID", VERIFY_SERVICE_SID),
        verify_callee_service_sid=environment.get(
            "SANDBOX_TWILIO_VERIFY_CALLEE_SERVICE_SID", VERIFY_CALLEE_SERVICE_SID
        ),
        verify_claim_service_sid=environment.get("SANDBOX_TWILIO_VERIFY_CLAIM_SERVICE_SID", VERIFY_CLAIM_SERVICE_SID),
        caller_id=environment.get("SANDBOX_TWILIO_CALLER_ID", ""),
        messages_url=environment.get("SANDBOX_TWILIO_MESSAGES_URL", ""),
        twiml_app_sid=environment.get("SANDBOX_TWILIO_TWIML_APP_SID", TWIML_APP_SID),
        api_key_sid=environment.get("SANDBOX_TWILIO_API_KEY_SID", API_KEY_SID),
        api_key_secret=environment.get("SANDBOX_TWILIO_API_KEY_SECRET", ""),
        voice_url=environment.get("SANDBOX_TWILIO_VOICE_URL", ""),
        voice_status_url=environment.get("SANDBOX_TWILIO_VOICE_STATUS_URL", ""),
        paddle_api_key=environment.get("SANDBOX_PADDLE_API_KEY", ""),
        paddle_webhook_secret=environment["SANDBOX_PADDLE_WEBHOOK_SECRET"],
        paddle_client_token=environment.get("SANDBOX_PADDLE_CLIENT_TOKEN", ""),
        paddle_webhook_url=environment.get("SANDBOX_PADDLE_WEBHOOK_URL") or environment.get("SANDBOX_WEBHOOK_URL", ""),
        paddle_checkout_url=environment.get("SANDBOX_PADDLE_CHECKOUT_URL", CHECKOUT_URL),
        google_client_id=environment.get("SANDBOX_GOOGLE_CLIENT_ID", ""),
        google_client_secret=environment.get("SANDBOX_GOOGLE_CLIENT_SECRET", ""),
        google_redirect_uri=environment.get("SANDBOX_GOOGLE_REDIRECT_URI", ""),
        facebook_app_id=environment.get("SANDBOX_FACEBOOK_APP_ID", ""),
        facebook_app_secret=environment.get("SANDBOX_FACEBOOK_APP_SECRET", ""),
        facebook_redirect_uri=environment.get("SANDBOX_FACEBOOK_REDIRECT_URI", ""),
        prices=_prices(environment.get("SANDBOX_PADDLE_PRICES", "")),
        state_file=Path(state_file) if state_file else None,
        speech_folder=Path(speech) if speech else SPEECH_FOLDER,
        time_scale=_scale(environment, "SANDBOX_TIME_SCALE"),
        media_scale=_scale(environment, "SANDBOX_MEDIA_SCALE"),
        hang_up_after_s=_seconds(environment, "SANDBOX_HANG_UP_AFTER_S", 1.0),
    )


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise SandboxSettingInvalid(f"{name} is {text!r}; set it to a port between 1 and 65535.")
    return int(text)


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 3600:
        raise SandboxSettingInvalid(f"{name} is {text!r}; set it to a number between 0 and 3600.")
    return value


def _scale(environment: Mapping[str, str], name: str) -> float:
    value = _seconds(environment, name, 1.0)
    if not 0.001 <= value <= 10:
        raise SandboxSettingInvalid(f"{name} is {value}; set it between 0.001 and 10.")
    return value


def _prices(text: str) -> tuple[CatalogPrice, ...]:
    """Entries may carry more than the sandbox needs (the product's CREDIT_PACKS can be passed as it is)."""
    if not text:
        return DEFAULT_PRICES
    try:
        return tuple(
            CatalogPrice(
                entry["price_id"],
                entry["name"],
                int(entry["amount_minor"]),
                entry["currency"],
                entry.get("billing_interval", ""),
            )
            for entry in json.loads(text)
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SandboxSettingInvalid(
            "SANDBOX_PADDLE_PRICES must be a JSON list of objects with price_id, name, amount_minor and currency."
        ) from error
