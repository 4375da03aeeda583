"""Where a document leads: to another one, or to the end of the leg."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Next:
    """The document to go on with. params: told beside the common fields."""

    url: str
    method: str
    params: dict[str, str] = field(default_factory=dict)


class HangUp(Exception):
    """The document, or its absence, ends the leg."""
