import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nullValue } from '../../../src/der/index.ts';
import {
  assembleSigned,
  type Certificate,
  type Extension,
  encodeAuthorityKeyIdentifier,
  encodeBasicConstraints,
  encodeExtendedKeyUsage,
  encodeKeyUsage,
  encodeNameConstraints,
  encodePem,
  encodeSubjectAltName,
  oids,
  parseCertificate,
  parseDistinguishedName,
  signatureAlgorithms,
  verifyChain,
} from '../../../src/pkix/index.ts';
import { type SampleCertificate, sampleCertificate, sampleKey } from '../../support/pki-samples.ts';

const rootKey = sampleKey('ecdsa-with-SHA384');
const subKey = sampleKey('ecdsa-with-SHA256', 1);
const leafKey = sampleKey('ecdsa-with-SHA256', 2);
const now = new Date('2030-01-01T00:00:00Z');

function root(options: Partial<SampleCertificate> = {}): Certificate {
  return sampleCertificate({ key: rootKey, subject: 'CN=Root', ca: true, ...options });
}
function sub(parent: Certificate, options: Partial<SampleCertificate> = {}): Certificate {
  return sampleCertificate({
    key: subKey,
    subject: 'CN=Sub',
    ca: true,
    issuer: { certificate: parent, key: rootKey },
    ...options,
  });
}
function leaf(parent: Certificate, options: Partial<SampleCertificate> = {}): Certificate {
  return sampleCertificate({
    key: leafKey,
    subject: 'CN=Leaf',
    issuer: { certificate: parent, key: subKey },
    ...options,
  });
}
const rules = (chain: readonly Certificate[], at?: Date): string[] =>
  verifyChain(chain, at).map((violation) => violation.rule);
const critical = (id: string): Extension => ({ oid: id, critical: true, value: nullValue() });

describe('RFC 5280 §6.1: certification paths', () => {
  const r = root();
  const s = sub(r, { ca: { pathLength: 0 } });
  const l = leaf(s);

  it('a sound path, a root alone, an anchor that is no root', () => {
    expect(rules([l, s, r], now)).toEqual([]);
    expect(rules([r], now)).toEqual([]);
    expect(rules([l, s], now)).toEqual([]);
  });

  it('agrees with openssl verify about what is sound and what is not', () => {
    const folder = mkdtempSync(join(tmpdir(), 'chancery-path-'));
    try {
      const accepted = (chain: readonly Certificate[]): boolean => {
        const [first, ...above] = chain.map((certificate) =>
          encodePem('CERTIFICATE', certificate.der),
        );
        writeFileSync(join(folder, 'leaf.pem'), first ?? '');
        writeFileSync(join(folder, 'sub.pem'), above.slice(0, -1).join(''));
        writeFileSync(join(folder, 'root.pem'), above.at(-1) ?? '');
        try {
          execFileSync(
            'openssl',
            [
              'verify',
              '-attime',
              String(now.getTime() / 1000),
              '-CAfile',
              'root.pem',
              '-untrusted',
              'sub.pem',
              'leaf.pem',
            ],
            { cwd: folder, stdio: 'ignore' },
          );
          return true;
        } catch {
          return false;
        }
      };
      const names = (value: string): Extension =>
        encodeSubjectAltName([{ type: 'dNSName', value }], false);
      const constrained = root({
        extensions: [
          encodeNameConstraints({
            permittedSubtrees: [{ base: { type: 'dNSName', value: 'example.com' } }],
            excludedSubtrees: [],
          }),
        ],
      });
      const under = sub(constrained);
      const chains: Certificate[][] = [
        [l, s, r],
        [
          leaf(sub(r, { notAfter: new Date('2029-01-01T00:00:00Z') })),
          sub(r, { notAfter: new Date('2029-01-01T00:00:00Z') }),
          r,
        ],
        [leaf(sub(r, { ca: false })), sub(r, { ca: false }), r],
        [leaf(s), sub(r, { key: sampleKey('ecdsa-with-SHA256', 9) }), r],
        [leaf(under, { extensions: [names('a.example.com')] }), under, constrained],
        [leaf(under, { extensions: [names('a.example.org')] }), under, constrained],
        [leaf(s, { extensions: [critical('1.2.3.4')] }), s, r],
      ];
      for (const [index, chain] of chains.entries()) {
        expect(rules(chain, now).length === 0, `chain ${index}`).toBe(accepted(chain));
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('validity is inclusive to the second at both ends (I26)', () => {
    const short = leaf(s, {
      notBefore: new Date('2030-01-01T00:00:00Z'),
      notAfter: new Date('2030-01-01T00:00:10Z'),
    });
    const at = (text: string): string[] => rules([short, s, r], new Date(text));
    expect(at('2029-12-31T23:59:59.999Z')).toEqual(['path-not-yet-valid']);
    expect(at('2030-01-01T00:00:00.000Z')).toEqual([]);
    expect(at('2030-01-01T00:00:10.999Z')).toEqual([]);
    expect(at('2030-01-01T00:00:11.000Z')).toEqual(['path-expired']);
    expect(rules([short, s, r])).toEqual([]);
  });

  it('names chain as bytes (X3, I52)', () => {
    const issuer = {
      certificate: { ...s, subject: parseDistinguishedName('CN=SUB') },
      key: subKey,
    };
    expect(rules([leaf(s, { issuer }), s, r])).toEqual(['path-name-chaining']);
  });

  it('the signature, the algorithm in it, and the algorithm beside it', () => {
    const flipped = parseCertificate(
      Uint8Array.from(l.der, (octet, i) => (i === l.der.length - 1 ? octet ^ 1 : octet)),
    );
    expect(rules([flipped, s, r])).toEqual(['path-signature']);
    const outer = parseCertificate(
      assembleSigned(l.tbsDer, signatureAlgorithms['ecdsa-with-SHA384'], l.signature),
    );
    expect(rules([outer, s, r])).toEqual(['path-algorithm-mismatch', 'path-signature']);
    const sha1 = {
      ...l,
      signatureAlgorithm: { oid: oids.sha1WithRSAEncryption, der: l.signatureAlgorithm.der },
    };
    expect(rules([sha1, s, r])).toEqual(['path-algorithm-unknown']);
    expect(rules([leaf(s, { issuer: { certificate: s, key: rootKey } }), s, r])).toContain(
      'path-signature',
    );
  });

  it('an anchor that says its own key signed it must be signed by it', () => {
    const der = r.der.slice();
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    const fake = parseCertificate(der);
    expect(rules([fake])).toContain('path-signature');
  });

  it('a link certificate whose anchor was left out is no anchor: another key signed it', () => {
    const link = sampleCertificate({
      key: subKey,
      subject: 'CN=Root',
      ca: true,
      issuer: { certificate: r, key: rootKey },
    });
    expect(rules([leaf(link), link], now)).toEqual([]);
    expect(rules([leaf(link), link, r], now)).toEqual([]);
  });

  it('key identifiers agree (X5)', () => {
    const tbsOther = sampleCertificate({
      key: leafKey,
      subject: 'CN=Leaf',
      issuer: { certificate: s, key: subKey },
    });
    const extensions = tbsOther.extensions.map((extension) =>
      extension.oid === oids.authorityKeyIdentifier
        ? encodeAuthorityKeyIdentifier(Uint8Array.of(1))
        : extension,
    );
    expect(rules([{ ...tbsOther, extensions }, s, r])).toEqual(['path-key-identifier']);
  });

  it('an issuer must be a CA with keyCertSign (X6)', () => {
    const noCa = sub(r, { ca: false });
    expect(rules([leaf(noCa), noCa, r])).toEqual(['path-not-a-ca']);
    const said = sub(r, { ca: false, extensions: [encodeBasicConstraints({ cA: false })] });
    expect(rules([leaf(said), said, r])).toEqual(['path-not-a-ca']);
    const noSign = sub(r, {
      ca: false,
      extensions: [encodeBasicConstraints({ cA: true }), encodeKeyUsage(['cRLSign'])],
    });
    expect(rules([leaf(noSign), noSign, r])).toEqual(['path-key-usage']);
  });

  it('path length counts intermediates that are not self-issued', () => {
    const zero = root({ ca: { pathLength: 0 } });
    const under = sub(zero);
    expect(rules([leaf(under), under, zero])).toEqual(['path-length']);
    expect(rules([under, zero])).toEqual([]);
    const one = root({ ca: { pathLength: 1 } });
    const first = sub(one);
    expect(rules([leaf(first), first, one])).toEqual([]);
    // The root re-signs its own name with a new key: self-issued, not counted.
    const selfIssued = sampleCertificate({
      key: rootKey,
      subject: 'CN=Root',
      ca: true,
      issuer: { certificate: one, key: rootKey },
    });
    expect(rules([leaf(first), first, selfIssued, one])).toEqual([]);
  });

  it('a critical extension that is not understood is refused anywhere', () => {
    expect(rules([leaf(s, { extensions: [critical('1.2.3.4')] }), s, r])).toEqual([
      'path-critical-extension',
    ]);
    const access = sub(r, { extensions: [critical(oids.subjectInfoAccess)] });
    expect(rules([leaf(access), access, r])).toEqual(['path-critical-extension']);
    expect(
      rules([leaf(s, { extensions: [encodeExtendedKeyUsage([oids.serverAuth], true)] }), s, r]),
    ).toEqual([]);
  });

  it('an extension that can’t be read is a violation, never a crash (I3)', () => {
    const broken = (id: string): Extension => ({
      oid: id,
      critical: true,
      value: Uint8Array.of(0x30, 0),
    });
    expect(rules([leaf(s, { extensions: [broken(oids.subjectAltName)] }), s, r])).toEqual([
      'path-extension-malformed',
    ]);
    const badNames = sub(r, { extensions: [broken(oids.nameConstraints)] });
    expect(rules([leaf(badNames), badNames, r])).toEqual(['name-constraints-malformed']);
    const badUsage = sub(r, {
      ca: false,
      extensions: [encodeBasicConstraints({ cA: true }), broken(oids.keyUsage)],
    });
    expect(rules([leaf(badUsage), badUsage, r])).toEqual(['path-extension-malformed']);
  });

  it('name constraints bind intermediates, but not self-issued ones', () => {
    const permitted = [
      { base: { type: 'directoryName', name: parseDistinguishedName('O=Inside') } as const },
    ];
    const constrained = root({
      subject: 'CN=Root,O=Outside',
      extensions: [encodeNameConstraints({ permittedSubtrees: permitted, excludedSubtrees: [] })],
    });
    const inside = sub(constrained, { subject: 'CN=Sub,O=Inside' });
    const outside = sub(constrained, { subject: 'CN=Sub,O=Elsewhere' });
    expect(rules([leaf(inside, { subject: 'CN=a,O=Inside' }), inside, constrained])).toEqual([]);
    expect(rules([leaf(outside, { subject: 'CN=a,O=Inside' }), outside, constrained])).toEqual([
      'name-constraints-permitted',
    ]);
    const again = sampleCertificate({
      key: rootKey,
      subject: 'CN=Root,O=Outside',
      ca: true,
      issuer: { certificate: constrained, key: rootKey },
    });
    expect(rules([leaf(inside, { subject: 'CN=a,O=Inside' }), inside, again, constrained])).toEqual(
      [],
    );
  });

  it('an empty path and one of 13 certificates are refused', () => {
    expect(rules([])).toEqual(['path-size']);
    expect(rules(Array.from({ length: 13 }, () => r))).toEqual(['path-size']);
  });

  it('an issuer’s key that can’t be used is a violation', () => {
    const strange = {
      ...s,
      subjectPublicKeyInfo: { ...s.subjectPublicKeyInfo, key: { type: 'unknown' } as const },
    };
    expect(rules([l, strange, r])).toContain('path-issuer-key');
  });
});
