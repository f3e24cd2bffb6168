import { useQuery } from "@tanstack/preact-query";
import { get } from "../api";
import { bigNumber } from "../times";
import { type Counts, PRIORITIES } from "../types";
import { asked, show, type View } from "../view";

/** How many there are, of each priority; a click filters. Priorities are counted as if none were chosen. */
export function Counters({ view, query }: { view: View; query: string }) {
  const others = asked({ ...view, priorities: [] });
  const counts = useQuery({
    queryKey: ["counts", others],
    queryFn: ({ signal }) => get<Counts>(`counts?${others}`, signal),
    placeholderData: (old) => old,
    refetchInterval: 60_000,
  });
  const data = counts.data;
  const sum = (counts?: number[]) => counts?.reduce(
    (found, each, index) => found + (!view.priorities.length || view.priorities.includes(index) ? each : 0), 0,
  );
  const shown = sum(data?.priorities);
  const open = sum(data?.open);
  return (
    <section class="counters" aria-label="Counters" aria-busy={counts.isFetching} data-query={query}>
      <div class="total">
        <strong>{shown === undefined ? "–" : bigNumber(shown)}</strong>
        <span>{shown === 1 ? "alert" : "alerts"}</span>
      </div>
      <button
        type="button" class="counter" aria-pressed={view.acknowledged === "no"}
        title="Alerts that nobody has acknowledged" onClick={() => show(view, { acknowledged: view.acknowledged === "no" ? "" : "no" })}
      >
        <strong>{open === undefined ? "–" : bigNumber(open)}</strong>
        <span>open</span>
      </button>
      <span class="rule" aria-hidden="true" />
      {PRIORITIES.map((name, index) => {
        const on = view.priorities.includes(index);
        return (
          <button
            key={name} type="button" class={`counter p${index} ${data && !data.priorities[index] ? "zero" : ""}`} aria-pressed={on}
            title={on ? `Show other priorities than ${name} again` : `Show only ${name}`}
            onClick={() => show(view, { priorities: on && view.priorities.length === 1 ? [] : [index] })}
          >
            <strong>{data ? bigNumber(data.priorities[index] ?? 0) : "–"}</strong>
            <span><i class="dot" />{name}</span>
          </button>
        );
      })}
    </section>
  );
}
