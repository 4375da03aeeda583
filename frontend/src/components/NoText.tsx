/** Said to everybody who waits for a code: whether the phone wants no text messages is told only to who has proved it. */
export function NoText() {
  return (
    <p className="quiet">
      No text message? A phone that once answered STOP gets none: text START to the number that it answered,
      then send another code. If none comes then either, write to{" "}
      <a href="mailto:support@klosesales.com">support@klosesales.com</a>.
    </p>
  );
}
