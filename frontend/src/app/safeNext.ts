const HOME = "/call";
const OURS = "https://ours.invalid";

/**
 * Only paths of our own: whoever crafts a link cannot send people elsewhere after sign-in. The link is read as browsers read it: they
 * drop tabs and line ends and take a backslash for a slash, so that "/", a tab and "/evil.example" are another site.
 */
export function safeNext(next: string | undefined): string {
  if (!next?.startsWith("/") || !URL.canParse(next, OURS)) return HOME;
  const { origin, pathname } = new URL(next, OURS);
  // A path that begins with two slashes would be another site the next time that somebody reads it.
  return origin === OURS && !pathname.startsWith("//") ? next : HOME;
}
