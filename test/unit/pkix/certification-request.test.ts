import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  bitString,
  element,
  integer,
  nullValue,
  octetString,
  oid,
  printableString,
  sequence,
  setOf,
} from '../../../src/der/index.ts';
import {
  assembleSigned,
  decodePem,
  encodeSubjectAltName,
  formatDistinguishedName,
  oids,
  parseCertificationRequest,
  parseSubjectAltName,
  signatureAlgorithms,
  verifyCertificationRequest,
} from '../../../src/pkix/index.ts';
import { sampleKey, sampleRequest, signWith } from '../../support/pki-samples.ts';

const key = sampleKey('ecdsa-with-SHA256');
const alternativeName = (value: string): Uint8Array => {
  const { oid: id, value: content } = encodeSubjectAltName([{ type: 'dNSName', value }], false);
  return sequence(oid(id), octetString(content));
};
const attribute = (id: string, ...values: Uint8Array[]): Uint8Array =>
  sequence(oid(id), setOf(values));

/** A signed request with the attributes given, as raw DER of the [0]. */
function requestOf(attributes: Uint8Array, subject = sequence(), version = integer(0)): Uint8Array {
  const info = sequence(version, subject, key.spki.der, attributes);
  return assembleSigned(info, key.algorithm, signWith(key, info));
}

describe('RFC 2986: a certification request is read strictly', () => {
  const subject = (value: Uint8Array): Uint8Array =>
    sequence(setOf([sequence(oid(oids.commonName), value)]));

  it.each<[string, Uint8Array]>([
    ['version 1', requestOf(element(0xa0), sequence(), integer(1))],
    [
      'I6: subjectAltName twice in one attribute',
      requestOf(
        element(
          0xa0,
          attribute(oids.extensionRequest, sequence(alternativeName('a'), alternativeName('b'))),
        ),
      ),
    ],
    [
      'I6: subjectAltName in two extensionRequest attributes',
      requestOf(
        element(
          0xa0,
          attribute(oids.extensionRequest, sequence(alternativeName('a'))),
          attribute(oids.extensionRequest, sequence(alternativeName('b'))),
        ),
      ),
    ],
    [
      'I6: subjectAltName in two values of one attribute',
      requestOf(
        element(
          0xa0,
          attribute(
            oids.extensionRequest,
            sequence(alternativeName('a')),
            sequence(alternativeName('b')),
          ),
        ),
      ),
    ],
    ['an empty Extensions', requestOf(element(0xa0, attribute(oids.extensionRequest, sequence())))],
    ['an attribute without a value', requestOf(element(0xa0, attribute(oids.challengePassword)))],
    [
      'an attribute whose value is no DER',
      requestOf(
        element(0xa0, attribute('1.2.3', Uint8Array.of(0x30, 3, 2, 2, 0), Uint8Array.of(1))),
      ),
    ],
    [
      '65 attributes',
      requestOf(
        element(0xa0, ...Array.from({ length: 65 }, () => attribute('1.2.3', nullValue()))),
      ),
    ],
    ['something behind the attributes', requestOf(Uint8Array.from([0xa0, 0, 5, 0]))],
    [
      'a PrintableString with @ in the subject',
      requestOf(element(0xa0), subject(Uint8Array.of(0x13, 1, 0x40))),
    ],
    ['an octet behind the request', Uint8Array.from([...sampleRequest(key, 'CN=a'), 0])],
    ['nothing', new Uint8Array(0)],
    [
      'a certificate’s shape',
      sequence(sequence(), sequence(oid('1.2.3')), bitString(Uint8Array.of(0))),
    ],
  ])('refuses %s', (_what, der) => {
    expect(() => parseCertificationRequest(der)).toThrow(
      expect.objectContaining({ code: 'badCsr' }),
    );
  });

  it('gathers extensions of several attributes and lists every attribute', () => {
    const extension = sequence(oid('1.2.3'), octetString(nullValue()));
    const der = requestOf(
      element(
        0xa0,
        attribute(oids.extensionRequest, sequence(alternativeName('a'))),
        attribute(oids.challengePassword, printableString('x')),
        attribute(oids.extensionRequest, sequence(extension)),
      ),
    );
    const request = parseCertificationRequest(der);
    expect(request.requestedExtensions.map((wanted) => wanted.oid)).toEqual([
      oids.subjectAltName,
      '1.2.3',
    ]);
    expect(request.attributeOids).toEqual([
      oids.extensionRequest,
      oids.challengePassword,
      oids.extensionRequest,
    ]);
    expect(verifyCertificationRequest(request)).toMatchObject({ ok: true });
  });

  it('reads a request without the attributes field, and with the empty one', () => {
    expect(parseCertificationRequest(requestOf(new Uint8Array(0))).attributeOids).toEqual([]);
    expect(parseCertificationRequest(requestOf(element(0xa0))).attributeOids).toEqual([]);
  });
});

describe('I36: proof of possession', () => {
  const request = parseCertificationRequest(sampleRequest(key, 'CN=a,O=b'));

  it('verifies, and names the algorithm', () => {
    expect(verifyCertificationRequest(request)).toEqual({
      ok: true,
      algorithm: signatureAlgorithms['ecdsa-with-SHA256'],
    });
  });

  it('a flipped bit in the subject, in the signature, or another key', () => {
    const infoDer = request.infoDer.slice();
    infoDer[20] = (infoDer[20] ?? 0) ^ 1;
    const other = sampleKey('ecdsa-with-SHA256', 7).spki;
    for (const changed of [
      { ...request, infoDer },
      { ...request, signature: request.signature.slice(1) },
      { ...request, subjectPublicKeyInfo: other },
    ]) {
      const outcome = verifyCertificationRequest(changed);
      expect(outcome).toMatchObject({
        ok: false,
        reason: expect.stringContaining('does not verify'),
      });
    }
  });

  it('SHA-1 and MD5 are refused by name, unknown algorithms by OID', () => {
    for (const [id, word] of [
      [oids.sha1WithRSAEncryption, 'SHA-1'],
      [oids.md5WithRSAEncryption, 'MD5'],
      ['1.2.3', '1.2.3'],
    ] as const) {
      const signatureAlgorithm = {
        oid: id,
        parameters: nullValue(),
        der: sequence(oid(id), nullValue()),
      };
      expect(verifyCertificationRequest({ ...request, signatureAlgorithm })).toMatchObject({
        ok: false,
        reason: expect.stringContaining(word),
      });
    }
  });

  it('what openssl req writes is read, with all its extensions', () => {
    const folder = mkdtempSync(join(tmpdir(), 'chancery-csr-'));
    try {
      for (const algorithm of [
        ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
        ['rsa:2048', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:-1'],
        ['ed25519'],
      ]) {
        const pem = execFileSync(
          'openssl',
          [
            'req',
            '-new',
            '-newkey',
            ...algorithm,
            '-nodes',
            '-keyout',
            join(folder, 'key.pem'),
            '-subj',
            '/C=DE/O=Exämple/CN=a b',
            '-utf8',
            '-addext',
            'subjectAltName=DNS:a.example,IP:::1',
            '-addext',
            'keyUsage=critical,digitalSignature',
          ],
          { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
        );
        const [block] = decodePem(pem, 'CERTIFICATE REQUEST');
        const read = parseCertificationRequest(block?.der ?? new Uint8Array(0));
        expect(formatDistinguishedName(read.subject)).toBe('CN=a b,O=Exämple,C=DE');
        expect(
          parseSubjectAltName(read.requestedExtensions[0]?.value ?? new Uint8Array(0)),
        ).toHaveLength(2);
        expect(verifyCertificationRequest(read)).toMatchObject({ ok: true });
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
