/** What of Paddle.js v2 the checkout uses. */
interface PaddleEvent {
  name?: string;
}

interface PaddleApi {
  Environment: { set: (name: "sandbox") => void };
  Initialize: (options: { token: string; eventCallback: (event: PaddleEvent) => void }) => void;
  Checkout: {
    open: (options: { transactionId: string; customer: { email: string } }) => void;
    close: () => void;
  };
}

declare global {
  interface Window {
    Paddle?: PaddleApi;
  }
}

// Paddle names the tokens of its own test environment so, and wants to be told.
const TEST_TOKEN = "test_";

/** Loads Paddle's script once and initialises it. Rejects when it cannot be loaded. */
export async function loadPaddle(
  url: string,
  token: string,
  onEvent: (name: string) => void,
): Promise<PaddleApi> {
  await new Promise<void>((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve();
    script.onerror = () => reject(new Error("Paddle.js could not be loaded"));
    document.head.append(script);
  });
  const paddle = window.Paddle;
  if (paddle === undefined) throw new Error("Paddle.js did not introduce itself");
  if (token.startsWith(TEST_TOKEN)) paddle.Environment.set("sandbox");
  paddle.Initialize({ token, eventCallback: (event) => event.name && onEvent(event.name) });
  return paddle;
}
