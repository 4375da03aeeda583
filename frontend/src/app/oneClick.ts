/** What a button does is done once, however often it is clicked in a row: a second click of a double click would send a form twice, and
 * the page would tell of the second answer, which is mostly that it was done already. Buttons that are meant to be pressed fast say so
 * by `data-again`. */
export function takeOneClick(root: Document): void {
  root.addEventListener(
    "click",
    (event) => {
      if (event.detail < 2 || !(event.target instanceof Element)) return;
      const button = event.target.closest("button");
      if (button === null || button.closest("[data-again]") !== null) return;
      event.preventDefault();
      event.stopPropagation();
    },
    { capture: true },
  );
}
