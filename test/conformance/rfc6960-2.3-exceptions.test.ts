/** RFC 6960 §2.3: unsigned answers, each where it belongs (sigRequired: rfc6960-4.1.2). */
import { describe, expect, it } from 'vitest';
import { maxRequestBody } from '../../ocsp/exchange.ts';
import { oids, parseOcspResponse } from '../../src/pkix/index.ts';
import { until } from '../support/quickstart-run.ts';
import { testIssuer, testSerialNumber } from '../support/test-hierarchy.ts';
import {
  ask,
  certIDOf,
  exchange,
  type HttpAnswer,
  post,
  requestFor,
  startTestResponder,
  statusOf,
} from '../support/test-responder.ts';

const third = testIssuer('Third');
const made = await startTestResponder({ queueLimit: 4, others: [third] });
const { root, issuing, token } = made;
const leaf = made.issue().certificate;
const known = certIDOf(issuing, leaf.serialNumber);
const unauthorized = '30030a0106';
const tryLater = '30030a0103';

describe('unauthorized: several issuers in one request, answered whole (§4.2.2.2, O7)', () => {
  const ofRoot = certIDOf(root, issuing.certificate.serialNumber);
  const ofThird = certIDOf(third, testSerialNumber(), 'sha256');
  const unserved = certIDOf(testIssuer('Unserved'), testSerialNumber());
  it.each([
    ['two, the second last', [known, known, ofRoot]],
    ['two, the second first', [ofRoot, known]],
    ['three, by different digests', [known, ofRoot, ofThird]],
    ['one served and one not', [known, unserved]],
    ['one not served and one served', [unserved, known]],
  ])('%s', async (_case, certIDs) => {
    expect(statusOf(await ask(made, [known]))).toBe('good');
    for (const nonce of [undefined, Buffer.alloc(32, 1)]) {
      const { body, headers } = await post(made.port, requestFor(certIDs, nonce));
      expect(body.toString('hex')).toBe(unauthorized);
      expect(headers['cache-control']).toBe('no-cache, no-store');
    }
  });

  it('one issuer by every digest in one request is answered', async () => {
    const certIDs = (['sha1', 'sha256', 'sha384', 'sha512'] as const).map((hash) =>
      certIDOf(issuing, leaf.serialNumber, hash),
    );
    const answer = await ask(made, certIDs);
    const responses = answer.basic?.responseData.responses ?? [];
    expect(responses.map(({ certID }) => certID.hashAlgorithm.oid)).toEqual([
      ...[oids.sha1, oids.sha256, oids.sha384, oids.sha512],
    ]);
    expect(responses.map(({ certStatus }) => certStatus.type)).toEqual(Array(4).fill('good'));
  });
});

describe('tryLater: overload', () => {
  it('past what may wait the answer is tryLater at once, with Retry-After; what is in memory is given', async () => {
    await ask(made, [known]);
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    token.beforeSign = async () => held;
    try {
      const answers: HttpAnswer[] = [];
      const waiting = Array.from({ length: 12 }, async () => {
        const { serialNumber } = made.issue().certificate;
        answers.push(await post(made.port, requestFor([certIDOf(issuing, serialNumber)])));
      });
      await until('eight to be turned away', () => answers.length === 8);
      for (const { body, headers, status: code } of answers) {
        expect([code, body.toString('hex')]).toEqual([200, tryLater]);
        expect(headers['retry-after']).toBe('1');
        expect(headers['cache-control']).toBe('no-cache, no-store');
      }
      expect(statusOf(await ask(made, [known]))).toBe('good');
      release();
      await Promise.all(waiting);
      const later = answers.slice(8).map(({ body }) => statusOf(parseOcspResponse(body)));
      expect(later).toEqual(Array(4).fill('good'));
    } finally {
      release();
      token.beforeSign = async () => Promise.resolve();
    }
    const other = made.issue().certificate;
    expect(statusOf(await ask(made, [certIDOf(issuing, other.serialNumber)]))).toBe('good');
  });
});

describe('malformedRequest and 413: the caps', () => {
  it('a request of 64 KiB that asks for too many is malformed, one octet more is 413', async () => {
    const certID = certIDOf(issuing, leaf.serialNumber, 'sha512');
    const count = Math.floor((maxRequestBody - 8) / (certID.der.length + 4));
    const request = requestFor(Array.from({ length: count }, () => certID));
    expect(request.length).toBeLessThanOrEqual(maxRequestBody);
    expect(statusOf(parseOcspResponse((await post(made.port, request)).body))).toBe(
      'malformedRequest',
    );
    expect((await post(made.port, new Uint8Array(maxRequestBody + 1))).status).toBe(413);
  });

  it('the connection closes after 413, so that the rest is not taken for a request', async () => {
    const { headers } = await exchange(made.port, {
      method: 'POST',
      body: new Uint8Array(maxRequestBody + 1),
      headers: { 'Content-Type': 'application/ocsp-request' },
    });
    expect(headers['connection']).toBe('close');
  });
});
