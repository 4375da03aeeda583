"""Reading what a mail server reports about a mail that it was to deliver (RFC 3464). Pure: looks at nothing but the parsed mail."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage, Message
from email.parser import HeaderParser
from typing import Final

_STATUS: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_MESSAGE_ID: Final = re.compile(r"<[^<>\s]{1,400}>")
_RECIPIENTS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of a mail. about: the Message-ID of that mail, "" where it is not told. failure: the status with which it was given
    up for good, such as 5.1.1; "" for one that is only late, or arrived."""

    about: str
    failure: str


def read_report(message: EmailMessage) -> DeliveryReport | None:
    """None for every other mail, one that only looks like a report included."""
    if message.get_content_type() != "multipart/report":
        return None
    recipients = list(_recipients(message))
    if not recipients:
        return None
    failures = [
        found[0]
        for each in recipients
        if _field(each, "Action").lower() == "failed"
        and (found := _STATUS.match(_field(each, "Status")))
        and found[0].startswith("5")
    ]
    return DeliveryReport(about=_about(message), failure=failures[0] if failures else "")


def _recipients(message: Message) -> Iterator[Message]:
    """The groups of fields that tell of one recipient each."""
    for part in message.walk():
        blocks = part.get_payload() if part.get_content_type() == "message/delivery-status" else None
        for block in blocks[: _RECIPIENTS_MAX + 1] if isinstance(blocks, list) else ():
            if isinstance(block, Message) and _field(block, "Action"):
                yield block


def _about(message: Message) -> str:
    """Of the mail that is sent back with the report, or of its headers alone."""
    for part in message.walk():
        content = part.get_payload()
        if part.get_content_type() == "message/rfc822" and isinstance(content, list):
            returned = next((each for each in content if isinstance(each, Message)), None)
        elif part.get_content_type() == "text/rfc822-headers" and isinstance(content, str):
            returned = HeaderParser().parsestr(content)
        else:
            continue
        if returned is not None:
            return next(iter(_MESSAGE_ID.findall(_field(returned, "Message-ID"))), "")
    return ""


def _field(block: Message, name: str) -> str:
    """As it stands there, whatever is wrong with it."""
    return next((str(value).strip() for key, value in block.raw_items() if key.lower() == name.lower()), "")
