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
# A mailbox with this ending is none: what is sent there is taken, and comes back a moment later, as it does with real mail servers.
NO_MAILBOX = "@bounces.example"
_REPORT = """From: Mail Delivery System <mailer-daemon@sandbox.example>
To: {sender}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_report"

--=_report
Content-Type: text/plain; charset=us-ascii

Your mail to {recipient} could not be delivered: there is no such mailbox.

--=_report
Content-Type: message/delivery-status

Reporting-MTA: dns; sandbox.example

Original-Recipient: rfc822;{recipient}
Final-Recipient: rfc822;{recipient}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 There is no such mailbox

--=_report
Content-Type: text/rfc822-headers

{headers}

--=_report--
"""
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
        sender, recipients = str(envelope.mail_from or ""), [str(address) for address in envelope.rcpt_tos]
        headers = [(f"header:{name}", str(value)) for name, value in message.items()]
        self._store.received.note("smtp", [*headers, ("envelope", " ".join(recipients))])
        self._keep(sender, recipients, str(message["Subject"] or ""), text, page)
        for recipient in recipients:
            # Nobody is told of what came without a sender, so that no report is reported (RFC 5321, section 6.1).
            if sender and recipient.lower().endswith(NO_MAILBOX):
                report = _report(sender, recipient, message)
                self._keep("", [sender], "Undelivered Mail Returned to Sender", report, "")
        return "250 Message accepted for delivery"

    def _keep(self, sender: str, recipients: list[str], subject: str, text: str, page: str) -> None:
        mail = Mail(
            id=next(self._ids),
            to=recipients,
            from_=sender,
            subject=subject,
            text=text,
            html=page,
            links=sorted(set(_LINK.findall(text) + _LINK.findall(page))),
            received_at=clock.now(),
        )
        self._store.mails.append(mail)


async def listen(store: Store, port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    sink = MailSink(store)

    def protocol() -> SMTP:
        return SMTP(sink, data_size_limit=MAX_MESSAGE_BYTES, enable_SMTPUTF8=True, loop=loop, ident="sandbox")

    return await loop.create_server(protocol, "127.0.0.1", port)


def _report(sender: str, recipient: str, message: EmailMessage) -> str:
    """The whole mail of RFC 3464 that the sender gets, with the headers of what it is about."""
    headers = "\n".join(f"{name}: {value}" for name, value in message.items())
    return _REPORT.format(sender=sender, recipient=recipient, headers=headers)


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return "" if part is None else str(part.get_content())
