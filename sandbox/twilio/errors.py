"""Twilio's error answers."""

from dataclasses import dataclass
from typing import Any


@dataclass
class TwilioError(Exception):
    """An answer of Twilio's REST API that is not a success. code: Twilio's number; status: of HTTP."""

    code: int
    status: int
    message: str

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


def not_authenticated() -> TwilioError:
    return TwilioError(20003, 401, "Authenticate")


def account_not_active() -> TwilioError:
    return TwilioError(20005, 403, "Account not active")


def not_found(path: str) -> TwilioError:
    return TwilioError(20404, 404, f"The requested resource {path} was not found")


def invalid_parameter(name: str, value: str) -> TwilioError:
    """Verify's 60200."""
    return TwilioError(60200, 400, f"Invalid parameter `{name}`: {value}")
