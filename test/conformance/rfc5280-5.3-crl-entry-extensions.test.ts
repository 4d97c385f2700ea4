/** RFC 5280 §5.3: the extensions of every entry of a CRL, as readers that we did not write see them. */
import { describe, expect, it } from 'vitest';
import {
  initialStatus,
  nextStatus,
  type ReasonCode,
  reasonCodes,
  type StatusChange,
  type StatusState,
} from '../../src/domain/index.ts';
import { parseCertificateList, type RevokedCertificate } from '../../src/pkix/index.ts';
import {
  crlIssuer,
  crlNow,
  readByCerttool,
  readByOpenssl,
  readByPkijs,
} from '../support/crl-issuer.ts';

const made = crlIssuer({ name: 'Root of 5.3' });
const revocationDate = new Date('2026-11-10T01:02:03Z');
const serialNumber = '1011aabb';

const reasonOid = '2.5.29.21';
const invalidityOid = '2.5.29.24';

/** The extensions of the only entry, as pkijs reads them. */
function entryExtensions(der: Uint8Array) {
  const [entry, more] = readByPkijs(der).revokedCertificates ?? [];
  expect(more).toBeUndefined();
  return entry?.crlEntryExtensions?.extensions ?? [];
}

/** How openssl prints each reason. */
const printed: Partial<Record<ReasonCode, string>> = {
  keyCompromise: 'Key Compromise',
  cACompromise: 'CA Compromise',
  affiliationChanged: 'Affiliation Changed',
  superseded: 'Superseded',
  cessationOfOperation: 'Cessation Of Operation',
  certificateHold: 'Certificate Hold',
  privilegeWithdrawn: 'Privilege Withdrawn',
  aACompromise: 'AA Compromise',
};
const shown = Object.keys(printed) as ReasonCode[];

describe('C17 §5.3.1: reasonCode', () => {
  it.each(shown)('%s is an ENUMERATED, not critical, and read alike', async (reasonCode) => {
    const der = await made.publish({ entries: [{ serialNumber, revocationDate, reasonCode }] });
    const [extension] = entryExtensions(der);
    expect(extension?.extnID).toBe(reasonOid);
    expect(extension?.critical).toBe(false);
    expect(Buffer.from(extension?.extnValue.valueBlock.valueHexView ?? [])).toEqual(
      Buffer.of(0x0a, 1, reasonCodes[reasonCode]),
    );
    expect(readByOpenssl(der, made.issuer)).toMatch(
      new RegExp(`X509v3 CRL Reason Code: *\\n *${printed[reasonCode]}\\n`),
    );
    expect(readByCerttool(der, made.issuer)).toContain(`Serial Number (hex): ${serialNumber}`);
  });

  it('unspecified is left out, and so are the extensions', async () => {
    const entries = [{ serialNumber, revocationDate, reasonCode: 'unspecified' }] as const;
    const der = await made.publish({ entries });
    expect(readByPkijs(der).revokedCertificates?.[0]?.crlEntryExtensions).toBeUndefined();
    expect(readByOpenssl(der, made.issuer)).not.toContain('CRL entry extensions');
  });

  it('C13: removeFromCRL never stands in a complete CRL', async () => {
    const entries = [{ serialNumber, revocationDate, reasonCode: 'removeFromCRL' }] as const;
    await expect(made.publish({ entries })).rejects.toMatchObject({
      code: 'lintFailed',
      violations: [{ rule: 'crl-entry-remove-from-crl' }],
    });
  });
});

describe('C18 §5.3.1: a hold, and what comes after it', () => {
  const at = (hour: number) => new Date(Date.UTC(2026, 10, 20, hour));
  const change = (
    act: StatusChange['act'],
    hour: number,
    reasonCode?: ReasonCode,
  ): StatusChange => ({
    act,
    reasonCode,
    requestedAt: at(hour),
    requestedBy: 'operator',
    effectiveAt: at(hour),
  });
  /** The entry that a status gives; none while good. */
  const entriesOf = ({ status, reasonCode, notGoodSince }: StatusState): RevokedCertificate[] =>
    status === 'good' || notGoodSince === undefined
      ? []
      : [{ serialNumber, revocationDate: notGoodSince, reasonCode }];
  const after = (...changes: readonly StatusChange[]) => changes.reduce(nextStatus, initialStatus);

  it('while on hold the entry says certificateHold and when the hold began', async () => {
    const der = await made.publish({ entries: entriesOf(after(change('hold', 1))) });
    const text = readByOpenssl(der, made.issuer);
    expect(text).toContain('Certificate Hold');
    expect(text).toContain('Revocation Date: Nov 20 01:00:00 2026 GMT');
  });

  it('after the release there is no entry', async () => {
    const state = after(change('hold', 1), change('release', 2));
    const der = await made.publish({ entries: entriesOf(state) });
    expect(readByOpenssl(der, made.issuer)).toContain('No Revoked Certificates.');
  });

  it('after hold and revocation there is one entry, with the new reason, since the hold began', async () => {
    const state = after(change('hold', 1), change('revoke', 5, 'superseded'));
    const der = await made.publish({ entries: entriesOf(state) });
    const text = readByOpenssl(der, made.issuer);
    expect(text.match(/Serial Number:/g)).toHaveLength(1);
    expect(text).toContain('Superseded');
    expect(text).not.toContain('Hold');
    expect(text).toContain('Revocation Date: Nov 20 01:00:00 2026 GMT');
  });

  it('a second hold after a release counts from its own beginning', async () => {
    const state = after(change('hold', 1), change('release', 2), change('hold', 7));
    const text = readByOpenssl(await made.publish({ entries: entriesOf(state) }), made.issuer);
    expect(text).toContain('Revocation Date: Nov 20 07:00:00 2026 GMT');
  });

  it('a reason corrected to keyCompromise keeps the date (I21)', async () => {
    const state = after(change('revoke', 3, 'superseded'), change('revoke', 9, 'keyCompromise'));
    const text = readByOpenssl(await made.publish({ entries: entriesOf(state) }), made.issuer);
    expect(text).toContain('Key Compromise');
    expect(text).toContain('Revocation Date: Nov 20 03:00:00 2026 GMT');
  });
});

describe('C19 §5.3.2: invalidityDate', () => {
  it.each([
    ['before 2050', '2026-11-09T01:02:03.999Z', '20261109010203Z'],
    ['long past', '1999-12-31T23:59:59Z', '19991231235959Z'],
    ['after 2050', '2051-01-01T00:00:00Z', '20510101000000Z'],
  ])('%s is a GeneralizedTime with whole seconds, not critical', async (_, date, text) => {
    const der = await made.publish({
      thisUpdate: new Date('2052-01-01T00:00:00Z'),
      nextUpdate: new Date('2052-01-02T00:00:00Z'),
      entries: [
        {
          serialNumber,
          revocationDate,
          reasonCode: 'keyCompromise',
          invalidityDate: new Date(date),
        },
      ],
    });
    const extension = entryExtensions(der).find(({ extnID }) => extnID === invalidityOid);
    expect(extension?.critical).toBe(false);
    expect(Buffer.from(extension?.extnValue.valueBlock.valueHexView ?? [])).toEqual(
      Buffer.concat([Buffer.of(0x18, 15), Buffer.from(text)]),
    );
    expect(readByOpenssl(der, made.issuer)).toContain('Invalidity Date:');
  });

  it('alone, without a reason, makes an entry extension too', async () => {
    const der = await made.publish({
      entries: [{ serialNumber, revocationDate, invalidityDate: crlNow }],
    });
    expect(entryExtensions(der).map(({ extnID }) => extnID)).toEqual([invalidityOid]);
  });
});

describe('C20 §5.3.3: certificateIssuer', () => {
  it('stands in no entry, whatever the entry says: no indirect CRLs are issued', async () => {
    const reasons: (ReasonCode | undefined)[] = [...shown, undefined];
    const der = await made.publish({
      entries: reasons.map((reasonCode, index) => ({
        serialNumber: (0x1000 + index).toString(16),
        revocationDate,
        reasonCode,
        invalidityDate: index % 2 === 0 ? crlNow : undefined,
      })),
    });
    const types = [...parseCertificateList(der).entries()].flatMap(({ extensions }) =>
      extensions.map(({ oid }) => oid),
    );
    expect([...new Set(types)].sort()).toEqual([reasonOid, invalidityOid]);
    const read = readByPkijs(der).revokedCertificates ?? [];
    expect(read).toHaveLength(reasons.length);
  });
});
