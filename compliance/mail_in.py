"""Reading a mail as it came from a mail server's pipe (RFC 5322), however broken it is. Pure: looks at nothing but the bytes."""

import codecs
import hashlib
import html
import re
from dataclasses import dataclass
from email.errors import MessageError
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.policy import EmailPolicy
from email.utils import getaddresses
from typing import Final, cast

from compliance.delivery_report import DeliveryReport, read_report
from processors.mail import can_be_encoded

# What is kept of one mail at most; the rest of a longer one is cut off.
MAIL_BYTES_MAX: Final = 1_048_576
TEXT_CHARACTERS_MAX: Final = 15_000
RAW_CHARACTERS_MAX: Final = 4_000
HEADER_CHARACTERS_MAX: Final = 5_000
_CONTENT_BYTES_MAX: Final = 8 * TEXT_CHARACTERS_MAX
# Each line of a mail is compared with the ends of all parts that it may be in. What a header says may be encoded.
_NESTED_MAX: Final = 20
_NESTED: Final = re.compile(rb"(?:^|[\r\n])content-type:[\x00-\x20]*(?:multipart/|[^;\r\n]*=\?)", re.IGNORECASE)
# Text alone: others of the standard library take time that grows with the square of the length, or unpack.
_CHARSETS: Final = re.compile(
    r"ascii|utf-8(-sig)?|utf-(16|32)(-[bl]e)?|iso8859-\d+|cp\d+|koi8-[rtu]|mac-\w+|gb\w+|big5\w*|euc_\w+|shift_jis\w*|iso2022_\w+|tis-620|hz"
)
THREAD_MAX: Final = 20
_MESSAGE_ID: Final = re.compile(r"<[^<>\s\x00-\x1f\x7f]{1,240}>")
_ADDRESS: Final = re.compile(r"[^\s@<>,;:\"()]{1,64}@[A-Za-z0-9.-]{1,189}\.[A-Za-z]{2,63}")
_TAG: Final = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]{0,2000}>", re.IGNORECASE | re.DOTALL)
# At the beginning of a result, not in the address of a sender, who chose it.
_RESULT: Final = re.compile(r"(?:^|;)\s*dmarc\s*(?:/\s*\d+\s*)?=\s*pass\b(?P<more>[^;]*)", re.IGNORECASE)
_HEADER_FROM: Final = re.compile(r"header\.from\s*=\s*\"?([A-Za-z0-9.-]+)", re.IGNORECASE)
_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9.-]+")
# Controls that no text column keeps or no reader wants; line ends and tabs stay.
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class _Bounded(EmailPolicy):
    """Cuts headers, those of parts too, before anything looks at what is in them."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:HEADER_CHARACTERS_MAX]


@dataclass(frozen=True, slots=True)
class IncomingMail:
    """sender: the one address in From, in lower case; empty where there is none or several. is_genuine: our own mail server
    says that the domain in From vouches for the mail. is_automatic: a machine wrote it, so none is to answer (RFC 3834).
    message_id: with its angle brackets, empty if there is none. thread: the Message-IDs that it answers.
    faults: what could not be read, as sentences for whoever reads the case. digest: SHA-256 in hex of sender, subject and
    text: what a mail server writes above them differs when it brings the same mail again. report: on what became of a mail, when that
    is what a mail server tells by it.
    """

    sender: str
    is_genuine: bool
    is_automatic: bool
    subject: str
    text: str
    message_id: str
    thread: tuple[str, ...]
    faults: tuple[str, ...]
    digest: str
    report: DeliveryReport | None = None


def read_mail(raw: bytes, *, authserv_id: str) -> IncomingMail:
    """Never fails: what cannot be parsed is given as it came, with a note of what is wrong.

    authserv_id: the name under which our own mail server writes Authentication-Results (RFC 8601); empty for none.
    """
    faults: list[str] = []
    if len(raw) > MAIL_BYTES_MAX:
        raw = raw[:MAIL_BYTES_MAX]
        faults.append("The mail was longer than 1 MiB; the rest is cut off.")
    # A pipe may put the envelope's sender into a line of its own before the mail.
    if raw.startswith(b"From "):
        raw = raw.partition(b"\n")[2]
    try:
        if len(_NESTED.findall(raw)) > _NESTED_MAX:
            raise ValueError("too many parts in parts")
        message = cast(EmailMessage, BytesParser(EmailMessage, policy=_Bounded()).parsebytes(raw))
        sender, subject = _sender(message, faults), _header(message, "Subject")[:300]
        text = _text(message, faults) or _raw(raw, faults)
        return IncomingMail(
            sender=sender,
            is_genuine=bool(sender) and _is_genuine(message, sender, authserv_id),
            is_automatic=_header(message, "Auto-Submitted").strip().lower() not in ("", "no")
            or _header(message, "Return-Path").strip() == "<>",
            subject=subject,
            text=text,
            message_id=next(iter(_MESSAGE_ID.findall(_header(message, "Message-ID"))), ""),
            thread=_thread(message),
            faults=tuple(faults),
            digest=_digest(sender, subject, text),
            report=read_report(message),
        )
    except (MessageError, LookupError, ValueError, TypeError, AttributeError, RecursionError):
        # The parser of the standard library fails on some broken headers in all of these ways.
        faults.append("The mail could not be parsed, so nobody is answered; this is how it came.")
        return IncomingMail(
            sender="",
            is_genuine=False,
            is_automatic=False,
            subject="",
            text=_raw(raw, []),
            message_id="",
            thread=(),
            faults=tuple(faults),
            digest=_digest("", "", _decoded(raw)),
        )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()


def _header(message: Message, name: str) -> str:
    """The first header of that name as text, whatever is wrong with it."""
    for key, value in message.raw_items():
        if key.lower() == name.lower():
            try:
                return _plain(str(message.policy.header_fetch_parse(key, value)))
            except (MessageError, LookupError, ValueError, TypeError, AttributeError, RecursionError):
                return _plain(str(value))
    return ""


def _sender(message: Message, faults: list[str]) -> str:
    headers = [str(value) for key, value in message.raw_items() if key.lower() == "from"]
    found = {address.lower() for _, address in getaddresses([_plain(header) for header in headers[:1]])}
    addresses = {address for address in found if _is_address(address)}
    # What was cut off may say another.
    if len(headers) == 1 and len(headers[0]) < HEADER_CHARACTERS_MAX and len(found) == 1 and len(addresses) == 1:
        return addresses.pop()
    faults.append("It does not say from which one address it comes, so nobody is answered.")
    return ""


def _is_address(text: str) -> bool:
    return _ADDRESS.fullmatch(text) is not None and len(text) <= 254 and can_be_encoded(text)


def _is_genuine(message: Message, sender: str, authserv_id: str) -> bool:
    """Only the first of such headers is looked at: our server writes above whatever came with the mail."""
    first = next((str(v) for key, v in message.raw_items() if key.lower() == "authentication-results"), "")
    name, _, results = _bare(_plain(first)).partition(";")
    if not authserv_id or not name.split() or name.split()[0].lower() != authserv_id.lower():
        return False
    result = _RESULT.search(results)
    if result is None:
        return False
    domain = _HEADER_FROM.search(result["more"])
    return domain is not None and domain[1].lower() == sender.rpartition("@")[2]


def _bare(value: str) -> str:
    """A structured header (RFC 5322) without comments, and without what stands in quotes unless it is a plain word: a sender may have
    chosen either, and put there what looks like a result."""
    bare: list[str] = []
    quoted: list[str] | None = None
    depth, is_escaped = 0, False
    for character in value:
        if is_escaped or (character == "\\" and (depth or quoted is not None)):
            is_escaped = not is_escaped
            if quoted is not None:
                quoted.append(character)
        elif quoted is not None and character != '"':
            quoted.append(character)
        elif quoted is not None:
            word = "".join(quoted)
            bare.append(word if _PLAIN_WORD.fullmatch(word) else "-")
            quoted = None
        elif character in "()":
            depth = max(depth + (1 if character == "(" else -1), 0)
            bare.append(" ")
        elif character == '"' and not depth:
            quoted = []
        elif not depth:
            bare.append(character)
    return "".join(bare)


def _thread(message: Message) -> tuple[str, ...]:
    answered = _header(message, "In-Reply-To") + " " + _header(message, "References")
    return tuple(dict.fromkeys(_MESSAGE_ID.findall(answered)))[:THREAD_MAX]


def _text(message: EmailMessage, faults: list[str]) -> str:
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        faults.append("It has no text that can be read.")
        return ""
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else str(part.get_payload()).encode(errors="replace")
    is_cut = len(content) > _CONTENT_BYTES_MAX
    content = content[:_CONTENT_BYTES_MAX]
    try:
        codec = codecs.lookup(part.get_content_charset() or "utf-8")
        if not _CHARSETS.fullmatch(codec.name):
            raise LookupError("not a charset of mails")
        # What is cut may end within a character.
        text = codec.incrementaldecoder().decode(content, not is_cut)
    except (LookupError, ValueError):
        text = _decoded(content)
        faults.append("Its characters are not what it says; some may be wrong.")
    if part.get_content_type() == "text/html":
        # Tags are searched for again from each that never ends, so not in any length of text.
        text = html.unescape(_TAG.sub(" ", text[: 2 * TEXT_CHARACTERS_MAX]))
    if any(each.get_filename() for each in message.walk()):
        faults.append("It had attachments, which are not kept.")
    if is_cut or len(text) > TEXT_CHARACTERS_MAX:
        faults.append("It is longer than what is kept of it.")
    return _plain(text).strip()[:TEXT_CHARACTERS_MAX]


def _raw(raw: bytes, faults: list[str]) -> str:
    faults.append("What follows is how it came.")
    return _plain(_decoded(raw))[:RAW_CHARACTERS_MAX]


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")


def _plain(text: str) -> str:
    return _CONTROLS.sub("", text)
