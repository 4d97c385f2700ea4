/** A running installation as its users meet it while something behind it is away. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Installation, RestAnswer } from './installation.ts';
import { LoadClient, newRequest, type Received } from './load-client.ts';
import { until } from './quickstart-run.ts';

/** How long service may take to come back by itself. */
const backWithin = 30_000;

export class Service {
  readonly client: LoadClient;
  readonly #installation: Installation;

  constructor(installation: Installation) {
    this.#installation = installation;
    this.client = new LoadClient(installation, () => 0.5);
  }

  /** Issues one certificate and keeps its issuer's certificate for openssl. */
  async begin(): Promise<Received> {
    const item = await this.client.issue();
    const file = await fetch(`${this.#installation.httpUrl}/ca/${item.issuerId}.cer`);
    this.#installation.write('issuer.cer', Buffer.from(await file.arrayBuffer()));
    await this.#installation.openssl([
      'x509',
      '-inform',
      'DER',
      '-in',
      'issuer.cer',
      '-out',
      'issuer.pem',
    ]);
    return item;
  }

  /** One attempt to issue, without any retry. */
  async tryToIssue(): Promise<RestAnswer> {
    return this.#installation.rest('POST', '/api/v1/certificates', newRequest('once').body);
  }

  /** A clear "not now": 503, a code of its own, and when to come again. */
  expectUnavailable(answer: RestAnswer, ...codes: readonly string[]): void {
    expect(`${answer.status} ${answer.text}`).toMatch(/^503 /);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(codes).toContain((answer.json() as { code: string }).code);
  }

  async ocsp(serialNumber: string): Promise<string> {
    const { stdout, stderr } = await this.#installation.openssl([
      ...['ocsp', '-CAfile', this.#installation.root, '-issuer', 'issuer.pem', '-no_nonce'],
      ...['-serial', `0x${serialNumber}`, '-url', this.#installation.ocspUrl],
    ]);
    return stdout + stderr;
  }

  async ready(of: 'ca' | 'ocsp'): Promise<{ readonly status: number; readonly text: string }> {
    const base = of === 'ca' ? `${this.#installation.httpUrl}/` : this.#installation.ocspUrl;
    const answer = await fetch(`${base}readyz`);
    return { status: answer.status, text: await answer.text() };
  }

  async untilNotReady(of: 'ca' | 'ocsp', reason: RegExp, within = 30_000): Promise<void> {
    await until(
      `${of} to be not ready: ${reason}`,
      async () => {
        const { status, text } = await this.ready(of);
        return status === 503 && reason.test(text);
      },
      within,
    );
  }

  /** Everything works again, soon enough, and no process was started anew for it. */
  async expectBack(
    during: { readonly ca: number | undefined; readonly ocsp: number | undefined } | undefined,
  ): Promise<void> {
    const from = performance.now();
    await until(
      'issuance',
      async () => (await this.tryToIssue().catch(() => undefined))?.status === 201,
      backWithin,
    );
    for (const of of ['ca', 'ocsp'] as const) {
      await until(
        `${of} to be ready`,
        async () => (await this.ready(of).catch(() => undefined))?.status === 200,
        backWithin,
      );
    }
    const fresh = await this.client.issue();
    await until(
      'OCSP of a new certificate',
      async () => (await this.ocsp(fresh.serialNumber)).includes(': good'),
      backWithin,
    );
    expect(performance.now() - from).toBeLessThan(backWithin);
    if (during !== undefined) expect(this.pids()).toEqual(during);
  }

  pids(): { readonly ca: number | undefined; readonly ocsp: number | undefined } {
    return { ca: this.#installation.pid('ca'), ocsp: this.#installation.pid('ocsp') };
  }

  /** The log of a process so far. */
  log(name: 'ca' | 'ocsp'): string {
    return readFileSync(`${this.#installation.data}/log/${name}.log`, 'utf8');
  }
}
