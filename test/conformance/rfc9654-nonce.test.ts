/** RFC 9654 §2.1: the nonce. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { explicit, octetString, oid, sequence } from '../../src/der/index.ts';
import { oids, parseOcspResponse } from '../../src/pkix/index.ts';
import {
  ask,
  certIDOf,
  post,
  requestFor,
  startTestResponder,
  statusOf,
} from '../support/test-responder.ts';

const made = await startTestResponder();
const known = certIDOf(made.issuing, made.issue().certificate.serialNumber);

/** A request whose nonce extension holds this, whatever it is. */
function withNonceValue(value: Uint8Array): Uint8Array {
  const extension = sequence(oid(oids.ocspNonce), octetString(value));
  return sequence(sequence(sequence(sequence(known.der)), explicit(2, sequence(extension))));
}

describe('O16 §2.1: length and echo', () => {
  it.each([1, 8, 16, 31, 32, 33, 64, 127, 128])('%i octets come back as sent', async (length) => {
    const nonce = randomBytes(length);
    const answer = await ask(made, [known], nonce);
    expect(statusOf(answer)).toBe('good');
    expect(Buffer.from(answer.basic?.nonce ?? [])).toEqual(nonce);
  });

  it.each([0, 129, 256, 1000])('%i octets are malformedRequest', async (length) => {
    const request = withNonceValue(octetString(randomBytes(length)));
    expect((await post(made.port, request)).body.toString('hex')).toBe('30030a0101');
  });

  it('a nonce that is not wrapped in an OCTET STRING is malformedRequest', async () => {
    const request = withNonceValue(Buffer.alloc(16, 0x55));
    expect((await post(made.port, request)).body.toString('hex')).toBe('30030a0101');
  });
});

describe('O17 RFC 9919 §3.2.1: never a wrong nonce', () => {
  it('each answer has the nonce of its own request, and answers without one have none', async () => {
    const nonces = Array.from({ length: 40 }, () => randomBytes(32));
    const answers = await Promise.all(nonces.map(async (nonce) => ask(made, [known], nonce)));
    expect(answers.map(({ basic }) => Buffer.from(basic?.nonce ?? []))).toEqual(nonces);
    const plain = await ask(made, [known]);
    expect(plain.basic?.nonce).toBeUndefined();
  });

  it('the same nonce twice is signed twice: answers with a nonce are not kept (I53)', async () => {
    const request = requestFor([known], Buffer.alloc(32, 1));
    const before = made.token.signatures;
    await post(made.port, request);
    await post(made.port, request);
    expect(made.token.signatures).toBe(before + 2);
  });

  it('without one, answers come from memory whatever was asked with one (I53)', async () => {
    await ask(made, [known]);
    const before = made.token.signatures;
    for (let n = 0; n < 5; n += 1) {
      const { body } = await post(made.port, requestFor([known]));
      expect(parseOcspResponse(body).status).toBe('successful');
    }
    expect(made.token.signatures).toBe(before);
  });
});
