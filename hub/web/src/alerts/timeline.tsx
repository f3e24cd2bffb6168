// Alerts over time, stacked by priority; a drag chooses the time range.
import { useQuery } from "@tanstack/preact-query";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { get } from "../api";
import { colour, onChange } from "../parts/theme";
import { bigNumber, shortly } from "../times";
import { PRIORITIES, type Timeline as Figures } from "../types";
import { DEFAULT_FROM, show, type View } from "../view";

const HEIGHT = 112;
const BUCKETS = 120;

export function Timeline({ view, query }: { view: View; query: string }) {
  const figures = useQuery({
    queryKey: ["timeline", query],
    queryFn: ({ signal }) => get<Figures>(`timeline?${query}&buckets=${BUCKETS}`, signal),
    placeholderData: (old) => old,
    refetchInterval: 60_000,
  });
  const data = figures.data;
  const total = useMemo(() => data?.counts.flat().reduce((sum, each) => sum + each, 0) ?? 0, [data]);
  const [under, setUnder] = useState<number | null>(null);
  return (
    <section class="timeline" aria-label="Alerts over time">
      <div class="readout">
        {data && under !== null && data.counts[under] ? <Readout figures={data} at={under} />
          : <span class="faint">{data && total ? `${shortly(data.start * 1000)} – ${shortly(data.end * 1000)} · drag to zoom in` : "\u00a0"}</span>}
        {view.to && <button type="button" class="quiet small" onClick={() => show(view, { from: DEFAULT_FROM, to: "" })}>Back to the last 24 hours</button>}
      </div>
      {figures.error ? <p class="error">{figures.error.message}</p>
        : <Chart figures={data} onHover={setUnder} onRange={(from, to) => show(view, { from, to })} />}
    </section>
  );
}

function Readout({ figures, at }: { figures: Figures; at: number }) {
  const from = (figures.start + at * figures.step) * 1000;
  const counts = figures.counts[at]!;
  const parts = counts.map((count, index) => ({ count, index })).filter((each) => each.count);
  return (
    <span>
      <span class="faint">{shortly(from)} </span>
      {parts.length ? parts.map(({ count, index }) => (
        <span key={index} class={`p${index} part`}><i class="dot" />{bigNumber(count)} {PRIORITIES[index]}</span>
      )) : <span class="faint">no alerts</span>}
    </span>
  );
}

function Chart(props: {
  figures: Figures | undefined;
  onHover: (bucket: number | null) => void;
  onRange: (from: string, to: string) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [themes, setThemes] = useState(0);
  useLayoutEffect(() => onChange(() => setThemes((old) => old + 1)), []);

  useLayoutEffect(() => {
    const place = box.current!;
    const made = new uPlot(options(place.clientWidth, latest), stacked(latest.current.figures), place);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: place.clientWidth, height: HEIGHT }));
    observer.observe(place);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [themes]);

  useLayoutEffect(() => plot.current?.setData(stacked(props.figures)), [props.figures]);
  return <div class="chart" ref={box} role="img" aria-label={spoken(props.figures)} />;
}

/** One row of times, then from Debug down to Emergency the sums of this priority and all more urgent ones. */
function stacked(figures: Figures | undefined): uPlot.AlignedData {
  const counts = figures?.counts ?? [];
  const times = counts.map((_, index) => figures!.start + (index + 0.5) * figures!.step);
  const sums = PRIORITIES.map((_, upTo) =>
    counts.map((bucket) => bucket.slice(0, upTo + 1).reduce((sum, each) => sum + each, 0) || null));
  return [times, ...sums.reverse()] as uPlot.AlignedData;
}

function spoken(figures: Figures | undefined): string {
  if (!figures) return "Timeline";
  const sums = PRIORITIES.map((name, index) => ({ name, sum: figures.counts.reduce((sum, each) => sum + (each[index] ?? 0), 0) }));
  return `Alerts over time: ${sums.filter((each) => each.sum).map((each) => `${each.sum} ${each.name}`).join(", ") || "none"}`;
}

function options(width: number, latest: { current: Parameters<typeof Chart>[0] }): uPlot.Options {
  const text = colour("--faint");
  const grid = { stroke: colour("--line"), width: 1 };
  const font = "11px system-ui, sans-serif";
  const bars = uPlot.paths.bars!({ size: [0.86, 40, 1], align: 0 });
  const series = PRIORITIES.map((name, index) => {
    const fill = colour(`--p${index}`);
    return { label: name, fill, stroke: fill, width: 0, paths: bars, points: { show: false } };
  });
  return {
    width,
    height: HEIGHT,
    padding: [6, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    scales: {
      x: {
        range: () => {
          const figures = latest.current.figures;
          return figures ? [figures.start, figures.end] : [0, 1];
        },
      },
      y: { range: (_, _min, max) => [0, Math.max(4, max * 1.08 || 0)] },
    },
    axes: [
      { stroke: text, font, grid: { show: false }, ticks: { ...grid, size: 4 }, size: 22, gap: 2, values: clock24 },
      { stroke: text, font, grid, ticks: { show: false }, size: 44, gap: 4, space: 28, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6],
        values: (_, values) => values.map((each) => Intl.NumberFormat(undefined, { notation: "compact" }).format(each)) },
    ],
    series: [{}, ...series.reverse()],
    hooks: {
      setCursor: [(self) => latest.current.onHover(self.cursor.left !== undefined && self.cursor.left >= 0 ? self.cursor.idx ?? null : null)],
      setSelect: [(self) => {
        if (self.select.width < 3) return;
        const second = (at: number) => new Date(Math.round(self.posToVal(at, "x")) * 1000).toISOString().replace(".000Z", "Z");
        const from = second(self.select.left);
        const to = second(self.select.left + self.select.width);
        self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        latest.current.onRange(from, to);
      }],
    },
  };
}

/** Times at the ticks: as much of them as differs from tick to tick. */
function clock24(_: uPlot, ticks: number[]): string[] {
  const step = (ticks[1] ?? 0) - (ticks[0] ?? 0);
  const format = new Intl.DateTimeFormat(undefined, step >= 86400
    ? { month: "short", day: "numeric" }
    : { hour: "2-digit", minute: "2-digit", ...(step && step < 60 ? { second: "2-digit" } : {}), hourCycle: "h23" });
  const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
  return ticks.map((each) => {
    const date = new Date(each * 1000);
    return step < 86400 && date.getHours() === 0 && date.getMinutes() === 0 ? day.format(date) : format.format(date);
  });
}
