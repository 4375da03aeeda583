const names = new Intl.DisplayNames(["en"], { type: "region" });

/** The English name of an ISO 3166 code. */
export function countryName(code: string): string {
  return names.of(code) ?? code;
}

/** Where a session is used, before its address. */
export function placeName(session: { country: string | null; is_local: boolean }): string | null {
  if (session.is_local) return "A private network";
  return session.country && countryName(session.country);
}
