// What the hub's JSON API answers (falcon_hub/web). Times are RFC 3339 texts in UTC.

export const PRIORITIES = [
  "Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug",
] as const;

export interface Mark {
  who: string;
  when: string;
  reason: string;
  expires: string | null;
}

export interface Row {
  seq: number;
  /** Where a page that begins after this alert begins. */
  cursor: string;
  uuid: string;
  time: string;
  rule: string;
  priority: number;
  source: string;
  hostname: string;
  tags: string[];
  output: string;
  namespace: string | null;
  pod: string | null;
  container: string | null;
  image: string | null;
  acknowledged: Mark | null;
  silenced: boolean;
}

/** `value` is text even for numbers: nanoseconds do not fit into JavaScript's. */
export interface Field {
  name: string;
  value: string | null;
}

export interface Detail extends Row {
  received: string;
  /** In force: they would cover its like now. */
  silences: Silence[];
  fields: Field[];
  json: string;
}

export interface Page {
  alerts: Row[];
  /** Where the next page begins; null: this is the last. */
  next: string | null;
  /** The store's newest number when this was asked for: the live tail goes on from there. */
  seq: number;
  /** The same of what people have said of alerts. */
  note: number;
}

/** By priority; open: those that nobody has acknowledged. */
export interface Counts {
  total: number;
  priorities: number[];
  open: number[];
}

export interface Timeline {
  start: number;
  end: number;
  step: number;
  /** [bucket][priority] */
  counts: number[][];
}

export interface Top {
  value: string;
  count: number;
}

export interface Batch {
  alerts: Row[];
  /** More arrived than are worth sending one by one. */
  more: number;
}

/** What people have said since. */
export interface Marks {
  /** UUID to the acknowledgement in force; null: there is none any more. */
  acknowledged: Record<string, Mark | null>;
  /** A silence was made or ended. */
  silences: boolean;
}

export interface Silence {
  id: number;
  /** Dimension to values; all dimensions must fit, any value of each will do. */
  matchers: Record<string, string[]>;
  who: string;
  starts: string;
  expires: string;
  reason: string;
  active: boolean;
}

export interface Sink {
  name: string;
  type: string;
  state: "ok" | "retrying" | "open" | "idle" | "stopped" | "standby";
  delivered: number;
  waiting: number;
  dead: number;
  failures: number;
  last_success: string | null;
  last_error: string | null;
  last_error_at: string | null;
}

/** An alert that a sink could not deliver. */
export interface DeadLetter {
  id: number;
  uuid: string;
  time: string;
  rule: string;
  priority: number;
  hostname: string;
  namespace: string | null;
  pod: string | null;
  /** Of the last attempt. */
  when: string;
  /** The receiver's answer, or why it was given up. */
  reason: string;
  attempts: number;
  /** Somebody has asked for another attempt, which has not been made yet. */
  retry: boolean;
}

export interface Letters {
  letters: DeadLetter[];
  next: string | null;
}

/** Of the audit log. */
export interface Entry {
  id: number;
  when: string;
  who: string;
  action: string;
  detail: Record<string, unknown>;
  /** From where; "" for what was done at the hub's own command line. */
  address: string;
}

export interface Entries {
  entries: Entry[];
  next: string | null;
}

export interface Session {
  user: string;
  role: "viewer" | "admin";
  csrf: string;
}

export interface Suggestion {
  /** For a rule file of Falco's form. */
  yaml: string;
  /** For the manifest of a FalconRule or ClusterFalconRule. */
  manifest: string;
  fields: { name: string; value: string; chosen: boolean; note: string | null }[];
  warnings: string[];
}
