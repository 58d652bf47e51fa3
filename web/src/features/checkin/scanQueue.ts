/**
 * Scans made while the network was away, kept in IndexedDB so that they outlast the page.
 * Where the browser refuses storage (some private windows) they last as long as the page does.
 */
export interface WaitingScan {
  id: string;
  eventId: string;
  code: string;
  /** When it was scanned, not when it is sent. */
  at: string;
}

export interface ScanQueue {
  add: (scan: WaitingScan) => Promise<void>;
  /** What waits for one event, oldest first. */
  list: (eventId: string) => Promise<WaitingScan[]>;
  remove: (id: string) => Promise<void>;
}

const DATABASE = "backline-door";
const STORE = "scans";

export async function openScanQueue(): Promise<ScanQueue> {
  try {
    return queueIn(await openDatabase());
  } catch {
    return queueInMemory();
  }
}

function queueIn(database: IDBDatabase): ScanQueue {
  const store = (mode: IDBTransactionMode) => database.transaction(STORE, mode).objectStore(STORE);
  return {
    add: async (scan) => {
      await settled(store("readwrite").put(scan));
    },
    list: async (eventId) => {
      const scans: WaitingScan[] = await settled(store("readonly").getAll());
      return inOrder(scans.filter((scan) => scan.eventId === eventId));
    },
    remove: async (id) => {
      await settled(store("readwrite").delete(id));
    },
  };
}

function queueInMemory(): ScanQueue {
  const scans = new Map<string, WaitingScan>();
  return {
    add: async (scan) => void scans.set(scan.id, scan),
    list: async (eventId) => inOrder([...scans.values()].filter((scan) => scan.eventId === eventId)),
    remove: async (id) => void scans.delete(id),
  };
}

function inOrder(scans: WaitingScan[]): WaitingScan[] {
  return scans.sort((a, b) => a.at.localeCompare(b.at));
}

function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
  return settled(request);
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
