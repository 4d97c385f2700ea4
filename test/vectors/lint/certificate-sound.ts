import type { CertificateVector } from './certificate-parts.ts';
import * as c from './certificate-parts.ts';
import {
  commonName,
  extension,
  generalizedTime,
  hex,
  ia5,
  int,
  name,
  oid,
  printable,
  seq,
  tlv,
  utcTime,
  utf8String,
} from './der.ts';

const { asCa, asEndEntity, asResponder, asRoot, asShortLived } = c;

/** Sound certificates of every type, key and signature: no lint may fail on any of them. */
export const soundCertificates: readonly CertificateVector[] = [
  { name: 'sound-end-entity', der: c.endEntity(), context: asEndEntity },
  { name: 'sound-ca', der: c.ca(), context: asCa },
  { name: 'sound-root', der: c.root(), context: asRoot },
  {
    name: 'sound-root-with-its-own-key-identifier',
    der: c.root({ extensions: { authorityKey: c.authorityKey(tlv(0x80, c.subjectKeyId)) } }),
    context: asRoot,
  },
  { name: 'sound-responder', der: c.responder(), context: asResponder },
  { name: 'sound-short-lived', der: c.shortLived(), context: asShortLived },
  {
    name: 'sound-rsa-pss',
    der: c.root({ key: c.rsa(), signature: c.pss() }),
    context: asRoot,
  },
  {
    name: 'sound-rsa-pkcs1',
    der: c.root({ key: c.rsa(), signature: c.sha256WithRsa }),
    context: asRoot,
  },
  {
    name: 'sound-ed25519',
    der: c.root({ key: c.ed25519Key, signature: c.ed25519 }),
    context: asRoot,
  },
  {
    name: 'sound-no-well-defined-end',
    der: c.root({
      validity: c.validity(utcTime('491231235959Z'), generalizedTime('99991231235959Z')),
    }),
    context: { type: 'root', profile: { name: 'unlimited' } },
  },
  {
    name: 'sound-names-of-every-type',
    der: c.endEntity({
      subject: seq(),
      extensions: {
        names: c.alternativeNames(
          [
            c.dns('*.example'),
            c.dns('xn--bcher-kva.example'),
            tlv(0x81, hex('61406578616d706c65')),
            c.uri('spiffe://example/service'),
            c.uri('urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6'),
            tlv(0x87, hex('7f000001')),
            tlv(0x87, hex('00000000000000000000000000000001')),
            tlv(0x88, oid('1.2.3.4').subarray(2)),
            tlv(0xa4, name(['2.5.4.6', printable('DE')], ['2.5.4.3', utf8String('Bücher')])),
            tlv(0xa0, oid('1.3.6.1.4.1.311.20.2.3'), tlv(0xa0, utf8String('user@example'))),
          ],
          true,
        ),
      },
    }),
    context: asEndEntity,
  },
  {
    name: 'sound-constrained-ca',
    der: c.ca({
      subject: name(
        ['2.5.4.6', printable('DE')],
        ['0.9.2342.19200300.100.1.25', ia5('example')],
        ['2.5.4.5', printable('CA-1')],
        ['2.5.4.10', utf8String('Beispiel')],
      ),
      extensions: {
        constraints: extension(
          c.id.nameConstraints,
          seq(
            tlv(0xa0, seq(c.dns('example')), seq(tlv(0x87, hex('0a000000ff000000')))),
            tlv(0xa1, seq(tlv(0xa4, commonName('x')))),
          ),
          true,
        ),
        policies: c.policies(seq(oid('1.2.3.4'), c.cps(ia5('http://localhost/cps')))),
      },
    }),
    context: asCa,
  },
  {
    name: 'sound-ca-of-a-policy-domain',
    der: c.ca({
      extensions: {
        policies: c.policies(seq(oid('1.2.3.4'))),
        mappings: extension('2.5.29.33', seq(seq(oid('1.2.3.4'), oid('1.2.3.5'))), true),
        policyConstraints: extension(
          '2.5.29.36',
          seq(tlv(0x80, hex('00')), tlv(0x81, hex('01'))),
          true,
        ),
        inhibitAnyPolicy: extension('2.5.29.54', int('00'), true),
        repository: extension(
          '1.3.6.1.5.5.7.1.11',
          seq(
            seq(
              oid('1.3.6.1.5.5.7.48.5'),
              tlv(0x86, new TextEncoder().encode('http://a.example/issued.p7c')),
            ),
          ),
        ),
      },
    }),
    context: asCa,
  },
];
