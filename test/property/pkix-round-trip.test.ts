import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { octetString, tags } from '../../src/der/index.ts';
import { type ReasonCode, reasonCodes } from '../../src/domain/index.ts';
import {
  type AttributeTypeAndValue,
  createCertID,
  decodePem,
  type Extension,
  encodeAuthorityInfoAccess,
  encodeBasicConstraints,
  encodeCertificatePolicies,
  encodeCertificationRequestInfo,
  encodeCRLDistributionPoints,
  encodeExtendedKeyUsage,
  encodeGeneralNames,
  encodeInhibitAnyPolicy,
  encodeKeyUsage,
  encodeName,
  encodeNameConstraints,
  encodeOcspRequest,
  encodePem,
  encodePolicyConstraints,
  encodePolicyMappings,
  encodeResponseData,
  encodeSubjectInfoAccess,
  encodeTbsCertificate,
  encodeTbsCertList,
  formatDistinguishedName,
  formatIpAddress,
  type GeneralName,
  type KeyUsageBit,
  nonceExtension,
  parseAuthorityInfoAccess,
  parseBasicConstraints,
  parseCertificatePolicies,
  parseCertificationRequest,
  parseCRLDistributionPoints,
  parseDistinguishedName,
  parseExtendedKeyUsage,
  parseGeneralNames,
  parseInhibitAnyPolicy,
  parseIpAddress,
  parseKeyUsage,
  parseNameConstraints,
  parseNameDer,
  parseOcspRequest,
  parsePolicyConstraints,
  parsePolicyMappings,
  parseResponseData,
  parseSubjectInfoAccess,
  parseTbsCertificate,
  parseTbsCertList,
  signatureAlgorithms,
} from '../../src/pkix/index.ts';
import { sampleKey, sampleRequest } from '../support/pki-samples.ts';

const key = sampleKey('ecdsa-with-SHA256');
const arc = fc.bigInt({ min: 0n, max: 2n ** 64n });
const oid = fc
  .tuple(fc.nat(39), fc.array(arc, { minLength: 1, maxLength: 4 }))
  .map(([second, rest]) => ['1', second, ...rest].join('.'));
const seconds = (from: string, to: string): fc.Arbitrary<Date> =>
  fc
    .integer({ min: Date.parse(from) / 1000, max: Date.parse(to) / 1000 })
    .map((value) => new Date(value * 1000));
const date = seconds('1950-01-01T00:00:00Z', '9999-12-31T23:59:59Z');
const ascii = fc.string({ minLength: 1, maxLength: 40 });
const serialNumber = fc
  .bigInt({ min: 1n, max: 2n ** 159n - 1n })
  .map((value) => value.toString(16));

const attribute: fc.Arbitrary<AttributeTypeAndValue> = fc.oneof(
  fc.record({
    oid,
    value: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    tag: fc.constant<number>(tags.utf8String),
  }),
  fc.record({
    oid,
    value: fc.stringMatching(/^[A-Za-z0-9 ]{1,20}$/),
    tag: fc.constant<number>(tags.printableString),
  }),
  fc.record({ oid, value: ascii, tag: fc.constant<number>(tags.ia5String) }),
  fc.record({ oid, value: ascii, tag: fc.constant<number>(tags.bmpString) }),
);
const name = fc
  .array(fc.array(attribute, { minLength: 1, maxLength: 3 }), { maxLength: 4 })
  .map(encodeName);
const address = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
);
const generalName: fc.Arbitrary<GeneralName> = fc.oneof(
  fc.record({ type: fc.constant('dNSName' as const), value: ascii }),
  fc.record({ type: fc.constant('rfc822Name' as const), value: ascii }),
  fc.record({ type: fc.constant('uniformResourceIdentifier' as const), value: ascii }),
  fc.record({ type: fc.constant('iPAddress' as const), bytes: address }),
  fc.record({ type: fc.constant('directoryName' as const), name }),
  fc.record({ type: fc.constant('registeredID' as const), oid }),
  fc.record({
    type: fc.constant('otherName' as const),
    typeId: oid,
    value: fc.uint8Array({ maxLength: 20 }).map((value) => octetString(value)),
  }),
);
const subtree = generalName.map((base) => ({
  base:
    base.type === 'iPAddress'
      ? { ...base, bytes: Uint8Array.from([...base.bytes, ...base.bytes]) }
      : base,
}));
const extension: fc.Arbitrary<Extension> = fc.record({
  oid,
  critical: fc.boolean(),
  value: fc.uint8Array({ maxLength: 40 }),
});
const extensions = fc.uniqueArray(extension, { selector: (one) => one.oid, maxLength: 8 });
const reason = fc.constantFrom(...(Object.keys(reasonCodes) as ReasonCode[]));

describe('structures are read as they were written', () => {
  it('names, as DER and as text', () => {
    fc.assert(
      fc.property(name, (value) => {
        expect(parseNameDer(value.der)).toEqual(value);
        expect(encodeName(value.rdns).der).toEqual(value.der);
        const again = parseDistinguishedName(formatDistinguishedName(value));
        expect(again.rdns.map((rdn) => rdn.map((one) => [one.oid, one.value]))).toEqual(
          value.rdns.map((rdn) => rdn.map((one) => [one.oid, one.value])),
        );
      }),
    );
  });

  it('general names and addresses', () => {
    fc.assert(
      fc.property(fc.array(generalName, { minLength: 1, maxLength: 6 }), (names) => {
        expect(parseGeneralNames(encodeGeneralNames(names))).toEqual(names);
      }),
    );
    fc.assert(
      fc.property(address, (octets) => {
        expect(parseIpAddress(formatIpAddress(octets))).toEqual(octets);
      }),
    );
  });

  it('extensions', () => {
    const bits: KeyUsageBit[] = [
      'digitalSignature',
      'nonRepudiation',
      'keyEncipherment',
      'dataEncipherment',
      'keyAgreement',
      'keyCertSign',
      'cRLSign',
      'encipherOnly',
      'decipherOnly',
    ];
    fc.assert(
      fc.property(
        fc.subarray(bits, { minLength: 1 }),
        fc.uniqueArray(oid, { minLength: 1, maxLength: 5 }),
        fc.option(fc.nat(20), { nil: undefined }),
        fc.array(ascii, { minLength: 1, maxLength: 4 }),
        fc.tuple(
          fc.array(subtree, { minLength: 1, maxLength: 4 }),
          fc.array(subtree, { maxLength: 4 }),
        ),
        (usage, purposes, pathLenConstraint, uris, [permittedSubtrees, excludedSubtrees]) => {
          expect(parseKeyUsage(encodeKeyUsage(usage).value)).toEqual(usage);
          expect(parseExtendedKeyUsage(encodeExtendedKeyUsage(purposes).value)).toEqual(purposes);
          expect(
            parseBasicConstraints(encodeBasicConstraints({ cA: true, pathLenConstraint }).value),
          ).toEqual({ cA: true, pathLenConstraint });
          expect(parseCRLDistributionPoints(encodeCRLDistributionPoints(uris).value)).toEqual(uris);
          const access = { ocsp: uris, caIssuers: uris };
          expect(parseAuthorityInfoAccess(encodeAuthorityInfoAccess(access).value)).toEqual(access);
          const policies = purposes.map((policyIdentifier) => ({ policyIdentifier, cps: uris }));
          expect(parseCertificatePolicies(encodeCertificatePolicies(policies).value)).toEqual(
            policies,
          );
          const constraints = { permittedSubtrees, excludedSubtrees };
          expect(parseNameConstraints(encodeNameConstraints(constraints).value)).toEqual(
            constraints,
          );
        },
      ),
    );
  });

  it('policies of a CA: mappings, constraints, inhibitAnyPolicy, subjectInfoAccess', () => {
    const skip = fc.option(fc.nat(2 ** 31 - 1), { nil: undefined });
    const pair = fc.record({ issuerDomainPolicy: oid, subjectDomainPolicy: oid });
    fc.assert(
      fc.property(
        fc.uniqueArray(pair, { minLength: 1, selector: (one) => JSON.stringify(one) }),
        skip,
        skip,
        fc.nat(2 ** 31 - 1),
        fc.array(ascii, { minLength: 1, maxLength: 3 }),
        (mappings, requireExplicitPolicy, inhibitPolicyMapping, skipCerts, caRepository) => {
          expect(parsePolicyMappings(encodePolicyMappings(mappings).value)).toEqual(mappings);
          const constraints = { requireExplicitPolicy, inhibitPolicyMapping };
          const encode = (): Extension => encodePolicyConstraints(constraints);
          if (requireExplicitPolicy === undefined && inhibitPolicyMapping === undefined) {
            expect(encode).toThrow('without a constraint');
          } else {
            expect(parsePolicyConstraints(encode().value)).toEqual(constraints);
          }
          expect(parseInhibitAnyPolicy(encodeInhibitAnyPolicy(skipCerts).value)).toBe(skipCerts);
          const access = { caRepository };
          expect(parseSubjectInfoAccess(encodeSubjectInfoAccess(access).value)).toEqual(access);
        },
      ),
    );
  });

  it('TBSCertificate, and its encoding is the only one', () => {
    fc.assert(
      fc.property(
        serialNumber,
        name,
        name,
        date,
        date,
        extensions,
        fc.constantFrom(...Object.values(signatureAlgorithms)),
        (serial, issuer, subject, notBefore, notAfter, list, signature) => {
          const tbs = {
            serialNumber: serial,
            signature,
            issuer,
            subject,
            validity: { notBefore, notAfter },
            subjectPublicKeyInfo: key.spki,
            extensions: list,
          };
          const encoded = encodeTbsCertificate(tbs);
          const read = parseTbsCertificate(encoded);
          expect(read).toMatchObject({
            version: 3,
            serialNumber: serial,
            validity: tbs.validity,
            extensions: list,
          });
          expect(read.issuer).toEqual(issuer);
          expect(read.subject).toEqual(subject);
          expect(read.tbsSignature.der).toEqual(signature.identifier.der);
          expect(encodeTbsCertificate({ ...read, signature })).toEqual(encoded);
        },
      ),
    );
  });

  it('certification requests', () => {
    fc.assert(
      fc.property(extensions, (list) => {
        const request = parseCertificationRequest(sampleRequest(key, 'CN=a,O=b', list));
        expect(request.requestedExtensions).toEqual(list);
        expect(encodeCertificationRequestInfo({ ...request, extensions: list })).toEqual(
          request.infoDer,
        );
      }),
      { numRuns: 30 },
    );
  });

  it('CRLs', () => {
    const entry = fc.record({
      serialNumber,
      revocationDate: date,
      reasonCode: fc.option(reason, { nil: undefined }),
      invalidityDate: fc.option(date, { nil: undefined }),
    });
    fc.assert(
      fc.property(
        name,
        date,
        date,
        fc.bigInt({ min: 0n, max: 2n ** 159n - 1n }),
        fc.array(entry, { maxLength: 8 }),
        (issuer, thisUpdate, nextUpdate, crlNumber, entries) => {
          const encoded = encodeTbsCertList(
            {
              signature: key.algorithm,
              issuer,
              thisUpdate,
              nextUpdate,
              crlNumber,
              authorityKeyIdentifier: Uint8Array.of(1),
            },
            entries,
          );
          const read = parseTbsCertList(encoded);
          expect(read).toMatchObject({
            thisUpdate,
            nextUpdate,
            crlNumber,
            hasRevokedCertificates: entries.length > 0,
          });
          const wanted = entries.map((one) => [
            one.serialNumber,
            one.revocationDate,
            one.reasonCode === 'unspecified' ? undefined : one.reasonCode,
            one.invalidityDate,
          ]);
          expect(
            [...read.entries()].map((one) => [
              one.serialNumber,
              one.revocationDate,
              one.reasonCode,
              one.invalidityDate,
            ]),
          ).toEqual(wanted);
        },
      ),
    );
  });

  it('OCSP requests and responses', () => {
    const certID = fc
      .tuple(name, serialNumber, fc.constantFrom('sha1', 'sha256', 'sha384', 'sha512'))
      .map(([issuer, serial, hash]) => createCertID(hash, issuer, key.spki, serial));
    const nonce = fc.option(fc.uint8Array({ minLength: 1, maxLength: 128 }), { nil: undefined });
    const certStatus = fc.oneof(
      fc.record({ type: fc.constant('good' as const) }),
      fc.record({ type: fc.constant('unknown' as const) }),
      fc.record({
        type: fc.constant('revoked' as const),
        revocationTime: date,
        reasonCode: fc.option(reason, { nil: undefined }),
      }),
    );
    const single = fc.record({
      certID,
      certStatus,
      thisUpdate: date,
      nextUpdate: fc.option(date, { nil: undefined }),
      extensions,
    });
    const responderID = fc.oneof(
      fc.record({
        type: fc.constant('byKey' as const),
        keyHash: fc.uint8Array({ minLength: 20, maxLength: 20 }),
      }),
      fc.record({ type: fc.constant('byName' as const), name }),
    );
    fc.assert(
      fc.property(
        fc.array(single, { minLength: 1, maxLength: 3 }),
        nonce,
        date,
        responderID,
        (responses, value, producedAt, id) => {
          const request = parseOcspRequest(
            encodeOcspRequest({ certIDs: responses.map((one) => one.certID), nonce: value }),
          );
          expect(request.requests.map((one) => one.certID.der)).toEqual(
            responses.map((one) => one.certID.der),
          );
          expect(request.nonce).toEqual(value);
          const data = {
            responderID: id,
            producedAt,
            responses,
            extensions: value === undefined ? [] : [nonceExtension(value)],
          };
          const encoded = encodeResponseData(data);
          const read = parseResponseData(encoded);
          expect(read).toEqual(data);
          expect(encodeResponseData(read)).toEqual(encoded);
        },
      ),
    );
  });

  it('PEM', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (der) => {
        expect(decodePem(encodePem('X', der), 'X')).toEqual([{ label: 'X', der }]);
      }),
    );
  });
});
