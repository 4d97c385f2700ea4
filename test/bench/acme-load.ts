/** Runs the ACME load client and keeps what it measured. */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One order to place: its only name, and a CSR over a key of its own (base64url of DER). */
export interface OrderToPlace {
  readonly name: string;
  readonly csr: string;
}

/** Where to place orders, and how many at a time. */
export interface OrderLoad {
  /** URL of the directory. */
  readonly directory: string;
  /** PEM of what the server's certificate is verified with. */
  readonly ca: string;
  readonly parallel: number;
  readonly ordersFile: string;
  /** Where the server looks for http-01, and whom it asks for addresses. */
  readonly http01Port: number;
  readonly dnsPort: number;
}

/** A server that takes orders. */
export type OrderTarget = Pick<OrderLoad, 'directory' | 'ca' | 'http01Port' | 'dnsPort'>;

/** Times in milliseconds, from newOrder to the downloaded chain. */
export interface OrderLoadResult {
  readonly orders: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
  /** Requests of one order, polls included. */
  readonly requestsEach: number;
  /** Requests that had to be signed again with a fresh nonce. */
  readonly badNonces: number;
}

/**
 * Places each order once from a process of its own.
 *
 * @throws Error when an order did not end with a certificate: such a figure means nothing
 */
export async function placeOrders(
  target: OrderTarget,
  orders: readonly OrderToPlace[],
  parallel: number,
): Promise<OrderLoadResult> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-bench-'));
  const ordersFile = join(folder, 'orders.json');
  writeFileSync(ordersFile, JSON.stringify(orders));
  const child = fork(new URL('./acme-client.ts', import.meta.url), { stdio: 'inherit' });
  const exited = new Promise((done) => child.once('exit', done));
  try {
    const result = await new Promise<OrderLoadResult>((done, fail) => {
      child.once('message', (sent: OrderLoadResult) => done(sent));
      child.once('error', fail);
      child.once('exit', (code) => fail(new Error(`the ACME client ended with ${code}`)));
      child.send({ ...target, parallel, ordersFile } satisfies OrderLoad);
    });
    // The next client takes over its ports.
    await exited;
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
