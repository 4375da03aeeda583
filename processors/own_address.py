"""Our own public addresses, asked from outside as the carrier asks them: by name, through whatever stands in front, TLS and all.

The operator's check of the set-up is the only one who asks. Nothing of anybody is sent.
"""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

import requests
from django.conf import settings

from processors.egress import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, EgressRefused

BODY_BYTES_MAX: Final = 65_536
_HTTP_OF: Final = {"ws": "http", "wss": "https"}
_UPGRADE: Final = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}

Why = Literal["certificate_expired", "certificate_of_another_host", "certificate_untrusted", "tls", "no_answer"]


class Unreachable(RuntimeError):
    """The address gave no answer. May pass with time, or need a change of the set-up."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Answer:
    """body: at most BODY_BYTES_MAX of it; empty where the server changed to a WebSocket, which was closed again."""

    status: int
    body: bytes


def ask(url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """A GET, or a POST of this form; of a ws or wss address the upgrade. Follows no redirect.

    Raises Unreachable; EgressRefused for a host that is not ours.
    """
    parts = urlsplit(url)
    if parts.hostname not in {urlsplit(own).hostname for own in (settings.PUBLIC_URL, settings.MEDIA_SOCKET_URL)}:
        raise EgressRefused("Nothing was sent: the address is none of PUBLIC_URL and MEDIA_SOCKET_URL.")
    upgrade = _UPGRADE if parts.scheme in _HTTP_OF else {}
    address = parts._replace(scheme=_HTTP_OF.get(parts.scheme, parts.scheme)).geturl()
    with requests.Session() as session:
        session.trust_env = False
        try:
            with session.request(
                "GET" if form is None else "POST",
                address,
                data=form,
                headers={**upgrade, **(headers or {})},
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                allow_redirects=False,
                stream=True,
            ) as response:
                switched = response.status_code == requests.codes.switching_protocols
                return Answer(
                    response.status_code, b"" if switched else next(response.iter_content(BODY_BYTES_MAX), b"")
                )
        except requests.exceptions.SSLError as error:
            raise Unreachable(_why(error)) from None
        except (requests.RequestException, OSError):
            raise Unreachable("no_answer") from None


def _why(error: BaseException) -> Why:
    refusal = next((each for each in _chain(error) if isinstance(each, ssl.SSLCertVerificationError)), None)
    if refusal is None:
        return "tls"
    # OpenSSL's numbers: X509_V_ERR_CERT_HAS_EXPIRED and X509_V_ERR_HOSTNAME_MISMATCH.
    known: dict[int, Why] = {10: "certificate_expired", 62: "certificate_of_another_host"}
    return known.get(refusal.verify_code, "certificate_untrusted")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it was made of; requests and urllib3 put one into the other as an argument."""
    yield error
    inner = [each for each in (*error.args, getattr(error, "reason", None), error.__cause__) if each is not error]
    for each in inner:
        if isinstance(each, BaseException):
            yield from _chain(each)
