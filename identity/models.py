"""Workspaces and people."""

from __future__ import annotations

from typing import ClassVar, TypeVar
from uuid import UUID

from django.db import models
from uuid_utils.compat import uuid7


class Workspace(models.Model):
    """The tenant: people who share leads, calls and credits."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField()


_Row = TypeVar("_Row", bound="TenantModel")


class TenantQuerySet(models.QuerySet[_Row]):
    """A queryset whose rows belong to workspaces; every read for a caller starts with `for_workspace`."""

    def for_workspace(self, workspace_id: UUID) -> TenantQuerySet[_Row]:
        return self.filter(workspace_id=workspace_id)


class TenantModel(models.Model):
    """A row that belongs to exactly one workspace."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")

    objects: ClassVar[TenantQuerySet] = TenantQuerySet.as_manager()  # type: ignore[type-arg, assignment]

    class Meta:
        abstract = True
