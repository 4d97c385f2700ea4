/** RFC 6960 §4.4.7: the client's preferred signature algorithms choose among the delegates' keys. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sequence } from '../../src/der/index.ts';
import {
  type Extension,
  type KeyAlgorithmName,
  type OcspResponse,
  oids,
  parseOcspResponse,
  type SignatureAlgorithmName,
  signatureAlgorithms,
} from '../../src/pkix/index.ts';
import { pkijsVerifies } from '../support/ocsp-judges.ts';
import { until } from '../support/quickstart-run.ts';
import {
  certIDOf,
  exchange,
  post,
  requestFor,
  startTestResponder,
  statusOf,
} from '../support/test-responder.ts';

const delegateKeys: readonly KeyAlgorithmName[] = ['p256', 'rsa2048', 'p384'];
const made = await startTestResponder({ delegateKeys });
const { issuing, root } = made;
const known = certIDOf(issuing, made.issue().certificate.serialNumber);

const algorithm = (name: SignatureAlgorithmName) => signatureAlgorithms[name].identifier.der;
const rsa = algorithm('sha256WithRSAEncryption');
const p384 = algorithm('ecdsa-with-SHA384');
const p256 = algorithm('ecdsa-with-SHA256');
// SHA-1 with RSA, which no registry of ours has; 1.2.840.113549.1.1.5.
const sha1 = Buffer.from('300d06092a864886f70d0101050500', 'hex');
const ecKey = (curve: string): Uint8Array =>
  sequence(Buffer.from('06072a8648ce3d0201', 'hex'), Buffer.from(curve, 'hex'));
const curves = { p256: '06082a8648ce3d030107', p384: '06052b81040022' };

function preferring(...preferences: readonly (readonly Uint8Array[])[]): readonly Extension[] {
  const value = sequence(...preferences.map((parts) => sequence(...parts)));
  return [{ oid: oids.ocspPreferredSignatureAlgorithms, critical: false, value }];
}

async function asked(extensions: readonly Extension[], nonce?: Uint8Array): Promise<OcspResponse> {
  const { body } = await post(made.port, requestFor([known], nonce, extensions));
  return parseOcspResponse(body);
}

function signedWith(answer: OcspResponse): string | undefined {
  const oid = answer.basic?.signatureAlgorithm.oid;
  return Object.values(signatureAlgorithms).find((one) => one.oid === oid)?.name;
}

await until(
  'a delegate of each kind',
  async () => {
    const answers = [await asked(preferring([rsa])), await asked(preferring([p384]))];
    return answers.map(signedWith).join() === 'sha256WithRSAEncryption,ecdsa-with-SHA384';
  },
  10_000,
);

describe('§4.4.7.2.1: the choice', () => {
  const rows: readonly [string, readonly Extension[], string][] = [
    ['the default, without a wish', [], 'ecdsa-with-SHA256'],
    ['the default, for an empty list', preferring(), 'ecdsa-with-SHA256'],
    ['the one that is preferred', preferring([rsa]), 'sha256WithRSAEncryption'],
    ['the first in the client’s order', preferring([p384], [rsa], [p256]), 'ecdsa-with-SHA384'],
    [
      'the first that can be had',
      preferring([algorithm('ed25519')], [rsa]),
      'sha256WithRSAEncryption',
    ],
    ['the default, when none can be had', preferring([algorithm('ed25519')]), 'ecdsa-with-SHA256'],
    [
      'RSA with absent parameters too',
      preferring([sequence(rsa.subarray(2, -2))]),
      'sha256WithRSAEncryption',
    ],
    ['by the kind of key as well', preferring([p384, ecKey(curves.p384)]), 'ecdsa-with-SHA384'],
    [
      'not with a curve that the key is not on',
      preferring([p384, ecKey(curves.p256)], [rsa]),
      'sha256WithRSAEncryption',
    ],
  ];
  it.each(rows)('%s', async (_case, extensions, expected) => {
    expect(signedWith(await asked(extensions))).toBe(expected);
    expect(signedWith(await asked(extensions, Buffer.alloc(32, 5)))).toBe(expected);
  });

  it('nobody is talked down to a weak algorithm (§5.1.2)', async () => {
    expect(signedWith(await asked(preferring([sha1])))).toBe('ecdsa-with-SHA256');
    expect(signedWith(await asked(preferring([sha1], [p384])))).toBe('ecdsa-with-SHA384');
  });

  it('a list that is none is malformedRequest', async () => {
    for (const value of ['0500', '3001', '30023000', '3003300100']) {
      const extension = {
        ...{ oid: oids.ocspPreferredSignatureAlgorithms, critical: false },
        value: Buffer.from(value, 'hex'),
      };
      expect(statusOf(await asked([extension]))).toBe('malformedRequest');
    }
    const many = preferring(...Array.from({ length: 33 }, () => [rsa]));
    expect(statusOf(await asked(many))).toBe('malformedRequest');
  });
});

describe('answers of each algorithm', () => {
  it('are signed by a delegate of that issuer whose key it is', async () => {
    for (const preference of [rsa, p384]) {
      const { body } = await post(
        made.port,
        requestFor([known], undefined, preferring([preference])),
      );
      const trusted = [issuing.certificate.der, root.certificate.der];
      expect(await pkijsVerifies(body, trusted)).toBe(true);
    }
  });

  it('are kept apart, and evicted together', async () => {
    const wishes = [[], preferring([rsa]), preferring([p384]), preferring([sha1], [p384])];
    const answers = async (): Promise<readonly string[]> =>
      Promise.all(
        wishes.map(async (wish) => {
          const { body } = await post(made.port, requestFor([known], undefined, wish));
          return createHash('sha256').update(body).digest('hex');
        }),
      );
    const first = await answers();
    const before = made.token.signatures;
    expect(await answers()).toEqual(first);
    expect(made.token.signatures).toBe(before);
    // Two ways to ask for one algorithm share an answer.
    expect(new Set(first).size).toBe(3);
    made.status.change(issuing, known.serialNumber, { status: 'onHold', notGoodSince: new Date() });
    await until(
      'the hold in each',
      async () => {
        const seen = await Promise.all(wishes.map(async (wish) => statusOf(await asked(wish))));
        return seen.every((status) => status === 'revoked:certificateHold');
      },
      2000,
    );
    made.status.change(issuing, known.serialNumber, { status: 'good', notGoodSince: undefined });
    await until('good again', async () => statusOf(await asked([])) === 'good', 2000);
  });

  it('by GET too, with an ETag of their own', async () => {
    const etags = [];
    for (const wish of [[], preferring([rsa])]) {
      const base64 = Buffer.from(requestFor([known], undefined, wish)).toString('base64');
      const { headers } = await exchange(made.port, { target: `/${encodeURIComponent(base64)}` });
      expect(headers['cache-control']).toMatch(/^max-age=\d+, public/);
      etags.push(headers['etag']);
    }
    expect(etags[0]).not.toBe(etags[1]);
  });
});

describe('the delegates behind it', () => {
  it('are kept by the kind of their key, and found again after a restart', async () => {
    const enrolled = made.authority.requests.length;
    await made.restart();
    await until(
      'the RSA delegate',
      async () => signedWith(await asked(preferring([rsa]))) === 'sha256WithRSAEncryption',
    );
    expect(made.authority.requests).toHaveLength(enrolled);
  });

  it('one that is withdrawn signs nothing more; another answers until it has a successor', async () => {
    const [withdrawn] = (await asked(preferring([rsa]))).basic?.certs ?? [];
    made.status.put({
      issuerId: issuing.issuerId,
      serialNumber: withdrawn?.serialNumber ?? '',
      issuanceState: 'issued',
      status: 'good',
      notAfter: new Date(Date.now() + 1e9),
    });
    made.authority.failing = true;
    made.status.change(issuing, withdrawn?.serialNumber ?? '', {
      ...{ status: 'revoked', reasonCode: 'keyCompromise', notGoodSince: new Date() },
    });
    await until(
      'the default instead',
      async () => signedWith(await asked(preferring([rsa]))) === 'ecdsa-with-SHA256',
      2000,
    );
    made.authority.failing = false;
    await until(
      'its successor',
      async () => {
        const nonce = Buffer.alloc(16, 9);
        const answer = await asked(preferring([rsa]), nonce);
        const [delegate] = answer.basic?.certs ?? [];
        return (
          signedWith(answer) === 'sha256WithRSAEncryption' &&
          delegate?.serialNumber !== withdrawn?.serialNumber
        );
      },
      15_000,
    );
  });
});
