/**
 * The ACME load client, in a process of its own: whole orders with http-01, one connection and one
 * account a worker. It does what RFC 8555 asks of a client and nothing that it leaves open: an
 * answer that says `valid` already is not asked for again.
 */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { Agent, request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import type { OrderLoad, OrderLoadResult } from './acme-load.ts';
import { answerEverything } from './acme-names.ts';

interface Answer {
  readonly status: number;
  readonly location: string;
  readonly text: string;
}

/** Milliseconds between two looks at something that is not done yet. */
const pollMilliseconds = 2;

function base64url(value: string | Uint8Array): string {
  return Buffer.from(value as string).toString('base64url');
}

class Worker {
  readonly #load: OrderLoad;
  readonly #tokens: Map<string, string>;
  readonly #agent: Agent;
  readonly #key: KeyObject;
  readonly #jwk: Readonly<Record<string, unknown>>;
  readonly #thumbprint: string;
  #directory: Readonly<Record<string, string>> = {};
  #kid: string | undefined;
  #nonce = '';
  requests = 0;
  badNonces = 0;

  constructor(load: OrderLoad, tokens: Map<string, string>) {
    this.#load = load;
    this.#tokens = tokens;
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1, ca: load.ca });
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#key = pair.privateKey;
    const { crv, kty, x, y } = pair.publicKey.export({ format: 'jwk' });
    this.#jwk = { crv, kty, x, y };
    this.#thumbprint = createHash('sha256').update(JSON.stringify(this.#jwk)).digest('base64url');
  }

  async register(): Promise<void> {
    this.#directory = JSON.parse((await this.#send('GET', this.#load.directory)).text) as Record<
      string,
      string
    >;
    await this.#send('HEAD', this.#url('newNonce'));
    const account = await this.#post(this.#url('newAccount'), { termsOfServiceAgreed: true });
    this.#kid = account.location;
  }

  /** One order from newOrder to the downloaded chain. */
  async order(name: string, csr: string): Promise<void> {
    const placed = await this.#post(this.#url('newOrder'), {
      identifiers: [{ type: 'dns', value: name }],
    });
    let order = JSON.parse(placed.text) as {
      status: string;
      authorizations: string[];
      finalize: string;
      certificate?: string;
    };
    for (const url of order.authorizations) await this.#authorize(url);
    const finalized = await this.#post(order.finalize, { csr });
    order = JSON.parse(finalized.text) as typeof order;
    while (order.status === 'processing' || order.status === 'ready') {
      await delay(pollMilliseconds);
      order = JSON.parse((await this.#post(placed.location, '')).text) as typeof order;
    }
    if (order.status !== 'valid' || order.certificate === undefined) {
      throw new Error(`an order became ${JSON.stringify(order)}`);
    }
    const chain = await this.#post(order.certificate, '');
    if (!chain.text.startsWith('-----BEGIN CERTIFICATE-----')) throw new Error(chain.text);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #authorize(url: string): Promise<void> {
    interface Challenge {
      readonly type: string;
      readonly url: string;
      readonly token: string;
      readonly status: string;
    }
    const authorization = JSON.parse((await this.#post(url, '')).text) as {
      readonly challenges: readonly Challenge[];
    };
    const challenge = authorization.challenges.find(({ type }) => type === 'http-01');
    if (challenge === undefined) throw new Error('http-01 is not offered');
    this.#tokens.set(challenge.token, `${challenge.token}.${this.#thumbprint}`);
    let { status } = JSON.parse((await this.#post(challenge.url, {})).text) as Challenge;
    while (status !== 'valid') {
      if (status === 'invalid') throw new Error(`invalid: ${name(url)}`);
      const seen = JSON.parse((await this.#post(url, '')).text) as { readonly status: string };
      status = seen.status;
      if (status !== 'valid') await delay(pollMilliseconds);
    }
    this.#tokens.delete(challenge.token);
  }

  #url(resource: string): string {
    return this.#directory[resource] ?? '';
  }

  async #post(url: string, payload: unknown): Promise<Answer> {
    const account = this.#kid === undefined ? { jwk: this.#jwk } : { kid: this.#kid };
    for (let attempt = 1; ; attempt += 1) {
      const head = base64url(JSON.stringify({ alg: 'ES256', nonce: this.#nonce, url, ...account }));
      const body = payload === '' ? '' : base64url(JSON.stringify(payload));
      const signature = sign('sha256', Buffer.from(`${head}.${body}`), {
        key: this.#key,
        dsaEncoding: 'ieee-p1363',
      }).toString('base64url');
      const answer = await this.#send(
        'POST',
        url,
        JSON.stringify({ protected: head, payload: body, signature }),
      );
      if (answer.status < 400) return answer;
      if (attempt > 3 || !answer.text.includes('badNonce')) {
        throw new Error(`${url}: ${answer.status} ${answer.text}`);
      }
      this.badNonces += 1;
    }
  }

  async #send(method: string, url: string, body?: string): Promise<Answer> {
    this.requests += 1;
    return await new Promise((done, fail) => {
      const sent = request(
        url,
        {
          method,
          agent: this.#agent,
          headers:
            body === undefined
              ? {}
              : {
                  'content-type': 'application/jose+json',
                  'content-length': String(Buffer.byteLength(body)),
                },
          timeout: 15_000,
        },
        (response) => {
          const nonce = response.headers['replay-nonce'];
          if (typeof nonce === 'string') this.#nonce = nonce;
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('error', fail);
          response.on('end', () =>
            done({
              status: response.statusCode ?? 0,
              location: response.headers.location ?? '',
              text,
            }),
          );
        },
      );
      sent.on('timeout', () => sent.destroy(new Error(`no answer from ${url} in 15 s`)));
      sent.on('error', fail);
      sent.end(body);
    });
  }
}

function name(url: string): string {
  return new URL(url).pathname;
}

/** Answers http-01 from the tokens of all workers. */
async function answerChallenges(port: number, tokens: Map<string, string>): Promise<Server> {
  const server = createServer((asked, response) => {
    const answer = tokens.get(asked.url?.split('/').at(-1) ?? '');
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'text/plain' });
    response.end(answer);
  });
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(port, '127.0.0.1', done);
  });
  return server;
}

async function run(load: OrderLoad): Promise<OrderLoadResult> {
  const jobs = JSON.parse(readFileSync(load.ordersFile, 'utf8')) as { name: string; csr: string }[];
  const tokens = new Map<string, string>();
  const challenges = await answerChallenges(load.http01Port, tokens);
  const names = await answerEverything(load.dnsPort);
  const workers = Array.from({ length: load.parallel }, () => new Worker(load, tokens));
  for (const worker of workers) await worker.register();
  const registered = workers.reduce((sum, worker) => sum + worker.requests, 0);
  const latencies: number[] = [];
  let next = 0;
  const begun = performance.now();
  await Promise.all(
    workers.map(async (worker) => {
      for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) {
        const placed = performance.now();
        await worker.order(job.name, job.csr);
        latencies.push(performance.now() - placed);
      }
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  for (const worker of workers) worker.close();
  challenges.closeAllConnections();
  challenges.close();
  names.close();
  const sorted = latencies.toSorted((a, b) => a - b);
  const quantile = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  return {
    orders: sorted.length,
    perSecond: sorted.length / seconds,
    p50: quantile(0.5),
    p99: quantile(0.99),
    longest: sorted.at(-1) ?? Number.NaN,
    requestsEach:
      (workers.reduce((sum, worker) => sum + worker.requests, 0) - registered) / sorted.length,
    badNonces: workers.reduce((sum, worker) => sum + worker.badNonces, 0),
  };
}

process.once('message', (load: OrderLoad) => {
  run(load).then(
    (result) => process.send?.(result, () => process.disconnect()),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
});
