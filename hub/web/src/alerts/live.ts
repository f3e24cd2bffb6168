// The live tail: alerts that fit the filter, and what people say of alerts, pushed by the hub as it comes.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { url } from "../api";
import type { Batch, Marks } from "../types";

export type LiveState = "live" | "connecting" | "off";

/** A browser gives up for good on answers such as 502 from a proxy; then it is tried anew after this long. */
const RETRY_MS = 5_000;

/** after: how much the page has already, `SEQ-NOTE` of an answer; undefined: not known yet, so nothing happens. */
export function useLive(query: string, after: string | undefined, on: { batch: (batch: Batch) => void; marks: (marks: Marks) => void }): LiveState {
  const [state, setState] = useState<LiveState>("off");
  const callback = useRef(on);
  callback.current = on;
  // A layout effect: what the former query gets must not be taken for the new one's.
  useLayoutEffect(() => {
    if (after === undefined) {
      setState("off");
      return;
    }
    let source: EventSource | null = null;
    let timer = 0;
    let seen = after;
    const connect = () => {
      setState("connecting");
      const made = new EventSource(`${url("stream")}?${query}&after=${seen}`);
      source = made;
      made.onopen = () => setState("live");
      made.onmessage = (event) => {
        seen = event.lastEventId;
        callback.current.batch(JSON.parse(event.data as string) as Batch);
      };
      made.addEventListener("marks", (event) => {
        seen = event.lastEventId;
        callback.current.marks(JSON.parse(event.data as string) as Marks);
      });
      made.onerror = () => {
        setState("connecting");
        if (made.readyState === EventSource.CLOSED) timer = window.setTimeout(connect, RETRY_MS);
      };
    };
    const disconnect = () => {
      source?.close();
      source = null;
      clearTimeout(timer);
    };
    // Browsers have six connections for a server: a tab that nobody sees must not hold one. It catches up later.
    const visibility = () => (document.hidden ? disconnect() : source ?? connect());
    document.addEventListener("visibilitychange", visibility);
    if (!document.hidden) connect();
    return () => {
      document.removeEventListener("visibilitychange", visibility);
      disconnect();
    };
    // Once it runs, it knows better than `after`.
  }, [query, after === undefined]);
  return state;
}
