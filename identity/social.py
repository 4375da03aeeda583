"""Signing in with Google or Facebook, as far as it is between them and us: there with a state that is good once, back with
three fields and the subject's id. What becomes of them is in identity/social_entry.py.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Final, cast, get_args

from django.conf import settings
from social_core.exceptions import (
    AuthCanceled,
    AuthInputError,
    AuthProviderError,
    AuthResponseError,
    AuthSessionError,
    SocialAuthBaseException,
)
from social_django.strategy import DjangoStrategy

from compliance.redaction import redact_cards
from identity.contact import EmailInvalid, parse_email
from identity.models import Session
from identity.schemas import Provider
from identity.sessions import SessionStore
from identity.social_backends import Facebook, Google
from processors.errors import DomainError
from processors.seal import SealUnreadable, blind_indexes, seal_in_json, unseal_from_json

logger = logging.getLogger(__name__)

PROVIDERS: Final[tuple[Provider, ...]] = get_args(Provider)
NAMES: Final[Mapping[Provider, str]] = {"google": "Google", "facebook": "Facebook"}
_BACKENDS: Final[Mapping[Provider, Any]] = {"google": Google, "facebook": Facebook}
# Where the library keeps an attempt's state in the session, and how it calls the key.
_ATTEMPT: Final = "_oauth2_"
# What is sealed in a session is of no other column.
_SEALED_IN: Final = "identity_session.data.social"
ANSWER_CHARACTERS_MAX: Final = 4_096
SUBJECT_CHARACTERS_MAX: Final = 255
NAME_CHARACTERS_MAX: Final = 80


class ProviderNotOffered(DomainError):
    """The provider is not configured here."""

    code: ClassVar[str] = "provider_not_offered"


class SocialCancelled(DomainError):
    """The person did not agree at the provider."""

    code: ClassVar[str] = "social_cancelled"


class SocialStateInvalid(DomainError):
    """The answer does not belong to an attempt of this browser, or to one that is over."""

    code: ClassVar[str] = "social_state_invalid"


class SocialEmailUnverified(DomainError):
    """The provider does not vouch for the e-mail address."""

    code: ClassVar[str] = "social_email_unverified"


class SocialUnavailable(DomainError):
    """The provider does not answer, or answers with an error of its own; passes with time."""

    code: ClassVar[str] = "social_unavailable"
    retryable: ClassVar[bool] = True


class SocialRefused(DomainError):
    """The provider's answer cannot be used."""

    code: ClassVar[str] = "social_refused"


class SocialSignUpOver(DomainError):
    """This browser has nobody who was confirmed and is about to sign up, or has waited too long."""

    code: ClassVar[str] = "social_sign_up_over"

    def __init__(self) -> None:
        super().__init__("This took too long, or was begun in another browser. Start again.")


@dataclass(frozen=True, slots=True)
class Confirmed:
    """All that is taken from a provider.

    subject: its own opaque id of the person, which never changes. email: lower case, one that the provider has proved; Google confirms nobody
    without, Facebook says of none that it is, so "".
    """

    provider: Provider
    subject: str
    first_name: str
    last_name: str
    email: str

    def as_json(self) -> dict[str, str]:
        """As a session keeps it: sealed, and found by its address."""
        sealed = seal_in_json(json.dumps(asdict(self)), about=_SEALED_IN)
        return {"sealed": sealed, "email_key": address_keys(self.email)[0] if self.email else ""}

    @staticmethod
    def from_json(stored: Mapping[str, str]) -> "Confirmed":
        """Raises SocialSignUpOver when its key was taken away meanwhile."""
        try:
            told = Confirmed(**json.loads(unseal_from_json(stored["sealed"], about=_SEALED_IN)))
        except SealUnreadable:
            raise SocialSignUpOver from None
        # A session may wait since before an upgrade, with an address that only Facebook's word stands for.
        return told if told.provider == "google" else replace(told, email="")


def address_keys(email: str) -> list[str]:
    """By which a session that keeps what a provider told of this address is found, the newest first. In hex."""
    return [index.hex() for index in blind_indexes(email, of=_SEALED_IN)]


def offered() -> list[Provider]:
    """The providers that this installation is registered with."""
    keys = {"google": settings.SOCIAL_AUTH_GOOGLE_KEY, "facebook": settings.SOCIAL_AUTH_FACEBOOK_KEY}
    secrets = {"google": settings.SOCIAL_AUTH_GOOGLE_SECRET, "facebook": settings.SOCIAL_AUTH_FACEBOOK_SECRET}
    return [each for each in PROVIDERS if keys[each] and secrets[each]]


def begin(*, session: SessionStore, provider: Provider) -> str:
    """The provider's address to which the browser goes. What the session began before is over with it.

    Raises ProviderNotOffered.
    """
    if provider not in offered():
        raise ProviderNotOffered(f"Signing in with {NAMES[provider]} is not offered here. Use another way in.")
    for name, _ in list(session.items()):
        if _ATTEMPT in name:
            session.pop(name)
    return str(_backend(provider, session, {}).auth_url())


def finish(*, session: SessionStore, provider: Provider, answer: Mapping[str, str]) -> Confirmed:
    """Whom the provider's answer, the query with which it sends the browser back, stands for. Asks the provider twice, so not
    inside a transaction.

    Raises SocialCancelled, SocialStateInvalid, SocialEmailUnverified, SocialUnavailable, SocialRefused, ProviderNotOffered.
    """
    if provider not in offered():
        raise ProviderNotOffered(f"Signing in with {NAMES[provider]} is not offered here. Use another way in.")
    if any(len(value) > ANSWER_CHARACTERS_MAX for value in answer.values()):
        raise SocialRefused(f"{NAMES[provider]} gave an answer that cannot be used. Try again, or use another way in.")
    try:
        found = _backend(provider, session, dict(answer)).complete()
    except SocialAuthBaseException as error:
        refusal = _refusal(provider, error)
        if isinstance(refusal, SocialUnavailable | SocialRefused):
            # A wrong secret looks like this too, which only the operator can mend.
            logger.warning("social sign-in failed", extra={"processor": provider, "reason": error.code})
        raise refusal from None
    return cast(Confirmed, found)


def three_fields(
    backend: Any, details: Mapping[str, Any], response: Mapping[str, Any], *_args: Any, **_kwargs: Any
) -> Confirmed:
    """The last step of social-auth's pipeline: whatever else the provider told, its tokens too, ends here.

    Raises AuthResponseError for a subject that cannot be one; what else cannot be used is left empty.
    """
    subject = response.get(backend.id_key())
    if not isinstance(subject, str) or not subject.isprintable() or not 0 < len(subject) <= SUBJECT_CHARACTERS_MAX:
        raise AuthResponseError(backend, code="invalid_claim", claim=backend.id_key(), stage="pipeline")
    return Confirmed(
        provider=backend.name,
        subject=subject,
        first_name=_name(details.get("first_name")),
        last_name=_name(details.get("last_name")),
        email=_email(details.get("email")),
    )


class _States:
    """The states of this session's attempts at one provider. Each is good once, also for two answers at the same moment."""

    def __init__(self, session: SessionStore, provider: Provider) -> None:
        self._session, self._provider = session, provider

    def use(self, scope: str, timestamp: int, state: str) -> bool:
        """Nobody else has it: it is random, and kept in this session alone."""
        return True

    def consume(self, scope: str, timestamp: int, state: str) -> bool:
        row, name = self._session.row, f"{self._provider}{_ATTEMPT}state_{state}"
        left = {key: value for key, value in self._session.items() if key != name}
        return row is not None and bool(
            Session.objects.filter(id=row.id, data__has_key=name).update(data=left)  # The first answer takes it.
        )


class _Storage:
    """What the library keeps; people and what they sign in with are no business of it."""

    def __init__(self, session: SessionStore, provider: Provider) -> None:
        self.nonce = _States(session, provider)


class _Strategy(DjangoStrategy):
    """Django's strategy, without a request: with the session, and what the provider sent back."""

    def __init__(self, session: SessionStore, provider: Provider, answer: dict[str, str]) -> None:
        super().__init__(_Storage(session, provider))
        self.session = session
        self._answer = answer

    def get_request_data(self, merge: bool = True) -> dict[str, str]:
        return self._answer

    def get_setting(self, name: str) -> Any:
        return getattr(settings, name)

    def authenticate(self, backend: Any, **kwargs: Any) -> Any:
        return backend.run_authentication(strategy=self, **{**kwargs, "backend": backend})

    def clean_authenticate_args(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        return args, kwargs


def _backend(provider: Provider, session: SessionStore, answer: dict[str, str]) -> Any:
    strategy = _Strategy(session, provider, answer)
    return _BACKENDS[provider](strategy, f"{settings.PUBLIC_URL}/social/{provider}/return")


def _refusal(provider: Provider, error: SocialAuthBaseException) -> DomainError:
    name = NAMES[provider]
    if isinstance(error, AuthCanceled):
        return SocialCancelled(f"You did not agree at {name}, so nothing was done.")
    if isinstance(error, AuthSessionError | AuthInputError):
        return SocialStateInvalid("This attempt is over or was begun in another browser. Start again.")
    if isinstance(error, AuthResponseError) and getattr(error, "claim", None) == "email_verified":
        return SocialEmailUnverified(f"{name} has not verified your e-mail address. Verify it there, then try again.")
    if isinstance(error, AuthProviderError):
        return SocialUnavailable(f"{name} cannot confirm who you are right now. Try again, or use another way in.")
    return SocialRefused(f"{name} gave an answer that cannot be used. Try again, or use another way in.")


def _name(given: object) -> str:
    """One line without card numbers, as if it had been typed."""
    text = "".join(filter(str.isprintable, given)) if isinstance(given, str) else ""
    return redact_cards(text.strip())[:NAME_CHARACTERS_MAX]


def _email(given: object) -> str:
    try:
        return parse_email(given) if isinstance(given, str) and len(given) <= 254 else ""
    except EmailInvalid:
        return ""
