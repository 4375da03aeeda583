"""The demo workspace, made by using the product as a new rep would: sign up, prove the mobile, buy a pack, add leads.

    python -m sandbox.demo PRODUCT_URL SANDBOX_URL

Prints the login. Run again, it finds the workspace and changes nothing.
"""

import sys

from sandbox.rep import Person, Rep

DEMO = Person(
    first_name="Dana",
    last_name="Demo",
    email="dana@demo.example",
    mobile="+12025550100",
    password="lantern-harbour-demo-7",
)
# The last digit picks the dialogue that the lead speaks; numbers from 555-0181 are busy, silent and so on.
LEADS = (
    ("David", "Miller", "Harbor Dental", "+1 212 555 0110"),
    ("Susan", "Baker", "Northern Freight", "+1 312 555 0111"),
    ("Carla", "Reyes", "Lakeside Clinic", "+1 415 555 0112"),
    ("Tom", "Ferris", "Ferris & Sons", "+1 617 555 0113"),
    ("Bea", "Busy", "Line Engaged Inc.", "+1 206 555 0181"),
    ("Noah", "Answer", "Nobody Home LLC", "+1 303 555 0182"),
)


def build(product_url: str, sandbox_url: str) -> None:
    rep = Rep(product_url, sandbox_url)
    try:
        rep.call("GET", "/api/session")
        known = rep.ask("POST", "/api/signin", {"email": DEMO.email, "password": DEMO.password})
        if known.status_code == 200:
            rep.ask("POST", "/api/signout")
            return
        rep.sign_up(DEMO)
        packs = rep.call("GET", "/api/credits/packs")
        rep.buy(packs[0]["price_id"])
        for first_name, last_name, company, phone in LEADS:
            lead = {"first_name": first_name, "last_name": last_name, "company": company, "phone": phone}
            rep.call("POST", "/api/leads", lead, expect=201)
        rep.confirm_email(DEMO.email)
        rep.call("POST", "/api/signout", expect=204)
    finally:
        rep.close()


if __name__ == "__main__":
    build(*sys.argv[1:3])
    sys.stdout.write(
        f"Demo login: {DEMO.email}  password: {DEMO.password}\nThe passcode appears on the sandbox's phone {DEMO.mobile}.\n"
    )
