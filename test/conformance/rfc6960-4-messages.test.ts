/** RFC 6960 §4: requests that are read or refused, and the form of every answer. */
import { createHash, verify, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { explicit, octetString, sequence } from '../../src/der/index.ts';
import {
  type Extension,
  encodeExtensions,
  findExtension,
  oids,
  parseExtendedKeyUsage,
} from '../../src/pkix/index.ts';
import { pkijsBasic } from '../support/ocsp-judges.ts';
import { testIssuer, testSerialNumber } from '../support/test-hierarchy.ts';
import {
  ask,
  certIDOf,
  post,
  requestFor,
  startTestResponder,
  statusOf,
} from '../support/test-responder.ts';

const made = await startTestResponder();
const { root, issuing } = made;
const unserved = testIssuer('Unserved');

const malformedRequest = '30030a0101';
const unauthorized = '30030a0106';
const tryLater = '30030a0103';

async function hexOf(request: Uint8Array): Promise<string> {
  const { body, status, headers } = await post(made.port, request);
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('application/ocsp-response');
  return body.toString('hex');
}

const leaf = made.issue().certificate;
const known = certIDOf(issuing, leaf.serialNumber);

function extension(oid: string, critical: boolean): Extension {
  return { oid, critical, value: octetString(Buffer.from('x')) };
}

describe('O1 §4.2.1: error statuses, octet for octet, without responseBytes', () => {
  it.each([
    ['nothing', ''],
    ['no DER', 'ff'],
    ['an empty SEQUENCE', '3000'],
    ['an empty request list', '300430023000'],
    ['trailing octets', `${Buffer.from(requestFor([known])).toString('hex')}00`],
    ['a length in BER', `30820003${'020100'}`],
  ])('malformedRequest for %s', async (_name, hex) => {
    expect(await hexOf(Buffer.from(hex, 'hex'))).toBe(malformedRequest);
  });

  it('malformedRequest for every request that is cut short', async () => {
    const whole = requestFor([known]);
    for (let length = 1; length < whole.length; length += 7) {
      expect(await hexOf(whole.subarray(0, length))).toBe(malformedRequest);
    }
  });

  it('unauthorized for an issuer that is not served', async () => {
    const request = requestFor([certIDOf(unserved, testSerialNumber())]);
    expect(await hexOf(request)).toBe(unauthorized);
  });

  it('tryLater when nothing can be signed', async () => {
    made.token.failing = true;
    try {
      const other = made.issue().certificate;
      expect(await hexOf(requestFor([certIDOf(issuing, other.serialNumber)]))).toBe(tryLater);
    } finally {
      made.token.failing = false;
    }
  });
});

describe('O2 §4.2.1: a basic response, signed over the DER of its ResponseData', () => {
  it('as an independent reader sees it', async () => {
    const { body } = await post(made.port, requestFor([known]));
    const basic = pkijsBasic(body);
    const delegate = basic.certs?.[0];
    expect(delegate).toBeDefined();
    const tbs = Buffer.from(basic.tbsResponseData.toSchema(true).toBER());
    const key = new X509Certificate(
      new Uint8Array(delegate?.toSchema().toBER() ?? new ArrayBuffer(0)),
    ).publicKey;
    const signature = Buffer.from(basic.signature.valueBlock.valueHexView);
    expect(verify('sha256', tbs, key, signature)).toBe(true);
    expect(basic.signatureAlgorithm.algorithmId).toBe(oids.ecdsaWithSHA256);
  });
});

describe('O3, O5, T-OCSP-RC §4.2.2.2: who signs', () => {
  it('a certificate issued directly by the issuer in the request, for each issuer its own', async () => {
    for (const issuer of [issuing, root]) {
      const answer = await ask(made, [certIDOf(issuer, testSerialNumber())]);
      const [delegate] = answer.basic?.certs ?? [];
      expect(Buffer.from(delegate?.issuer.der ?? [])).toEqual(
        Buffer.from(issuer.certificate.subject.der),
      );
      const x509 = new X509Certificate(Buffer.from(delegate?.der ?? []));
      expect(x509.verify(new X509Certificate(Buffer.from(issuer.certificate.der)).publicKey)).toBe(
        true,
      );
      const usage = findExtension(delegate?.extensions ?? [], oids.extendedKeyUsage);
      expect(parseExtendedKeyUsage(usage?.value ?? new Uint8Array())).toEqual([oids.ocspSigning]);
      expect(findExtension(delegate?.extensions ?? [], oids.ocspNoCheck)?.critical).toBe(false);
      expect(findExtension(delegate?.extensions ?? [], oids.authorityInfoAccess)).toBeUndefined();
    }
  });
});

describe('O7 §4.2.2.3: one SingleResponse a certID, echoed', () => {
  it('several certIDs of one issuer, by different digests, in the order asked', async () => {
    const serials = [leaf.serialNumber, testSerialNumber(), made.issue().certificate.serialNumber];
    const certIDs = serials.flatMap((serial) => [
      certIDOf(issuing, serial, 'sha1'),
      certIDOf(issuing, serial, 'sha256'),
    ]);
    const answer = await ask(made, certIDs);
    const responses = answer.basic?.responseData.responses ?? [];
    expect(responses.map((one) => Buffer.from(one.certID.der).toString('hex'))).toEqual(
      certIDs.map((certID) => Buffer.from(certID.der).toString('hex')),
    );
    expect(responses.map((one) => one.certStatus.type)).toEqual([
      ...['good', 'good', 'unknown', 'unknown', 'good', 'good'],
    ]);
  });

  it('certIDs of two issuers are unauthorized: one delegate answers for one issuer', async () => {
    const two = [known, certIDOf(root, issuing.certificate.serialNumber)];
    expect(await hexOf(requestFor(two))).toBe(unauthorized);
    expect(await hexOf(requestFor([known, certIDOf(unserved, '01')]))).toBe(unauthorized);
  });

  it('T-OCSP-DOS (I53): 128 certIDs are answered, 129 refused', async () => {
    const many = Array.from({ length: 129 }, () => certIDOf(issuing, testSerialNumber()));
    const answer = await ask(made, many.slice(1));
    expect(answer.basic?.responseData.responses).toHaveLength(128);
    expect(await hexOf(requestFor(many))).toBe(malformedRequest);
  });
});

describe('O18 §4.1.2, §4.4: request extensions', () => {
  it('an unknown one is ignored when it is not critical', async () => {
    const request = requestFor([known], undefined, [extension('1.2.3.4', false)]);
    expect((await post(made.port, request)).body.length).toBeGreaterThan(100);
  });

  it('an unknown critical one is an error', async () => {
    const request = requestFor([known], undefined, [extension('1.2.3.4', true)]);
    expect(await hexOf(request)).toBe(malformedRequest);
  });

  it('so is one on a single certID', async () => {
    const single = (critical: boolean): Uint8Array =>
      sequence(
        sequence(
          sequence(
            sequence(known.der, explicit(0, encodeExtensions([extension('1.2.3.4', critical)]))),
          ),
        ),
      );
    expect((await post(made.port, single(false))).body.length).toBeGreaterThan(100);
    expect(await hexOf(single(true))).toBe(malformedRequest);
  });

  it('acceptable responses and preferred signature algorithms are understood, critical too', async () => {
    const basic = sequence(Buffer.from('06092b0601050507300101', 'hex'));
    const request = requestFor([known], undefined, [
      { oid: '1.3.6.1.5.5.7.48.1.4', critical: true, value: basic },
      { oid: oids.ocspPreferredSignatureAlgorithms, critical: true, value: sequence() },
    ]);
    expect((await post(made.port, request)).body.length).toBeGreaterThan(100);
  });

  it('the same extension twice is malformed', async () => {
    const twice = [extension('1.2.3.4', false), extension('1.2.3.4', false)];
    const request = sequence(
      sequence(sequence(sequence(known.der)), explicit(2, sequence(...twice.map(rawExtension)))),
    );
    expect(await hexOf(request)).toBe(malformedRequest);
  });
});

function rawExtension({ value }: Extension): Uint8Array {
  return sequence(Buffer.from('06032a0304', 'hex'), octetString(value));
}

describe('serial numbers', () => {
  it('of 20 octets and of one octet are answered, by value', async () => {
    for (const serial of ['7f'.padEnd(40, 'e'), '1', '80', 'ff'.padEnd(38, '0')]) {
      const answer = await ask(made, [certIDOf(issuing, serial)]);
      expect(statusOf(answer)).toBe('unknown');
      expect(answer.basic?.responseData.responses[0]?.certID.serialNumber).toBe(serial);
    }
  });
});

describe('the answer is the same octets as long as it is kept', () => {
  it('and its hash is its ETag', async () => {
    const first = await post(made.port, requestFor([known]));
    const second = await post(made.port, requestFor([known]));
    expect(second.body).toEqual(first.body);
    const hash = createHash('sha256').update(first.body).digest('hex');
    expect(first.headers['etag']).toBe(`"${hash}"`);
  });
});
