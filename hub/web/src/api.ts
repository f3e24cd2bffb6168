// The one door to the hub. Every failure becomes an ApiError whose message can be shown to a person.
import type { Session } from "./types";

export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

const BASE = "/api/v1/";
let csrf = "";
let onLoggedOut = (): void => undefined;

/** From the session; goes with every request that changes something. */
export function useToken(session: Session): void {
  csrf = session.csrf;
}

/** Calls back when the hub no longer knows who is asking: the session has ended. */
export function whenLoggedOut(callback: () => void): void {
  onLoggedOut = callback;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return answer<T>(await ask(path, signal ? { signal } : {}));
}

export async function send<T>(method: "POST" | "DELETE", path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { "X-CSRF-Token": csrf };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return answer<T>(await ask(path, { method, headers, body: body === undefined ? null : JSON.stringify(body) }));
}

export const url = (path: string): string => BASE + path;

async function ask(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(BASE + path, { credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "The hub does not answer. Is it running, and is the network up?");
  }
}

async function answer<T>(response: Response): Promise<T> {
  if (response.ok) return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
  let message = `The hub answered ${response.status} ${response.statusText}.`;
  try {
    const body = (await response.json()) as { error?: string };
    if (body.error) message = body.error;
  } catch {
    // Not from the hub itself: a proxy in front of it, say. The status will have to do.
  }
  // A wrong password at the login is 401 as well, and nothing has ended then.
  if (response.status === 401 && !response.url.endsWith("/login")) onLoggedOut();
  throw new ApiError(response.status, message);
}
