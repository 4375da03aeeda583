"""What the inventory names and the story does not plant of the account that is erased, each with the reason."""

from typing import Final

NOT_PLANTED: Final = {
    "none": "Nothing of anybody.",
    "log_id": "Random identifiers; the logs are scanned as files.",
    "credentials": "Part of the account's row; the password is planted, and hashed.",
    "social_identity": "Whoever has a password needs no provider: tests/identity/test_social.py.",
    "workspace": "It is the owner's, who stays: tests/identity/test_erasure.py.",
    "unfinished_sign_up": "Ends before it is an account: tests/identity/test_retention.py.",
    "call_limit": "Of people who were called, where their law counts calls: tests/voice/test_limit_marks.py.",
    "callee": "Of people who were called, one of whom is erased in the same story.",
    "audio": "Looked for by its sound in every place.",
    "card": "Looked for by the numbers that were typed, spoken and sent.",
    "staff_look": "None of us looks: tests/staff.",
    "staff_account": "Of our own people.",
    "staff_access": "Of our own people.",
    "queue": "Valkey is scanned whole, and no worker is left with anything to do.",
    "watch": "Nobody reads along; ends with the call: tests/voice/test_retention.py.",
    "webhook": "A server would be told, and the story has no network: tests/outgoing.",
    "delivery": "The same.",
    "undelivered": "The same.",
    "backup": "One is made, restored and scanned.",
    "policy_notice": "No version is told of: tests/compliance/test_policy_change.py.",
    "identity_proof": "Of cases of nominees, and names nobody: tests/identity/test_nominee.py.",
    "erasure_ledger": "Keyed hashes, made by the erasure itself.",
    "suppression": "Keyed hashes; of who is called: tests/compliance/test_suppression.py.",
    "audit": "Random identifiers, kept; read whole by the scan.",
    "breach": "Names nobody.",
    "review": "Names nobody.",
    "legal_hold": "Nothing is held: tests/staff/test_holds.py.",
}
