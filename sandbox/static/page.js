// The sandbox's page: refreshes its sections, and posts what is clicked to the control API.
(() => {
  "use strict";
  const api = "/sandbox/api";
  const everyMs = 1000;
  const focusable = "button, select, input, a";

  async function refresh() {
    const answer = await fetch("/sandbox/parts");
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-part]")) {
      const next = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
      // A section in which somebody chooses or types stays as it is; a button that was clicked does not hold it.
      const busy = part.querySelector("input:focus, select:focus");
      if (!next || busy || next.innerHTML === part.dataset.shown) {
        continue;
      }
      part.dataset.shown = next.innerHTML;
      // The keyboard's place in the section is kept, by position, when its elements are replaced.
      const place = [...part.querySelectorAll(focusable)].indexOf(document.activeElement);
      part.replaceChildren(...next.childNodes);
      part.querySelectorAll(focusable)[place]?.focus();
    }
  }

  async function send(method, path, body) {
    const answer = await fetch(api + path, {
      method,
      headers: { "Content-Type": "application/json" },
      body: method === "DELETE" ? undefined : JSON.stringify(body),
    });
    const told = await answer.json();
    if (!answer.ok) {
      throw new Error(told.error);
    }
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-post]");
    if (!button) {
      return;
    }
    button.disabled = true;
    try {
      await send(button.dataset.method ?? "POST", button.dataset.post, JSON.parse(button.dataset.body ?? "{}"));
    } catch (error) {
      button.title = error.message;
    }
    button.disabled = false;
    await refresh();
  });

  document.addEventListener("change", async (event) => {
    const { phone } = event.target.dataset;
    if (phone) {
      await send("POST", `/phones/${phone}`, { [event.target.name]: event.target.value });
      event.target.blur();
      await refresh();
    }
  });

  document.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    const typed = Object.fromEntries(new FormData(form));
    const problem = form.querySelector(".problem");
    try {
      if (form.dataset.do === "phone") {
        await send("POST", `/phones/${encodeURIComponent(typed.e164.replace(/[^+\d]/g, ""))}`, {});
      } else {
        await send("POST", "/faults", { ...typed, value: Number(typed.value), count: Number(typed.count) });
      }
      document.activeElement.blur();
      await refresh();
    } catch (error) {
      if (problem) {
        problem.textContent = error.message;
      }
    }
  });

  async function keepFresh() {
    try {
      await refresh();
      document.body.classList.remove("away");
    } catch {
      document.body.classList.add("away");
    }
    setTimeout(keepFresh, everyMs);
  }

  keepFresh();
})();
