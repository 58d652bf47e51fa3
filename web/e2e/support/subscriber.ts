/**
 * A program outside at the embedded broker, in the few words of the NATS protocol that a journey needs.
 *
 * Every request has a subscription of its own for one answer, so that its number tells whose answer it is.
 */
import { connect, type Socket } from "node:net";
import { HOST } from "./server";

const STREAM = "backline_events";
const NEXT_WITHIN_NS = 10_000_000_000;

interface Answer {
  replyTo: string;
  /** With its headers, if it has some. */
  payload: string;
}

class Subscriber {
  private readonly socket: Socket;
  private readonly waiting = new Map<string, (answer: Answer) => void>();
  private received = Buffer.alloc(0);
  private count = 0;

  constructor(port: number, token: string) {
    this.socket = connect(port, HOST);
    this.socket.on("data", (bytes: Buffer) => this.take(bytes));
    const about = { auth_token: token, verbose: false, headers: true, lang: "journey" };
    this.socket.write(`CONNECT ${JSON.stringify(about)}\r\n`);
  }

  request(subject: string, body: string): Promise<Answer> {
    const sid = String(++this.count);
    const inbox = `_INBOX.journey.${sid}`;
    const answer = new Promise<Answer>((resolve) => this.waiting.set(sid, resolve));
    const length = Buffer.byteLength(body);
    this.socket.write(
      `SUB ${inbox} ${sid}\r\nUNSUB ${sid} 1\r\nPUB ${subject} ${inbox} ${length}\r\n${body}\r\n`,
    );
    return answer;
  }

  close() {
    this.socket.destroy();
  }

  private take(bytes: Buffer) {
    this.received = Buffer.concat([this.received, bytes]);
    for (;;) {
      const end = this.received.indexOf("\r\n");
      if (end < 0) return;
      const words = this.received.subarray(0, end).toString().split(" ");
      const isMessage = words[0] === "MSG" || words[0] === "HMSG";
      const length = isMessage ? Number(words.at(-1)) : 0;
      const next = end + 2 + (isMessage ? length + 2 : 0);
      if (this.received.length < next) return;
      const payload = this.received.subarray(end + 2, end + 2 + length).toString();
      this.received = this.received.subarray(next);
      if (words[0] === "PING") this.socket.write("PONG\r\n");
      // Subject, number, perhaps where to answer, and one or two lengths.
      if (isMessage) this.waiting.get(words[2] ?? "")?.({ replyTo: words[3] ?? "", payload });
    }
  }
}

/** Makes a durable consumer, and says of its first messages that it will never handle them. */
export async function giveUp(port: number, token: string, consumer: string, count: number) {
  const program = new Subscriber(port, token);
  const config = { durable_name: consumer, ack_policy: "explicit", deliver_policy: "all" };
  const made = await program.request(
    `$JS.API.CONSUMER.DURABLE.CREATE.${STREAM}.${consumer}`,
    JSON.stringify({ stream_name: STREAM, config }),
  );
  if (made.payload.includes('"error"')) throw new Error(made.payload);
  const next = JSON.stringify({ batch: 1, expires: NEXT_WITHIN_NS });
  for (let given = 0; given < count; given += 1) {
    const { replyTo } = await program.request(`$JS.API.CONSUMER.MSG.NEXT.${STREAM}.${consumer}`, next);
    await program.request(replyTo, "+TERM no till is called that");
  }
  program.close();
}
