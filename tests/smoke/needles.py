"""The forms in which a value may be kept: what a scan looks for."""

import base64
import json
import struct
from collections.abc import Iterable
from urllib.parse import quote

import numpy as np
import phonenumbers

Canary = str | bytes | tuple[float, ...]
# Of a vector so many of its first components stand for all.
COMPONENTS = 12
# A shorter piece of base64 stands in many places by chance.
BASE64_MIN = 8


def variants(canary: Canary) -> set[bytes]:
    """Every form of one value.

    canary: text, in which a "+" at the beginning makes a phone number (E.164); bytes, such as a sealed value; or the components of
    a vector.
    """
    if isinstance(canary, tuple):
        return _vector_forms(canary[:COMPONENTS])
    if isinstance(canary, bytes):
        # The last as a log has it.
        spelled = {canary.hex().encode(), canary.hex().upper().encode(), repr(canary)[2:-1].encode()}
        return {canary} | spelled | _in_base64(canary)
    texts = {canary, canary.lower(), canary.upper()} | (_phone_forms(canary) if canary.startswith("+") else set())
    written = {form for text in texts for form in (text, quote(text), quote(text, safe=""), json.dumps(text)[1:-1])}
    plain = {text.encode() for text in texts}
    coded = {form for text in (canary, canary.lower(), canary.removeprefix("+")) for form in _in_base64(text.encode())}
    return {form.encode() for form in written} | {each.hex().encode() for each in plain} | coded


def all_variants(canaries: Iterable[Canary]) -> set[bytes]:
    return {needle for canary in canaries for needle in variants(canary)}


def _phone_forms(e164: str) -> set[str]:
    number = phonenumbers.parse(e164)
    formats = phonenumbers.PhoneNumberFormat
    forms = {
        phonenumbers.format_number(number, each) for each in (formats.NATIONAL, formats.INTERNATIONAL, formats.RFC3966)
    }
    return forms | {e164.removeprefix("+"), phonenumbers.national_significant_number(number)}


def _in_base64(raw: bytes) -> set[bytes]:
    """What of it stands in base64 wherever in a longer text it begins: at each of the three alignments without the characters
    that share bits with what is around; in both alphabets."""
    found = set()
    for before in range(3):
        coded = base64.b64encode(bytes(before) + raw)
        core = coded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        if len(core) >= BASE64_MIN:
            found |= {core, core.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def _vector_forms(components: tuple[float, ...]) -> set[bytes]:
    """As float32 and float16 in memory and on the wire, and as PostgreSQL writes it."""
    packed = {struct.pack(f"{order}{len(components)}{kind}", *components) for order in "<>" for kind in "fe"}
    return packed | {",".join(str(np.float32(each)).removesuffix(".0") for each in components).encode()}
