// Who did what, and when: the audit log, newest first.
import { useInfiniteQuery } from "@tanstack/preact-query";
import { get } from "./api";
import { Link } from "./app";
import { Failure, Notice, Time } from "./parts/ui";
import { fully, relative } from "./times";
import type { Entries, Entry } from "./types";

const PAGE = 50;
/** How often the newest are asked for, while nobody has gone further back. */
const REFRESH_MS = 10_000;

const ACTIONS: Record<string, string> = {
  "login": "Logged in",
  "login refused": "Was refused at the login",
  "logout": "Logged out",
  "acknowledge": "Acknowledged an alert",
  "take back acknowledgement": "Took back an acknowledgement",
  "silence": "Silenced alerts",
  "end silence": "Ended a silence",
  "export": "Exported alerts",
  "retry dead letters": "Had dead letters sent again",
  "drop dead letters": "Dropped dead letters",
  "add user": "Added a user",
  "change user": "Changed a user",
  "remove user": "Removed a user",
};

export function AuditPage({ admin }: { admin: boolean }) {
  return (
    <main id="content" class="page" tabIndex={-1}>
      <h1>Audit log</h1>
      {admin ? <Log /> : <Notice kind="empty" title="For administrators"><p>Who did what is for administrators to see.</p></Notice>}
    </main>
  );
}

function Log() {
  const found = useInfiniteQuery({
    queryKey: ["audit"],
    queryFn: ({ pageParam, signal }) => get<Entries>(`audit?limit=${PAGE}${pageParam && `&before=${pageParam}`}`, signal),
    initialPageParam: "",
    getNextPageParam: (last: Entries) => last.next ?? undefined,
    refetchInterval: (query) => (query.state.data?.pages.length === 1 ? REFRESH_MS : false),
  });
  const entries = found.data?.pages.flatMap((each) => each.entries) ?? [];
  return (
    <>
      <p class="faint">Logins, and what people and programs have changed or taken with them, newest first.</p>
      {found.error ? <Failure error={found.error} retry={() => void found.refetch()} />
        : found.isPending ? <p class="faint" role="status">Loading…</p>
        : (
          <div class="wide-table" role="region" aria-label="Entries" tabIndex={0}>
            <table class="plain audit">
              <thead><tr><th>When</th><th>Who</th><th>What</th><th>From</th></tr></thead>
              <tbody>
                {entries.map((each) => (
                  <tr key={each.id}>
                    <td><Time at={each.when} text={fully(each.when)} /><br /><span class="faint">{relative(each.when)}</span></td>
                    <td class="who">{each.who}</td>
                    <td><What entry={each} /></td>
                    <td>{each.address || <span class="faint">command line</span>}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      {found.hasNextPage
        ? <p class="actions"><button type="button" disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>Show more</button></p>
        : entries.length > 0 && <p class="faint">That is all.</p>}
    </>
  );
}

function What({ entry }: { entry: Entry }) {
  const details = Object.entries(entry.detail).filter(([, value]) => value !== "" && value !== null);
  return (
    <>
      {ACTIONS[entry.action] ?? entry.action}
      {details.length > 0 && (
        <dl class="details">
          {details.map(([name, value]) => (
            <div key={name}><dt>{name}</dt><dd>{name === "alert" || name === "alerts" ? <Alerts uuids={[value].flat().map(String)} /> : text(value)}</dd></div>
          ))}
        </dl>
      )}
    </>
  );
}

function Alerts({ uuids }: { uuids: string[] }) {
  return <>{uuids.map((each, index) => [index > 0 && ", ", <Link key={each} to={`/?from=&alert=${encodeURIComponent(each)}`} class="mono">{each}</Link>])}</>;
}

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
