// The dialogs in which an administrator says that an alert has been seen to, or that its like needs no sending.
import { useQuery, useQueryClient } from "@tanstack/preact-query";
import { useState } from "preact/hooks";
import { get, send } from "../api";
import { Dialog } from "../parts/ui";
import { mark } from "./data";
import { bigNumber, fromInput } from "../times";
import type { Counts, Row } from "../types";

const EXPIRIES = [
  { seconds: 3600, label: "1 hour" },
  { seconds: 8 * 3600, label: "8 hours" },
  { seconds: 86400, label: "1 day" },
  { seconds: 7 * 86400, label: "1 week" },
  { seconds: 30 * 86400, label: "30 days" },
];

const later = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();

/** Sends, shows what went wrong, and otherwise closes and lets everything be asked for anew. */
function useSending<T>(onClose: () => void, stale: string[], done?: (answer: T) => void) {
  const queries = useQueryClient();
  const [failed, setFailed] = useState("");
  const [busy, setBusy] = useState(false);
  const run = async (method: "POST" | "DELETE", path: string, body?: unknown) => {
    setBusy(true);
    setFailed("");
    try {
      const answer = await send<T>(method, path, body);
      done?.(answer);
      await Promise.all(stale.map((each) => queries.invalidateQueries({ queryKey: [each] })));
      onClose();
    } catch (error) {
      setFailed((error as Error).message);
      setBusy(false);
    }
  };
  return { run, failed, busy };
}

function Expiry({ never, value, onChange }: { never: boolean; value: string; onChange: (value: string) => void }) {
  const [own, setOwn] = useState(false);
  return (
    <div class="expiry">
      <label>
        Until
        <select
          onChange={(event) => {
            const chosen = event.currentTarget.value;
            setOwn(chosen === "own");
            onChange(chosen === "own" ? "" : chosen);
          }}
        >
          {never && <option value="" selected={!own && value === ""}>no end</option>}
          {EXPIRIES.map((each) => <option key={each.seconds} value={each.seconds} selected={!own && value === String(each.seconds)}>in {each.label}</option>)}
          <option value="own" selected={own}>a date…</option>
        </select>
      </label>
      {own && <label>Date<input type="datetime-local" required onInput={(event) => onChange(fromInput(event.currentTarget.value))} /></label>}
    </div>
  );
}

const expiryOf = (value: string): string | null => (value === "" ? null : /^\d+$/.test(value) ? later(Number(value)) : value);

export function Acknowledge({ row, onClose }: { row: Row; onClose: () => void }) {
  const queries = useQueryClient();
  const { run, failed, busy } = useSending<Row | undefined>(onClose, ["alert", "counts"], (made) =>
    mark(queries, { [row.uuid]: made?.acknowledged ?? null }));
  const [reason, setReason] = useState(row.acknowledged?.reason ?? "");
  const [until, setUntil] = useState("");
  return (
    <Dialog title="Acknowledge" onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void run("POST", `alerts/${row.uuid}/acknowledge`, { reason, expires: expiryOf(until) });
        }}
      >
        <p><strong>{row.rule}</strong></p>
        <p class="faint">Tells everybody that this alert has been seen to. It stays in the list.</p>
        <label>Reason<textarea rows={3} maxLength={1000} required value={reason} onInput={(event) => setReason(event.currentTarget.value)}
          placeholder="What it was, or a ticket" autofocus /></label>
        <Expiry never value={until} onChange={setUntil} />
        {failed && <p class="error" role="alert">{failed}</p>}
        <div class="actions end">
          {row.acknowledged && (
            <button type="button" disabled={busy} onClick={() => void run("DELETE", `alerts/${row.uuid}/acknowledge`)}>Take it back</button>
          )}
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="primary" disabled={busy}>Acknowledge</button>
        </div>
      </form>
    </Dialog>
  );
}

const DIMENSIONS = [
  { key: "rule", label: "Rule", on: true },
  { key: "namespace", label: "Namespace", on: true },
  { key: "pod", label: "Pod", on: false },
  { key: "image", label: "Image", on: true },
  { key: "hostname", label: "Host", on: false },
  { key: "source", label: "Source", on: false },
] as const;

export function SilenceDialog({ row, onClose }: { row: Row; onClose: () => void }) {
  const { run, failed, busy } = useSending(onClose, ["silences", "alert"]);
  const offered = DIMENSIONS.filter((each) => row[each.key]);
  const [on, setOn] = useState<string[]>(offered.filter((each) => each.on || (each.key === "hostname" && !row.pod)).map((each) => each.key));
  const [reason, setReason] = useState("");
  const [until, setUntil] = useState("86400");
  const chosen = offered.filter((each) => on.includes(each.key));
  const query = new URLSearchParams([["from", "-24h"], ...chosen.map((each): [string, string] => [each.key, row[each.key]!])]);
  const counts = useQuery({
    queryKey: ["counts", query.toString()],
    queryFn: ({ signal }) => get<Counts>(`counts?${query}`, signal),
    enabled: chosen.length > 0,
  });
  return (
    <Dialog title="Silence alerts like this one" onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          const matchers = Object.fromEntries(chosen.map((each) => [each.key, [row[each.key]!]]));
          void run("POST", "silences", { matchers, reason, expires: expiryOf(until) });
        }}
      >
        <p class="faint">Alerts that come from now on and have all of these are kept and shown, but sent nowhere.</p>
        <fieldset class="stack">
          <legend>Which</legend>
          {offered.map((each) => (
            <label key={each.key} class="switch">
              <input
                type="checkbox" checked={on.includes(each.key)}
                onChange={(event) => setOn(event.currentTarget.checked ? [...on, each.key] : on.filter((key) => key !== each.key))}
              />
              <span>{each.label} <span class="mono">{row[each.key]}</span></span>
            </label>
          ))}
        </fieldset>
        <p class="state" role="status">
          {!chosen.length ? "Choose at least one: a silence of everything would be a hub that is off."
            : counts.data ? `Of the last 24 hours it would have silenced ${bigNumber(counts.data.total)} ${counts.data.total === 1 ? "alert" : "alerts"}.` : "\u00a0"}
        </p>
        <label>Reason<textarea rows={2} maxLength={1000} required value={reason} onInput={(event) => setReason(event.currentTarget.value)}
          placeholder="Why, and who knows more" autofocus /></label>
        <Expiry never={false} value={until} onChange={setUntil} />
        {failed && <p class="error" role="alert">{failed}</p>}
        <div class="actions end">
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="primary" disabled={busy || !chosen.length}>Silence</button>
        </div>
      </form>
    </Dialog>
  );
}
