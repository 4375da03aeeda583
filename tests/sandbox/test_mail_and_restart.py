"""Mail, and what a restart of the sandbox keeps."""

import asyncio
import smtplib
from email.message import EmailMessage
from pathlib import Path

import httpx

from tests.sandbox.conftest import LEAD, REP, Sandbox, free_port, start_sandbox, twilio_client, write_speech
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


async def test_a_carrier_that_is_killed_comes_back_and_ends_its_calls(product: Product, tmp_path: Path) -> None:
    port, smtp_port, state = free_port(), free_port(), tmp_path / "state.json"
    speech = tmp_path / "speech"
    speech.mkdir()
    write_speech(speech)
    url = f"http://localhost:{port}"
    settings = {"SANDBOX_STATE_FILE": str(state), "SANDBOX_SPEECH_FOLDER": str(speech)}
    process = await asyncio.to_thread(start_sandbox, port, smtp_port, **settings)
    try:
        async with httpx.AsyncClient(base_url=url) as http:
            sandbox = Sandbox(url, smtp_port, http, twilio_client(url))
            product.answer_call(f"{LEAD[:-2]}89")
            sid = await sandbox.call(product)
            await product.until(lambda: product.told("/notice/played"))
            await product.until(lambda: state.exists() and '"in-progress"' in state.read_text())
            process.kill()
            process.wait(5)
            process = await asyncio.to_thread(start_sandbox, port, smtp_port, **settings)
            await product.until(lambda: len(product.told("/status")) == 4)
            call = await sandbox.sdk(lambda client: client.calls(sid).fetch())
    finally:
        process.terminate()
        process.wait(5)

    assert (call.status, call.to) == ("completed", REP)
    assert product.told("/status")[-1]["SequenceNumber"] == "3"
