// The live tail: alerts that fit the filter, pushed by the hub as they come.
import { useEffect, useRef, useState } from "preact/hooks";
import { url } from "../api";
import type { Batch } from "../types";

export type LiveState = "live" | "connecting" | "off";

/** A browser gives up for good on answers such as 502 from a proxy; then it is tried anew after this long. */
const RETRY_MS = 5_000;

export function useLive(query: string, wanted: boolean, onBatch: (batch: Batch) => void): LiveState {
  const [state, setState] = useState<LiveState>("off");
  const callback = useRef(onBatch);
  callback.current = onBatch;
  useEffect(() => {
    if (!wanted) {
      setState("off");
      return;
    }
    let source: EventSource;
    let timer = 0;
    const connect = () => {
      setState("connecting");
      source = new EventSource(`${url("stream")}?${query}`);
      source.onopen = () => setState("live");
      source.onmessage = (event) => callback.current(JSON.parse(event.data as string) as Batch);
      source.onerror = () => {
        setState("connecting");
        if (source.readyState === EventSource.CLOSED) timer = window.setTimeout(connect, RETRY_MS);
      };
    };
    connect();
    return () => {
      source.close();
      clearTimeout(timer);
    };
  }, [query, wanted]);
  return state;
}
