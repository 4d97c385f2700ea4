import { describe, expect, test } from 'vitest';
import { ChanceryError } from '../../../src/domain/index.ts';
import { parseCertificate } from '../../../src/pkix/index.ts';
import {
  admin,
  csrFor,
  freshKey,
  principal,
  refusal,
  testAuthority,
} from '../../support/authority.ts';

const chancery = await testAuthority('authority_inventory');
const { authority, clock } = chancery;

describe('naming a certificate', () => {
  test('in any spelling of its serial number', async () => {
    const { record } = await chancery.issue();
    const even = record.serialNumber.padStart(36, '0');
    const colons = even.toUpperCase().match(/../g)?.join(':') ?? '';
    for (const serialNumber of [record.serialNumber, even, `0x${even}`, colons, `00${even}`]) {
      expect((await authority.findCertificate(admin, { serialNumber })).spkiHash).toBe(
        record.spkiHash,
      );
    }
    for (const serialNumber of ['%', "1' OR '1'='1", '', '12 34 zz']) {
      expect(await refusal(authority.findCertificate(admin, { serialNumber }))).toBe('malformed');
    }
    expect(await refusal(authority.findCertificate(admin, { serialNumber: '1' }))).toBe('notFound');
  });

  test('when two issuers share it the issuer must be named; a subscriber has only its own to choose from', async () => {
    const alice = principal('subscriber', 'alice');
    await authority.createIssuer(admin, {
      name: 'second',
      kind: 'subordinate',
      parent: 'root',
      keyAlgorithm: 'p256',
    });
    const mine = await chancery.issue({ as: alice });
    const other = await chancery.issue({ issuer: 'second' });
    const { serialNumber } = mine.record;
    await chancery.sql('UPDATE certificates SET serial_number = $1 WHERE serial_number = $2', [
      serialNumber,
      other.record.serialNumber,
    ]);
    expect(await refusal(authority.findCertificate(admin, { serialNumber }))).toBe('ambiguous');
    const hold = authority.holdCertificate(admin, { serialNumber });
    expect(await refusal(hold)).toBe('ambiguous');
    const named = await authority.findCertificate(admin, { serialNumber, issuer: 'issuing' });
    expect(named.spkiHash).toBe(mine.record.spkiHash);
    expect((await authority.findCertificate(alice, { serialNumber })).owner).toBe('alice');
    const second = authority.findCertificate(alice, { serialNumber, issuer: 'second' });
    expect(await refusal(second)).toBe('notFound');
    await authority.holdCertificate(admin, { serialNumber, issuer: 'issuing' });
    expect((await chancery.find(other.record))?.status.status ?? 'good').toBe('good');
  });
});

describe('chains and searches', () => {
  test('the chain is the certificate and its issuers, without the root', async () => {
    const { record, certificate } = await chancery.issue();
    const chain = await authority.certificateChain(admin, { serialNumber: record.serialNumber });
    expect(chain.map((der) => Buffer.from(der).toString('hex'))[0]).toBe(
      Buffer.from(certificate).toString('hex'),
    );
    expect(chain.slice(1).map((der) => parseCertificate(der).subject.rdns.length)).toEqual([1]);
    const [, issuer] = chain;
    expect(Buffer.from(issuer ?? '').equals(chancery.issuing.certificate ?? Buffer.of())).toBe(
      true,
    );
  });

  test('what was never issued has a record and no chain', async () => {
    const node = await chancery.node('failing');
    node.beforeSign = async () => {
      throw new ChanceryError('tokenUnavailable', { message: 'away' });
    };
    const asked = node.authority.issueCertificate(admin, {
      profile: 'tls-server',
      csr: csrFor(freshKey(), 'never.example.test'),
    });
    await refusal(asked);
    const found = await authority.searchCertificates(admin, {
      name: 'never.example.test',
      limit: 1,
    });
    const [record] = found.items;
    if (record === undefined) throw new Error('no record');
    expect(record.issuanceState).toBe('abandoned');
    const ref = { serialNumber: record.serialNumber };
    expect(await refusal(authority.certificateChain(admin, ref))).toBe('notFound');
    expect((await chancery.audit('certificate.read')).at(-1)).toMatchObject({
      outcome: 'refused',
      object: record.serialNumber,
    });
    const renew = authority.renewCertificate(admin, {
      ...ref,
      csr: csrFor(freshKey(), 'never.example.test'),
    });
    expect(await refusal(renew)).toBe('certificateRevoked');
  });

  test('status, time, profile, requester, owner, tag, key and any name find it, page by page', async () => {
    const operator = principal('operator', 'desk');
    const before = clock.now();
    clock.advance(10);
    const { record } = await chancery.issue({
      as: operator,
      owner: 'team-x',
      tags: ['blue', 'edge'],
      dns: 'find-me.example.test',
    });
    await authority.holdCertificate(admin, { serialNumber: record.serialNumber });
    const filters = [
      { status: 'onHold', owner: 'team-x' },
      { requestedAfter: new Date(before.getTime() + 1), requestedBy: 'desk' },
      { profileName: 'tls-server', tag: 'edge' },
      { spkiHash: record.spkiHash },
      { name: 'find-me.example.test' },
      { name: 'DNS:find-me.example.test' },
      { subject: 'FIND-ME' },
    ] as const;
    for (const filter of filters) {
      const { items } = await authority.searchCertificates(admin, { ...filter, limit: 10 });
      expect(
        items.map(({ serialNumber }) => serialNumber),
        JSON.stringify(filter),
      ).toEqual([record.serialNumber]);
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await authority.searchCertificates(admin, { cursor, limit: 2 });
      seen.push(...page.items.map(({ issuerId, serialNumber }) => `${issuerId}${serialNumber}`));
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(new Set(seen).size).toBe(seen.length);
    const all = await authority.searchCertificates(admin, { limit: 1000 });
    expect(seen.length).toBe(all.items.length);
  });
});
