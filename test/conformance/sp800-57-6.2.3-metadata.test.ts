/** SP 800-57 Part 1 §6.2.3: what is known of a key, and §6.2.2.4 to 6: by its public key's hash. */
import { describe, expect, test } from 'vitest';
import { admin, testAuthority } from '../support/authority.ts';

const chancery = await testAuthority('sp800_57_6_2_3');
const { authority } = chancery;
const reason = 'the clause asks for it';

describe('§6.2.3: the metadata of a key', () => {
  test('is whole: what it is, whose, where, since when, until when, what it signed, who holds it', async () => {
    await authority.appointCustodian(admin, { token: 'issuing', person: 'Anna', duty: 'holdsPin' });
    await authority.recordBackup(admin, {
      key: 'issuing',
      reason,
      backup: { kind: 'none', reason },
    });
    const { record, ...known } = await authority.showKey(admin, 'issuing');
    expect(record).toMatchObject({
      ...{ type: 'ca', purposes: ['certificate', 'crl'], owner: expect.any(String) },
      ...{ keyAlgorithm: 'p256', algorithm: 'ecdsa-with-SHA256', origin: 'generated', version: 1 },
      ...{ privateState: 'active', publicState: 'active', scope: 'full' },
      token: { hardware: false, manufacturer: expect.stringContaining('SoftHSM') },
      cryptoperiod: {
        ...{ activatedAt: expect.any(Date), originatorUsageEnd: expect.any(Date) },
        recipientUsageEnd: expect.any(Date),
      },
      backup: { kind: 'none' },
    });
    expect(known).toMatchObject({
      ...{ strength: { bits: 128 }, module: { validated: false, text: 'software, not validated' } },
      certificates: [{ status: { status: 'good' }, type: 'ca' }],
      custodians: [{ person: 'Anna' }],
      versions: [{ version: 1 }],
    });
    expect(known.spkiHash).toMatch(/^[0-9a-f]{64}$/);
    expect(known.transitions.map(({ number }) => number)).toEqual([1, 1, 4, 4]);
    const { certificate } = chancery.issuing;
    expect(Buffer.from(certificate ?? '').includes(Buffer.from(record.subjectPublicKeyInfo))).toBe(
      true,
    );
  });
});
