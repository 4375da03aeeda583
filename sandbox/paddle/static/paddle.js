// A stand-in of Paddle.js v2 for the sandbox: the calls, the overlay and the events that the real one has.
(() => {
  "use strict";
  const origin = new URL(document.currentScript.src).origin;
  let options = null;
  let overlay = null;

  function tell(event) {
    if (options && typeof options.eventCallback === "function") {
      options.eventCallback(event);
    }
  }

  function close() {
    if (!overlay) {
      return;
    }
    const closing = overlay;
    overlay = null;
    window.removeEventListener("message", hear);
    closing.frame.remove();
    closing.before?.focus?.();
    tell({ name: "checkout.closed", data: closing.data });
  }

  function hear(message) {
    if (!overlay || message.origin !== origin || message.source !== overlay.frame.contentWindow) {
      return;
    }
    if (message.data?.name === "checkout.closed") {
      close();
      return;
    }
    if (message.data?.data) {
      overlay.data = message.data.data;
    }
    tell(message.data);
  }

  function frameUrl(wanted) {
    const query = new URLSearchParams({ token: options.token, parent: window.location.origin });
    if (wanted.customer?.email) {
      query.set("email", wanted.customer.email);
    }
    if (wanted.transactionId) {
      return `${origin}/paddle/checkout/${encodeURIComponent(wanted.transactionId)}?${query}`;
    }
    query.set("items", JSON.stringify(wanted.items));
    if (wanted.customData) {
      query.set("customData", JSON.stringify(wanted.customData));
    }
    return `${origin}/paddle/checkout?${query}`;
  }

  function open(wanted) {
    if (!options) {
      throw new Error("Paddle.Initialize() must be called before Paddle.Checkout.open()");
    }
    if (!wanted || (!wanted.transactionId && !Array.isArray(wanted.items))) {
      throw new Error("Paddle.Checkout.open() needs transactionId or items");
    }
    close();
    const frame = document.createElement("iframe");
    frame.name = "paddle_frame";
    frame.className = "paddle-frame paddle-frame-overlay";
    frame.title = "Paddle checkout";
    frame.allow = "payment";
    // Set one by one through the object model, which a page's policy against inline styles allows.
    Object.assign(frame.style, {
      position: "fixed",
      inset: "0",
      width: "100%",
      height: "100%",
      border: "0",
      zIndex: "99999999",
      background: "transparent",
      // The same as the frame's own document has; a browser paints an opaque ground where the two differ.
      colorScheme: "light dark",
    });
    overlay = { frame, data: null, before: document.activeElement };
    window.addEventListener("message", hear);
    frame.addEventListener("load", () => frame.contentWindow?.focus(), { once: true });
    frame.src = frameUrl(wanted);
    document.body.append(frame);
  }

  window.Paddle = {
    Environment: { set() {} },
    Initialize(given) {
      if (!given || typeof given.token !== "string" || given.token === "") {
        throw new Error("Paddle.Initialize() needs a client-side token");
      }
      options = { ...given };
      window.Paddle.Initialized = true;
    },
    Initialized: false,
    Update(given) {
      options = { ...options, ...given };
    },
    Checkout: { open, close },
    Spinner: { show() {}, hide() {} },
    Status: { libraryVersion: "sandbox" },
  };
})();
