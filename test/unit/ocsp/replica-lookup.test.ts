import { describe, expect, it } from 'vitest';
import type { StatusRecord } from '../../../ocsp/ports.ts';
import { ReplicaLookup } from '../../../ocsp/replica-lookup.ts';
import { MemoryStatus } from '../../support/memory-status.ts';
import { testIssuer } from '../../support/test-hierarchy.ts';

const issuer = testIssuer('Replica');
const { issuerId } = issuer;
const notAfter = new Date('2030-01-01');

/** A primary whose feed tells positions, and a replica that has replayed up to `replayed`. */
function make() {
  const primary = new MemoryStatus();
  const replica = new MemoryStatus();
  for (const one of [primary, replica]) one.addIssuer(issuer);
  const state = { position: 100n as bigint | undefined, replayed: 100n, now: 1000, lookups: 0 };
  const source = new ReplicaLookup({
    primary: {
      issuers: async () => primary.issuers(),
      lookup: async (id, serials) => {
        state.lookups += 1;
        return primary.lookup(id, serials);
      },
      changesSince: async (cursor, limit) => ({
        ...(await primary.changesSince(cursor, limit)),
        position: state.position,
      }),
    },
    replica: {
      lookup: async (id, serials) => ({
        replayed: state.replayed,
        records: await replica.lookup(id, serials),
      }),
    },
    clock: { now: () => new Date(state.now) },
    deadline: 200,
    log: () => undefined,
  });
  const record = (serialNumber: string, change: Partial<StatusRecord> = {}): StatusRecord => ({
    ...{ issuerId, serialNumber, notAfter, issuanceState: 'issued', status: 'good' },
    ...change,
  });
  return { primary, replica, source, state, record };
}

describe('looking up on a replica', () => {
  it('is true of the moment at which the feed was last read to its end', async () => {
    const { primary, replica, source, state, record } = make();
    for (const one of [primary, replica]) one.put(record('0a'));
    await source.changesSince(undefined, 10);
    state.now = 1500;
    expect(await source.lookup(issuerId, ['0a'])).toEqual([
      { ...record('0a'), asOf: new Date(1000) },
    ]);
    expect(state.lookups).toBe(0);
  });

  it('a replica that is behind the last change is not believed', async () => {
    const { primary, replica, source, state, record } = make();
    for (const one of [primary, replica]) one.put(record('0a'));
    const { cursor } = await source.changesSince(undefined, 10);
    primary.put(record('0a', { status: 'revoked' }));
    state.position = 200n;
    await source.changesSince(cursor, 10);
    expect(await source.lookup(issuerId, ['0a'])).toEqual([record('0a', { status: 'revoked' })]);
    state.replayed = 200n;
    replica.put(record('0a', { status: 'revoked' }));
    expect(await source.lookup(issuerId, ['0a'])).toEqual([
      { ...record('0a', { status: 'revoked' }), asOf: new Date(1000) },
    ]);
    expect(state.lookups).toBe(1);
  });

  it('a page that comes after a later one, because nobody waited for it, takes nothing back', async () => {
    const { primary, replica, source, state, record } = make();
    for (const one of [primary, replica]) one.put(record('0a'));
    const { cursor } = await source.changesSince(undefined, 10);
    primary.put(record('0a', { status: 'revoked' }));
    state.position = 200n;
    state.now = 1500;
    await source.changesSince(cursor, 10);
    // Read before the certificate was revoked; its reader gave it up.
    state.position = 100n;
    await source.changesSince(cursor, 0);
    expect(await source.lookup(issuerId, ['0a'])).toEqual([record('0a', { status: 'revoked' })]);
  });

  it('what it does not know as issued is asked of the primary, that alone', async () => {
    const { primary, replica, source, state, record } = make();
    replica.put(record('0a'));
    replica.put(record('0b', { issuanceState: 'prepared' }));
    for (const serial of ['0a', '0b', '0c']) primary.put(record(serial));
    await source.changesSince(undefined, 10);
    const found = await source.lookup(issuerId, ['0a', '0b', '0c', '0d']);
    expect(found.map(({ serialNumber, asOf }) => [serialNumber, asOf !== undefined])).toEqual([
      ['0a', true],
      ['0b', false],
      ['0c', false],
    ]);
    expect(source.counts).toEqual({ replica: 1, primary: 3 });
    expect(state.lookups).toBe(1);
  });

  it('without a word of the feed, and while the replica fails or hangs, the primary is asked', async () => {
    const { primary, replica, source, state, record } = make();
    for (const one of [primary, replica]) one.put(record('0a'));
    const plain = [record('0a')];
    expect(await source.lookup(issuerId, ['0a'])).toEqual(plain);
    await source.changesSince(undefined, 10);
    replica.hanging = true;
    expect(await source.lookup(issuerId, ['0a'])).toEqual(plain);
    replica.hanging = false;
    replica.failing = true;
    expect(await source.lookup(issuerId, ['0a'])).toEqual(plain);
    expect(state.lookups).toBe(3);
    primary.failing = true;
    await expect(source.lookup(issuerId, ['0a'])).rejects.toMatchObject({
      code: 'databaseUnavailable',
    });
  });
});
