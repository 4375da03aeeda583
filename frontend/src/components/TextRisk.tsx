/** What a code by text message cannot stop, and what people can do about it. */
export function TextRisk() {
  return (
    <details>
      <summary>How safe is a code by text message?</summary>
      <p>
        It keeps out whoever has your password alone. It does not keep out somebody who gets your messages:
        who talks your phone company into moving your number to another SIM card, listens in on the network,
        or reads the phone that lies there unlocked.
      </p>
      <ul>
        <li>Ask your phone company for a PIN without which your number cannot be moved.</li>
        <li>
          If your phone loses service for no reason, call your phone company from another one at once, then
          sign out everywhere in the settings and write to support.
        </li>
        <li>Look now and then where you are signed in, in the settings, and sign out what is not yours.</li>
        <li>
          A code that you did not ask for may mean that somebody knows your password: change it. Tell nobody a
          code; we never ask for one on the phone or by mail.
        </li>
      </ul>
    </details>
  );
}
