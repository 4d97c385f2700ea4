import { describe, expect, it } from 'vitest';
import { CacheSource } from '../../../ocsp/cache-source.ts';
import { ChangeLedger } from '../../../ocsp/change-ledger.ts';
import { BoundedQueue } from '../../../ocsp/queue.ts';
import { ResponseCache } from '../../../ocsp/response-cache.ts';
import type { AnswerSource, SignedAnswer, StatusQuestion } from '../../../ocsp/source.ts';
import { ChanceryError } from '../../../src/domain/index.ts';
import { testIssuer } from '../../support/test-hierarchy.ts';

const issuer = testIssuer('Cache');
const known = { ...issuer, certifiedBy: issuer.issuerId, policy: { extendedRevoke: false } };

function question(serial: string, nonce?: Uint8Array): StatusQuestion {
  return {
    ...{ issuer: known, certIDs: [], serialNumbers: [serial], nonce },
    ...{ key: serial, restricted: false },
  };
}

/** Signs nothing: answers what the row says when the lookup begins, after `gate`. */
class SlowSource implements AnswerSource {
  status = 'good';
  calls = 0;
  failing = false;
  gate: () => Promise<void> = async () => Promise.resolve();
  now = 0;
  reusable = true;

  async answer({ serialNumbers }: StatusQuestion): Promise<SignedAnswer> {
    this.calls += 1;
    const body = Buffer.from(this.status);
    const thisUpdate = this.now;
    await this.gate();
    if (this.failing) throw new ChanceryError('tokenUnavailable', { message: 'away' });
    return {
      body,
      issuerId: issuer.issuerId,
      serialNumbers,
      thisUpdate,
      nextUpdate: thisUpdate + 3_600_000,
      etag: '""',
      reusable: this.reusable,
      good: true,
    };
  }
}

function make() {
  const next = new SlowSource();
  const cache = new ResponseCache(100);
  const ledger = new ChangeLedger();
  const clock = { now: () => new Date(next.now) };
  const source = new CacheSource(next, {
    cache,
    ledger,
    clock,
    log: () => undefined,
    random: () => 0.25,
  });
  const change = (status: string, serial = '01'): void => {
    next.status = status;
    ledger.noteSerialNumber(issuer.issuerId, serial);
    cache.evict(issuer.issuerId, serial);
  };
  const ask = async (serial = '01', nonce?: Uint8Array): Promise<string> =>
    (await source.answer(question(serial, nonce))).body.toString();
  return { next, cache, source, change, ask };
}

describe('the cache before the signer', () => {
  it('signs once for a question that many ask at the same time, and once for later ones', async () => {
    const { next, ask } = make();
    await Promise.all(Array.from({ length: 50 }, async () => ask()));
    await ask();
    expect(next.calls).toBe(1);
  });

  it('never keeps or gives an answer whose lookup is older than the change', async () => {
    const { next, change, ask, cache } = make();
    let changed = false;
    next.gate = async () => {
      // The change is committed and told after the status was read and before it is signed.
      if (!changed) {
        changed = true;
        change('revoked');
      }
      await Promise.resolve();
    };
    expect(await ask()).toBe('revoked');
    expect(cache.get(question('01'))?.body.toString()).toBe('revoked');
    expect(next.calls).toBe(2);
  });

  it('says tryLater rather than an old status when changes never end', async () => {
    const { next, change, ask, cache } = make();
    next.gate = async () => {
      change('revoked');
      await Promise.resolve();
    };
    await expect(ask()).rejects.toMatchObject({ code: 'overloaded' });
    expect(cache.size).toBe(0);
  });

  it('never keeps an answer with a nonce, nor one that says unknown', async () => {
    const { next, ask, cache } = make();
    await ask('01', Buffer.from('nonce'));
    await ask('01', Buffer.from('nonce'));
    next.reusable = false;
    await ask('02');
    await ask('02');
    expect(next.calls).toBe(4);
    expect(cache.size).toBe(0);
  });

  it('renews an answer beside serving it, and serves it to its end when it cannot be renewed', async () => {
    const { next, ask } = make();
    expect(await ask()).toBe('good');
    next.failing = true;
    next.now = 3_000_000;
    expect(await ask()).toBe('good');
    next.now = 3_600_000 - 1000;
    await expect(ask()).rejects.toMatchObject({ code: 'tokenUnavailable' });
    next.failing = false;
    expect(await ask()).toBe('good');
    const { calls } = next;
    next.now += 2_000_000;
    await ask();
    expect(next.calls).toBe(calls + 1);
    await ask();
    expect(next.calls).toBe(calls + 1);
  });

  it('an answer from the future, after the clock went back, is not served', async () => {
    const { next, ask } = make();
    next.now = 10_000_000;
    await ask();
    next.now = 5_000_000;
    await ask();
    expect(next.calls).toBe(2);
  });

  it('one failure is not remembered', async () => {
    const { next, ask } = make();
    next.failing = true;
    await expect(ask()).rejects.toMatchObject({ code: 'tokenUnavailable' });
    next.failing = false;
    expect(await ask()).toBe('good');
  });
});

describe('the bounded queue', () => {
  it('refuses at once past its limit, and takes again when something leaves', async () => {
    const next = new SlowSource();
    const release: (() => void)[] = [];
    next.gate = async () => new Promise((done) => release.push(done));
    const queue = new BoundedQueue(next, 3);
    const waiting = ['1', '2', '3'].map(async (serial) => queue.answer(question(serial)));
    await expect(queue.answer(question('4'))).rejects.toMatchObject({ code: 'overloaded' });
    release[0]?.();
    await waiting[0];
    const fourth = queue.answer(question('4'));
    for (const go of release) go();
    await expect(fourth).resolves.toBeDefined();
    await Promise.all(waiting);
    expect(queue.length).toBe(0);
  });
});
