import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readDer } from '../../../src/der/index.ts';
import { isChanceryError } from '../../../src/domain/index.ts';
import {
  encodeKeyUsage,
  encodeSubjectKeyIdentifier,
  encodeTbsCertificate,
  keyIdentifier,
  oids,
  parseCertificate,
  parseCertificateList,
  parseNameDer,
  parseTbsCertificate,
  signatureAlgorithms,
} from '../../../src/pkix/index.ts';
import {
  sampleCertID,
  sampleCertificate,
  sampleCrl,
  sampleKey,
} from '../../support/pki-samples.ts';
import {
  certificateDefects,
  certificateOf,
  soundCertificates,
} from '../../vectors/certificate-defects.ts';

describe('RFC 5280 §4.1: a certificate is read strictly', () => {
  it.each(certificateDefects)('refuses: $defect', ({ der }) => {
    try {
      parseCertificate(der);
      expect.unreachable();
    } catch (error) {
      expect(isChanceryError(error) && error.code).toBe('malformed');
      expect((error as Error).message).toMatch(/Certificate/);
    }
  });

  it.each(soundCertificates)('reads: $trait', ({ der }) => {
    const certificate = parseCertificate(der);
    expect(Buffer.compare(certificate.der, der)).toBe(0);
    expect(parseTbsCertificate(certificate.tbsDer).serialNumber).toBe(certificate.serialNumber);
  });

  it('says no end of validity as 9999-12-31T23:59:59Z (X2)', () => {
    const found = soundCertificates.find(({ trait }) => trait === 'no end of validity');
    const { validity } = parseCertificate(found?.der ?? new Uint8Array(0));
    expect(validity.notAfter.toISOString()).toBe('9999-12-31T23:59:59.000Z');
  });

  it('keeps the serial number’s octets and writes its hex without leading zeros', () => {
    const certificate = parseCertificate(
      certificateOf({ serialNumber: Uint8Array.of(2, 3, 0, 0x80, 1) }),
    );
    expect([...certificate.serialNumberBytes]).toEqual([0, 0x80, 1]);
    expect(certificate.serialNumber).toBe('8001');
  });
});

describe('RFC 5280 §4.1.2: a TBSCertificate as we write it', () => {
  const key = sampleKey('ecdsa-with-SHA256');
  const tbs = {
    serialNumber: '80',
    signature: signatureAlgorithms['ecdsa-with-SHA256'],
    issuer: parseNameDer(Uint8Array.of(0x30, 0)),
    validity: {
      notBefore: new Date('2049-12-31T23:59:59Z'),
      notAfter: new Date('2050-01-01T00:00:00Z'),
    },
    subject: parseNameDer(Uint8Array.of(0x30, 0)),
    subjectPublicKeyInfo: key.spki,
    extensions: [encodeSubjectKeyIdentifier(keyIdentifier(key.spki))],
  };

  it('switches the time type at 2050 (X2)', () => {
    const body = readDer(encodeTbsCertificate(tbs)).sequence();
    for (let i = 0; i < 4; i += 1) body.raw();
    const validity = body.sequence();
    expect(validity.element().tag).toBe(0x17);
    expect(validity.element().tag).toBe(0x18);
  });

  it('is read back as it was meant', () => {
    const read = parseTbsCertificate(encodeTbsCertificate(tbs));
    expect(read).toMatchObject({ version: 3, serialNumber: '80', validity: tbs.validity });
    expect(read.extensions).toEqual(tbs.extensions);
  });

  it('refuses an extension twice, a serial number of 21 octets, zero, and upper case', () => {
    const twice = [...tbs.extensions, ...tbs.extensions];
    expect(() => encodeTbsCertificate({ ...tbs, extensions: twice })).toThrow(/twice/);
    for (const serialNumber of [
      '',
      '0',
      '000',
      'g1',
      'AB',
      `80${'00'.repeat(19)}`,
      '1'.repeat(41),
    ]) {
      expect(() => encodeTbsCertificate({ ...tbs, serialNumber }), serialNumber).toThrow(
        /serial number/,
      );
    }
  });

  it('leaves Extensions out when there is none: an empty SEQUENCE is forbidden', () => {
    const read = parseTbsCertificate(encodeTbsCertificate({ ...tbs, extensions: [] }));
    expect(read.extensions).toEqual([]);
  });

  it('keeps extensions in the order given, with their criticality', () => {
    const extensions = [encodeKeyUsage(['digitalSignature']), ...tbs.extensions];
    const read = parseTbsCertificate(encodeTbsCertificate({ ...tbs, extensions }));
    expect(read.extensions.map(({ oid, critical }) => [oid, critical])).toEqual([
      [oids.keyUsage, true],
      [oids.subjectKeyIdentifier, false],
    ]);
  });
});

describe('I52: the issuer’s name is copied as bytes, whatever its string types', () => {
  // UTF8String, PrintableString, T61String (Latin-1 ü), BMPString
  const rdns: readonly (readonly [string, string])[] = [
    ['UTF8String', '0c034cc3bc'],
    ['PrintableString', '13024c75'],
    ['T61String', '14024cfc'],
    ['BMPString', '1e04004c00fc'],
  ];

  it.each(rdns)('%s', (_type, value) => {
    const raw = Buffer.from(value, 'hex');
    const attribute = Buffer.concat([Buffer.from([0x30, 5 + raw.length, 6, 3, 0x55, 4, 3]), raw]);
    const set = Buffer.concat([Buffer.from([0x31, attribute.length]), attribute]);
    const subject = parseNameDer(Uint8Array.from([0x30, set.length, ...set]));
    const key = sampleKey('ecdsa-with-SHA256');
    const root = sampleCertificate({ key, subject, ca: true });
    const leaf = sampleCertificate({
      key: sampleKey('ecdsa-with-SHA256', 1),
      subject: 'CN=leaf',
      issuer: { certificate: root, key },
    });
    expect(Buffer.compare(leaf.issuer.der, subject.der)).toBe(0);
    expect(Buffer.compare(root.subject.der, subject.der)).toBe(0);
    const crl = parseCertificateList(sampleCrl({ certificate: root, key }, []));
    expect(Buffer.compare(crl.issuer.der, subject.der)).toBe(0);
    const { issuerNameHash } = sampleCertID(root, '1');
    const expected = createHash('sha1').update(root.subject.der).digest();
    expect(Buffer.compare(issuerNameHash, expected)).toBe(0);
  });
});
