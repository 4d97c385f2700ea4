/**
 * The load client, in a process of its own: plain sockets that speak just enough HTTP/1.1.
 *
 * On two cores a client that is dearer than the server measures itself, so this one reads a
 * response's status and length and nothing else. Each connection has one request under way.
 */
import { readFileSync } from 'node:fs';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { LoadResult, LoadSpecification } from './load.ts';

const endOfHead = Buffer.from('\r\n\r\n');
const lastChunk = Buffer.from('0\r\n\r\n');

/** Requests as they go over the wire: a length of four octets before each. */
function readRequests(file: string): readonly Buffer[] {
  const whole = readFileSync(file);
  const requests: Buffer[] = [];
  for (let at = 0; at < whole.length; ) {
    const size = whole.readUInt32BE(at);
    requests.push(whole.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return requests;
}

/** What is known of the response at the start of these octets; undefined: it goes on. */
function readResponse(octets: Buffer): { status: number; bodyAt: number } | undefined {
  const headEnd = octets.indexOf(endOfHead);
  if (headEnd < 0) return undefined;
  const head = octets.toString('latin1', 0, headEnd);
  const status = Number(head.slice(9, 12));
  const bodyAt = headEnd + 4;
  const length = /content-length: *(\d+)/i.exec(head)?.[1];
  // Nothing is pipelined: what ends with the last chunk is the end of the response.
  const whole =
    length === undefined
      ? octets.length >= bodyAt + 5 && octets.subarray(-5).equals(lastChunk)
      : octets.length >= bodyAt + Number(length);
  return whole ? { status, bodyAt } : undefined;
}

class Load {
  readonly #specification: LoadSpecification;
  readonly #requests: readonly Buffer[];
  readonly #latencies: number[] = [];
  readonly #statuses = new Map<number, number>();
  #next = 0;
  #running = 0;
  #measuredFrom = 0;
  #stopAt = Number.POSITIVE_INFINITY;
  #sample = Buffer.alloc(0);
  #lastAnswer = 0;
  readonly #done: (result: LoadResult) => void;

  constructor(specification: LoadSpecification, done: (result: LoadResult) => void) {
    this.#specification = specification;
    this.#requests = readRequests(specification.requestsFile);
    this.#done = done;
  }

  async start(): Promise<void> {
    const { connections, warmUpSeconds = 0, seconds } = this.#specification;
    const sockets = await Promise.all(Array.from({ length: connections }, () => this.#open()));
    const now = performance.now();
    this.#measuredFrom = now + warmUpSeconds * 1000;
    if (seconds !== undefined) this.#stopAt = this.#measuredFrom + seconds * 1000;
    for (const socket of sockets) this.#drive(socket);
  }

  async #open(): Promise<Socket> {
    const { host, port, tls } = this.#specification;
    return await new Promise((ready, fail) => {
      const socket: Socket =
        tls === undefined
          ? connectPlain({ host, port }, () => ready(socket))
          : connectTls({ host, port, servername: 'localhost', ...tls }, () => ready(socket));
      socket.setNoDelay(true);
      socket.once('error', fail);
    });
  }

  #take(): Buffer | undefined {
    if (this.#specification.seconds === undefined) return this.#requests[this.#next++];
    return this.#requests[Math.floor(Math.random() * this.#requests.length)];
  }

  #drive(socket: Socket): void {
    let sentAt = 0;
    let pending: Buffer | undefined;
    let over = false;
    const { offeredPerSecond, connections } = this.#specification;
    const pause = offeredPerSecond === undefined ? 0 : (connections * 1000) / offeredPerSecond;
    // Connections do not send in step with each other.
    let dueAt = performance.now() + Math.random() * pause;
    const send = (): void => {
      const request = performance.now() < this.#stopAt ? this.#take() : undefined;
      if (request === undefined) {
        over = true;
        socket.destroy();
        this.#finished();
        return;
      }
      sentAt = performance.now();
      socket.write(request);
    };
    this.#running += 1;
    socket.on('data', (chunk: Buffer) => {
      const octets = pending === undefined ? chunk : Buffer.concat([pending, chunk]);
      const response = readResponse(octets);
      if (response === undefined) {
        pending = octets;
        return;
      }
      pending = undefined;
      this.#count(response.status, sentAt, octets, response.bodyAt);
      dueAt += pause;
      const wait = dueAt - performance.now();
      if (pause === 0 || wait <= 0) send();
      else setTimeout(send, wait);
    });
    socket.on('close', () => {
      if (over) return;
      process.stderr.write('the server closed a connection under load\n');
      process.exit(1);
    });
    send();
  }

  #count(status: number, sentAt: number, octets: Buffer, bodyAt: number): void {
    const now = performance.now();
    if (sentAt < this.#measuredFrom || now > this.#stopAt) return;
    this.#latencies.push(now - sentAt);
    this.#lastAnswer = now;
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    if (status === this.#specification.expectedStatus) {
      if (this.#sample.length === 0) this.#sample = Buffer.from(octets.subarray(bodyAt));
    } else {
      process.stderr.write(`${octets.toString('latin1', 0, 600)}\n`);
    }
  }

  #finished(): void {
    this.#running -= 1;
    if (this.#running > 0) return;
    const sorted = Float64Array.from(this.#latencies).sort();
    const quantile = (part: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
    const seconds = (this.#lastAnswer - this.#measuredFrom) / 1000;
    const right = this.#statuses.get(this.#specification.expectedStatus) ?? 0;
    this.#done({
      answers: sorted.length,
      wrong: sorted.length - right,
      perSecond: sorted.length / seconds,
      p50: quantile(0.5),
      p99: quantile(0.99),
      longest: sorted.at(-1) ?? Number.NaN,
      sampleBody: this.#sample.toString('base64'),
      bodyBytes: this.#sample.length,
    });
  }
}

process.once('message', (specification: LoadSpecification) => {
  const load = new Load(specification, (result) => {
    process.send?.(result, () => process.disconnect());
  });
  load.start().catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  });
});
