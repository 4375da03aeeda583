import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { BurnDay } from "../../api/types";
import { creditNumber, MCREDITS_PER_CREDIT } from "../../format/credits";
import { localDay, onShortDay } from "../../format/time";
import classes from "./BurnPanel.module.css";
import { dayWords } from "./burn";

const HEIGHT_PX = 200;
const LABEL_PX = 72;

/** The line; the pointer or the arrow keys go from day to day, and what the day says stands below it. */
export function BurnChart({ days }: { days: readonly BurnDay[] }) {
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(null);
  const [at, setAt] = useState<number | null>(null);
  const last = days.length - 1;
  const shown = days[Math.min(at ?? last, last)];

  const data = useMemo<uPlot.AlignedData>(
    () => [
      days.map((day) => localDay(day.day).getTime() / 1000),
      days.map((day) => day.balance_mcredits / MCREDITS_PER_CREDIT),
    ],
    [days],
  );
  // Drawn once; what it draws is given to it below.
  useEffect(() => {
    const host = frame.current;
    if (host === null) return;
    const plot = new uPlot(
      options(host, (index) => setAt(index)),
      [[], []],
      host,
    );
    chart.current = plot;
    const sized = new ResizeObserver(() => plot.setSize({ width: host.clientWidth, height: HEIGHT_PX }));
    sized.observe(host);
    const scheme = window.matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => plot.redraw();
    scheme.addEventListener("change", redraw);
    return () => {
      scheme.removeEventListener("change", redraw);
      sized.disconnect();
      plot.destroy();
      chart.current = null;
    };
  }, []);
  useEffect(() => chart.current?.setData(data), [data]);

  function go(index: number): void {
    const plot = chart.current;
    const seconds = data[0][index];
    const value = data[1]?.[index];
    if (plot === null || seconds === undefined || value == null) return;
    plot.setCursor({ left: plot.valToPos(seconds, "x"), top: plot.valToPos(value, "y") });
    setAt(index);
  }

  function pressed(event: KeyboardEvent): void {
    const now = Math.min(at ?? last, last);
    const steps: Record<string, number> = {
      ArrowLeft: now - 1,
      ArrowDown: now - 1,
      ArrowRight: now + 1,
      ArrowUp: now + 1,
      PageDown: now - 7,
      PageUp: now + 7,
      Home: 0,
      End: last,
    };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    go(Math.max(0, Math.min(last, to)));
  }

  return (
    <div>
      <div
        ref={frame}
        className={classes.room}
        role="slider"
        tabIndex={0}
        aria-label="Balance, day by day"
        aria-valuemin={0}
        aria-valuemax={last}
        aria-valuenow={Math.min(at ?? last, last)}
        aria-valuetext={shown && dayWords(shown)}
        onKeyDown={pressed}
      />
      <p className={`num quiet ${classes.shown}`}>{shown && dayWords(shown)}</p>
    </div>
  );
}

function options(host: HTMLElement, onDay: (index: number | null) => void): uPlot.Options {
  const colour = (name: string) => () => resolved(host, name);
  const axis: uPlot.Axis = {
    stroke: colour("--ink-quiet"),
    font: '12px "Inter Variable", system-ui, sans-serif',
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: host.clientWidth || 600,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 9, fill: colour("--accent-ink"), stroke: colour("--surface"), width: 2 },
    },
    scales: { x: { time: true }, y: { range: (_, low, high) => room(low, high) } },
    axes: [
      { ...axis, grid: { show: false }, size: 28, space: LABEL_PX, values: (_, days) => days.map(said) },
      {
        ...axis,
        size: 64,
        values: (_, amounts) => amounts.map((each) => creditNumber(each * MCREDITS_PER_CREDIT)),
      },
    ],
    series: [
      {},
      { stroke: colour("--accent-ink"), width: 2, fill: colour("--accent-wash"), points: { show: false } },
    ],
    hooks: { setCursor: [(plot) => onDay(plot.cursor.idx ?? null)] },
  };
}

const said = (seconds: number): string => onShortDay(new Date(seconds * 1000));

/** Nothing is always in sight, so that a fall looks as deep as it is. */
function room(low: number | null, high: number | null): [number, number] {
  const bottom = Math.min(0, low ?? 0);
  const top = Math.max(1, high ?? 1);
  const air = (top - bottom) * 0.08;
  return [bottom === 0 ? 0 : bottom - air, top + air];
}

/** The canvas understands no variables. */
function resolved(host: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  host.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
