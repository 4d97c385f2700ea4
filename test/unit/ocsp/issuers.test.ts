import { describe, expect, it } from 'vitest';
import { IssuerDirectory } from '../../../ocsp/issuers.ts';
import type { StatusIssuer } from '../../../ocsp/ports.ts';
import { type TestIssuer, testIssuer } from '../../support/test-hierarchy.ts';
import { certIDOf } from '../../support/test-responder.ts';

const root = testIssuer('Directory Root');
const below = testIssuer('Directory Below', { parent: root });

function row(issuer: TestIssuer, change: Partial<StatusIssuer> = {}): StatusIssuer {
  return {
    issuerId: issuer.issuerId,
    name: issuer.name,
    certificate: issuer.certificate.der,
    chain: issuer.parent === undefined ? [] : [issuer.parent.certificate.der],
    // Deliberately wrong: hashes are computed, never believed.
    nameHashes: { sha1: '00' },
    keyHashes: { sha1: '00' },
    ...change,
  };
}

describe('the directory of issuers', () => {
  it('knows who certified whom', () => {
    const directory = new IssuerDirectory(() => undefined);
    directory.replace([row(root), row(below)]);
    expect(directory.byId(root.issuerId)?.certifiedBy).toBe(root.issuerId);
    expect(directory.byId(below.issuerId)?.certifiedBy).toBe(root.issuerId);
    expect(directory.find(certIDOf(below, '01', 'sha256'))?.issuerId).toBe(below.issuerId);
  });

  it('a certificate of the same small serial number below a foreign CA is not the CA itself', () => {
    const directory = new IssuerDirectory(() => undefined);
    // A foreign CA comes without its parents: its own authority key identifier names them.
    directory.replace([row(below, { chain: [] })]);
    expect(directory.byId(below.issuerId)?.certifiedBy).toBe(root.issuerId);
    const record = {
      ...{ issuerId: below.issuerId, serialNumber: below.certificate.serialNumber },
      ...{ issuanceState: 'issued' as const, status: 'revoked' as const, notAfter: new Date() },
      reasonCode: 'keyCompromise' as const,
    };
    expect(directory.noteStatus(record)).toBeUndefined();
    expect(directory.compromiseOf(below.issuerId)).toBeUndefined();
  });

  it('an unreadable row is left out and told, the others are served', () => {
    const told: string[] = [];
    const directory = new IssuerDirectory((_level, message) => told.push(message));
    directory.replace([row(root, { certificate: new Uint8Array([0x30, 0]) }), row(below)]);
    expect(directory.all.map(({ name }) => name)).toEqual(['Directory Below']);
    expect(told).toHaveLength(1);
  });

  it('I16: an issuer speaks only once the status of its own certificate is known', () => {
    const directory = new IssuerDirectory(() => undefined);
    directory.replace([row(root)]);
    expect(directory.isJudged(root.issuerId)).toBe(false);
    directory.judged(root.issuerId);
    expect(directory.isJudged(root.issuerId)).toBe(true);
    expect(directory.replace([row(root)])).toEqual([]);
    expect(directory.isJudged(root.issuerId)).toBe(true);
    // The same key with a new certificate is judged anew.
    directory.replace([row(root, { certificate: testIssuer('Directory Root').certificate.der })]);
    expect(directory.isJudged(root.issuerId)).toBe(false);
  });

  it('an issuer whose key is compromised is told once, and stays so whatever its certificate’s status', () => {
    const directory = new IssuerDirectory(() => undefined);
    directory.replace([row(root), row(below)]);
    const compromisedAt = new Date('2026-06-01T00:00:00Z');
    const changed = directory.replace([row(root), row(below, { compromisedAt })]);
    expect(changed.map(({ issuerId }) => issuerId)).toEqual([below.issuerId]);
    expect(directory.replace([row(root), row(below, { compromisedAt })])).toEqual([]);
    const record = {
      ...{ issuerId: root.issuerId, serialNumber: below.certificate.serialNumber },
      ...{ issuanceState: 'issued' as const, status: 'good' as const, notAfter: new Date() },
    };
    directory.noteStatus(record);
    expect(directory.compromiseOf(below.issuerId)).toEqual({
      reasonCode: 'cACompromise',
      since: compromisedAt,
    });
    expect(directory.isKeyCompromised(below.issuerId)).toBe(true);
    expect(directory.compromiseOf(root.issuerId)).toBeUndefined();
  });

  it('an issuer that left the view is not found any more', () => {
    const directory = new IssuerDirectory(() => undefined);
    directory.replace([row(root), row(below)]);
    directory.replace([row(root)]);
    expect(directory.find(certIDOf(below, '01'))).toBeUndefined();
    expect(directory.find(certIDOf(root, '01'))?.name).toBe('Directory Root');
  });
});
