/** What is signed before anybody asks for it: due, evicted or asked for before a restart. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { AskedBefore } from '../../../ocsp/asked-before.ts';
import { Renewals } from '../../../ocsp/renewals.ts';
import { ResponseCache } from '../../../ocsp/response-cache.ts';
import type { StatusQuestion } from '../../../ocsp/source.ts';
import { createCertID } from '../../../src/pkix/index.ts';
import { testIssuer } from '../../support/test-hierarchy.ts';

const issuer = testIssuer('Renewals');
const { subject, subjectPublicKeyInfo } = issuer.certificate;
const folder = mkdtempSync(join(tmpdir(), 'chancery-renewals-'));
afterAll(() => rmSync(folder, { recursive: true }));

const start = Date.parse('2027-01-01T00:00:00Z');
const minute = 60_000;

function question(serialNumber: string): StatusQuestion {
  const certID = createCertID('sha1', subject, subjectPublicKeyInfo, serialNumber);
  return {
    issuer: { ...issuer, certifiedBy: issuer.issuerId, policy: { extendedRevoke: false } },
    certIDs: [certID],
    serialNumbers: [serialNumber],
    restricted: false,
    key: Buffer.from(certID.der).toString('latin1'),
  };
}

/** Answers of an hour that are due after half of it. */
function make(perSecond = 1000) {
  const cache = new ResponseCache(100, 7);
  const state = { now: start, able: true };
  const signed: string[] = [];
  const names = new Map<string, string>();
  const renewals = new Renewals({
    answers: cache.compact,
    renew: async (certID) => {
      signed.push(names.get(Buffer.from(certID).toString('hex')) ?? '');
      return Promise.resolve();
    },
    able: () => state.able,
    clock: { now: () => new Date(state.now) },
    log: () => undefined,
    perSecond,
  });
  const keep = (serialNumber: string, uses = 0): Uint8Array => {
    const asked = question(serialNumber);
    const der = asked.certIDs[0]?.der ?? new Uint8Array();
    names.set(Buffer.from(der).toString('hex'), serialNumber);
    cache.set(
      asked,
      {
        body: Buffer.from(der),
        issuerId: issuer.issuerId,
        serialNumbers: [serialNumber],
        thisUpdate: start,
        nextUpdate: start + 60 * minute,
        etag: `"${'00'.repeat(32)}"`,
        reusable: true,
        good: true,
      },
      start + 30 * minute,
    );
    for (let n = 0; n < uses; n += 1) cache.get(asked);
    return der;
  };
  /** Looks at every answer once. */
  const round = async (): Promise<void> => {
    for (let n = 0; n < 200; n += 1) {
      renewals.turn();
      await Promise.resolve();
    }
  };
  return { cache, renewals, state, signed, keep, round };
}

describe('signed ahead', () => {
  it('what was asked for is renewed before it ends, once; what nobody asks for ends', async () => {
    const { cache, state, signed, keep, round } = make();
    keep('01', 2);
    keep('02');
    state.now = start + 29 * minute;
    await round();
    expect(signed).toEqual([]);
    state.now = start + 31 * minute;
    await round();
    await round();
    expect(signed).toEqual(['01']);
    expect(cache.size).toBe(2);
    state.now = start + 60 * minute;
    await round();
    expect(cache.size).toBe(0);
  });

  it('what a change of status took away is signed at once and first, if it was asked for', async () => {
    const { renewals, state, signed, keep, round } = make();
    const [asked, idle, before] = [keep('01'), keep('02'), keep('03')];
    state.able = false;
    renewals.ahead([before]);
    let told = 0;
    const evicted = [
      { certID: idle, uses: 0 },
      { certID: asked, uses: 1 },
    ];
    renewals.evicted(evicted, () => {
      told += 1;
    });
    // Without database or token nothing is tried, and nothing is forgotten.
    await round();
    expect([signed, renewals.waiting]).toEqual([[], 2]);
    state.able = true;
    await round();
    expect(signed).toEqual(['01', '03']);
    expect(told).toBe(1);
  });

  it('no more than so many a second, whatever waits; those asked for most come first', async () => {
    const { renewals, signed, keep } = make(10);
    const serials = Array.from({ length: 40 }, (_, n) => (n + 16).toString(16));
    renewals.ahead(serials.map((serial) => keep(serial)));
    const second = async (): Promise<void> => {
      for (let n = 0; n < 10; n += 1) {
        renewals.turn();
        await new Promise(setImmediate);
      }
    };
    // The first second has its allowance at once, and what comes in.
    await second();
    await second();
    expect(signed.length).toBeGreaterThan(10);
    expect(signed.length).toBeLessThanOrEqual(30);
    expect(signed).toEqual(serials.slice(0, signed.length));
  });
});

describe('what was asked for before a restart', () => {
  it('is written by use and read again, to a limit; what is no certID is left out', async () => {
    const { cache, keep } = make();
    const [often, once] = [keep('01', 9), keep('02', 1)];
    keep('03');
    const list = new AskedBefore(folder, 10);
    expect(await list.read()).toEqual([]);
    await list.write(cache.compact);
    expect(await list.read()).toEqual([often, once].map((der) => Buffer.from(der)));
    expect(await new AskedBefore(folder, 1).read()).toEqual([Buffer.from(often)]);
    expect(await new AskedBefore(folder, 0).read()).toEqual([]);
    const file = join(folder, 'asked-before');
    writeFileSync(file, `${'A'.repeat(4000)}\n\n${readFileSync(file, 'utf8')}`);
    expect(await list.read()).toHaveLength(2);
  });
});
