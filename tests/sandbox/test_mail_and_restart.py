"""Mail, and what a restart of the sandbox keeps."""

import asyncio
import json
import smtplib
from email.message import EmailMessage
from pathlib import Path

import httpx

from tests.sandbox.conftest import LEAD, PADDLE_KEY, REP, Sandbox, free_port, start_sandbox, twilio_client, write_speech
from tests.sandbox.product import Product


def deliver(port: int) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "support@klosesales.com", "rep@example.com", "Grüße"
    message.set_content("Open https://localhost/reset?token=abc now")
    message.add_alternative('<a href="https://localhost/other">here</a>', subtype="html")
    with smtplib.SMTP("localhost", port, timeout=5) as server:
        server.send_message(message)


async def test_a_mail_is_kept_with_its_links(sandbox: Sandbox) -> None:
    await asyncio.to_thread(deliver, sandbox.smtp_port)
    mail = (await sandbox.get("/mails", to="Rep@example.com"))[0]

    assert (mail["subject"], mail["from"], mail["to"]) == ("Grüße", "support@klosesales.com", ["rep@example.com"])
    assert mail["links"] == ["https://localhost/other", "https://localhost/reset?token=abc"]
    assert await sandbox.get("/mails", to="other@example.com") == []


def told_since(product: Product, before: int) -> list[str]:
    return [json.loads(body)["event_type"] for _, body in product.notifications[before:]]


async def test_what_is_killed_comes_back_ends_its_calls_and_finishes_its_sales(
    product: Product, tmp_path: Path
) -> None:
    port, smtp_port, state = free_port(), free_port(), tmp_path / "state.json"
    speech = tmp_path / "speech"
    speech.mkdir()
    write_speech(speech)
    url = f"http://localhost:{port}"
    settings = {"SANDBOX_STATE_FILE": str(state), "SANDBOX_SPEECH_FOLDER": str(speech)}
    settings["SANDBOX_PADDLE_WEBHOOK_URL"] = f"{product.url}/paddle/webhook"
    process = await asyncio.to_thread(start_sandbox, port, smtp_port, **settings)
    try:
        async with httpx.AsyncClient(base_url=url) as http:
            sandbox = Sandbox(url, smtp_port, http, twilio_client(url))
            product.answer_call(f"{LEAD[:-2]}89")
            sid = await sandbox.call(product)
            await product.until(lambda: product.told("/notice/played"))
            await product.until(lambda: state.exists() and '"in-progress"' in state.read_text())
            sale = {"items": [{"price_id": "pri_01klosesales0000000starter", "quantity": 1}]}
            key = {"Authorization": f"Bearer {PADDLE_KEY}"}
            created = (await http.post("/paddle/transactions", json=sale, headers=key)).json()["data"]
            product.statuses["/paddle/webhook"] = 500
            await sandbox.post(f"/paddle/transactions/{created['id']}/pay")
            await product.until(lambda: created["id"] in state.read_text() and product.events("transaction.paid"))
            process.kill()
            process.wait(5)
            product.statuses.clear()
            before = len(product.notifications)
            process = await asyncio.to_thread(start_sandbox, port, smtp_port, **settings)
            await product.until(lambda: len(product.told("/status")) == 4)
            await product.until(lambda: "transaction.completed" in told_since(product, before))
            call = await sandbox.sdk(lambda client: client.calls(sid).fetch())
    finally:
        process.terminate()
        process.wait(5)

    assert (call.status, call.to) == ("completed", REP)
    assert product.told("/status")[-1]["SequenceNumber"] == "3"
