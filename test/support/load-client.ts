/**
 * Clients that behave as real ones do while processes die under them: each act has an idempotency
 * key, or is looked up before it is tried again, and what the server acknowledged is remembered.
 */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { softwareCertificationRequest } from '../../src/authority/index.ts';
import type { Installation, RestAnswer } from './installation.ts';

export type Status = 'good' | 'onHold' | 'revoked';
type Act = 'hold' | 'release' | 'revoke';

/** A certificate that a client has in hand, and what it was told of it since. */
export interface Received {
  readonly serialNumber: string;
  readonly issuerId: string;
  readonly name: string;
  readonly pem: string;
  readonly idempotencyKey: string;
  /** What the server last acknowledged. */
  status: Status;
  /** Acknowledged acts, in order. */
  readonly acts: Act[];
  busy: boolean;
}

/** The certificate as REST shows it. */
export interface Shown {
  readonly serialNumber: string;
  readonly issuerId: string;
  readonly status: Status;
  readonly reasonCode?: string;
  readonly issuanceState: 'prepared' | 'issued' | 'abandoned';
  readonly names: readonly string[];
  readonly requestedAt: string;
  readonly pem?: string;
}

const nextOf: Readonly<Record<Act, Status>> = {
  hold: 'onHold',
  release: 'good',
  revoke: 'revoked',
};

/** A small deterministic generator (mulberry32): a run is repeated by its seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A request for a certificate of a name that nobody else has, with a key of its own. */
export function newRequest(label: string): {
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
} {
  const name = `${label}-${randomUUID().slice(0, 8)}.load.test`;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const csr = Buffer.from(softwareCertificationRequest(privateKey, { dns: [name] }));
  return { name, body: { profile: 'tls-server', csr: csr.toString('base64'), dns: [name] } };
}

export class LoadClient {
  readonly received: Received[] = [];
  /** What no client should ever see. */
  readonly surprises: string[] = [];
  /** Acts that the server refused to take now (503), by code. */
  readonly refusals = new Map<string, number>();
  readonly #installation: Installation;
  readonly #random: () => number;
  #stopping = false;
  #counter = 0;

  constructor(installation: Installation, random: () => number) {
    this.#installation = installation;
    this.#random = random;
  }

  /** Works until `stop`; what is under way is still brought to an end. */
  async work(issuers: number, changers: number, pause: number): Promise<void> {
    const loop = async (act: () => Promise<void>): Promise<void> => {
      while (!this.#stopping) {
        await act();
        await delay(pause * (0.5 + this.#random()));
      }
    };
    await Promise.all([
      ...Array.from({ length: issuers }, async () => loop(async () => this.#issueOrNote())),
      ...Array.from({ length: changers }, async () => loop(async () => this.changeSome())),
    ]);
  }

  stop(): void {
    this.#stopping = true;
  }

  async #issueOrNote(): Promise<void> {
    await this.issue().catch((error: unknown) => this.surprises.push(String(error)));
  }

  /** Issues one certificate, with as many retries as it takes. */
  async issue(): Promise<Received> {
    this.#counter += 1;
    const { name, body } = newRequest(`n${this.#counter}`);
    const idempotencyKey = randomUUID();
    const ask = async (): Promise<Shown> => {
      const answer = await this.#until('issue', async () =>
        this.#installation.rest('POST', '/api/v1/certificates', body, {
          'idempotency-key': idempotencyKey,
        }),
      );
      if (answer.status !== 201) throw new Error(`issue: ${answer.status} ${answer.text}`);
      return (answer.json() as { certificate: Shown }).certificate;
    };
    const certificate = await ask();
    const { serialNumber, issuerId, pem = '' } = certificate;
    const item: Received = {
      ...{ serialNumber, issuerId, name, pem, idempotencyKey },
      status: 'good',
      acts: [],
      busy: true,
    };
    this.received.push(item);
    if (this.#random() < 0.1) {
      // A client that lost the answer asks again and must get the very same certificate.
      const again = await ask();
      if (again.serialNumber !== serialNumber || again.pem !== pem) {
        this.surprises.push(`${idempotencyKey} gave ${serialNumber} and ${again.serialNumber}`);
      }
    }
    item.busy = false;
    return item;
  }

  /** Changes the status of some certificate that nobody else is changing. */
  async changeSome(): Promise<void> {
    const free = this.received.filter(({ busy, status }) => !busy && status !== 'revoked');
    // The newest: each is held, released and revoked in turn, and most stay good.
    const item = free.at(-1 - Math.floor(this.#random() * Math.min(free.length, 20)));
    if (item === undefined) return;
    const dice = this.#random();
    const act: Act =
      item.status === 'onHold'
        ? dice < 0.6
          ? 'release'
          : 'revoke'
        : dice < 0.7
          ? 'hold'
          : 'revoke';
    await this.change(item, act).catch((error: unknown) => this.surprises.push(String(error)));
  }

  /** One act on one certificate. A lost answer is followed by a look, never by a blind second try. */
  async change(item: Received, act: Act): Promise<void> {
    item.busy = true;
    try {
      const path = `/api/v1/certificates/${item.serialNumber}`;
      const body = act === 'revoke' ? { reasonCode: 'superseded' } : { comment: 'load' };
      for (;;) {
        const answer = await this.#installation
          .rest('POST', `${path}/${act}`, body)
          .catch(() => undefined);
        if (answer?.status === 200) break;
        if (answer !== undefined && answer.status !== 503) {
          throw new Error(`${act} ${item.serialNumber}: ${answer.status} ${answer.text}`);
        }
        if (answer !== undefined) this.#note(answer);
        await delay(150);
        const shown = await this.show(item.serialNumber);
        if (shown.status === nextOf[act]) break;
        if (shown.status !== item.status) {
          throw new Error(`${item.serialNumber} was ${item.status} and is ${shown.status}`);
        }
      }
      item.status = nextOf[act];
      item.acts.push(act);
    } finally {
      item.busy = false;
    }
  }

  /** The inventory's record, with retries while nobody answers. */
  async show(serialNumber: string): Promise<Shown> {
    const answer = await this.#until('show', async () =>
      this.#installation.rest('GET', `/api/v1/certificates/${serialNumber}`),
    );
    if (answer.status !== 200) throw new Error(`show ${serialNumber}: ${answer.status}`);
    return answer.json() as Shown;
  }

  /** Asks until there is an answer other than 503 or "still running". */
  async #until(what: string, ask: () => Promise<RestAnswer>): Promise<RestAnswer> {
    const deadline = performance.now() + 120_000;
    for (;;) {
      const answer = await ask().catch(() => undefined);
      const running = answer?.status === 409 && answer.text.includes('idempotencyInProgress');
      if (answer !== undefined && answer.status !== 503 && !running) return answer;
      if (answer !== undefined) {
        this.#note(answer);
        if (answer.headers['retry-after'] === undefined) {
          this.surprises.push(`${what}: ${answer.status} without Retry-After: ${answer.text}`);
        }
      }
      if (performance.now() > deadline) {
        throw new Error(`${what}: no answer for 120 s, last ${answer?.text ?? 'no connection'}`);
      }
      await delay(150);
    }
  }

  #note(answer: RestAnswer): void {
    const { code = 'none' } = answer.json() as { code?: string };
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }
}
