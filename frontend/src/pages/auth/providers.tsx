import type { Provider } from "../../api/types";

/** What people call them. */
export const PROVIDER_NAMES: Record<Provider, string> = { google: "Google", facebook: "Facebook" };

// Their own marks, which they ask for beside their names.
const MARKS: Record<Provider, React.ReactNode> = {
  google: (
    <>
      <path
        fill="#4285F4"
        d="M22.56 12.25c0-.78-.07-1.53-.2-2.25H12v4.26h5.92a5.06 5.06 0 0 1-2.2 3.32v2.77h3.57c2.08-1.92 3.27-4.74 3.27-8.1z"
      />
      <path
        fill="#34A853"
        d="M12 23c2.97 0 5.46-.98 7.28-2.66l-3.57-2.77c-.98.66-2.23 1.06-3.71 1.06-2.86 0-5.29-1.93-6.16-4.53H2.18v2.84A11 11 0 0 0 12 23z"
      />
      <path fill="#FBBC05" d="M5.84 14.1a6.6 6.6 0 0 1 0-4.2V7.06H2.18a11 11 0 0 0 0 9.88l3.66-2.84z" />
      <path
        fill="#EA4335"
        d="M12 5.38c1.62 0 3.06.56 4.21 1.64l3.15-3.15A11 11 0 0 0 2.18 7.06L5.84 9.9C6.71 7.3 9.14 5.38 12 5.38z"
      />
    </>
  ),
  facebook: (
    <>
      <circle cx="12" cy="12" r="11" fill="#0866FF" />
      <path
        fill="#fff"
        d="m16 15.25.5-3.2h-3.08v-2.1c0-.87.43-1.73 1.81-1.73h1.4V5.5s-1.27-.22-2.49-.22c-2.54 0-4.2 1.54-4.2 4.33v2.44H7.13v3.2h2.82v7.56a11.2 11.2 0 0 0 3.46 0v-7.56H16z"
      />
    </>
  ),
};

export function ProviderMark({ provider }: { provider: Provider }) {
  return (
    <svg width={18} height={18} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {MARKS[provider]}
    </svg>
  );
}

const REFUSALS: Record<string, (name: string) => string> = {
  social_cancelled: (name) => `You did not agree at ${name}, so nothing was done.`,
  social_state_invalid: () => "This attempt is over, or was begun in another browser. Start again.",
  social_email_unverified: (name) =>
    `${name} has not verified your e-mail address. Verify it there, then try again.`,
  social_email_known: (name) =>
    `Your e-mail address has an account already. Sign in with its password, then link ${name} in the settings.`,
  social_erased: (name) =>
    `The account that you used with ${name} was deleted. Create one anew if you want another.`,
  social_unavailable: (name) =>
    `${name} cannot confirm who you are right now. Try again, or use another way in.`,
  social_in_use: (name) => `Somebody signs in with this ${name} account already. Sign in with it instead.`,
  social_linked_already: (name) => `You sign in with another ${name} account already. Unlink that one first.`,
  invitation_of_another: (name) =>
    `The invitation went to another e-mail address than the one of this ${name} account. Use that address, or ask for an invitation to yours.`,
  invitation_invalid: () =>
    "This invitation was used, taken back, or is too old. Ask whoever invited you for a new one.",
  account_blocked: () =>
    "This account cannot be used now. Write to support to learn why and what can be done.",
};

/** What the server refused when a provider sent the browser back, by its code. */
export function refusalWords(code: string, provider: Provider | undefined): string {
  const name = provider ? PROVIDER_NAMES[provider] : "The provider";
  const words = REFUSALS[code];
  return words?.(name) ?? `${name} gave an answer that cannot be used. Try again, or use another way in.`;
}
