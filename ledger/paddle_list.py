"""The edge to Paddle's own list of events: what happened, whether or not a notification of it arrived."""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import requests
from paddle_billing.Entities.DateTime import DateTime
from paddle_billing.Entities.Events import EventTypeName
from paddle_billing.Resources.Events.Operations import ListEvents
from paddle_billing.Resources.Shared.Operations import Pager

from ledger.paddle import Notification, NotificationMalformed, PaddleUnavailable, read
from processors.paddle_sdk import paddle_client

logger = logging.getLogger(__name__)

_A_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in the order in which they happened. after: where the next page begins, None when this is the last."""

    events: list[Notification]
    after: str | None


def events(*, since: datetime, types: Iterable[str], after: str | None) -> EventPage:
    """A page of what happened at or after since; only these types are asked for, so that no customer's data comes along.

    An event that cannot be read is logged and left out.

    :raises PaddleUnavailable:
    """
    operation = ListEvents(
        pager=Pager(after=after, per_page=_A_PAGE),
        event_types=[EventTypeName(name) for name in sorted(types)],
        start=DateTime.from_datetime(since),
    )
    try:
        # Not the SDK's own reading, which would take everything into objects that cannot be cut down any more.
        answer = paddle_client().get_raw("/events", operation.get_parameters()).json()
        listed, more = answer["data"], answer["meta"]["pagination"]["has_more"]
        found = [event for event in map(_read, listed) if event is not None]
        return EventPage(found, after=str(listed[-1]["event_id"]) if more and listed else None)
    except (requests.RequestException, KeyError, TypeError, ValueError) as error:
        raise PaddleUnavailable(
            "The payment service does not answer as it should. Try again in a few minutes."
        ) from error


def _read(listed: Any) -> Notification | None:
    try:
        return read(json.dumps(listed))
    except NotificationMalformed as error:
        logger.error("paddle event cannot be read", extra={"code": error.code})
        return None
