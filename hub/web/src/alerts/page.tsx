// The alerts page: filters above, figures and rows, details beside; and the keys that move through it.
import { useCallback, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useQuery } from "@tanstack/preact-query";
import { get } from "../api";
import { isTyping } from "../parts/ui";
import { navigate } from "../place";
import type { Row } from "../types";
import { address, asked, parse, show, withTerm } from "../view";
import { Acknowledge, SilenceDialog } from "./actions";
import { Counters } from "./counters";
import { useAlerts } from "./data";
import { DetailPanel } from "./detail";
import { ExceptionDialog } from "./exception";
import { FilterBar } from "./filters";
import { AlertTable } from "./table";
import { Timeline } from "./timeline";
import { TopLists } from "./top";

export type Action = { kind: "acknowledge" | "silence" | "exception"; row: Row };

export function AlertsPage({ search, admin }: { search: string; admin: boolean }) {
  const view = useMemo(() => parse(search), [search]);
  const query = asked(view);
  const [paused, setPaused] = useState(false);
  const [atTop, setAtTop] = useState(true);
  // Known at once, and drawn later: a batch may come in between.
  const pointed = useRef(false);
  const [, redraw] = useState(false);
  const [cursor, setCursor] = useState<string | null>(null);
  const [action, setAction] = useState<Action | null>(null);
  const searchBox = useRef<HTMLInputElement>(null);
  const data = useAlerts(query, atTop, pointed, paused);
  const { rows } = data;

  const open = useCallback(
    (uuid: string) => navigate(address({ ...view, alert: uuid }), { replace: Boolean(view.alert) }),
    [view],
  );
  const close = useCallback(() => navigate(address({ ...view, alert: "" })), [view]);
  const current = view.alert || cursor;
  // Keys may come faster than the page is drawn.
  const at = useRef(current);
  at.current = current;
  const selected = rows.find((row) => row.uuid === current) ?? null;

  const move = (step: number) => {
    if (!rows.length) return;
    const index = rows.findIndex((row) => row.uuid === at.current);
    const next = rows[Math.max(0, Math.min(rows.length - 1, index < 0 ? 0 : index + step))]!;
    at.current = next.uuid;
    setCursor(next.uuid);
    if (view.alert) open(next.uuid);
  };

  // Before the rows can be seen: a key that is pressed as soon as they are finds a handler that knows them.
  useLayoutEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (isTyping(event)) return;
      const inList = !(event.target as HTMLElement).closest("aside, .menu, .top");
      const done = ((): boolean => {
        switch (event.key) {
          case "j": move(1); return true;
          case "k": move(-1); return true;
          case "ArrowDown": if (inList) move(1); return inList;
          case "ArrowUp": if (inList) move(-1); return inList;
          case "Enter":
            if (!at.current || /^(A|BUTTON|SUMMARY)$/.test((event.target as HTMLElement).tagName)) return false;
            open(at.current);
            return true;
          case "Escape": if (view.alert) close(); return Boolean(view.alert);
          case "/": searchBox.current?.focus(); searchBox.current?.select(); return true;
          case "p": setPaused((old) => !old); return true;
          case "n": data.showWaiting(); return true;
          case "f": if (selected) show(withTerm(view, { key: "rule", value: selected.rule, not: false }), {}); return true;
          case "e": if (selected) setAction({ kind: "exception", row: selected }); return true;
          case "a": if (selected && admin) setAction({ kind: "acknowledge", row: selected }); return true;
          case "s": if (selected && admin) setAction({ kind: "silence", row: selected }); return true;
          default: return false;
        }
      })();
      if (done) event.preventDefault();
    };
    document.addEventListener("keydown", key);
    return () => document.removeEventListener("keydown", key);
  });

  const end = () => setAction(null);
  return (
    <main id="content" class={`alerts ${view.alert ? "with-detail" : ""}`} tabIndex={-1}>
      <div class="column">
        <FilterBar
          view={view} query={query} searchBox={searchBox} live={data.state}
          paused={paused} onPause={setPaused}
        />
        <Counters view={view} query={query} />
        <Timeline view={view} query={query} />
        <AlertTable
          view={view} data={data} paused={paused} current={current}
          onOpen={(uuid) => {
            setCursor(uuid);
            open(uuid);
          }}
          onScroll={setAtTop} onPoint={(over) => {
            pointed.current = over;
            redraw(over);
          }}
        />
      </div>
      <aside aria-label={view.alert ? "Alert" : "Most frequent"}>
        {view.alert
          ? <DetailPanel key={view.alert} uuid={view.alert} view={view} admin={admin} onClose={close} onAction={setAction} />
          : <TopLists view={view} query={query} />}
      </aside>
      {action?.kind === "acknowledge" && <Acknowledge row={action.row} onClose={end} />}
      {action?.kind === "silence" && <SilenceDialog row={action.row} onClose={end} />}
      {action?.kind === "exception" && <ExceptionDialog row={action.row} onClose={end} />}
    </main>
  );
}

/** Values of a dimension under a filter, most frequent first. */
export function useTop(by: string, query: string, count: number, wanted = true) {
  return useQuery({
    queryKey: ["top", by, query, count],
    queryFn: ({ signal }) => get<{ top: { value: string; count: number }[] }>(`top?by=${by}&n=${count}&${query}`, signal),
    enabled: wanted,
    placeholderData: (old) => old,
    refetchInterval: 60_000,
  });
}
