import { Icon } from "../parts/ui";
import { bigNumber } from "../times";
import { FACETS, show, type View, withTerm } from "../view";
import { useTop } from "./page";

const LISTS = ["rule", "pod", "image", "namespace", "hostname"];
const LENGTH = 6;

/** What occurs most; a click shows only that. */
export function TopLists({ view, query }: { view: View; query: string }) {
  return (
    <div class="tops">
      {LISTS.map((key) => <TopList key={key} by={key} view={view} query={query} />)}
    </div>
  );
}

function TopList({ by, view, query }: { by: string; view: View; query: string }) {
  const top = useTop(by, query, LENGTH);
  const facet = FACETS.find((each) => each.key === by)!;
  const most = top.data?.top[0]?.count ?? 1;
  return (
    <section class="card top-list">
      <h2>Top {facet.plural}</h2>
      {top.isPending && <p class="faint">Loading…</p>}
      {top.error && <p class="error">{top.error.message}</p>}
      {top.data && !top.data.top.length && <p class="faint">None.</p>}
      <ol>
        {top.data?.top.map(({ value, count }) => (
          <li key={value}>
            <button
              type="button" class="bar" title={`Show only ${value}`}
              onClick={() => show(withTerm(view, { key: by, value, not: false }), {})}
            >
              <meter min={0} max={most} value={count} aria-hidden="true" />
              <span class="value">{value}</span>
              <span class="count">{bigNumber(count)}</span>
            </button>
            <button
              type="button" class="quiet icon-only small" aria-label={`Exclude ${value}`} title="Exclude"
              onClick={() => show(withTerm(view, { key: by, value, not: true }), {})}
            >
              <Icon name="minus" />
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
