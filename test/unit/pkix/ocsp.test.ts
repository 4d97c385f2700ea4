import { describe, expect, it } from 'vitest';
import {
  bitString,
  boolean,
  element,
  enumerated,
  explicit,
  generalizedTime,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  utcTime,
} from '../../../src/der/index.ts';
import {
  assembleBasicOcspResponse,
  type CertStatus,
  createCertID,
  encodeOcspError,
  encodeOcspRequest,
  encodeResponseData,
  nonceExtension,
  oids,
  parseOcspRequest,
  parseOcspResponse,
  parseResponseData,
  type ResponseData,
  signatureAlgorithms,
} from '../../../src/pkix/index.ts';
import {
  sampleCertID,
  sampleCertificate,
  sampleKey,
  sampleOcspResponse,
} from '../../support/pki-samples.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const key = sampleKey('ecdsa-with-SHA256');
const issuer = sampleCertificate({ key, subject: 'CN=Issuer', ca: true });
const certID = sampleCertID(issuer, '8abc');
const malformed = expect.objectContaining({ code: 'malformed' });

describe('RFC 6960 §4.1: requests', () => {
  it('several certIDs, nonce and further extensions are read as they were asked', () => {
    const other = createCertID('sha256', issuer.subject, issuer.subjectPublicKeyInfo, '2');
    const nonce = new Uint8Array(32).fill(3);
    const extensions = [{ oid: '1.2.3', critical: true, value: nullValue() }];
    const read = parseOcspRequest(
      encodeOcspRequest({ certIDs: [certID, other], nonce, extensions }),
    );
    expect(read.requests.map((request) => request.certID.serialNumber)).toEqual(['8abc', '2']);
    expect(read.requests.map((request) => hex(request.certID.der))).toEqual([
      hex(certID.der),
      hex(other.der),
    ]);
    expect(read.requests[1]?.certID.hashAlgorithm.oid).toBe(oids.sha256);
    expect(hex(read.nonce ?? new Uint8Array(0))).toBe(hex(nonce));
    expect(read.extensions.map((extension) => extension.oid)).toEqual([oids.ocspNonce, '1.2.3']);
    expect(read.signature).toBeUndefined();
  });

  const list = sequence(sequence(certID.der));
  const request = (...parts: Uint8Array[]): Uint8Array => sequence(sequence(...parts));
  const extensions = (...all: Uint8Array[]): Uint8Array => explicit(2, sequence(...all));
  const nonceOf = (value: Uint8Array): Uint8Array =>
    sequence(oid(oids.ocspNonce), octetString(value));

  it('O15: a signature and a requestorName are noted and read over', () => {
    const name = explicit(1, element(0x82, Buffer.from('a')));
    const signature = explicit(
      0,
      sequence(
        signatureAlgorithms.ed25519.identifier.der,
        bitString(new Uint8Array(64)),
        explicit(0, sequence(issuer.der)),
      ),
    );
    const tbs = sequence(name, list);
    const read = parseOcspRequest(sequence(tbs, signature));
    expect(read.requestorName).toEqual({ type: 'dNSName', value: 'a' });
    expect(Buffer.from(read.tbsDer)).toEqual(Buffer.from(tbs));
    expect(read.signature?.algorithm.oid).toBe(oids.ed25519);
    expect(read.signature?.value).toHaveLength(64);
    expect(read.signature?.certificates.map((der) => Buffer.from(der))).toEqual([
      Buffer.from(issuer.der),
    ]);
  });

  it('a version that says v1 is read, and a hash that nobody knows (O8)', () => {
    expect(parseOcspRequest(request(explicit(0, integer(0)), list)).requests).toHaveLength(1);
    const unknown = sequence(
      sequence(oid('1.2.3')),
      octetString(new Uint8Array(3)),
      octetString(new Uint8Array(5)),
      integer(1),
    );
    expect(
      parseOcspRequest(request(sequence(sequence(unknown)))).requests[0]?.certID.hashAlgorithm.oid,
    ).toBe('1.2.3');
  });

  const id = (serial: Uint8Array): Uint8Array =>
    sequence(
      sequence(
        sequence(
          sequence(oid(oids.sha1), nullValue()),
          octetString(new Uint8Array(20)),
          octetString(new Uint8Array(20)),
          serial,
        ),
      ),
    );

  it.each<[string, Uint8Array]>([
    ['an empty list', request(sequence())],
    ['version 2', request(explicit(0, integer(1)), list)],
    [
      'a nonce of 0 octets (O16)',
      request(list, extensions(nonceOf(octetString(new Uint8Array(0))))),
    ],
    [
      'a nonce of 129 octets (O16)',
      request(list, extensions(nonceOf(octetString(new Uint8Array(129))))),
    ],
    ['a nonce that is no OCTET STRING', request(list, extensions(nonceOf(integer(5))))],
    [
      'a nonce with something behind',
      request(list, extensions(nonceOf(Uint8Array.of(4, 1, 1, 5, 0)))),
    ],
    [
      'two nonces',
      request(
        list,
        extensions(nonceOf(octetString(Uint8Array.of(1))), nonceOf(octetString(Uint8Array.of(2)))),
      ),
    ],
    ['empty extensions', request(list, extensions())],
    [
      'critical FALSE written',
      request(list, extensions(sequence(oid('1.2.3'), boolean(false), octetString(nullValue())))),
    ],
    ['a serial number of zero', request(id(integer(0)))],
    [
      'a negative serial number, which reads as another’s positive one',
      request(id(integer(-0x7544))),
    ],
    ['a serial number of 21 octets', request(id(integer(2n ** 160n)))],
    ['something behind the request', Uint8Array.from([...request(list), 0])],
    [
      'something behind the signature',
      sequence(
        sequence(list),
        explicit(
          0,
          sequence(
            signatureAlgorithms.ed25519.identifier.der,
            bitString(new Uint8Array(1)),
            explicit(0, sequence()),
            nullValue(),
          ),
        ),
      ),
    ],
    ['a requestorName that is no GeneralName', request(explicit(1, nullValue()), list)],
  ])('refuses %s', (_what, der) => {
    expect(() => parseOcspRequest(der)).toThrow(malformed);
  });

  it('I53: the number of certIDs is capped, 128 unless told otherwise', () => {
    const many = (count: number): Uint8Array =>
      encodeOcspRequest({ certIDs: Array.from({ length: count }, () => certID) });
    expect(parseOcspRequest(many(128)).requests).toHaveLength(128);
    expect(() => parseOcspRequest(many(129))).toThrow(malformed);
    expect(() => parseOcspRequest(many(2), { maxRequests: 1 })).toThrow(malformed);
  });

  it('1 and 128 octets of nonce pass (O16)', () => {
    for (const length of [1, 32, 128]) {
      const nonce = new Uint8Array(length);
      expect(parseOcspRequest(encodeOcspRequest({ certIDs: [certID], nonce })).nonce).toHaveLength(
        length,
      );
    }
    expect(() => nonceExtension(new Uint8Array(129))).toThrow(malformed);
    expect(() => nonceExtension(new Uint8Array(0))).toThrow(malformed);
  });
});

describe('RFC 6960 §4.2: responses', () => {
  const at = new Date('2026-11-21T10:00:00Z');
  const statuses: CertStatus[] = [
    { type: 'good' },
    { type: 'unknown' },
    { type: 'revoked', revocationTime: at, reasonCode: undefined },
    { type: 'revoked', revocationTime: at, reasonCode: 'certificateHold' },
    { type: 'revoked', revocationTime: at, reasonCode: 'unspecified' },
  ];
  const data = (changes: Partial<ResponseData> = {}): ResponseData => ({
    responderID: { type: 'byKey', keyHash: new Uint8Array(20).fill(1) },
    producedAt: at,
    responses: [{ certID, certStatus: { type: 'good' }, thisUpdate: at }],
    extensions: [],
    ...changes,
  });

  it.each(statuses)('%j is read as it was written', (certStatus) => {
    const read = parseResponseData(
      encodeResponseData(
        data({ responses: [{ certID, certStatus, thisUpdate: at, nextUpdate: at }] }),
      ),
    );
    expect(read.responses[0]?.certStatus).toEqual(certStatus);
    expect(hex(read.responses[0]?.certID.der ?? new Uint8Array(0))).toBe(hex(certID.der));
  });

  it('byName, extensions of the answer and of a single response', () => {
    const extension = { oid: '1.2.3', critical: false, value: nullValue() };
    const wanted = data({
      responderID: { type: 'byName', name: issuer.subject },
      extensions: [nonceExtension(Uint8Array.of(7))],
      responses: [
        {
          certID,
          certStatus: { type: 'good' },
          thisUpdate: at,
          nextUpdate: at,
          extensions: [extension],
        },
      ],
    });
    const read = parseResponseData(encodeResponseData(wanted));
    expect(read.responses[0]?.extensions).toEqual([extension]);
    expect(read.responderID).toMatchObject({ type: 'byName' });
    expect(read.extensions).toEqual(wanted.extensions);
  });

  it('O12: times are GeneralizedTime to the second, also before 2050', () => {
    const der = hex(encodeResponseData(data({ producedAt: new Date('2026-11-21T10:00:00.999Z') })));
    expect(der).toContain(`180f${Buffer.from('20261121100000Z').toString('hex')}`);
  });

  it('O1: errors are five octets', () => {
    expect(hex(encodeOcspError('malformedRequest'))).toBe('30030a0101');
    expect(hex(encodeOcspError('internalError'))).toBe('30030a0102');
    expect(hex(encodeOcspError('tryLater'))).toBe('30030a0103');
    expect(hex(encodeOcspError('sigRequired'))).toBe('30030a0105');
    expect(hex(encodeOcspError('unauthorized'))).toBe('30030a0106');
    expect(parseOcspResponse(encodeOcspError('tryLater'))).toEqual({ status: 'tryLater' });
  });

  it('a whole response with the delegate’s certificate and the nonce', () => {
    const nonce = new Uint8Array(32).fill(5);
    const read = parseOcspResponse(
      sampleOcspResponse(
        { certificate: issuer, key },
        [{ certID, certStatus: { type: 'good' } }],
        nonce,
      ),
    );
    expect(read.status).toBe('successful');
    expect(hex(read.basic?.nonce ?? new Uint8Array(0))).toBe(hex(nonce));
    expect(read.basic?.certs.map((certificate) => hex(certificate.der))).toEqual([hex(issuer.der)]);
  });

  it('without certificates the field is absent', () => {
    const tbs = encodeResponseData(data());
    const response = parseOcspResponse(
      assembleBasicOcspResponse(tbs, key.algorithm, new Uint8Array(64), []),
    );
    expect(response.basic?.certs).toEqual([]);
    expect(hex(response.basic?.tbsDer ?? new Uint8Array(0))).toBe(hex(tbs));
  });

  const basic = (response: Uint8Array, type: string = oids.basicOcspResponse): Uint8Array =>
    sequence(enumerated(0), explicit(0, sequence(oid(type), octetString(response))));
  const signed = (tbs: Uint8Array, ...rest: Uint8Array[]): Uint8Array =>
    sequence(tbs, key.algorithm.identifier.der, bitString(Uint8Array.of(1)), ...rest);
  const single = (...parts: Uint8Array[]): Uint8Array => sequence(certID.der, ...parts);
  const responseData = (...singles: Uint8Array[]): Uint8Array =>
    sequence(
      explicit(2, octetString(new Uint8Array(20))),
      generalizedTime(at),
      sequence(...singles),
    );
  const good = single(element(0x80), generalizedTime(at));

  it.each<[string, Uint8Array]>([
    ['successful without responseBytes', sequence(enumerated(0))],
    [
      'an error with responseBytes',
      sequence(
        enumerated(3),
        explicit(0, sequence(oid(oids.basicOcspResponse), octetString(new Uint8Array(0)))),
      ),
    ],
    ['status 4, which is not used', sequence(enumerated(4))],
    ['status 7', sequence(enumerated(7))],
    ['another response type', basic(signed(responseData(good)), '1.2.3')],
    ['an empty certs field', basic(signed(responseData(good), explicit(0, sequence())))],
    ['no single response', basic(signed(responseData()))],
    [
      'version written as v1',
      basic(
        signed(
          sequence(
            explicit(0, integer(0)),
            explicit(2, octetString(new Uint8Array(20))),
            generalizedTime(at),
            sequence(good),
          ),
        ),
      ),
    ],
    [
      'a key hash of 19 octets',
      basic(
        signed(
          sequence(
            explicit(2, octetString(new Uint8Array(19))),
            generalizedTime(at),
            sequence(good),
          ),
        ),
      ),
    ],
    [
      'producedAt as UTCTime',
      basic(
        signed(sequence(explicit(2, octetString(new Uint8Array(20))), utcTime(at), sequence(good))),
      ),
    ],
    [
      'good with content',
      basic(signed(responseData(single(element(0x80, nullValue()), generalizedTime(at))))),
    ],
    ['certStatus [3]', basic(signed(responseData(single(element(0x83), generalizedTime(at)))))],
    [
      'revoked without a time',
      basic(signed(responseData(single(element(0xa1), generalizedTime(at))))),
    ],
    [
      'revoked for reason 7',
      basic(
        signed(
          responseData(
            single(
              element(0xa1, generalizedTime(at), explicit(0, enumerated(7))),
              generalizedTime(at),
            ),
          ),
        ),
      ),
    ],
    ['something behind the response', Uint8Array.from([...basic(signed(responseData(good))), 0])],
    [
      'something behind the basic response',
      basic(Uint8Array.from([...signed(responseData(good)), 0])),
    ],
  ])('refuses %s', (_what, der) => {
    expect(() => parseOcspResponse(der)).toThrow(malformed);
  });

  it('refuses to write an answer without a response', () => {
    expect(() => encodeResponseData(data({ responses: [] }))).toThrow(malformed);
    expect(() => encodeOcspRequest({ certIDs: [] })).toThrow(malformed);
  });
});
