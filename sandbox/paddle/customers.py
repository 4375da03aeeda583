"""Paddle's customers: who typed an address into the checkout, one for each address."""

from typing import Any

from sandbox import clock, ids
from sandbox.paddle.sales import SaleInvalid
from sandbox.records import Customer
from sandbox.store import Store


def customer_of(store: Store, email: str) -> Customer:
    """The active one with this address, or a new one; of nobody's address always a new one."""
    address = email.strip().lower()
    known = (each for each in store.customers.values() if address and each.email == address and each.status == "active")
    found = next(known, None)
    if found is None:
        moment = clock.now()
        found = Customer(id=ids.paddle_id("ctm"), email=address, created_at=moment, updated_at=moment)
        store.customers[found.id] = found
    return found


def find(store: Store, customer_id: str) -> Customer:
    """:raises SaleInvalid: entity_not_found."""
    customer = store.customers.get(customer_id)
    if customer is None:
        raise SaleInvalid("entity_not_found", f"Entity {customer_id} not found")
    return customer


def change(store: Store, customer: Customer, body: dict[str, Any]) -> None:
    """:raises SaleInvalid: customer_already_exists, for an address of another active one."""
    address = str(body.get("email", customer.email)).strip().lower()
    others = (each for each in store.customers.values() if each.id != customer.id and each.status == "active")
    if address != customer.email and any(each.email == address for each in others):
        raise SaleInvalid("customer_already_exists", "customer email conflicts with that of another customer")
    customer.email = address
    customer.status = "archived" if body.get("status") == "archived" else customer.status
    customer.updated_at = clock.now()


def customer_body(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.id,
        "name": None,
        "email": customer.email,
        "marketing_consent": False,
        "status": customer.status,
        "custom_data": None,
        "locale": "en",
        "created_at": clock.iso_micros(customer.created_at),
        "updated_at": clock.iso_micros(customer.updated_at),
        "import_meta": None,
    }
