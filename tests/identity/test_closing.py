"""Whatever ends or changes somebody's right closes that person's sockets within five seconds, also from a command that ends at once,
or from a process that does not live to say it.

Planted bugs that these catch: `close_sockets_on_commit` taken out of any of the acts, a close that a full outbox drops, a command
that ends before its close is on its way, a close that is tried once, a lost close that nobody makes up for.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from pydantic import BaseModel
from uuid_utils.compat import uuid7

from compliance import policy
from config.embedded.processes import child_environment
from identity import opt_out
from identity.models import Membership, Session, User
from realtime.publish import OUTBOX_EVENTS_MAX, Topic, publish_on_commit
from tests.identity.browser import PASSWORD, Browser
from tests.identity.conftest import SUPPORT_DESK, MakeAccount, SignIn
from tests.identity.teams import colleague, owner, page
from tests.identity.test_email import press
from tests.identity.test_email import token_in as confirmation_in
from tests.identity.test_passwords import Mails, choose, forgot, mails, token_in
from tests.identity.test_sockets import SIGNED_OUT, Socket, elsewhere, run
from tests.realtime.doors import AsgiDoor, LiveDoor
from tests.realtime.test_hub import Page
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import hire

__all__ = ["colleague", "mails", "owner", "page"]

WITHIN_S: Final = 5.0
NEW_EMAIL: Final = "rep.new@example.com"
NEW_MOBILE: Final = "+12025550199"


@dataclass(frozen=True, slots=True)
class Scene:
    """An owner, a manager and a rep of one workspace, each in a browser of their own; `there`: the rep in another browser."""

    owner: Browser
    manager: Browser
    rep: Browser
    there: Browser
    member: Membership
    mails: Mails
    sandbox: Sandbox

    @property
    def path(self) -> str:
        return f"/api/team/members/{self.member.user_id}"


class Told(BaseModel):
    type: str = "told"


def new_role(scene: Scene) -> int:
    return scene.owner.patch(scene.path, {"role": "manager"})[0]


def handed_over(scene: Scene) -> int:
    return scene.owner.post("/api/team/owner", {"user_id": str(scene.member.user_id)})[0]


def removed(scene: Scene) -> int:
    return scene.owner.delete(scene.path)[0]


def left(scene: Scene) -> int:
    return scene.there.post("/api/team/leave")[0]


def gone_elsewhere(scene: Scene) -> int:
    workspace_id = str(Membership.objects.get_queryset().get(user_id=scene.member.user_id, role="owner").workspace_id)
    return scene.there.post("/api/session/workspace", {"workspace_id": workspace_id})[0]


def new_password(scene: Scene) -> int:
    return scene.there.post("/api/password", {"present": PASSWORD, "password": "quiet lantern river"})[0]


def forgotten_password(scene: Scene) -> int:
    email = scene.member.user.email
    forgot(email)
    return choose(token_in(scene.mails(email)[-1]))[0]


def new_email(scene: Scene) -> int:
    """The session that began it goes on, and its socket comes back by itself."""
    assert scene.there.post("/api/email/code", {"present": PASSWORD})[0] == 200
    code = scene.sandbox.code_at(scene.member.user.mobile_e164)
    wished = {"email": NEW_EMAIL, "present": PASSWORD, "code": code}
    assert scene.there.post("/api/email/change", wished)[0] == 204
    return press(confirmation_in(scene.mails(NEW_EMAIL)[-1]))[0]


def email_taken_back(scene: Scene) -> int:
    return press(confirmation_in(scene.mails(scene.member.user.email)[-1]))[0]


def new_number(scene: Scene) -> int:
    """By the person, at the other browser, which stays signed in."""
    form = {"mobile": NEW_MOBILE, "password": PASSWORD, "sms_consent": True, "policy_version": policy.current_version()}
    assert scene.there.post("/api/mobile", form)[0] == 200
    for step, mobile in (("old", scene.member.user.mobile_e164), ("new", NEW_MOBILE)):
        code = {"step": step, "mobile_e164": NEW_MOBILE, "code": scene.sandbox.code_at(mobile)}
        status, answer = scene.there.post("/api/mobile/check", code)
    assert answer["step"] == "done"
    return status


def new_number_by_support(scene: Scene) -> int:
    call_command("mobile", scene.member.user.email, NEW_MOBILE, "--by", hire().email)
    return 200


def stopped_texts(scene: Scene) -> int:
    return scene.there.delete("/api/privacy/consents/sms")[0]


def signed_out_by_the_operator(scene: Scene) -> int:
    call_command("sign_out", scene.member.user.email)
    return 200


def signed_out_everywhere_else(scene: Scene) -> int:
    return scene.there.delete("/api/sessions")[0]


def blocked(scene: Scene) -> int:
    ours = hire("admin")
    call_command("account", "block", scene.member.user.email, "--by", ours.email, "--reason", "abuse")
    return 200


ACTS: Final[tuple[Callable[[Scene], int], ...]] = (
    new_role,
    handed_over,
    removed,
    left,
    gone_elsewhere,
    new_password,
    forgotten_password,
    new_email,
    new_number,
    new_number_by_support,
    stopped_texts,
    signed_out_by_the_operator,
    signed_out_everywhere_else,
    blocked,
)


@pytest.fixture
def scene(
    page: Browser,
    colleague: Callable[[str], Membership],
    make_account: MakeAccount,
    sign_in: SignIn,
    mails: Mails,
    sandbox: Sandbox,
) -> Scene:
    rep = colleague("rep")
    manager = sign_in(colleague("manager"), "198.51.100.3")
    own = make_account(email="else@example.com", mobile="+12025550129")
    Membership.objects.filter(id=own.id).update(user_id=rep.user_id)
    here, there = (sign_in(rep, f"198.51.100.{number}") for number in (1, 2))
    Session.objects.filter(user_id=rep.user_id).update(membership=rep)
    return Scene(owner=page, manager=manager, rep=here, there=there, member=rep, mails=mails, sandbox=sandbox)


def closes(act: Callable[[Scene], int], scene: Scene, concerned: Browser) -> None:
    """Through whichever server the socket came. told: it hears of the end alone, since nobody asks whether it may stay."""

    async def story() -> tuple[int, list[int], bool]:
        told = await Page(user_id=scene.member.user_id).open()
        sockets = [Socket(concerned, door) for door in (AsgiDoor, LiveDoor)]
        unconcerned = Socket(scene.manager, AsgiDoor)
        for each in (*sockets, unconcerned):
            assert await each.open()
            assert '"ready"' in (await each.next())["text"]
        status = await elsewhere(lambda: act(scene))
        async with asyncio.timeout(WITHIN_S):
            codes = [await each.closed_with() for each in sockets] + [await told.closed_with()]
        return status, codes, await unconcerned.hears_nothing(0.05)

    status, codes, untouched = run(story)
    assert status in (200, 204)
    assert codes == [SIGNED_OUT] * 3
    assert untouched


@pytest.mark.parametrize("act", ACTS, ids=[act.__name__ for act in ACTS])
def test_what_ends_or_changes_a_right_closes_the_sockets_of_whom_it_concerns_and_nobody_elses(
    act: Callable[[Scene], int], scene: Scene
) -> None:
    closes(act, scene, scene.rep)


def test_an_address_that_is_taken_back_closes_the_sockets_of_whoever_changed_it(scene: Scene) -> None:
    assert new_email(scene) == 200
    closes(email_taken_back, scene, scene.there)


def test_a_full_outbox_drops_events_and_no_close(make_account: MakeAccount, sign_in: SignIn) -> None:
    member = make_account()
    browser = sign_in(member)

    def act() -> None:
        with transaction.atomic():
            publish_on_commit([Topic.user(uuid7()) for _ in range(OUTBOX_EVENTS_MAX)], Told())
            opt_out.stop(user_id=member.user_id, way="support", client=SUPPORT_DESK, now=datetime.now(UTC))

    async def story() -> int:
        socket = Socket(browser, AsgiDoor)
        assert await socket.open()
        assert '"ready"' in (await socket.next())["text"]
        await elsewhere(act)
        async with asyncio.timeout(WITHIN_S):
            return await socket.closed_with()

    assert run(story) == SIGNED_OUT


@asynccontextmanager
async def other_valkey(path: Path, opened: asyncio.Event, *, cuts: bool = False) -> AsyncIterator[str]:
    """The address of one that answers only from `opened` on. cuts: until then it ends every connection at once."""
    ends: set[asyncio.Task[None]] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if cuts and not opened.is_set():
            writer.close()
            return
        await opened.wait()
        behind_reader, behind_writer = await asyncio.open_unix_connection(urlsplit(os.environ["REDIS_URL"]).path)
        for way in (pass_on(reader, behind_writer), pass_on(behind_reader, writer)):
            ends.add(asyncio.create_task(way))

    server = await asyncio.start_unix_server(answer, path)
    try:
        yield f"unix://{path}"
    finally:
        server.close()
        for end in ends:
            end.cancel()


async def support_stops(member: Membership, valkey_url: str) -> asyncio.subprocess.Process:
    """In a process of its own, which has nothing else to do and has just committed."""
    ours = await elsewhere(hire)
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "manage.py", "texts", "stop", member.user.email, "--yes", "--by", ours.email),
        env=child_environment({**os.environ, "DATABASE_URL": database, "REDIS_URL": valkey_url}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert b"is left alone" in await process.stdout.readuntil(b"text messages.\n")
    return process


def test_a_command_ends_only_when_what_it_closes_is_on_its_way(
    make_account: MakeAccount, sign_in: SignIn, tmp_path: Path
) -> None:
    member = make_account()
    browser = sign_in(member)

    async def story() -> tuple[int, int]:
        socket, opened = Socket(browser, LiveDoor), asyncio.Event()
        assert await socket.open()
        assert '"ready"' in (await socket.next())["text"]
        async with other_valkey(tmp_path / "v", opened) as url:
            command = await support_stops(member, url)
            opened.set()
            async with asyncio.timeout(WITHIN_S):
                code = await socket.closed_with()
            return code, await command.wait()

    assert run(story) == (SIGNED_OUT, 0)


def test_a_close_that_could_not_be_sent_is_sent_again(make_account: MakeAccount, tmp_path: Path) -> None:
    """To a page of whom nobody else would say that its right has ended."""
    member = make_account()

    async def story() -> tuple[int, int]:
        page, opened = Page(user_id=member.user_id), asyncio.Event()
        await page.open()
        async with other_valkey(tmp_path / "v", opened, cuts=True) as url:
            command = await support_stops(member, url)
            assert command.stderr is not None
            await command.stderr.readuntil(b"event not sent")
            opened.set()
            code = await page.closed_with(WITHIN_S)
            await command.communicate()
            return code, command.returncode or 0

    assert run(story) == (SIGNED_OUT, 0)


def test_a_process_that_is_killed_right_after_it_has_stopped_somebody_leaves_no_socket_open(
    make_account: MakeAccount, sign_in: SignIn, tmp_path: Path
) -> None:
    member, other = make_account(), make_account(email="eve@example.com", mobile="+12025550177")
    browser, unconcerned = sign_in(member), sign_in(other, "198.51.100.8")

    async def story() -> tuple[list[int], bool]:
        sockets = [Socket(browser, door) for door in (AsgiDoor, LiveDoor)]
        stays = Socket(unconcerned, LiveDoor)
        for each in (*sockets, stays):
            assert await each.open()
            assert '"ready"' in (await each.next())["text"]
        async with other_valkey(tmp_path / "v", asyncio.Event()) as url:
            command = await support_stops(member, url)
            command.kill()
            await command.wait()
            async with asyncio.timeout(WITHIN_S):
                codes = [await each.closed_with() for each in sockets]
        return codes, await stays.hears_nothing(0.05)

    assert run(story) == ([SIGNED_OUT, SIGNED_OUT], True)


def test_whatever_of_a_right_changed_without_a_word_closes_the_sockets_of_whom_it_concerns(
    scene: Scene, make_account: MakeAccount, sign_in: SignIn
) -> None:
    """As if each process that changed it had been killed before it could say so. Red when only some of it is asked."""
    stays = sign_in(make_account(email="eve@example.com", mobile="+12025550177"), "198.51.100.8")
    sessions = Session.objects.filter(user_id=scene.member.user_id).order_by("created_at")

    def change() -> None:
        here, there = sessions
        Session.objects.filter(id=here.id).update(expires_at=datetime.now(UTC))
        elsewhere_too = Membership.objects.get_queryset().get(user_id=scene.member.user_id, role="owner")
        Session.objects.filter(id=there.id).update(membership=elsewhere_too)
        Membership.objects.get_queryset().filter(role="manager").update(role="rep")
        User.objects.filter(memberships__workspace_id=scene.member.workspace_id, memberships__role="owner").update(
            is_active=False
        )

    async def story() -> tuple[list[int], bool]:
        concerned = [Socket(each, AsgiDoor) for each in (scene.owner, scene.manager, scene.rep, scene.there)]
        unconcerned = Socket(stays, LiveDoor)
        for each in (*concerned, unconcerned):
            assert await each.open()
            assert '"ready"' in (await each.next())["text"]
        await elsewhere(change)
        async with asyncio.timeout(WITHIN_S):
            codes = [await each.closed_with() for each in concerned]
        return codes, await unconcerned.hears_nothing(0.05)

    assert run(story) == ([SIGNED_OUT] * 4, True)
