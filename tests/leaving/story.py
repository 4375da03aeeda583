"""Two people are erased while calls go on, on a whole stack; then a backup from before is restored, and connections out of the
product's process are planted.

Both ask in the product's pages, in a real browser: the called person during the call itself; the colleague during a call of
somebody who stays, and the worker is killed in the middle of the walk. What was found is told as one object for JSON, so that the
story can run where there is no network.
"""

import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg

from compliance.redaction import REPLACEMENT
from config.embedded import environment, folders, secrets
from config.embedded.handle import Stack
from processors import guard
from sandbox.rep import Rep
from tests import backups
from tests.leaving import apart, restored
from tests.leaving import people as who
from tests.leaving.late import Late
from tests.leaving.pages import Pages, opened
from tests.leaving.planted import PLANTED
from tests.leaving.sounds import sounds_of, with_card
from tests.smoke.scan import Scan, kinds

# A line of a call that is so long stands nowhere else by chance.
LINE_MIN = 25
# Of the call that goes on, of that to the person who is erased, and of the leaving colleague's.
DIALOGUES = ("smoke", "next_steps", "price_objection")
PACK = "pri_01klosesales0000000starter"
# Those that are fully open, and how many of them belong to somebody of whom no passcode was ever approved by Twilio.
_SESSIONS = """
SELECT count(*), count(*) FILTER (WHERE NOT EXISTS (
    SELECT FROM identity_otpattempt attempt
    WHERE attempt.user_id = session.user_id AND attempt.purpose IN ('check', 'clm_chck') AND attempt.outcome = 'approved'
        AND attempt.verification_sid <> '' AND attempt.at <= session.phone_verified_at + interval '1 second'))
FROM identity_session session WHERE session.phone_verified_at IS NOT NULL
"""


def tell(folder: Path, resolver: apart.Resolver | None) -> dict[str, Any]:
    """resolver: of the namespaces that this process is in, None outside of any."""
    disk = _tables_on_disk_of_their_own(folder / "data") if resolver else None
    settings = {"OPERATOR_EMAIL": who.OPERATOR, "SANDBOX_SPEECH_FOLDER": str(with_card(folder / "speech"))}
    with Stack(folder / "data", settings=settings) as stack:
        with opened(stack) as pages:
            story = Story(stack, disk, pages)
            told = story.run()
        told["asked_by_pages"] = sorted(pages.asked)
        told |= {"apart": resolver is not None, "ways_out": apart.ways_out_tried()}
        told["asked"] = list(resolver.asked) if resolver else []
        planting = story.plant_connections()
        told |= story.look_for_those_who_stay()
        told["planted"] = json.loads(planting.communicate(timeout=60)[0].splitlines()[-1])
        told |= {"ways_out_planted": apart.ways_out_tried(), "asked_planted": resolver.asked if resolver else []}
        return told | story.reports()


def _tables_on_disk_of_their_own(data: Path) -> apart.Disk:
    """So that it can be full for them while the log has room: without room for that PostgreSQL itself ends."""
    places = folders.make(data)
    postgres, _ = environment.databases(places, secrets.load_or_create(places.secrets))
    postgres.create()
    return apart.Disk(places.postgres / "base")


class Story:
    """Signs up, calls, erases and looks, on a running stack."""

    def __init__(self, stack: Stack, disk: apart.Disk | None, pages: Pages) -> None:
        self._stack, self._disk, self._pages = stack, disk, pages
        self._stays, self._caller, self._leaves = (Rep(stack.url, stack.sandbox_url) for _ in range(3))
        env = stack.env
        self._scan = Scan(database_url=env["DATABASE_URL"], redis_url=env["REDIS_URL"], folder=stack.data_dir, keys=env)
        self._told: dict[str, Any] = {}
        self._sounds = [sound for name in DIALOGUES for sound in sounds_of(name)]
        self._kept_lead = self._kept = ""

    def run(self) -> dict[str, Any]:
        told = self._told
        told["before"] = self._scan.everywhere([*who.OF_CALLED, *who.OF_LEAVES, *who.OF_STAYS, *who.OF_CARDS])
        self._come_in()
        self._page = self._pages.of_member(self._leaves)
        kept, called, understood = self._place_calls()
        self._kept = kept
        self._plant(called)
        # What was written is in the tables' files from here on; what follows is in files of the log that no checkpoint removes meanwhile.
        self._do("CHECKPOINT")
        of_leaves = (*who.OF_LEAVES, *self._hear(understood, who.SPOKEN_TO_LEAVES, self._leaves))
        self._leaves.call("POST", f"/api/calls/{understood}/hangup")
        of_called = (*who.OF_CALLED, *self._hear(called, who.SPOKEN_TO_CALLED, self._caller))
        self._hear(kept, who.SPOKEN_TO_STAYS, self._stays)
        self._leaves.wait_for(lambda: self._insights(understood) == "ready", limit_s=60)
        self._ask()
        sealed = self._scan.traces((who.LEAVES.email, who.LEAVES.mobile))
        of_leaves = (*of_leaves, *sealed, *self._vectors(understood))
        planted_of_called, planted, sounds = self._scan.look_for(of_called, of_leaves, self._sounds)
        told["sounds_during_calls"] = sounds.places
        told["planted_of_called"], told["planted_of_leaves"] = planted_of_called.places, planted.places
        told["sealed_of_leaves"], told["unsaid_of_leaves"] = len(sealed), [str(each) for each in planted.missing]
        told["vectors"] = len([each for each in of_leaves if isinstance(each, tuple)])
        told["carrier_planted"] = self._scan.elsewhere(of_called)
        told["any_card"] = self._scan.cards()
        told["sessions"], told["sessions_unproved"] = self._row(_SESSIONS)
        late = Late.of(self._stack, (called, understood), number=who.CALLED["phone"])
        # Not where the scan looks: it ends by itself, with its term.
        backup = self._stack.data_dir.with_name("klosesales.dump")
        backups.back_up(self._stack.env["DATABASE_URL"], backup)

        self._erase_called()
        told["call_of_erased"] = self._caller.ask("GET", f"/api/calls/{called}").status_code
        self._erase_leaving()
        told["late"] = late.comes()
        left = self._scan.look_for(of_called, of_leaves, who.OF_CARDS)
        told["left_of_called"], told["left_of_leaves"], told["cards"] = (each.places for each in left)
        told["carrier_left_of_called"] = self._scan.elsewhere(of_called)
        told["carrier_left_of_leaves"] = self._scan.elsewhere(who.OF_LEAVES)
        self._hear_a_card(kept)
        told["live_call_of_who_stays"] = self._stays.call("GET", f"/api/calls/{kept}")["ended_at"] is None
        self._stays.call("POST", f"/api/calls/{kept}/hangup")
        return told | restored.forgets_again(
            self._stack, backup, called=of_called, leaves=of_leaves, stays=who.OF_STAYS
        )

    def _come_in(self) -> None:
        self._stays.sign_up(who.STAYS)
        self._stays.confirm_email(who.STAYS.email)
        for invited, role in ((who.CALLER, "rep"), (who.LEAVES, "manager")):
            self._stays.call("POST", "/api/team/invitations", {"email": invited.email, "role": role}, expect=201)
        self._stays.buy(PACK)
        for rep, person in ((self._caller, who.CALLER), (self._leaves, who.LEAVES)):
            rep.sign_up(person, invitation=self._invitation(person.email))
        self._leaves.buy(PACK, email=who.LEAVES.email)

    def _invitation(self, email: str) -> str:
        links: list[str] = self._stays.wait_for(lambda: self._stays.links_to(email, "/join#"))
        return links[-1].partition("#")[2]

    def _place_calls(self) -> list[str]:
        """Ids of the call that goes on to the end, of the one to the person who is erased, and of the leaving colleague's."""
        ids = []
        reps_and_leads = (
            (self._stays, who.STAYS_CALLED),
            (self._caller, who.CALLED),
            (self._leaves, who.LEAVES_CALLED),
        )
        for (rep, lead), dialogue in zip(reps_and_leads, DIALOGUES, strict=True):
            phone = {"behaviour": "answer", "dialogue": dialogue, "loop": True, "answer_after_s": 0.1}
            rep.sandbox("POST", f"/sandbox/api/phones/{lead['phone']}", phone)
            lead_id = rep.call("POST", "/api/leads", lead, expect=201)["id"]
            call = rep.call("POST", "/api/calls", {"lead_id": lead_id}, key=str(uuid.uuid4()), expect=201)
            ids.append(call["id"])
            self._kept_lead = self._kept_lead or lead_id
        return ids

    def _plant(self, called: str) -> None:
        """What people write, card numbers included, and what arrives with a signature."""
        typed, _, sent = who.CARDS
        self._caller.call("PATCH", f"/api/calls/{called}", {"notes": f"{who.CALLS_NOTE}, card {typed}"})
        self._pages.writes_to_support(self._page, who.WISH)
        version = self._leaves.call("GET", "/api/policy")["version"]
        self._leaves.call("PUT", "/api/privacy/nominee", {**who.NOMINEE, "policy_version": version})
        self._leaves.call("POST", "/api/keys", who.KEY, expect=201)
        self._leaves.call("POST", "/api/queue", {"tag": "Nobody bears this"}, expect=201)
        card = {"type": "visa", "number": sent, "last4": sent[-4:]}
        data = {
            "id": f"txn_{uuid.uuid4().hex}",
            "status": "past_due",
            "items": [{"price": {"id": PACK}, "quantity": 1}],
            "details": {"totals": {"total": "1000"}},
            "payments": [{"amount": "1000", "method_details": {"type": "card", "card": card}}],
            "custom_data": {"note": sent},
        }
        body = json.dumps(
            {
                "event_id": f"evt_{uuid.uuid4().hex}",
                "event_type": "transaction.payment_failed",
                "occurred_at": "2026-01-01T00:00:00Z",
                "notification_id": f"ntf_{uuid.uuid4().hex}",
                "data": data,
            }
        ).encode()
        at = int(time.time())
        secret = self._stack.env["PADDLE_WEBHOOK_SECRET"].encode()
        digest = hmac.new(secret, f"{at}:".encode() + body, hashlib.sha256).hexdigest()
        self._told["webhook"] = _post(f"{self._stack.url}/paddle/webhook", body, f"ts={at};h1={digest}")

    def _ask(self) -> None:
        """And takes a copy of everything."""
        self._pages.asks(self._page, f"{who.QUESTION} {who.CARDS[1]}")
        self._leaves.call("POST", "/api/questions", {"question": "What is Atlas Route?"}, key=str(uuid.uuid4()))
        held = self._leaves.call("GET", "/api/privacy/held")["items"]
        self._told["held_of_leaves"] = sorted(each["element"] for each in held)
        copy = json.dumps(self._leaves.call("GET", "/api/privacy/export"))
        self._told["missing_in_copy"] = [word for word in who.IN_COPY if word not in copy]
        self._told["others_in_copy"] = [word for word in who.OF_STAYS if str(word) in copy]

    def _insights(self, call_id: str) -> str:
        return str(self._leaves.call("GET", f"/api/calls/{call_id}/insights")["state"])

    def _vectors(self, call_id: str) -> list[tuple[float, ...]]:
        rows = self._rows(
            "SELECT embedding::text FROM ai_passage JOIN ai_indexedcall ON ai_indexedcall.id = indexed_call_id WHERE call_id = %s",
            call_id,
        )
        return [tuple(json.loads(vector)) for (vector,) in rows]

    def _hear(self, call_id: str, words: Iterable[str], rep: Any) -> list[str]:
        """Waits until the recogniser has written these words down; returns whole lines of the call."""

        def heard() -> list[str] | None:
            lines = [each["text"] for each in self._segments(call_id, rep)]
            return lines if all(word in " ".join(lines).lower() for word in words) else None

        lines: list[str] = rep.wait_for(heard, limit_s=60)
        return [line for line in lines if len(line) >= LINE_MIN]

    def _hear_a_card(self, call_id: str) -> None:
        """Waits until one more card number was taken out. The lead says the same again and again, and whoever hung up at any time
        would cut a number off that nobody can know for one."""

        def taken_out() -> int:
            return sum(each["text"].count(REPLACEMENT) for each in self._segments(call_id, self._stays))

        before = taken_out()
        self._stays.wait_for(lambda: taken_out() > before, limit_s=100)

    @staticmethod
    def _segments(call_id: str, rep: Rep) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = rep.call("GET", f"/api/calls/{call_id}/segments")["items"]
        return items

    def _erase_called(self) -> None:
        """By the page for people who were called, while they are on the phone."""
        self._told["shown_to_called"] = self._pages.deletes_what_is_held(who.CALLED["phone"], self._stays)

    def _erase_leaving(self) -> None:
        """From the privacy centre; the worker dies where the walk waits for a table."""
        with self._locked("ai_aiquery") as waits:
            receipt = self._pages.deletes_account(self._page, who.LEAVES.email)
            self._leaves.wait_for(waits, limit_s=30, every_s=0.05)
            self._stack.kill("worker")
            self._told["steps_before_the_kill"] = self._row(
                "SELECT count(*) FROM compliance_erasurestep WHERE state = 'done' AND request_id IN"
                " (SELECT id FROM compliance_request WHERE state = 'running')"
            )[0]
            if self._disk:
                self._disk.fill()
        if self._disk:
            self._free_claim()
            self._stays.wait_for(self._is_interrupted, limit_s=60)
            self._disk.empty()
            self._stack.wait_ready(limit_s=60)
        self._stays.wait_for(self._free_claim, limit_s=60)
        path = f"/api/erasure-receipts/{receipt.rsplit('/', 1)[-1]}"
        self._pages.sees_the_end(self._page)
        self._told["receipt_left"] = self._stays.call("GET", path)["left"]
        self._told["session_of_erased"] = self._leaves.ask("GET", "/api/calls").status_code

    def _free_claim(self) -> bool:
        """Ten minutes have passed, after which a dead worker's claim is anybody's; False while there is no database."""
        try:
            self._do(
                "UPDATE compliance_request SET claimed_until = NULL, next_attempt_at = now() WHERE finished_at IS NULL"
            )
        except psycopg.Error:
            return False
        return True

    def _is_interrupted(self) -> bool:
        """Whether the full disk has stopped a step, or keeps the worker from reaching the database at all."""
        try:
            failed = self._rows("SELECT error_type FROM compliance_erasurestep WHERE state = 'failed'")
        except psycopg.OperationalError as error:
            failed = [[word] for word in ("No space left on device",) if word in str(error)]
        self._told["full_disk"] = [each[0] for each in failed]
        return bool(failed)

    def plant_connections(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", "shell", "--no-imports", "-c", PLANTED],
            env={**os.environ, **self._stack.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def look_for_those_who_stay(self) -> dict[str, Any]:
        """Those who stay write something, so that the newest log has it too."""
        note = {"notes": f"{who.STAYS_CALLED['notes']} again"}
        self._stays.call("PATCH", f"/api/leads/{self._kept_lead}", note)
        self._do("CHECKPOINT")
        # The newest lines of the call that went on.
        said = [each["text"] for each in self._segments(self._kept, self._stays)]
        lines = [each for each in said if len(each) >= LINE_MIN]
        found, sounds, cards = self._scan.look_for([*who.OF_STAYS, *lines[-3:]], self._sounds, who.OF_CARDS)
        return {
            "cards_after_calls": cards.places,
            "groups_of_card": [
                each for each in said if any(group in digits(each) for group in who.SPOKEN_CARD.split())
            ],
            "sounds_after_calls": sounds.places,
            "lines_of_who_stays": len(lines),
            "kinds_of_who_stays": sorted(kinds(found.places)),
            "unsaid_of_who_stays": [str(each) for each in found.missing],
            "carrier_of_who_stays": self._scan.elsewhere(who.OF_STAYS),
        }

    def reports(self) -> dict[str, Any]:
        mails = self._stays.sandbox("GET", "/sandbox/api/mails", params={"to": who.OPERATOR})
        received = self._stays.sandbox("GET", "/sandbox/api/received")
        return {
            "rows": [list(row) for row in self._rows("SELECT host, reason FROM processors_blockedegress ORDER BY at")],
            "alert": mails[-1]["text"] if mails else "",
            "messages_asked": received["messages_requests"],
            "services_told": sorted(received["services"]),
            "contacted": guard.contacted(self._stack.data_dir / "egress"),
        }

    @contextmanager
    def _locked(self, table: str) -> Iterator[Callable[[], bool]]:
        """Nobody writes to it; gives whether somebody waits to."""
        with psycopg.connect(self._stack.env["DATABASE_URL"]) as connection:
            connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
            yield lambda: self._row(waiting, table)[0] > 0
            connection.rollback()

    def _row(self, query: str, *parameters: str) -> Any:
        return self._rows(query, *parameters)[0]

    def _rows(self, query: str, *parameters: str) -> Any:
        with psycopg.connect(self._stack.env["DATABASE_URL"], autocommit=True) as connection:
            return connection.execute(query, parameters).fetchall()

    def _do(self, statement: str) -> None:
        with psycopg.connect(self._stack.env["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(statement)


def digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _post(url: str, body: bytes, signature: str) -> int:
    return httpx.post(url, content=body, headers={"Paddle-Signature": signature}).status_code
