/** Only paths of our own: whoever crafts a link cannot send people elsewhere after sign-in. */
export function safeNext(next: string | undefined): string {
  return next?.startsWith("/") && !next.startsWith("//") && !next.includes("\\") ? next : "/call";
}
