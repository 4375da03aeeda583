"""Leads and a call as FastAPI's and SQLAlchemy's own pages show it: models, schemas, an async session a request."""

import hashlib
import os
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Cookie, Depends, FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ForeignKey, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Membership(Base):
    __tablename__ = "identity_membership"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID]


class User(Base):
    __tablename__ = "identity_user"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    first_name: Mapped[str]
    last_name: Mapped[str]


class Session(Base):
    __tablename__ = "identity_session"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    key_digest: Mapped[str]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("identity_user.id"))
    membership_id: Mapped[UUID] = mapped_column(ForeignKey("identity_membership.id"))
    user: Mapped[User] = relationship()
    membership: Mapped[Membership] = relationship()


class Lead(Base):
    __tablename__ = "voice_lead"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID]
    first_name: Mapped[str]
    last_name: Mapped[str]
    company: Mapped[str]
    phone_e164: Mapped[str | None]
    notes: Mapped[str]
    country: Mapped[str]
    time_zone: Mapped[str]
    erased_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    last_call_at: Mapped[datetime | None]


class Call(Base):
    __tablename__ = "voice_call"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID]
    lead_id: Mapped[UUID] = mapped_column(ForeignKey("voice_lead.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("identity_user.id"))
    status: Mapped[str]
    transcript_state: Mapped[str]
    created_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    duration_s: Mapped[int]
    charged_mcredits: Mapped[int]
    sequence: Mapped[int]
    end_reason: Mapped[str | None]
    disposition: Mapped[str | None]
    notes: Mapped[str]
    lead: Mapped[Lead] = relationship()
    user: Mapped[User] = relationship()


class FromRow(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class LeadOut(FromRow):
    id: UUID
    first_name: str
    last_name: str
    company: str
    phone_e164: str | None
    notes: str
    country: str
    time_zone: str
    erased_at: datetime | None
    created_at: datetime
    last_call_at: datetime | None


class LeadPage(FromRow):
    items: list[LeadOut]


class CallLead(FromRow):
    id: UUID
    first_name: str
    last_name: str
    phone_e164: str | None


class CallUser(FromRow):
    id: UUID
    first_name: str
    last_name: str


class CallOut(FromRow):
    id: UUID
    lead: CallLead
    user: CallUser
    status: str
    transcript_state: str
    created_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    duration_s: int
    charged_mcredits: int
    sequence: int
    end_reason: str | None
    disposition: str | None
    notes: str


sessions = async_sessionmaker(create_async_engine(os.environ["PEER_DATABASE_URL"], pool_size=8), expire_on_commit=False)
application = FastAPI(openapi_url=None)


async def database() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


Database = Annotated[AsyncSession, Depends(database)]


async def workspace(database: Database, session: Annotated[str, Cookie()]) -> UUID:
    digest = hashlib.sha256(session.encode()).hexdigest()
    wanted = select(Session).where(Session.key_digest == digest)
    found = await database.scalar(wanted.options(joinedload(Session.user), joinedload(Session.membership)))
    if found is None:
        raise HTTPException(401)
    workspace_id: UUID = found.membership.workspace_id
    return workspace_id


Workspace = Annotated[UUID, Depends(workspace)]


@application.get("/leads", response_model=LeadPage)
async def leads(database: Database, workspace: Workspace, limit: int = 50) -> Any:
    wanted = select(Lead).where(Lead.workspace_id == workspace).order_by(Lead.created_at.desc(), Lead.id.desc())
    return {"items": (await database.scalars(wanted.limit(limit))).all()}


@application.get("/calls/{call_id}", response_model=CallOut)
async def call(database: Database, workspace: Workspace, call_id: UUID) -> Any:
    wanted = select(Call).where(Call.workspace_id == workspace, Call.id == call_id)
    return await database.scalar(wanted.options(joinedload(Call.lead), joinedload(Call.user)))
