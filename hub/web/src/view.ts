// What the alerts page shows, and its spelling in the address. The API takes the same spelling, so that
// the page's address minus its path is also a query for a script:
//   from=-1h  to=2026-01-02T03:04:05Z  q=text  priority=warning  rule=X  -namespace=Y  proc.name=Z
// The same key again: either of them. A minus: not that one. A key with a dot: any field of the alert.
import { navigate } from "./place";
import { PRIORITIES } from "./types";

export interface Term {
  key: string;
  value: string;
  not: boolean;
}

export interface View {
  /** "-24h", an RFC 3339 time, or "" for the beginning. */
  from: string;
  /** "" for now. */
  to: string;
  q: string;
  priorities: number[];
  terms: Term[];
  acknowledged: "" | "yes" | "no";
  silenced: "" | "yes" | "no";
  /** uuid of the alert whose details are open */
  alert: string;
}

export const DEFAULT_FROM = "-24h";

export const FACETS: { key: string; label: string; plural: string }[] = [
  { key: "rule", label: "Rule", plural: "rules" },
  { key: "namespace", label: "Namespace", plural: "namespaces" },
  { key: "pod", label: "Pod", plural: "pods" },
  { key: "hostname", label: "Host", plural: "hosts" },
  { key: "image", label: "Image", plural: "images" },
  { key: "source", label: "Source", plural: "sources" },
  { key: "tag", label: "Tag", plural: "tags" },
];

/** Fields that have a facet of their own. */
export const FACET_OF: Record<string, string> = {
  "k8s.ns.name": "namespace",
  "k8s.pod.name": "pod",
  "container.image.repository": "image",
  "container.name": "container",
};

const OWN = new Set(["from", "to", "q", "priority", "acknowledged", "silenced", "alert"]);

export function parse(search: string): View {
  const given = new URLSearchParams(search);
  const choice = (key: string) => {
    const value = given.get(key);
    return value === "yes" || value === "no" ? value : "";
  };
  const view: View = {
    from: given.get("from") ?? DEFAULT_FROM,
    to: given.get("to") ?? "",
    q: given.get("q") ?? "",
    priorities: [],
    terms: [],
    acknowledged: choice("acknowledged"),
    silenced: choice("silenced"),
    alert: given.get("alert") ?? "",
  };
  for (const name of given.getAll("priority")) {
    const index = PRIORITIES.findIndex((each) => each.toLowerCase() === name.toLowerCase());
    if (index >= 0) view.priorities.push(index);
  }
  view.priorities.sort();
  for (const [name, value] of given) {
    if (OWN.has(name) || !value) continue;
    const not = name.startsWith("-");
    view.terms.push({ key: not ? name.slice(1) : name, value, not });
  }
  return view;
}

/** The query without what only the page cares about; the same view always gives the same text. */
export function query(view: View): string {
  const out = new URLSearchParams();
  if (view.from !== DEFAULT_FROM) out.append("from", view.from);
  if (view.to) out.append("to", view.to);
  if (view.q) out.append("q", view.q);
  for (const each of view.priorities) out.append("priority", PRIORITIES[each]!.toLowerCase());
  for (const { key, value, not } of view.terms) out.append((not ? "-" : "") + key, value);
  if (view.acknowledged) out.append("acknowledged", view.acknowledged);
  if (view.silenced) out.append("silenced", view.silenced);
  return out.toString();
}

/** For the API, which has no time range of its own accord. */
export function asked(view: View): string {
  const text = query(view);
  const from = view.from === DEFAULT_FROM ? `from=${DEFAULT_FROM}` : "";
  return [from, text].filter(Boolean).join("&");
}

export function address(view: View): string {
  const parts = [query(view), view.alert && `alert=${encodeURIComponent(view.alert)}`].filter(Boolean);
  return parts.length ? `/?${parts.join("&")}` : "/";
}

/** Shows `view` with changes. The open alert stays open. */
export function show(view: View, changes: Partial<View>, options?: { replace?: boolean }): void {
  navigate(address({ ...view, ...changes }), options);
}

export const isFiltered = (view: View): boolean =>
  Boolean(view.q || view.priorities.length || view.terms.length || view.acknowledged || view.silenced);

export function withTerm(view: View, term: Term): View {
  const others = view.terms.filter((each) => !(each.key === term.key && each.value === term.value));
  return { ...view, terms: [...others, term] };
}

export function withoutTerm(view: View, term: Pick<Term, "key" | "value">): View {
  return { ...view, terms: view.terms.filter((each) => !(each.key === term.key && each.value === term.value)) };
}

export const cleared = (view: View): View => ({
  ...view, q: "", priorities: [], terms: [], acknowledged: "", silenced: "",
});
