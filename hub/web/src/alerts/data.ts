// The alerts of a view: pages as they are scrolled to, and what the live tail adds in front.
import { type InfiniteData, useInfiniteQuery, useQueryClient } from "@tanstack/preact-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get } from "../api";
import type { Batch, Page, Row } from "../types";
import { useLive } from "./live";

const PAGE = 100;
/** Rows kept while the live tail runs: what scrolls out of it is fetched again when scrolled to. */
const KEPT = 2_000;
/** Counters, timeline and lists are asked for at most this often while alerts come in. */
const SETTLE_MS = 3_000;

type Pages = InfiniteData<Page, string>;

export function useAlerts(query: string, open: boolean, following: boolean, paused: boolean) {
  const queries = useQueryClient();
  const key = useMemo(() => ["alerts", query], [query]);
  const pages = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) =>
      get<Page>(`alerts?${query}&limit=${PAGE}${pageParam && `&before=${encodeURIComponent(pageParam)}`}`, signal),
    initialPageParam: "",
    getNextPageParam: (last: Page) => last.next ?? undefined,
  });
  const rows = useMemo(() => pages.data?.pages.flatMap((page) => page.alerts) ?? [], [pages.data]);

  const [waiting, setWaiting] = useState<Batch>({ alerts: [], more: 0 });
  const nothing = useCallback(() => setWaiting({ alerts: [], more: 0 }), []);
  useEffect(nothing, [query]);

  const settle = useRef(0);
  const refreshFigures = useCallback(() => {
    if (settle.current) return;
    settle.current = window.setTimeout(() => {
      settle.current = 0;
      for (const each of ["counts", "timeline", "top"]) void queries.invalidateQueries({ queryKey: [each] });
    }, SETTLE_MS);
  }, []);
  useEffect(() => () => clearTimeout(settle.current), []);

  const reveal = useCallback((batch: Batch) => {
    if (batch.more) void queries.resetQueries({ queryKey: key });
    else queries.setQueryData<Pages>(key, (old) => old && prepend(old, batch.alerts));
  }, [key]);

  // A fixed end has no future: nothing can come that fits.
  const state = useLive(query, open, (batch) => {
    refreshFigures();
    if (following && !paused) reveal(batch);
    else setWaiting((old) => ({ alerts: [...batch.alerts, ...old.alerts].slice(0, KEPT), more: old.more + batch.more }));
  });

  const showWaiting = useCallback(() => {
    reveal(waiting);
    nothing();
  }, [waiting, reveal]);

  return { pages, rows, state, waiting: waiting.alerts.length + waiting.more, showWaiting };
}

function prepend(old: Pages, fresh: Row[]): Pages {
  const [first, ...rest] = old.pages;
  if (!first) return old;
  const known = new Set(old.pages.flatMap((page) => page.alerts.map((row) => row.seq)));
  const alerts = [...fresh.filter((row) => !known.has(row.seq)), ...first.alerts];
  if (alerts.length <= KEPT) return { ...old, pages: [{ ...first, alerts }, ...rest] };
  // Later pages go: they are asked for again, from the last row kept.
  const kept = alerts.slice(0, KEPT);
  return { pages: [{ alerts: kept, next: kept.at(-1)!.cursor }], pageParams: old.pageParams.slice(0, 1) };
}
