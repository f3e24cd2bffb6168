// "Make an exception from this alert": the hub writes the YAML, and says what an intruder could choose of it.
import { useQuery } from "@tanstack/preact-query";
import { useState } from "preact/hooks";
import { get } from "../api";
import { Tabs } from "../parts/tabs";
import { CopyButton, Dialog, Failure } from "../parts/ui";
import type { Row, Suggestion } from "../types";

type Form = "file" | "manifest";

const FORMS: { key: Form; label: string }[] = [
  { key: "file", label: "Falco rules file" },
  { key: "manifest", label: "Kubernetes manifest" },
];
/** Whoever has rules of one form has the next one of it, too. */
const KEPT = "falcon.exception";

export function ExceptionDialog({ row, onClose }: { row: Row; onClose: () => void }) {
  const [fields, setFields] = useState<string[] | null>(null);
  const [form, setForm] = useState<Form>(() => (localStorage.getItem(KEPT) === "manifest" ? "manifest" : "file"));
  const query = (fields ?? []).map((each) => `field=${encodeURIComponent(each)}`).join("&");
  const made = useQuery({
    queryKey: ["exception", row.uuid, query],
    queryFn: ({ signal }) => get<Suggestion>(`alerts/${row.uuid}/exception?${query}`, signal),
    enabled: fields === null || fields.length > 0,
    placeholderData: (old) => old,
  });
  const chosen = fields ?? made.data?.fields.filter((each) => each.chosen).map((each) => each.name) ?? [];
  const text = (form === "file" ? made.data?.yaml : made.data?.manifest) ?? "";
  return (
    <Dialog title="An exception from this alert" onClose={onClose} wide>
      <div class="exception">
        {made.error && <Failure error={made.error} />}
        {made.isPending && <p class="faint">Loading…</p>}
        {made.data && (
          <>
            <section>
              <h3>What must be the same</h3>
              <p class="faint">The rule stays silent only where all of these are as in this alert. Fewer: it is silent more often.</p>
              <div class="candidates">
                {made.data.fields.map((each) => (
                  <label key={each.name} class="switch">
                    <input
                      type="checkbox" checked={chosen.includes(each.name)}
                      onChange={(event) => setFields(event.currentTarget.checked ? [...chosen, each.name] : chosen.filter((name) => name !== each.name))}
                    />
                    <span>
                      <span class="mono">{each.name}</span> <span class="mono faint">{each.value}</span>
                      {each.note && <small class="warn">{each.note}</small>}
                    </span>
                  </label>
                ))}
              </div>
            </section>
            <section>
              <h3>For your rules</h3>
              {chosen.length > 0 ? (
                <Tabs
                  name="Where the rule is written" tabs={FORMS} chosen={form}
                  onChoose={(key) => {
                    localStorage.setItem(KEPT, key);
                    setForm(key);
                  }}
                  beside={<CopyButton text={text} label="Copy the YAML" disabled={made.isPlaceholderData} class="quiet small">Copy</CopyButton>}
                >
                  <pre tabIndex={0} aria-busy={made.isPlaceholderData} aria-label="The exception as YAML"><code>{text}</code></pre>
                  {form === "file" ? (
                    <p class="faint">
                      Put it into a file that is loaded after the rule's own, and try it with <code>falcon-rules check</code>.
                    </p>
                  ) : (
                    <p class="faint">
                      For a FalconRule or ClusterFalconRule: add it to <code>spec.exceptions</code> of the rule's manifest. A rule of
                      a FalconRuleSet takes the other form, at the end of <code>spec.rules</code>. Try it
                      with <code>falcon-operator check</code>.
                    </p>
                  )}
                </Tabs>
              ) : <p class="error">Choose at least one field.</p>}
              {chosen.length > 0 && made.data.warnings.length > 0 && (
                <ul class="warnings">{made.data.warnings.map((each) => <li key={each}>{each}</li>)}</ul>
              )}
              <p class="faint">Nothing has been changed yet.</p>
            </section>
          </>
        )}
      </div>
    </Dialog>
  );
}
