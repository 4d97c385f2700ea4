/** An ACME subscriber of an installation that dies and comes back: it asks again until it has an answer. */
import { X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AcmeClient,
  type Answer,
  type Authorization,
  type Challenge,
  httpsTransport,
  json,
  type Order,
} from './acme-client.ts';
import { csr } from './acme-csr.ts';
import type { Installation } from './installation.ts';

/** The web server of the names of a test: every token of every subscriber is answered by its own. */
export class ChallengeFiles {
  readonly #answers = new Map<string, string>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const answer = this.#answers.get(basename(request.url ?? ''));
      response.writeHead(answer === undefined ? 404 : 200).end(answer);
    });
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((done, fail) => {
      this.#server.once('error', fail);
      this.#server.listen(port, '127.0.0.1', done);
    });
  }

  put(token: string, keyAuthorization: string): void {
    this.#answers.set(token, keyAuthorization);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }
}

export class Subscriber {
  readonly client: AcmeClient;
  readonly #files: ChallengeFiles;
  readonly #deadline: number;

  constructor(installation: Installation, files: ChallengeFiles, milliseconds: number) {
    this.client = new AcmeClient(
      httpsTransport(installation.root),
      `${installation.httpsUrl}/acme/directory`,
    );
    this.#files = files;
    this.#deadline = performance.now() + milliseconds;
  }

  /** Until there is an answer that is not the server's own trouble. */
  async insist(what: string, act: () => Promise<Answer>): Promise<Answer> {
    let last = 'nothing was tried';
    while (performance.now() < this.#deadline) {
      try {
        const answer = await act();
        if (answer.status < 500) return answer;
        last = answer.text;
      } catch (error) {
        last = String(error);
      }
      await delay(100);
    }
    throw new Error(`${what}: ${last}`);
  }

  async register(): Promise<void> {
    await this.insist('newAccount', async () => this.client.register());
  }

  async #poll<T>(url: string, done: (value: T) => boolean): Promise<T> {
    for (;;) {
      const answer = await this.insist(url, async () => this.client.get(url));
      if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${answer.text}`);
      const value = json<T>(answer);
      if (done(value)) return value;
      if (performance.now() > this.#deadline) throw new Error(`${url}: still ${answer.text}`);
      await delay(50);
    }
  }

  /**
   * Answers a challenge, and again when the server does not know of it any more: that it was answered
   * is not on the disk at once (RFC 8555 §8.2, "resending their response").
   */
  async #answer(authorizationUrl: string, { url }: Challenge): Promise<void> {
    for (;;) {
      await this.insist('challenge', async () => this.client.post(url, {}));
      const found = await this.#poll<Authorization>(
        authorizationUrl,
        ({ status, challenges }) =>
          status !== 'pending' || challenges.every((one) => one.status === 'pending'),
      );
      if (found.status !== 'pending') return;
    }
  }

  /** One certificate for one name, whatever dies meanwhile. */
  async obtain(
    name: string,
  ): Promise<{ readonly pem: string; readonly certificate: X509Certificate }> {
    const { client } = this;
    const made = await this.insist('newOrder', async () => client.newOrder([name]));
    if (made.status !== 201) throw new Error(`newOrder: ${made.status} ${made.text}`);
    const order = json<Order>(made);
    const url = String(made.headers['location']);
    for (const one of order.authorizations) {
      const authorization = await this.#poll<Authorization>(one, () => true);
      const challenge = authorization.challenges.find(({ type }) => type === 'http-01');
      if (challenge === undefined) throw new Error(`${one}: no http-01`);
      this.#files.put(challenge.token, `${challenge.token}.${client.key.thumbprint}`);
      await this.#answer(one, challenge);
    }
    const request = csr([name]).der;
    const final = await this.insist('finalize', async () => client.finalize(order, request));
    if (final.status !== 200) throw new Error(`finalize: ${final.status} ${final.text}`);
    const ended = ['valid', 'invalid'];
    const done = await this.#poll<Order>(url, ({ status }) => ended.includes(status));
    if (done.certificate === undefined) throw new Error(`order: ${JSON.stringify(done)}`);
    const where = done.certificate;
    const { text: pem } = await this.insist('certificate', async () => client.get(where));
    return { pem, certificate: new X509Certificate(pem) };
  }
}
