"""The mail server: takes every message and keeps it for the page."""

import asyncio
import itertools
import re
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as default_policy

from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox import clock
from sandbox.records import Mail
from sandbox.store import Store

MAX_MESSAGE_BYTES = 5_242_880
_LINK = re.compile(r"https?://[^\s\"'<>)\]]+")


class MailSink:
    """aiosmtpd's handler; the method names are its own."""

    def __init__(self, store: Store) -> None:
        self._store = store
        last = max((mail.id for mail in store.mails), default=0)
        self._ids = itertools.count(last + 1)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        message = BytesParser(EmailMessage, policy=default_policy).parsebytes(content)
        text, page = _part(message, "plain"), _part(message, "html")
        headers = [(f"header:{name}", str(value)) for name, value in message.items()]
        self._store.received.note("smtp", [*headers, ("envelope", " ".join(map(str, envelope.rcpt_tos)))])
        self._store.mails.append(
            Mail(
                id=next(self._ids),
                to=[str(address) for address in envelope.rcpt_tos],
                from_=str(envelope.mail_from or ""),
                subject=str(message["Subject"] or ""),
                text=text,
                html=page,
                links=sorted(set(_LINK.findall(text) + _LINK.findall(page))),
                received_at=clock.now(),
            )
        )
        return "250 Message accepted for delivery"


async def listen(store: Store, port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    sink = MailSink(store)

    def protocol() -> SMTP:
        return SMTP(sink, data_size_limit=MAX_MESSAGE_BYTES, enable_SMTPUTF8=True, loop=loop, ident="sandbox")

    return await loop.create_server(protocol, "127.0.0.1", port)


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return "" if part is None else str(part.get_content())
