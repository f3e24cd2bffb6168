// Times for people: in their own zone, with UTC and nanoseconds where the pointer rests.

export const RANGES: { from: string; label: string }[] = [
  { from: "-15m", label: "Last 15 minutes" },
  { from: "-1h", label: "Last hour" },
  { from: "-6h", label: "Last 6 hours" },
  { from: "-24h", label: "Last 24 hours" },
  { from: "-7d", label: "Last 7 days" },
  { from: "-30d", label: "Last 30 days" },
  { from: "", label: "Everything" },
];

const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "2-digit" });
const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const short = new Intl.DateTimeFormat(undefined, {
  month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const as = (format: Intl.DateTimeFormat, at: string | number): string => {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : format.format(date);
};

export const dayOf = (at: string): string => as(day, at);
export const clockOf = (at: string): string => as(clock, at);
export const shortly = (at: string | number): string => as(short, at);
export const fully = (at: string | number): string => as(full, at);

/** "in 3 h", "5 min ago" */
export function relative(at: string): string {
  const seconds = (Date.parse(at) - Date.now()) / 1000;
  const [size, unit] =
    Math.abs(seconds) < 90 ? [1, "second"] as const
    : Math.abs(seconds) < 5400 ? [60, "minute"] as const
    : Math.abs(seconds) < 129600 ? [3600, "hour"] as const
    : [86400, "day"] as const;
  return new Intl.RelativeTimeFormat(undefined, { style: "short" }).format(Math.round(seconds / size), unit);
}

export function rangeLabel(from: string, to: string): string {
  const preset = !to && RANGES.find((each) => each.from === from);
  if (preset) return preset.label;
  const side = (text: string, none: string) => (text ? (text.startsWith("-") ? text : shortly(text)) : none);
  return `${side(from, "the beginning")} – ${side(to, "now")}`;
}

/** For <input type="datetime-local">, which knows no zone. */
export function toInput(at: string): string {
  const date = new Date(at);
  if (!at || at.startsWith("-") || Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export const fromInput = (text: string): string => (text ? new Date(text).toISOString().replace(/\.\d+Z$/, "Z") : "");

export const bigNumber = (value: number): string => value.toLocaleString();
