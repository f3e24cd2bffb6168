// The alerts of a view: pages as they are scrolled to, and what the live tail adds in front.
import { type InfiniteData, type QueryClient, useInfiniteQuery, useQueryClient } from "@tanstack/preact-query";
import { useCallback, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { get } from "../api";
import type { Batch, Mark, Marks, Page, Row } from "../types";
import { useLive } from "./live";

const PAGE = 100;

/** Shows who has acknowledged what, wherever these alerts are shown as rows. */
export function mark(queries: QueryClient, acknowledged: Record<string, Mark | null>): void {
  queries.setQueriesData<Pages>({ queryKey: ["alerts"] }, (old) => old && {
    ...old, pages: old.pages.map((page) => ({ ...page, alerts: page.alerts.map((row) => marked(row, acknowledged)) })),
  });
}

const marked = (row: Row, acknowledged: Record<string, Mark | null>): Row =>
  row.uuid in acknowledged ? { ...row, acknowledged: acknowledged[row.uuid] ?? null } : row;

/** Rows kept while the live tail runs: what scrolls out of it is fetched again when scrolled to. */
const KEPT = 2_000;
/** Counters, timeline and lists are asked for at most this often while alerts come in. */
const SETTLE_MS = 3_000;
/** And they may take this part of the hub's time for one page. */
const SHARE = 0.1;

type Pages = InfiniteData<Page, string>;

export function useAlerts(query: string, atTop: boolean, pointed: { current: boolean }, paused: boolean) {
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

  // Rows must not move away while somebody reads or points at them; where there are none, none can. And the answer to
  // what is being asked for would replace what came in meanwhile.
  const { isFetching } = pages;
  const following = () => !paused && atTop && !(pointed.current && rows.length) && !isFetching && !queries.isFetching({ queryKey: key });
  const [waiting, setWaiting] = useState<Batch>({ alerts: [], more: 0 });
  const nothing = useCallback(() => setWaiting({ alerts: [], more: 0 }), []);
  useLayoutEffect(nothing, [query]);

  const refreshFigures = useFigures(queries);

  const reveal = useCallback((batch: Batch) => {
    if (batch.more) {
      // So many that asking for the newest is cheaper than having been sent all.
      queries.setQueryData<Pages>(key, (old) => old && { pages: old.pages.slice(0, 1), pageParams: [""] });
      void queries.refetchQueries({ queryKey: key, exact: true });
    } else queries.setQueryData<Pages>(key, (old) => old && merge(old, batch.alerts));
  }, [key]);

  // What people have said while the rows were being asked for: the answer may not know of it.
  const said = useRef<Marks["acknowledged"]>({});
  const first = pages.data?.pages[0];
  const state = useLive(query, first && `${first.seq}-${first.note}`, {
    batch: (batch) => {
      if (!batch.alerts.length) return;
      refreshFigures();
      if (following()) reveal(batch);
      else setWaiting((old) => held([...batch.alerts, ...old.alerts], old.more + batch.more));
    },
    marks: ({ acknowledged, silences }) => {
      if (queries.isFetching({ queryKey: key })) Object.assign(said.current, acknowledged);
      mark(queries, acknowledged);
      setWaiting((old) => ({ ...old, alerts: old.alerts.map((row) => marked(row, acknowledged)) }));
      for (const uuid of Object.keys(acknowledged)) void queries.invalidateQueries({ queryKey: ["alert", uuid] });
      if (Object.keys(acknowledged).length) refreshFigures();
      if (silences) for (const each of ["silences", "alert"]) void queries.invalidateQueries({ queryKey: [each] });
    },
  });
  useLayoutEffect(() => {
    if (isFetching) return;
    if (Object.keys(said.current).length) mark(queries, said.current);
    said.current = {};
  }, [isFetching]);

  const showWaiting = useCallback(() => {
    reveal(waiting);
    nothing();
  }, [waiting, reveal]);

  const some = waiting.alerts.length > 0;
  useLayoutEffect(() => {
    if (some && following()) showWaiting();
  }, [some, following()]);

  return { pages, rows, state, waiting: waiting.alerts.length + waiting.more, showWaiting };
}

/** What asks for the figures anew, some time after alerts have come: not for each, and for the last one, too. */
function useFigures(queries: QueryClient): () => void {
  const timer = useRef(0);
  const again = useRef(false);
  const took = useRef(0);
  const refresh = useCallback(() => {
    again.current = true;
    if (timer.current) return;
    timer.current = window.setTimeout(async () => {
      again.current = false;
      const begun = performance.now();
      await Promise.all(["counts", "timeline", "top"].map((each) => queries.invalidateQueries({ queryKey: [each] })));
      took.current = performance.now() - begun;
      if (timer.current === GONE) return;
      timer.current = 0;
      if (again.current) refresh();
    }, Math.max(SETTLE_MS, took.current / SHARE));
  }, []);
  useLayoutEffect(() => () => {
    clearTimeout(timer.current);
    timer.current = GONE;
  }, []);
  return refresh;
}

/** Instead of a timer's number: there is no page any more. */
const GONE = -1;

/** Of more than are kept only the number is. */
const held = (alerts: Row[], more: number): Batch => ({ alerts: alerts.slice(0, KEPT), more: more + Math.max(0, alerts.length - KEPT) });

/** Newest first by time, as the hub gives them: what a sensor had to keep for a while comes late and belongs further down. */
function merge(old: Pages, fresh: Row[]): Pages {
  const rows = old.pages.flatMap((page) => page.alerts);
  const known = new Set(rows.map((row) => row.seq));
  let next = old.pages.at(-1)?.next ?? null;
  // What is older than the last row comes with the next page.
  const end = next && rows.at(-1);
  const added = fresh.filter((row) => !known.has(row.seq) && !(end && newerFirst(row, end) > 0));
  let alerts = [...added, ...rows].sort(newerFirst);
  if (alerts.length > KEPT) {
    alerts = alerts.slice(0, KEPT);
    next = alerts.at(-1)!.cursor;
  }
  return { pages: [{ alerts, next, seq: old.pages[0]?.seq ?? 0, note: old.pages[0]?.note ?? 0 }], pageParams: [""] };
}

/** Times are UTC with nine digits behind the point, so their texts sort as they do. */
const newerFirst = (one: Row, other: Row): number =>
  one.time < other.time ? 1 : one.time > other.time ? -1 : other.seq - one.seq;
