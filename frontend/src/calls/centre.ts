/** What a reader does who moves the text. */
const TAKES_OVER = ["wheel", "touchmove", "pointerdown", "keydown"] as const;

/**
 * Brings a line to the middle of its box, and keeps it there until the reader moves the text.
 * Only the text moves: scrollIntoView would move the page as well.
 */
export function centre(box: HTMLElement, content: HTMLElement, line: HTMLElement): () => void {
  const move = (): void => {
    const above = line.getBoundingClientRect().top - box.getBoundingClientRect().top;
    box.scrollTop += above - (box.clientHeight - line.offsetHeight) / 2;
  };
  // Stretches that were never drawn get their true height only once they are near; then the line lies elsewhere.
  const observer = new ResizeObserver(move);
  const end = (): void => {
    observer.disconnect();
    for (const way of TAKES_OVER) box.removeEventListener(way, end);
  };
  for (const way of TAKES_OVER) box.addEventListener(way, end, { passive: true });
  observer.observe(content);
  move();
  return end;
}
