"""The story of one rep: sign up, buy, call, read along, ask, leave."""

import math
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import psycopg

from ai.listening.wer import word_error_rate
from config.embedded.handle import Stack
from sandbox.rep import Live, Person, Rep, UnexpectedAnswer
from tests.smoke.scan import Scan
from tests.smoke.speech import Dialogue, dialogue

PERSON = Person(
    first_name="Quillon",
    last_name="Vantreese",
    email="quillon.vantreese@smoke.example",
    mobile="+12025550123",
)
LEAD = {
    "first_name": "Ottoline",
    "last_name": "Brackwater",
    "company": "Brackwater Freight",
    "phone": "+13125550111",
    "notes": "Met at the zephyrfair",
}
LEAD_PHONE = "+13125550111"
DIALOGUE = "price_objection"
PACK = "pri_01klosesales0000000starter"


class Journey:
    """Drives the journey against a running stack and measures it."""

    def __init__(self, stack: Stack, *, say: Callable[[str], None]) -> None:
        self._stack = stack
        self._say = say
        self._rep = Rep(stack.url, stack.sandbox_url)
        self._spoken: Dialogue = dialogue(DIALOGUE)
        self._balance_bought = 0

    def run(self) -> dict[str, Any]:
        """All figures of the smoke line but hosts_contacted."""
        self._say("signing up")
        self._rep.sign_up(PERSON)
        lead = self._rep.call("POST", "/api/leads", LEAD, expect=201)
        self._refused_without_credit(lead["id"])
        self._buy_once()
        call, live, bridged_at = self._talk(lead["id"])
        segments = self._rep.call("GET", f"/api/calls/{call['id']}/segments")["items"]
        result = {"ok": True, "segments": len(segments), "wer": self._wer(segments)}
        result |= self._delays(call["id"], live, bridged_at)
        result |= self._money(call)
        result["events_lost"] = self._events_lost(segments, live)
        offset_ms = (bridged_at - self._media_started_at(call["id"])) * 1000
        result |= self._ask(segments, offset_ms=offset_ms)
        result["left_after_erasure"] = self._erase(segments, live)
        self._check(result)
        return result

    def _refused_without_credit(self, lead_id: str) -> None:
        check = self._rep.call("GET", f"/api/leads/{lead_id}/dial-check")
        codes = [refusal["code"] for refusal in check["refusals"]]
        self._require(not check["may_call"] and codes == ["insufficient_credit"], f"dial check says {check}")
        refused = self._rep.ask("POST", "/api/calls", {"lead_id": lead_id}, key=str(uuid.uuid4()))
        self._require(refused.json()["code"] == "insufficient_credit", f"a call without credit: {refused.text}")
        self._require(not self._rep.sandbox("GET", "/sandbox/api/calls"), "something was dialled")

    def _buy_once(self) -> None:
        """Every webhook comes twice; the balance rises once."""
        self._say("buying a pack, with every webhook delivered twice")
        packs = {pack["price_id"]: pack["mcredits"] for pack in self._rep.call("GET", "/api/credits/packs")}
        fault = {"target": "paddle.webhooks", "kind": "duplicate", "count": 10}
        self._rep.sandbox("POST", "/sandbox/api/faults", fault)
        bought = self._rep.buy(PACK)["available_mcredits"]
        time.sleep(2)
        balance = self._rep.call("GET", "/api/credits")["available_mcredits"]
        self._rep.sandbox("DELETE", "/sandbox/api/faults")
        self._require(bought == balance == packs[PACK], f"bought {packs[PACK]}, balance {bought} then {balance}")
        self._balance_bought = balance

    def _talk(self, lead_id: str) -> tuple[dict[str, Any], Live, float]:
        """One whole call; returns it, what the socket delivered, and when the dialogue began (Unix seconds)."""
        self._say("calling; the lead speaks a recorded dialogue")
        self._rep.sandbox("POST", f"/sandbox/api/phones/{LEAD_PHONE}", {"behaviour": "answer", "dialogue": DIALOGUE})
        live = self._rep.live().open()
        key = str(uuid.uuid4())
        call = self._rep.call("POST", "/api/calls", {"lead_id": lead_id}, key=key, expect=201)
        again = self._rep.call("POST", "/api/calls", {"lead_id": lead_id}, key=key, expect=201)
        self._require(again["id"] == call["id"], "a second click made a second call")
        live.follow(call["id"])
        ended = self._rep.wait_for(lambda: self._ended(call["id"]), limit_s=150, every_s=1.0)
        self._say(f"the call ended: {ended['status']} after {ended['duration_s']} s")
        self._require(ended["status"] == "completed", f"the call ended as {ended['status']}")
        legs = self._rep.sandbox("GET", "/sandbox/api/calls")
        self._require(len(legs) == 2, f"the carrier knows {len(legs)} legs")
        bridged = next(leg["bridged_at"] for leg in legs if leg["bridged_at"])
        self._rep.wait_for(lambda: self._insights(call["id"])["state"] == "ready", limit_s=60)
        live.wait_for("insights.ready")
        return ended, live, datetime.fromisoformat(bridged).timestamp()

    def _ended(self, call_id: str) -> dict[str, Any] | None:
        call: dict[str, Any] = self._rep.call("GET", f"/api/calls/{call_id}")
        return call if call["ended_at"] else None

    def _insights(self, call_id: str) -> dict[str, Any]:
        insights: dict[str, Any] = self._rep.call("GET", f"/api/calls/{call_id}/insights")
        return insights

    def _wer(self, segments: list[dict[str, Any]]) -> float:
        pairs = []
        for speaker in ("agent", "callee"):
            heard = " ".join(segment["text"] for segment in segments if segment["speaker"] == speaker)
            pairs.append((self._spoken.words(speaker), heard))
        return round(word_error_rate(pairs), 4)

    def _delays(self, call_id: str, live: Live, bridged_at: float) -> dict[str, int]:
        """first_text: from the first spoken word to the first text in the browser's socket. final_text: from the end of
        an utterance to its final text, p95. Arrival times are of this process, speech times of the sandbox, one clock."""
        to_wall = time.time() - time.monotonic()
        texts = sorted(received.at_s for received in live.of_type("segment.interim") + live.of_type("segment.added"))
        self._require(bool(texts), "no text arrived")
        first_word = bridged_at + min(turn["start_ms"] for turn in self._spoken.turns) / 1000
        began_at = self._media_started_at(call_id)
        finals = sorted(
            received.at_s + to_wall - began_at - received.event["segment"]["end_ms"] / 1000
            for received in live.of_type("segment.added")
            # A turn that was heard again as a whole comes later, in the place of text that was there in time.
            if received.event["segment"]["kind"] == "speech" and not received.event["segment"]["replaces"]
        )
        p95 = finals[min(len(finals) - 1, math.ceil(0.95 * len(finals)) - 1)]
        return {
            "first_text_ms": round((texts[0] + to_wall - first_word) * 1000),
            "final_text_ms_p95": round(p95 * 1000),
        }

    def _media_started_at(self, call_id: str) -> float:
        with psycopg.connect(self._stack.env["DATABASE_URL"]) as connection:
            row = connection.execute("SELECT media_started_at FROM voice_call WHERE id = %s", [call_id]).fetchone()
        assert row is not None
        started: datetime = row[0]
        return started.timestamp()

    def _money(self, call: dict[str, Any]) -> dict[str, int]:
        receipt = self._rep.call("GET", f"/api/calls/{call['id']}/receipt")
        entries = self._rep.call("GET", "/api/credits/statement?limit=200")["items"]
        mine = [entry for entry in entries if entry["reference"] == f"call:{call['id']}"]
        debited = -sum(entry["amount_mcredits"] for entry in mine)
        credits = self._rep.call("GET", "/api/credits")
        self._require(debited == receipt["total_mcredits"], f"debited {debited}, receipt {receipt}")
        self._require(credits["held_mcredits"] == 0, f"still held: {credits}")
        return {
            "minutes_charged": len([entry for entry in mine if entry["kind"] == "charge"]),
            "debited_mcredits": debited,
            "balance_mcredits": credits["available_mcredits"],
        }

    def _events_lost(self, segments: list[dict[str, Any]], live: Live) -> int:
        arrived = {received.event["segment"]["id"] for received in live.of_type("segment.added")}
        return len({segment["id"] for segment in segments} - arrived)

    def _ask(self, segments: list[dict[str, Any]], *, offset_ms: float) -> dict[str, bool]:
        """answer_cited: each question is answered, with whole segments, one of them where the answer was spoken."""
        self._say("asking")
        by_id = {segment["id"]: segment for segment in segments}
        before = self._rep.call("GET", "/api/credits")["available_mcredits"]
        right = 0
        for question in self._spoken.questions:
            quotes = self._answer(question.text)["quotes"]
            exact = [quote for quote in quotes if quote["text"] == by_id.get(quote["segment_id"], {}).get("text")]
            told = [
                quote for quote in exact if question.is_answered_by(by_id[quote["segment_id"]], offset_ms=offset_ms)
            ]
            right += bool(told) and exact == quotes
            if not told:
                self._say(f"{question.text} -> {[quote['text'] for quote in quotes] or 'not in your calls'}")
        self._say(f"{right} of {len(self._spoken.questions)} questions answered where it was said")
        between = self._rep.call("GET", "/api/credits")["available_mcredits"]
        refused = [self._answer(question) for question in self._spoken.unanswerable]
        after = self._rep.call("GET", "/api/credits")["available_mcredits"]
        self._require(before > between, "an answer cost nothing")
        uncited = all(answer["status"] == "not_in_your_calls" and not answer["quotes"] for answer in refused)
        return {
            "answer_cited": right == len(self._spoken.questions),
            "refused_uncited": bool(refused) and uncited and after == between,
        }

    def _answer(self, question: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._rep.call("POST", "/api/questions", {"question": question}, key=str(uuid.uuid4()))
        return answer

    def _erase(self, segments: list[dict[str, Any]], live: Live) -> int:
        """Deletes the account and counts what is left of the person, the lead and their words."""
        self._say("deleting the account")
        canaries = [PERSON.email, PERSON.mobile, PERSON.last_name, LEAD_PHONE, LEAD["last_name"], "zephyrfair"]
        spoken = [*segments, *(received.event["segment"] for received in live.of_type("segment.added"))]
        canaries += list({segment["text"] for segment in spoken if len(segment["text"]) >= 25})
        env = self._stack.env
        scan = Scan(database_url=env["DATABASE_URL"], redis_url=env["REDIS_URL"], folder=self._stack.data_dir)
        self._require(len(scan.everywhere(canaries)) > 3, "the scan finds nothing even before the erasure")
        request = self._rep.call("POST", "/api/privacy/erasure", {"confirm": PERSON.email, "when": "now"}, expect=202)
        receipt = f"/api/erasure-receipts/{request['receipt_path'].rsplit('/', 1)[-1]}"
        self._rep.wait_for(lambda: self._rep.call("GET", receipt)["state"] == "done", limit_s=60, every_s=0.5)
        self._require(self._rep.ask("GET", "/api/calls").status_code == 401, "the session outlived the account")
        self._require(live.close_code is not None, "the socket outlived the account")
        left = scan.everywhere(canaries)
        for place, count in left.items():
            self._say(f"left after the erasure: {count} in {place}")
        return sum(left.values())

    def _check(self, result: dict[str, Any]) -> None:
        problems = [
            name
            for name, fine in {
                "segments": result["segments"] >= 8,
                "wer": result["wer"] <= 0.15,
                "first_text_ms": 0 < result["first_text_ms"] <= 5_000,
                "minutes_charged": result["minutes_charged"] == 2,
                "balance": result["balance_mcredits"] == self._balance_bought - result["debited_mcredits"],
                "events_lost": result["events_lost"] == 0,
                "answer_cited": result["answer_cited"],
                "refused_uncited": result["refused_uncited"],
                "left_after_erasure": result["left_after_erasure"] == 0,
            }.items()
            if not fine
        ]
        if problems:
            self._say(f"not as it should be: {', '.join(problems)}")
            result["ok"] = False

    @staticmethod
    def _require(condition: bool, otherwise: str) -> None:
        if not condition:
            raise UnexpectedAnswer(otherwise)
