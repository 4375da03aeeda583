import { expect, test } from "vitest";
import { heldName, heldText } from "./held";

test.each([
  ["email_first_proved_at", "Email first proved at"],
  ["mobile_e164", "Mobile number"],
  ["start_ms", "Start"],
  ["agent", "Browser"],
])("the field %s is called %s", (key, name) => {
  expect(heldName(key)).toBe(name);
});

test.each([
  ["last_used_at", null, "none"],
  ["given", true, "yes"],
  ["start_ms", 65_000, "1:05"],
  ["duration_s", 125, "2 minutes"],
  ["kind", "signed_in", "signed in"],
  ["purpose", "num_chck", "check, without an account"],
  ["due_on", "2026-12-24", "24 December 2026"],
  // What somebody wrote stays as it was written.
  ["notes", "call_back on 2026-12-24", "call_back on 2026-12-24"],
  ["notes", "signed_in", "signed_in"],
])("of %s, %s is shown as %s", (key, value, shown) => {
  expect(heldText(key, value)).toBe(shown);
});

test.each(["2026-11-26 23:01:36.123456+00:00", "2026-11-26T23:01:36Z"])("%s is a moment", (text) => {
  expect(heldText("at", text)).toMatch(/^2[67] Nov 2026, \d\d:\d\d$/);
});
