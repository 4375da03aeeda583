/** By which a reader moves back in the text. */
const KEYS_BACK: ReadonlySet<string> = new Set(["ArrowUp", "PageUp", "Home"]);

/**
 * Keeps the end of a box's text in sight, whatever changes its height, until the reader turns back.
 * They turn back with the first touch of wheel, finger or key: a box that waited to be moved would be at its end again, and the
 * turn lost, with the next line.
 */
export function follow(box: HTMLElement, content: HTMLElement, onTurnBack: () => void): () => void {
  const observer = new ResizeObserver(() => {
    box.scrollTop = box.scrollHeight;
  });
  let fingerAtPx = 0;
  const end = (): void => {
    observer.disconnect();
    box.removeEventListener("wheel", wheel);
    box.removeEventListener("touchstart", touch);
    box.removeEventListener("touchmove", drag);
    box.removeEventListener("keydown", key);
  };
  const turnBack = (): void => {
    // There is nowhere to turn to in a text that fits into its box.
    if (box.scrollTop <= 0) return;
    end();
    onTurnBack();
  };
  const wheel = (event: WheelEvent): void => {
    // With Ctrl the wheel makes everything larger.
    if (event.deltaY < 0 && !event.ctrlKey) turnBack();
  };
  const touch = (event: TouchEvent): void => {
    fingerAtPx = event.touches[0]?.clientY ?? 0;
  };
  const drag = (event: TouchEvent): void => {
    const atPx = event.touches[0]?.clientY ?? 0;
    if (event.touches.length === 1 && atPx > fingerAtPx) turnBack();
    fingerAtPx = atPx;
  };
  const key = (event: KeyboardEvent): void => {
    if (KEYS_BACK.has(event.key) || (event.key === " " && event.shiftKey)) turnBack();
  };
  // The browser has to ask before it moves the box, or else a line that is drawn meanwhile would still come between.
  const asked = { passive: false };
  box.addEventListener("wheel", wheel, asked);
  box.addEventListener("touchstart", touch, { passive: true });
  box.addEventListener("touchmove", drag, asked);
  box.addEventListener("keydown", key);
  observer.observe(content);
  observer.observe(box);
  return end;
}
