// The checkout's frame: sends the card to the sandbox and tells the page that opened it what happened.
(() => {
  "use strict";
  const parent = document.body.dataset.parent;
  const data = document.body.dataset.checkout ? JSON.parse(document.body.dataset.checkout) : null;
  const form = document.querySelector("#card");
  const problem = document.querySelector("#problem");

  function tell(name, told) {
    if (parent && window.parent !== window) {
      window.parent.postMessage({ name, data: told }, parent);
    }
  }

  function close() {
    tell("checkout.closed", data);
  }

  async function pay(event) {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    problem.textContent = "";
    tell("checkout.payment.initiated", data);
    try {
      const answer = await fetch(`/paddle/checkout/${data.transaction_id}/pay`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(Object.fromEntries(new FormData(form))),
      });
      const told = await answer.json();
      if (!answer.ok) {
        throw new Error(told.error);
      }
      form.hidden = true;
      document.querySelector("#paid").hidden = false;
      tell("checkout.completed", told);
    } catch (error) {
      problem.textContent = error.message;
      button.disabled = false;
      tell("checkout.payment.failed", data);
    }
  }

  document.querySelector("#close")?.addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      close();
    }
  });
  form?.addEventListener("submit", pay);
  if (data) {
    tell("checkout.loaded", data);
  } else {
    tell("checkout.error", { detail: problem.textContent });
  }
})();
