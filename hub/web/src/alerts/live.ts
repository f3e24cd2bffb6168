// The live tail: alerts that fit the filter, pushed by the hub as they come.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { url } from "../api";
import type { Batch } from "../types";

export type LiveState = "live" | "connecting" | "off";

/** A browser gives up for good on answers such as 502 from a proxy; then it is tried anew after this long. */
const RETRY_MS = 5_000;

/** after: number of the newest alert that the page may have already; undefined: not known yet, so nothing happens. */
export function useLive(query: string, after: number | undefined, onBatch: (batch: Batch) => void): LiveState {
  const [state, setState] = useState<LiveState>("off");
  const callback = useRef(onBatch);
  callback.current = onBatch;
  // A layout effect: what the former query gets must not be taken for the new one's.
  useLayoutEffect(() => {
    if (after === undefined) {
      setState("off");
      return;
    }
    let source: EventSource | null = null;
    let timer = 0;
    let seen = String(after);
    const connect = () => {
      setState("connecting");
      const made = new EventSource(`${url("stream")}?${query}&after=${seen}`);
      source = made;
      made.onopen = () => setState("live");
      made.onmessage = (event) => {
        seen = event.lastEventId;
        callback.current(JSON.parse(event.data as string) as Batch);
      };
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
