"""Google and Facebook as social-auth knows them, on the only way out of the machine, and cut down to three fields."""

from typing import Any, ClassVar

import requests
from social_core.backends.facebook import FacebookOAuth2
from social_core.backends.google import GoogleOAuth2
from social_core.backends.oauth import BaseOAuth2
from social_core.exceptions import AuthProviderError, AuthResponseError, ErrorStage
from social_core.utils import http_error

from processors import egress


class _OnTheWayOut(BaseOAuth2[Any]):
    """Sends what the library would send by itself through the processor's own session, which lets nothing else pass."""

    PROCESSOR: ClassVar[str]

    def request(
        self, url: str, *, method: str = "GET", stage: ErrorStage = "user_info", **sent: Any
    ) -> requests.Response:
        """Raises AuthProviderError when there is no answer, and what social-auth makes of an answer that refuses."""
        session = egress.session(self.PROCESSOR)
        parts: dict[str, Any] = {name: sent.get(name) for name in ("headers", "data", "params")}
        try:
            response = session.request(method, url, **parts)
            response.raise_for_status()
        except requests.HTTPError as error:
            raise http_error(self, error, stage=stage) from None
        except requests.RequestException:
            raise AuthProviderError(self, code="connection_failed", stage=stage) from None
        finally:
            session.close()
        return response

    def get_json(self, url: str, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        """Raises AuthResponseError for an answer that is no JSON object."""
        found: Any = super().get_json(url, *args, **kwargs)
        if not isinstance(found, dict):
            raise AuthResponseError(self, code="malformed_response", stage="user_info")
        return found


class Google(_OnTheWayOut, GoogleOAuth2[Any]):
    name = "google"
    PROCESSOR = "google"

    def user_data(self, access_token: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Raises AuthResponseError unless Google says that the e-mail is verified."""
        found = self.get_json(self.setting("USER_DATA_URL"), headers={"Authorization": f"Bearer {access_token}"})
        self.validate_email_verified(found)
        return found

    def get_user_details(self, response: dict[str, Any]) -> dict[str, Any]:
        return {
            "first_name": response.get("given_name"),
            "last_name": response.get("family_name"),
            "email": response.get("email"),
        }


class Facebook(_OnTheWayOut, FacebookOAuth2[Any]):
    name = "facebook"
    PROCESSOR = "meta"

    def __init__(self, strategy: Any, redirect_uri: str) -> None:
        super().__init__(strategy, redirect_uri)
        self.USER_DATA_URL = str(self.setting("USER_DATA_URL"))

    def get_user_details(self, response: dict[str, Any]) -> dict[str, Any]:
        """Without the e-mail, which Facebook does not say is proved: anybody can write another's there. The person types one."""
        return {name: response.get(name) for name in ("first_name", "last_name")}
