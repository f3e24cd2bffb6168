import { useQuery, useQueryClient } from "@tanstack/preact-query";
import { useState } from "preact/hooks";
import { Link } from "./app";
import { get, send } from "./api";
import { Failure, Notice, Switch, Time } from "./parts/ui";
import { fully, relative } from "./times";
import type { Silence } from "./types";
import { FACETS } from "./view";

export function SilencesPage({ admin }: { admin: boolean }) {
  const queries = useQueryClient();
  const [over, setOver] = useState(false);
  const [failed, setFailed] = useState("");
  const found = useQuery({
    queryKey: ["silences", over],
    queryFn: ({ signal }) => get<{ silences: Silence[] }>(`silences${over ? "?over=yes" : ""}`, signal),
    refetchInterval: 5_000,
    placeholderData: (old) => old,
  });
  const end = async (silence: Silence) => {
    setFailed("");
    try {
      await send("DELETE", `silences/${silence.id}`);
    } catch (error) {
      setFailed((error as Error).message);
    }
    await queries.invalidateQueries({ queryKey: ["silences"] });
  };
  const silences = found.data?.silences ?? [];
  return (
    <main id="content" class="page" tabIndex={-1}>
      <header class="actions between">
        <h1>Silences</h1>
        <Switch checked={over} onChange={setOver}>Those that are over, too</Switch>
      </header>
      <p class="faint">Alerts that a silence covers are kept and shown, but sent nowhere.</p>
      {failed && <p class="error" role="alert">{failed}</p>}
      {found.error ? <Failure error={found.error} retry={() => void found.refetch()} />
        : found.isPending ? <p class="faint" role="status">Loading…</p>
        : !silences.length ? (
          <Notice kind="empty" title="Nothing is silenced">
            <p>{admin ? "Open an alert and choose “Silence…” to make one." : "An administrator can silence alerts like one that is open."}</p>
            <p class="actions"><Link class="button" to="/">To the alerts</Link></p>
          </Notice>
        ) : (
          <div class="wide-table" role="region" aria-label="Silences" tabIndex={0}>
            <table class="plain">
              <thead><tr><th>Covers</th><th>Reason</th><th>By</th><th>Ends</th>{admin && <th><span class="offscreen">Action</span></th>}</tr></thead>
              <tbody>
                {silences.map((each) => (
                  <tr key={each.id} class={each.active ? "" : "over"}>
                    <td><Covers silence={each} /></td>
                    <td>{each.reason}</td>
                    <td>{each.who}<br /><span class="faint"><Time at={each.starts} text={fully(each.starts)} /></span></td>
                    <td><Time at={each.expires} text={each.active ? relative(each.expires) : "over"} /><br /><span class="faint">{fully(each.expires)}</span></td>
                    {admin && <td>{each.active && <button type="button" onClick={() => void end(each)}>End now</button>}</td>}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
    </main>
  );
}

function Covers({ silence }: { silence: Silence }) {
  const label = (key: string) => FACETS.find((each) => each.key === key)?.label ?? key;
  const query = new URLSearchParams(Object.entries(silence.matchers).flatMap(([key, values]) => values.map((value) => [key, value])));
  return (
    <>
      <ul class="matchers">
        {Object.entries(silence.matchers).map(([key, values]) => (
          <li key={key}><span class="faint">{label(key)}</span> {values.join(" or ")}</li>
        ))}
      </ul>
      <Link to={`/?${query}`}>Show these alerts</Link>
    </>
  );
}
