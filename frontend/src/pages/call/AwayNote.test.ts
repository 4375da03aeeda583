import { describe, expect, test } from "vitest";
import { Problem } from "../../api/problem";
import { AwayNote, isAway } from "./AwayNote";

/** All words in what a component returned, without drawing it. */
function words(node: unknown): string {
  if (typeof node === "string") return node;
  if (Array.isArray(node)) return node.map(words).join(" ");
  const props = (node as { props?: { children?: unknown } } | null)?.props;
  return props ? words(props.children) : "";
}

describe("a server that does not answer", () => {
  test("is known by any of what was asked for, and by no other failure", () => {
    expect(isAway(null, undefined, Problem.unreachable())).toBe(true);
    expect(isAway(null, Problem.fromBody(500, {}), Problem.fromBody(404, {}))).toBe(false);
  });

  test("is said with what becomes of the call", () => {
    expect(words(AwayNote({ call: { status: "in_progress", way: "phone" } }))).toContain(
      "Hang up on your phone",
    );
    expect(words(AwayNote({ call: { status: "in_progress", way: "browser" } }))).toContain(
      "not to our server",
    );
    expect(words(AwayNote({ call: undefined }))).not.toContain("call goes on");
  });
});
