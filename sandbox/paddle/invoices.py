"""Invoices as Paddle serves them: a PDF behind a link that nobody can guess and that ends after an hour."""

import secrets
from datetime import datetime, timedelta

from aiohttp import web

from sandbox import clock
from sandbox.paddle.sales import Sales
from sandbox.records import Transaction

LINK_FOR = timedelta(hours=1)
LINKS_MAX = 1_000


class Invoices:
    """The links of this process; a restart ends them all."""

    def __init__(self, sales: Sales) -> None:
        self._sales = sales
        self._links: dict[str, tuple[str, datetime]] = {}

    def link(self, transaction: Transaction, *, host: str) -> str:
        token = secrets.token_urlsafe(24)
        self._links[token] = (transaction.id, clock.now() + LINK_FOR)
        while len(self._links) > LINKS_MAX:
            del self._links[next(iter(self._links))]
        return f"http://{host}/paddle/invoices/{token}.pdf"

    async def show(self, request: web.Request) -> web.Response:
        transaction_id, until = self._links.get(request.match_info["token"], ("", clock.now()))
        if clock.now() >= until:
            raise web.HTTPForbidden(text="The link has ended.")
        transaction = self._sales.find(transaction_id)
        name = f"invoice-{transaction.invoice_number}.pdf"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(body=self._pdf(transaction), content_type="application/pdf", headers=headers)

    def _pdf(self, transaction: Transaction) -> bytes:
        total = self._sales.total_minor(transaction) / 100
        return pdf(
            [
                f"Invoice {transaction.invoice_number}",
                f"Transaction {transaction.id}",
                f"Paid: {transaction.currency} {total:,.2f}",
                "Test mode of the sandbox: nothing was charged.",
            ]
        )


def pdf(lines: list[str]) -> bytes:
    """One page of plain lines (PDF 1.4). lines: ASCII without brackets or backslashes."""
    text = "BT /F1 12 Tf 72 760 Td 18 TL " + " ".join(f"({line}) Tj T*" for line in lines) + " ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        " /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    trailer = f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return f"{body}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{trailer}".encode("ascii")
