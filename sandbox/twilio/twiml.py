"""TwiML: from text to verbs, with the warnings that Twilio's debugger would show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree

_CALLBACK = frozenset({"statusCallback", "statusCallbackMethod"})
_FETCH = frozenset({"action", "method"})

# Verbs and nouns with their attributes, as far as the sandbox obeys or knowingly ignores them.
ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "Response": frozenset(),
    "Say": frozenset({"voice", "language", "loop"}),
    "Play": frozenset({"loop", "digits"}),
    "Pause": frozenset({"length"}),
    "Gather": _FETCH | {"input", "timeout", "numDigits", "finishOnKey", "actionOnEmptyResult", "language", "hints"},
    "Redirect": frozenset({"method"}),
    "Hangup": frozenset(),
    "Reject": frozenset({"reason"}),
    "Start": _FETCH,
    "Stop": frozenset(),
    "Stream": _CALLBACK | {"url", "name", "track"},
    "Transcription": frozenset({
        "name", "track", "statusCallbackUrl", "statusCallbackMethod", "inboundTrackLabel", "outboundTrackLabel",
        "partialResults", "languageCode", "transcriptionEngine", "profanityFilter", "speechModel", "hints",
        "enableAutomaticPunctuation", "intelligenceService",
    }),
    "Parameter": frozenset({"name", "value"}),
    "Dial": _FETCH
    | {"callerId", "timeLimit", "timeout", "answerOnBridge", "hangupOnStar", "record", "ringTone", "trim", "sequential"},
    "Number": _CALLBACK
    | {
        "url", "method", "sendDigits", "statusCallbackEvent", "machineDetection", "amdStatusCallback",
        "amdStatusCallbackMethod", "machineDetectionTimeout",
    },
}  # fmt: skip
NESTED: Mapping[str, frozenset[str]] = {
    "Response": frozenset({"Say", "Play", "Pause", "Gather", "Redirect", "Hangup", "Reject", "Start", "Stop", "Dial"}),
    "Gather": frozenset({"Say", "Play", "Pause"}),
    "Start": frozenset({"Stream", "Transcription"}),
    "Stop": frozenset({"Stream", "Transcription"}),
    "Stream": frozenset({"Parameter"}),
    "Dial": frozenset({"Number"}),
}


class TwimlInvalid(ValueError):
    """The document cannot be obeyed at all. code: Twilio's number."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Verb:
    name: str
    attributes: Mapping[str, str]
    text: str
    children: tuple["Verb", ...]

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    def whole(self, name: str, default: int) -> int:
        """A whole number, or the default where the attribute is missing or is not one."""
        text = self.attributes.get(name, "")
        return int(text) if text.isdigit() else default


@dataclass(slots=True)
class Document:
    """verbs: in order. url: where it came from; relative URLs in it are resolved against it."""

    verbs: tuple[Verb, ...]
    url: str
    warnings: list[str] = field(default_factory=list)

    def fields(self) -> list[tuple[str, str]]:
        """What the document tells the carrier, by names such as "Dial/Number#text", "Start/Stream/Parameter[token]"."""
        told: list[tuple[str, str]] = []

        def visit(verb: Verb, prefix: str) -> None:
            path = f"{prefix}{verb.name}"
            if verb.name == "Parameter":
                told.append((f"{path}[{verb.get('name')}]", verb.get("value")))
            else:
                told.extend((f"{path}@{attribute}", value) for attribute, value in verb.attributes.items())
            if verb.text:
                told.append((f"{path}#text", verb.text))
            for child in verb.children:
                visit(child, f"{path}/")

        for verb in self.verbs:
            visit(verb, "")
        return told


def parse(text: str | bytes, *, url: str) -> Document:
    """:raises TwimlInvalid: for text that is no XML, or XML whose root is not Response."""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - our own product's answer, on this machine
    except ElementTree.ParseError as error:
        raise TwimlInvalid(12100, f"Document parse failure: {error}") from None
    if root.tag != "Response":
        raise TwimlInvalid(12102, f"The root element is {root.tag}; it must be Response")
    document = Document((), url)
    document.verbs = tuple(_children(root, document.warnings))
    return document


def _children(parent: ElementTree.Element, warnings: list[str]) -> list[Verb]:
    verbs = []
    for element in parent:
        if element.tag not in NESTED.get(parent.tag, frozenset()):
            warnings.append(f"{element.tag} is not allowed in {parent.tag}; it is ignored")
            continue
        unknown = sorted(set(element.attrib) - ATTRIBUTES[element.tag])
        warnings.extend(f"{element.tag} has no attribute {name}; it is ignored" for name in unknown)
        known = {name: value for name, value in element.attrib.items() if name not in unknown}
        children = tuple(_children(element, warnings))
        verbs.append(Verb(element.tag, known, (element.text or "").strip(), children))
    return verbs
