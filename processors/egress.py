"""The only way out of the machine: an HTTP session per processor that lets nothing pass but what the register
lists.

Twilio's and Paddle's own SDKs send through it; there is no other HTTP client in the house.
"""

import json
import logging
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import requests
from django.conf import settings
from django.db import close_old_connections
from django.utils.module_loading import import_string
from requests.adapters import HTTPAdapter
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response as TwilioResponse

from processors import blocked, customers, disclosures, register
from processors.customer_endpoints import CUSTOMER_EVENTS
from processors.endpoints import Base, Endpoint
from processors.fields import BodyUnreadable, fields_of

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S: Final = 3.05
READ_TIMEOUT_S: Final = 10.0
READ_TIMEOUT_MAX_S: Final = 20.0
# For threads of which many wait at once: the database's few connections are for others meanwhile.
keeps_no_connection: ContextVar[bool] = ContextVar("keeps_no_connection", default=False)


class EgressRefused(RuntimeError):
    """A request that the register does not allow was not sent. The message names what was refused, never a
    value. Permanent."""


def session(processor: str) -> "ProcessorSession":
    """Raises ProcessorUnknown."""
    return ProcessorSession(register.get(processor))


class ProcessorSession(requests.Session):
    """One processor's hosts, endpoints and fields; no redirects, no proxies, no retries, bounded time-outs.

    Requests made inside `disclosures.about(...)` are recorded as concerning that person and workspace.
    """

    def __init__(self, processor: register.Processor) -> None:
        super().__init__()
        self.processor = processor
        self.trust_env = False
        for scheme in ("https://", "http://"):
            self.mount(scheme, HTTPAdapter(max_retries=0, pool_maxsize=16))

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Raises EgressRefused before anything is sent; requests.RequestException when the processor cannot
        be reached."""
        endpoint, data_classes, numbers = self._admit(request)
        whom = disclosures.current()
        if not whom.user_id and not whom.phone_e164 and numbers:
            whom = disclosures.About(phone_e164=numbers[0], workspace_id=whom.workspace_id)
        disclosures.record(
            processor=self.processor.key,
            endpoint=endpoint.name,
            data_classes=data_classes,
            whom=whom,
            now=datetime.now(UTC),
        )
        kwargs |= {"allow_redirects": False, "proxies": {}, "timeout": _bounded(kwargs.get("timeout"))}
        if keeps_no_connection.get():
            close_old_connections()
        try:
            return super().send(request, **kwargs)
        except requests.RequestException as error:
            # Whoever asked turns it into an answer of its own; why TLS or the network failed is read here.
            logger.warning(
                "processor not reached",
                extra={
                    "processor": self.processor.key,
                    "endpoint": endpoint.name,
                    "error_type": type(error).__name__,
                },
            )
            raise

    def _admit(self, request: requests.PreparedRequest) -> tuple[Endpoint, set[str], list[str]]:
        """The endpoint, the classes of data and the telephone numbers of a request that may be sent."""
        url = urlsplit(str(request.url))
        paths = [(base, path) for base in self.processor.bases if (path := _path_below(base, url)) is not None]
        if not paths:
            raise self._refused(url, "host_not_listed")
        method = str(request.method).upper()
        endpoint = next(
            (found for base, path in paths for found in base.endpoints if found.matches(method, path)), None
        )
        if endpoint is None:
            raise self._refused(url, "endpoint_not_listed")
        content_type = request.headers.get("Content-Type") or ""
        try:
            fields = fields_of(url=str(request.url), content_type=_as_text(content_type), body=request.body)
        except BodyUnreadable:
            raise self._refused(url, "body_unreadable", endpoint) from None
        data_classes = {"account_reference"}
        numbers = []
        for name, value in fields:
            data_class = endpoint.class_of(name)
            if data_class is None:
                raise self._refused(url, "field_not_listed", endpoint, name)
            if name in endpoint.values and value not in endpoint.values[name]:
                raise self._refused(url, "value_not_listed", endpoint, name)
            data_classes.add(data_class)
            if name == "To" and data_class in {"mobile", "phone"}:
                numbers.append(value)
        if not import_string(settings.POLICY_MAY_RECEIVE)(self.processor.key, data_classes):
            raise self._refused(url, "not_in_policy", endpoint)
        return endpoint, data_classes, numbers

    def _refused(
        self, url: SplitResult, reason: str, endpoint: Endpoint | None = None, field: str = ""
    ) -> EgressRefused:
        attempt = blocked.Attempt(
            host=url.hostname or "",
            port=url.port,
            reason=reason,
            processor=self.processor.key,
            endpoint=endpoint.name if endpoint else "",
            field=field,
        )
        blocked.report(attempt, folder=Path(settings.DATA_DIR) / "egress", now=datetime.now(UTC))
        what = f"field {field!r} of {attempt.endpoint}" if field else f"{reason} at {attempt.host}"
        return EgressRefused(f"Nothing was sent to {self.processor.name}: {what} is not in processors/endpoints.py.")


def disclose_to_customer(*, message: Mapping[str, Any]) -> bytes:
    """The bytes of a message to a server that a customer named, counted as told; `send_to_customer` sends them.

    Two steps, so that nobody holds the database while a network answers. Raises EgressRefused for an event or a field that
    is not listed, or that the policy in force does not name.
    """
    endpoint = CUSTOMER_EVENTS.get(str(message.get("type")))
    if endpoint is None:
        raise _refused_message("endpoint_not_listed", "", "")
    body = json.dumps(message, sort_keys=True, separators=(",", ":")).encode()
    classes = set()
    for name, _ in fields_of(url="", content_type="application/json", body=body):
        data_class = endpoint.class_of(name)
        if data_class is None:
            raise _refused_message("field_not_listed", endpoint.name, name)
        classes.add(data_class)
    if not import_string(settings.POLICY_MAY_RECEIVE)("customer", classes):
        raise _refused_message("not_in_policy", endpoint.name, "")
    disclosures.record(
        processor="customer",
        endpoint=endpoint.name,
        data_classes=classes,
        whom=disclosures.current(),
        now=datetime.now(UTC),
    )
    return body


def send_to_customer(*, url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """The status of the answer. Raises `customers.NotDelivered`."""
    return customers.post(
        url,
        body=body,
        headers={"Content-Type": "application/json", "User-Agent": "Klosesales-Webhooks/1", **headers},
        networks=settings.WEBHOOK_NETWORKS,
    )


def _refused_message(reason: str, endpoint: str, field: str) -> EgressRefused:
    attempt = blocked.Attempt(host="", reason=reason, processor="customer", endpoint=endpoint, field=field)
    blocked.report(attempt, folder=Path(settings.DATA_DIR) / "egress", now=datetime.now(UTC))
    what = f"field {field!r} of {endpoint}" if field else endpoint or "event"
    return EgressRefused(f"Nothing was sent to a customer's server: {what}, {reason}.")


class _RegisteredTwilio(TwilioHttpClient):  # type: ignore[misc]  # the SDK is not typed
    """Twilio's own HTTP client on our session; the SDK's fixed hosts become the configured addresses."""

    def __init__(self) -> None:
        super().__init__(timeout=READ_TIMEOUT_S)
        processor = register.get("twilio")
        self.session = ProcessorSession(processor)
        self._addresses = {base.url: register.base_url(base, settings) for base in processor.bases}

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> TwilioResponse:
        for official, configured in self._addresses.items():
            if url.startswith(f"{official}/"):
                url = configured + url.removeprefix(official)
                break
        return super().request(method, url, *args, **kwargs)


def twilio_http_client() -> TwilioHttpClient:
    """For `twilio.rest.Client(sid, token, http_client=twilio_http_client())`. Never retries: a second POST is
    a second call.

    Raises ProcessorMisconfigured.
    """
    return _RegisteredTwilio()


def _path_below(base: Base, url: SplitResult) -> str | None:
    root = urlsplit(register.base_url(base, settings))
    if (url.scheme, url.netloc) != (root.scheme, root.netloc) or not url.path.startswith(root.path):
        return None
    return url.path.removeprefix(root.path)


def _bounded(timeout: Any) -> tuple[float, float]:
    read = timeout[1] if isinstance(timeout, tuple) else timeout
    return CONNECT_TIMEOUT_S, min(float(read or READ_TIMEOUT_S), READ_TIMEOUT_MAX_S)


def _as_text(value: str | bytes) -> str:
    return value.decode("ascii", errors="replace") if isinstance(value, bytes) else value
