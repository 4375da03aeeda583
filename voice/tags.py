"""Tags of leads. A workspace's tags are those that its leads bear."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import ClassVar, Final
from uuid import UUID

from django.db.models.functions import Lower

from compliance.redaction import redact_cards
from identity.auth import Actor
from processors.errors import DomainError
from voice.models import Lead, Tag
from voice.schemas import TAG_LENGTH_MAX, TAGS_PER_LEAD_MAX, TagsOut

TAGS_PER_WORKSPACE_MAX: Final = 200
_BETWEEN: Final = re.compile(r"[,;|]")
# No tag holds it.
SEPARATOR: Final = "|"


class TagUnusable(DomainError):
    code: ClassVar[str] = "tag_unusable"


class TooManyTags(DomainError):
    code: ClassVar[str] = "too_many_tags"


def tags_of(*, actor: Actor) -> TagsOut:
    tags = Tag.objects.for_workspace(actor.workspace_id).order_by(Lower("name"))
    return TagsOut(items=list(tags.values_list("name", flat=True)))


def split(text: str) -> list[str]:
    """The tags of one field of a table, as people separate them. Raises TagUnusable, TooManyTags."""
    names = plain(_BETWEEN.split(text))
    refuse_too_many(names)
    return names


def refuse_too_many(names: Sequence[str]) -> None:
    """Raises TooManyTags."""
    if len(names) > TAGS_PER_LEAD_MAX:
        raise TooManyTags(f"A lead has at most {TAGS_PER_LEAD_MAX} tags. Remove one first.")


def plain(texts: Iterable[str]) -> list[str]:
    """Each once, whatever its case, without needless blanks. Raises TagUnusable."""
    names: dict[str, str] = {}
    for text in texts:
        name = redact_cards(" ".join(text.split()))
        if len(name) > TAG_LENGTH_MAX:
            raise TagUnusable(f"A tag has at most {TAG_LENGTH_MAX} characters. Choose a shorter one.")
        if _BETWEEN.search(name):
            raise TagUnusable("A tag holds no comma, semicolon or bar, which stand between tags. Remove them.")
        if name:
            names.setdefault(name.casefold(), name)
    return list(names.values())


class Vocabulary:
    """The workspace's tags while it is locked: taken by name, made where there are none, and stored at the end."""

    def __init__(self, *, workspace_id: UUID, now: datetime) -> None:
        self._workspace_id, self._now = workspace_id, now
        self._new: list[str] = []

    def take(self, names: Sequence[str]) -> list[str]:
        """As the workspace writes them. Raises TooManyTags: it would have more than it may."""
        new = [name for name in names if name.casefold() not in self._known]
        if len(self._known) + len(new) > TAGS_PER_WORKSPACE_MAX:
            raise TooManyTags(
                f"A workspace has at most {TAGS_PER_WORKSPACE_MAX} different tags. Use one that there is already."
            )
        self._known |= {name.casefold(): name for name in new}
        self._new += new
        return [self._known[name.casefold()] for name in names]

    def store(self) -> None:
        made = [Tag(workspace_id=self._workspace_id, name=name, created_at=self._now) for name in self._new]
        Tag.objects.bulk_create(made)

    @cached_property
    def _known(self) -> dict[str, str]:
        names = Tag.objects.for_workspace(self._workspace_id).values_list("name", flat=True)
        return {name.casefold(): name for name in names}


def known(*, workspace_id: UUID, names: Sequence[str], now: datetime) -> list[str]:
    """The same for one lead. The caller has locked the workspace. Raises TooManyTags."""
    if not names:
        return []
    vocabulary = Vocabulary(workspace_id=workspace_id, now=now)
    taken = vocabulary.take(names)
    vocabulary.store()
    return taken


def forget_unused(*, workspace_id: UUID, names: Iterable[str]) -> None:
    """Removes those of these tags that no lead bears any more. The caller has locked the workspace."""
    for name in names:
        if not Lead.objects.for_workspace(workspace_id).filter(tags__contains=[name]).exists():
            Tag.objects.for_workspace(workspace_id).filter(name=name).delete()
