/**
 * Who this page is signed in as, from the browser's side: the access token and how it is renewed.
 *
 * The access token lives in the memory of the page only. The refresh token is an HTTP-only cookie
 * that script never sees; a marker in local storage says that there may be one, so that a visitor
 * who never signed in costs no failing request.
 *
 * Promises: never more than one refresh at a time. A spent refresh token ends the whole session, so
 * calls in one page share a refresh and pages of one browser take turns.
 */
const MARKER = "backline.signed-in";
const REFRESH_PATH = "/api/v1/auth/refresh";

let accessToken: string | null = null;
let refreshing: Promise<boolean> | null = null;
const endListeners = new Set<() => void>();

export const session = {
  get accessToken() {
    return accessToken;
  },

  /** False means certainly signed out; true means signed in, or worth trying a refresh. */
  get mayBeSignedIn() {
    return accessToken !== null || readMarker();
  },

  begin(token: string) {
    accessToken = token;
    writeMarker(true);
  },

  /** Takes over a newer token for the session that is already there. */
  renew(token: string) {
    accessToken = token;
  },

  end() {
    accessToken = null;
    writeMarker(false);
    for (const listener of endListeners) listener();
  },

  onEnd(listener: () => void): () => void {
    endListeners.add(listener);
    return () => endListeners.delete(listener);
  },

  /** Resolves when a refresh that is under way, if any, is over. */
  async settled() {
    await refreshing;
  },

  /** Exchanges the cookie for a new access token; false when there is no session any more. */
  refresh(): Promise<boolean> {
    refreshing ??= inTurnWithOtherPages(exchangeCookie).finally(() => {
      refreshing = null;
    });
    return refreshing;
  },
};

async function exchangeCookie(): Promise<boolean> {
  const response = await fetch(REFRESH_PATH, {
    method: "POST",
    credentials: "same-origin",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  if (response.ok) {
    const { accessToken: token } = (await response.json()) as { accessToken: string };
    session.begin(token);
    return true;
  }
  // Only a refusal ends the session: a server that is starting up does not sign anyone out.
  if (response.status === 401) session.end();
  return false;
}

/** Web locks exist in secure contexts only; elsewhere pages refresh without taking turns. */
function inTurnWithOtherPages<T>(work: () => Promise<T>): Promise<T> {
  if (typeof navigator === "undefined" || !navigator.locks) return work();
  return navigator.locks.request("backline.refresh", work) as Promise<T>;
}

function readMarker(): boolean {
  try {
    return localStorage.getItem(MARKER) !== null;
  } catch {
    return false;
  }
}

function writeMarker(isSignedIn: boolean) {
  try {
    if (isSignedIn) localStorage.setItem(MARKER, "1");
    else localStorage.removeItem(MARKER);
  } catch {
    // Storage may be blocked; the session then lasts as long as the page.
  }
}
