"""What is kept of people without an account who have proved a number."""

from typing import ClassVar, Final

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from processors.sealed_fields import SealedField, index_column

E164: Final = r"\+[1-9][0-9]{6,14}"


class NumberKey(models.Model):
    """Something random that opens what is held about a number: the cookie of a browser that proved it, or a link to a copy.

    key_digest: SHA-256 in hex of what the browser or the link holds, so that a copy of the table opens nothing.
    """

    SESSION = "session"
    LINK = "link"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=8)
    key_digest = models.CharField(max_length=64, unique=True)
    phone_e164 = SealedField(lookup=True, pattern=E164)
    phone_e164_key = index_column("phone_e164")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=["session", "link"]), name="number_key_kind_known"),
            models.UniqueConstraint(fields=["phone_e164_key"], condition=Q(kind="link"), name="number_key_one_link"),
        ]
        indexes: ClassVar = [models.Index(fields=["phone_e164_key"], name="number_key_of_number")]
