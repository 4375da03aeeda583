"""What is noted of the test calls by which an operator proves the carrier."""

from django.db import models
from uuid_utils.compat import uuid7


class ScriptedCall(models.Model):
    """One test call, while it is looked at; it is removed right after, and names neither a number nor a person.

    token_hash: SHA-256 of the one-use token that its media socket presents. news: what came of it, each with when it first
    came: "answer" (the carrier asked what to do), a leg's status, a stream's event, "media" (its socket was opened).
    frames: how many pieces of sound its socket brought, once it was closed.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    token_hash = models.CharField(max_length=64, unique=True)
    placed_at = models.DateTimeField()
    news = models.JSONField(default=dict)
    frames = models.PositiveIntegerField(null=True)
