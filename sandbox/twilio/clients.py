"""Browsers that call through a TwiML application, as Twilio's signalling lets them in: by an access token.

The signalling itself, a socket that Twilio's Voice SDK speaks with, is not here: whoever plays it hands over what it was told.
"""

from collections.abc import Mapping
from typing import Any

import jwt

from sandbox import clock
from sandbox.records import CallbackTarget, CallRecord
from sandbox.settings import Settings
from sandbox.twilio.conduct import conduct_incoming
from sandbox.twilio.exchange import Exchange
from sandbox.twilio.leg import Instructions

# Twilio's numbers of what is wrong with a token.
TOKEN_INVALID = 20101
TOKEN_EXPIRED = 20104
TOKEN_TYPE = "twilio-fpa;v=1"
# Twilio grants no longer life than a day.
LIFE_MAX_S = 24 * 3600


class TokenRefused(Exception):
    """The token lets nobody call. code: Twilio's number."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def begin_call(settings: Settings, exchange: Exchange, *, token: str, params: Mapping[str, str]) -> CallRecord:
    """A browser with this token connects with these parameters; what the application's voice URL answers is obeyed.

    :raises TokenRefused:
    """
    identity, granted = _admitted(settings, token)
    from_ = f"client:{identity}"
    leg = exchange.come_in(
        from_=from_,
        account_sid=settings.account_sid,
        instructions=Instructions(
            url=settings.voice_url,
            params={**params, **granted, "ApplicationSid": settings.twiml_app_sid},
        ),
        target=CallbackTarget(url=settings.voice_status_url),
    )
    exchange.start(conduct_incoming(exchange, leg))
    return leg.record


def _admitted(settings: Settings, token: str) -> tuple[str, dict[str, str]]:
    """Who the token names, and what parameters it carries itself."""
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(
            token,
            settings.api_key_secret,
            algorithms=["HS256"],
            issuer=settings.api_key_sid,
            options={"require": ["exp", "jti", "iss", "sub"]},
        )
    except jwt.ExpiredSignatureError:
        raise TokenRefused(TOKEN_EXPIRED, "Access Token expired or expiration date invalid") from None
    except jwt.InvalidTokenError as error:
        raise TokenRefused(TOKEN_INVALID, f"Invalid Access Token: {error}") from None
    if header.get("cty") != TOKEN_TYPE or claims["sub"] != settings.account_sid:
        raise TokenRefused(TOKEN_INVALID, "Invalid Access Token: not of this account")
    if claims["exp"] - clock.now().timestamp() > LIFE_MAX_S:
        raise TokenRefused(TOKEN_EXPIRED, "Access Token expired or expiration date invalid")
    grants: Mapping[str, Any] = claims.get("grants", {})
    outgoing: Mapping[str, Any] = grants.get("voice", {}).get("outgoing", {})
    if not grants.get("identity") or outgoing.get("application_sid") != settings.twiml_app_sid:
        raise TokenRefused(TOKEN_INVALID, "Invalid Access Token: no grant for this application")
    return str(grants["identity"]), {name: str(value) for name, value in outgoing.get("params", {}).items()}
