// What a sink could not deliver: each alert with the receiver's answer, to be sent again or to be forgotten.
import { useInfiniteQuery, useQueryClient } from "@tanstack/preact-query";
import { useRef, useState } from "preact/hooks";
import { get, send } from "./api";
import { Link } from "./app";
import { Dialog, Failure, Notice, PriorityBadge, Time } from "./parts/ui";
import { bigNumber, fully, relative } from "./times";
import type { DeadLetter, Letters } from "./types";

const PAGE = 50;

export function DeadLetters({ sink }: { sink: string }) {
  const queries = useQueryClient();
  const region = useRef<HTMLElement>(null);
  const [failed, setFailed] = useState("");
  const [busy, setBusy] = useState(false);
  const [dropping, setDropping] = useState<DeadLetter | "all" | null>(null);
  const path = `sinks/${encodeURIComponent(sink)}/dead-letters`;
  const found = useInfiniteQuery({
    queryKey: ["dead-letters", sink],
    queryFn: ({ pageParam, signal }) => get<Letters>(`${path}?limit=${PAGE}${pageParam && `&after=${pageParam}`}`, signal),
    initialPageParam: "",
    getNextPageParam: (last: Letters) => last.next ?? undefined,
    refetchInterval: 5_000,
  });
  const letters = found.data?.pages.flatMap((each) => each.letters) ?? [];
  /** letter: that one; null: all of the sink. */
  const act = async (action: "retry" | "drop", letter: DeadLetter | null) => {
    setFailed("");
    setBusy(true);
    try {
      await send("POST", `${path}/${action}`, letter ? { ids: [letter.id] } : undefined);
    } catch (error) {
      setFailed((error as Error).message);
    }
    setDropping(null);
    await Promise.all(["dead-letters", "sinks"].map((each) => queries.invalidateQueries({ queryKey: [each] })));
    setBusy(false);
    // What was pressed may be gone; whoever goes on by keys goes on from here.
    if (document.activeElement === document.body) region.current?.focus();
  };
  return (
    <section class="letters" ref={region} tabIndex={-1} aria-label={`Dead letters of ${sink}`}>
      <header class="actions between">
        <h2>Dead letters of {sink}</h2>
        <div class="actions">
          {letters.length > 0 && (
            <>
              <button type="button" disabled={busy} onClick={() => void act("retry", null)}>Send all again</button>
              <button type="button" disabled={busy} onClick={() => setDropping("all")}>Drop all…</button>
            </>
          )}
          <Link class="button" to="/sinks">Close</Link>
        </div>
      </header>
      {failed && <p class="error" role="alert">{failed}</p>}
      {found.error ? <Failure error={found.error} retry={() => void found.refetch()} />
        : found.isPending ? <p class="faint" role="status">Loading…</p>
        : !letters.length ? <Notice kind="empty" title="No dead letters"><p>Nothing is left that {sink} could not deliver.</p></Notice>
        : (
          <div class="wide-table" role="region" aria-label={`List of the dead letters of ${sink}`} tabIndex={0}>
            <table class="plain">
              <thead><tr><th>Alert</th><th>Answer of the receiver</th><th>Last tried</th><th><span class="offscreen">Actions</span></th></tr></thead>
              <tbody>
                {letters.map((each) => (
                  <tr key={each.id}>
                    <td class="about">
                      <PriorityBadge priority={each.priority} /> <Link to={`/?from=&alert=${each.uuid}`}>{each.rule}</Link>
                      <br /><span class="faint">{each.pod ? `${each.namespace ?? "?"}/${each.pod}` : each.hostname}, <Time at={each.time} text={fully(each.time)} /></span>
                    </td>
                    <td class="trouble">{each.reason}</td>
                    <td>
                      <Time at={each.when} text={relative(each.when)} />
                      <br /><span class="faint">{each.retry ? "will be sent again" : each.attempts === 1 ? "1 attempt" : `${bigNumber(each.attempts)} attempts`}</span>
                    </td>
                    <td>
                      <span class="actions end nowrap">
                        <button type="button" class="small" disabled={busy || each.retry} aria-label={`Send ${each.rule} again`} onClick={() => void act("retry", each)}>Send again</button>
                        <button type="button" class="small" disabled={busy} aria-label={`Drop ${each.rule}`} onClick={() => setDropping(each)}>Drop…</button>
                      </span>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      {found.hasNextPage && (
        <p class="actions"><button type="button" disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>Show more</button></p>
      )}
      {dropping && (
        <Dialog title={dropping === "all" ? `Drop all dead letters of ${sink}` : "Drop a dead letter"} onClose={() => setDropping(null)}>
          {dropping !== "all" && <p><strong>{dropping.rule}</strong></p>}
          <p>
            {dropping === "all" ? `None of these alerts will be sent to ${sink} any more. They stay in the hub.`
              : `This alert will not be sent to ${sink} any more. It stays in the hub.`}
          </p>
          <div class="actions end">
            <button type="button" onClick={() => setDropping(null)}>Cancel</button>
            <button type="button" class="primary" disabled={busy} autofocus onClick={() => void act("drop", dropping === "all" ? null : dropping)}>Drop</button>
          </div>
        </Dialog>
      )}
    </section>
  );
}
