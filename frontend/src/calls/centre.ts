import { TYPING } from "../components/useKey";

/** What a reader does who moves the text. */
const TAKES_OVER = ["wheel", "touchmove", "pointerdown", "keydown"] as const;

/**
 * Brings a line to the middle of its box, and keeps it there until the reader moves the text.
 * Only the text moves: scrollIntoView would move the page as well, which intoSight does where it has to.
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

/**
 * Moves the page to a line that stands in its box but out of sight; not to one that is seen already. It stays seen while what comes
 * later takes its place above, until the reader does anything. At once, since nobody who wants less motion should have to watch a long
 * page pass by.
 * whole: the box around it too, as far as the page has room; otherwise the page moves no further than the line needs.
 */
export function intoSight(box: HTMLElement, line: HTMLElement, whole: boolean): () => void {
  const page = box.closest("main") ?? document.body;
  const move = (): void => {
    const { top, bottom } = line.getBoundingClientRect();
    const seen = page.getBoundingClientRect();
    if (top >= seen.top && bottom <= seen.bottom) return;
    if (whole) box.scrollIntoView({ block: "nearest" });
    line.scrollIntoView({ block: "nearest" });
  };
  const observer = new ResizeObserver(move);
  const end = (): void => {
    observer.disconnect();
    for (const way of TAKES_OVER) window.removeEventListener(way, end, true);
  };
  for (const way of TAKES_OVER) window.addEventListener(way, end, { capture: true, passive: true });
  for (const part of page.children) observer.observe(part);
  move();
  return end;
}

/** Whoever went to a line by a link reads on from there by keyboard, and has it read out; nobody is taken from what they write. */
export function focusOn(line: HTMLElement): void {
  if (!document.activeElement?.closest(TYPING)) line.focus({ preventScroll: true });
}
