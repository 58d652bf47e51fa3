/**
 * One door: takes codes, answers each with a verdict, keeps the history, and carries scans over a
 * time without network. Knows nothing of the page that shows it.
 *
 * Promises: a code that cannot be checked, for whatever reason, never stops the next one. A scan
 * made without network is kept with its time and sent, oldest first, when the network is back; it
 * is taken out of the queue only when the server has given its verdict.
 */
import { isProblem } from "../../api/problem";
import { checkIn } from "./queries";
import { openScanQueue, type ScanQueue, type WaitingScan } from "./scanQueue";
import { readTicketCode } from "./ticketCode";
import { mayComeLater, type Scan, type Verdict, verdictOf } from "./verdict";

export interface DoorState {
  /** Newest first. */
  scans: Scan[];
  waiting: number;
  isOffline: boolean;
  isSending: boolean;
}

interface DoorOptions {
  eventId: string;
  myId: string;
  /** Called when the counts have changed. */
  onCheckedIn?: () => void;
  queue?: Promise<ScanQueue>;
}

const HISTORY_MAX = 100;
const ANSWER_WITHIN_MS = 6_000;
/** Once the network is known to be away nobody should wait long to learn it again. */
const ANSWER_WITHIN_MS_OFFLINE = 1_500;
const SEND_EVERY_MS = 5_000;
/** How far the clocks of this device and of the server may be apart. */
const CLOCKS_APART_MS_MAX = 120_000;

export class Door {
  private readonly options: DoorOptions;
  private readonly queue: Promise<ScanQueue>;
  private lastTime = 0;
  private readonly listeners = new Set<() => void>();
  private state: DoorState = { scans: [], waiting: 0, isOffline: !isOnline(), isSending: false };

  constructor(options: DoorOptions) {
    this.options = options;
    this.queue = options.queue ?? openScanQueue();
  }

  /** Watches the network until the returned function is called. */
  open(): () => void {
    const onOnline = () => void this.sendWaiting();
    const onOffline = () => this.change({ isOffline: true });
    const timer = setInterval(() => this.state.waiting > 0 && void this.sendWaiting(), SEND_EVERY_MS);
    addEventListener("online", onOnline);
    addEventListener("offline", onOffline);
    void this.showWaiting().then(() => this.sendWaiting());
    return () => {
      clearInterval(timer);
      removeEventListener("online", onOnline);
      removeEventListener("offline", onOffline);
    };
  }

  readonly getState = (): DoorState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Takes what was typed or scanned. Resolves when there is a verdict, and never rejects. */
  readonly scan = async (text: string): Promise<void> => {
    const code = readTicketCode(text);
    const scan = { id: crypto.randomUUID(), code: code ?? text.trim(), at: this.nextTime() };
    const earlier = code === null ? undefined : this.earlierScan(code);
    this.add({ ...scan, verdict: { kind: "checking" } });

    if (code === null) {
      this.settle(scan.id, { kind: "refused", reason: "notACode" });
    } else if (earlier) {
      this.settle(scan.id, { kind: "already", at: earlier.at, by: null });
    } else if (!isOnline()) {
      await this.keep({ ...scan, code });
    } else {
      const verdict = await this.ask({ ...scan, code });
      if (verdict === "later") await this.keep({ ...scan, code });
      else this.settle(scan.id, verdict);
    }
  };

  /** Sends what waits, oldest first, until the network is away again. */
  readonly sendWaiting = async (): Promise<void> => {
    // Said before anything is waited for, or two events at once would send everything twice.
    if (this.state.isSending || !isOnline()) return;
    this.change({ isSending: true });
    try {
      await this.sendInOrder(await this.queue);
    } finally {
      this.change({ isSending: false });
    }
  };

  private async sendInOrder(queue: ScanQueue) {
    const waiting = await queue.list(this.options.eventId);
    // The network may have gone while the queue was read.
    if (waiting.length === 0) this.change({ isOffline: !isOnline() });
    for (const scan of waiting) {
      const verdict = await this.ask(scan);
      if (verdict === "later") return;
      // A fault of the server is no verdict: this one stays for another time, the others go on.
      if (verdict.kind === "failed") continue;
      this.settle(scan.id, this.isOurs(verdict, scan) ? { kind: "in", holderName: "" } : verdict);
      await queue.remove(scan.id);
      this.change({ waiting: this.state.waiting - 1 });
    }
  }

  private async ask(scan: Pick<WaitingScan, "code" | "at">): Promise<Verdict | "later"> {
    try {
      const verdict = await this.checkIn(scan);
      this.change({ isOffline: false });
      return verdict;
    } catch (error) {
      if (mayComeLater(error)) {
        this.change({ isOffline: !isProblem(error) || error.status === 0 });
        return "later";
      }
      this.change({ isOffline: false });
      return verdictOf(error);
    }
  }

  private async checkIn({ code, at }: Pick<WaitingScan, "code" | "at">): Promise<Verdict> {
    const { eventId, onCheckedIn } = this.options;
    const within = this.state.isOffline ? ANSWER_WITHIN_MS_OFFLINE : ANSWER_WITHIN_MS;
    const ticket = await checkIn(code, eventId, at, AbortSignal.timeout(within));
    onCheckedIn?.();
    return { kind: "in", holderName: ticket.holderName };
  }

  /**
   * A ticket that was checked in by us after it was scanned: the answer to an earlier try got lost
   * on its way, and the guest who stood here is the one who is in.
   */
  private isOurs(verdict: Verdict, { at }: WaitingScan): boolean {
    if (verdict.kind !== "already" || verdict.by !== this.options.myId || verdict.at === null) return false;
    return Date.parse(verdict.at) >= Date.parse(at) - CLOCKS_APART_MS_MAX;
  }

  /** While there is no network this device's own memory says whether a ticket was seen before. */
  private earlierScan(code: string): Scan | undefined {
    const known = this.state.isOffline ? ["checking", "waiting", "in"] : ["checking", "waiting"];
    return this.state.scans.find((scan) => scan.code === code && known.includes(scan.verdict.kind));
  }

  private async keep(scan: Omit<WaitingScan, "eventId">) {
    const { id, code, at } = scan;
    try {
      await (await this.queue).add({ id, code, at, eventId: this.options.eventId });
    } catch {
      // The device has no room left.
      return this.settle(id, { kind: "failed", problem: null });
    }
    this.settle(id, { kind: "waiting" });
    this.change({ waiting: this.state.waiting + 1 });
  }

  private async showWaiting() {
    const waiting = await (await this.queue).list(this.options.eventId);
    const known = new Set(this.state.scans.map(({ id }) => id));
    const missing = waiting.filter(({ id }) => !known.has(id));
    const scans = missing.map(({ id, code, at }): Scan => ({ id, code, at, verdict: { kind: "waiting" } }));
    this.change({ scans: [...this.state.scans, ...scans.reverse()], waiting: waiting.length });
  }

  /** Now, but later than every scan before, so that the order of scans can be read from their times. */
  private nextTime(): string {
    this.lastTime = Math.max(Date.now(), this.lastTime + 1);
    return new Date(this.lastTime).toISOString();
  }

  private add(scan: Scan) {
    this.change({ scans: [scan, ...this.state.scans].slice(0, HISTORY_MAX) });
  }

  private settle(id: string, verdict: Verdict) {
    const scans = this.state.scans.map((scan) => (scan.id === id ? { ...scan, verdict } : scan));
    this.change({ scans });
  }

  private change(change: Partial<DoorState>) {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}

function isOnline(): boolean {
  return globalThis.navigator?.onLine ?? true;
}
