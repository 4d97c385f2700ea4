/**
 * Requests by the thousand, by the hundred thousand with --all, over HTTP: put together part by part
 * with every optional SEQUENCE absent, empty or twice (T-FUZZ-1), and changed octet by octet. No
 * crash, no leak, and always the right error.
 */
import { Agent, request as httpRequest } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import * as pkijs from 'pkijs';
import { afterAll, describe, expect, it } from 'vitest';
import { bitString, explicit, sequence } from '../../src/der/index.ts';
import {
  encodeGeneralName,
  nonceExtension,
  oids,
  parseOcspResponse,
  signatureAlgorithms,
} from '../../src/pkix/index.ts';
import {
  expectedOf,
  type RecipeWorld,
  requestOf,
  requestRecipe,
} from '../support/ocsp-request-model.ts';
import { until } from '../support/quickstart-run.ts';
import { softwareSignature } from '../support/software-token.ts';
import { testCertificate, testIssuer } from '../support/test-hierarchy.ts';
import { certIDOf, requestFor, startTestResponder } from '../support/test-responder.ts';

const all = process.env['CHANCERY_TEST_ALL'] === '1';
const seed = Number(process.env['CHANCERY_TEST_SEED'] ?? Date.now() % 1_000_000);
const recipes = all ? 50_000 : 500;
/** Milliseconds that a test may take. */
const patience = all ? 3_600_000 : 60_000;
const mutations = all ? 300_000 : 2000;

const requesters = testIssuer('Requesters');
const made = await startTestResponder();
const closed = await startTestResponder({ requesters: [requesters.certificate] });
const { issuing } = made;
const world: RecipeWorld = {
  served: issuing,
  other: made.root,
  unserved: testIssuer('Unserved'),
  issued: made.issue().certificate.serialNumber,
};
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
afterAll(() => agent.destroy());

const tryLater = '30030a0103';

/** Sends octets, again when the machine is too busy to answer; the body of the answer. */
async function send(octets: Uint8Array, by: 'POST' | 'GET', port = made.port): Promise<Buffer> {
  let body = await sendOnce(octets, by, port);
  await until('an answer', async () => {
    if (body.toString('hex') !== tryLater) return true;
    body = await sendOnce(octets, by, port);
    return false;
  });
  return body;
}

/** By POST or GET on a connection that is kept. */
async function sendOnce(octets: Uint8Array, by: 'POST' | 'GET', port: number): Promise<Buffer> {
  const path =
    by === 'GET' ? `/${encodeURIComponent(Buffer.from(octets).toString('base64'))}` : '/';
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        ...{ host: '127.0.0.1', port, method: by, path, agent },
        headers:
          by === 'GET'
            ? {}
            : { 'Content-Type': 'application/ocsp-request', 'Content-Length': octets.length },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          if (response.statusCode === 200) resolve(Buffer.concat(chunks));
          else
            reject(
              new Error(`HTTP ${response.statusCode} for ${Buffer.from(octets).toString('hex')}`),
            );
        });
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(by === 'GET' ? undefined : octets);
  });
}

/** Numbers from 0 to below `limit`, the same for the same seed (mulberry32). */
function numbers(from: number): (limit: number) => number {
  let state = from >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** One to three changes: an octet set, a bit turned, octets taken out, put in or repeated, the end cut off. */
function mutated(octets: Uint8Array, next: (limit: number) => number): Buffer {
  let bytes = Buffer.from(octets);
  for (let changes = 1 + next(3); changes > 0; changes -= 1) {
    const at = next(bytes.length);
    const length = 1 + next(8);
    switch (next(6)) {
      case 0:
        bytes[at] = next(256);
        break;
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << next(8));
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 3:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.alloc(length, next(256)),
          bytes.subarray(at),
        ]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      default:
        bytes = bytes.subarray(0, Math.max(1, at));
    }
  }
  return bytes;
}

/** Serial numbers in a request, as another reader finds them; undefined when it can't read it. */
function serialNumbersIn(octets: Uint8Array): readonly string[] | undefined {
  let request: pkijs.OCSPRequest;
  try {
    request = pkijs.OCSPRequest.fromBER(new Uint8Array(octets).buffer);
  } catch {
    return undefined;
  }
  return request.tbsRequest.requestList.map(({ reqCert }) =>
    withoutZeros(Buffer.from(reqCert.serialNumber.valueBlock.valueHexView).toString('hex')),
  );
}

function withoutZeros(hex: string): string {
  return hex.toLowerCase().replace(/^0+/, '');
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapUsed(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

describe('requests put together part by part (T-FUZZ-1)', () => {
  it(
    'are answered as the clauses say, whatever is absent, empty, twice or wrong',
    async () => {
      let runs = 0;
      let answered = 0;
      await fc.assert(
        fc.asyncProperty(requestRecipe, async (recipe) => {
          const octets = requestOf(recipe, world);
          runs += 1;
          const answer = parseOcspResponse(await send(octets, runs % 2 === 0 ? 'GET' : 'POST'));
          const responses = answer.basic?.responseData.responses;
          const found = responses?.map((one) => one.certStatus.type) ?? answer.status;
          expect(found).toEqual(expectedOf(recipe));
          if (answer.basic !== undefined) answered += 1;
          if (recipe.nonce !== null && answer.basic !== undefined) {
            expect(answer.basic.nonce).toHaveLength(recipe.nonce);
          }
        }),
        { numRuns: recipes, seed, endOnFailure: !all },
      );
      // Neither all right nor all wrong, or nothing was tried.
      expect(answered).toBeGreaterThan(recipes / 50);
      expect(answered).toBeLessThan(recipes / 2);
    },
    patience,
  );
});

describe(`requests with octets changed (seed ${seed})`, () => {
  const known = certIDOf(issuing, world.issued);
  const preferred = sequence(sequence(signatureAlgorithms['ecdsa-with-SHA256'].identifier.der));
  const sound: readonly Uint8Array[] = [
    requestFor([known]),
    requestFor([certIDOf(issuing, world.issued, 'sha256'), known], Buffer.alloc(32, 1)),
    requestFor([known], undefined, [
      { oid: oids.ocspPreferredSignatureAlgorithms, critical: false, value: preferred },
      nonceExtension(Buffer.alloc(8, 2)),
    ]),
  ];

  it(
    'no crash, no answer to what was not asked, no error of our own',
    async () => {
      const next = numbers(seed);
      const errors = new Map<string, number>();
      let unreadable = 0;
      const one = async (): Promise<void> => {
        const octets = mutated(sound[next(sound.length)] ?? new Uint8Array(), next);
        const answer = parseOcspResponse(await send(octets, next(3) === 0 ? 'GET' : 'POST'));
        errors.set(answer.status, (errors.get(answer.status) ?? 0) + 1);
        if (answer.basic !== undefined) {
          const answered = answer.basic.responseData.responses;
          const found = answered.map(({ certID }) => withoutZeros(certID.serialNumber));
          const read = serialNumbersIn(octets);
          if (read === undefined) unreadable += 1;
          else expect(found).toEqual(read);
          for (const { certID } of answered)
            expect(octets.includes(Buffer.from(certID.der))).toBe(true);
        }
      };
      const round = async (count: number): Promise<void> => {
        for (let done = 0; done < count; done += 50) {
          await Promise.all(Array.from({ length: 50 }, one));
        }
      };
      await round(mutations / 2);
      const before = heapUsed();
      await round(mutations / 2);
      // What is kept is bounded: as many requests again leave nothing more behind.
      expect(heapUsed() - before).toBeLessThan(24 * 1024 * 1024);
      expect([...errors.keys()].filter((status) => !allowed.has(status))).toEqual([]);
      expect(errors.get('malformedRequest')).toBeGreaterThan(mutations / 4);
      const successes = errors.get('successful') ?? 0;
      expect(successes).toBeGreaterThan(mutations / 100);
      // pkijs decodes what no clause asks a responder to decode, such as the value of a time in an
      // extension that is ignored.
      expect(unreadable).toBeLessThanOrEqual(successes / 50);
      expect(made.logs.filter(({ level }) => level === 'error')).toEqual([]);
    },
    patience,
  );

  it(
    'where requests must be signed, none is answered that its requester did not sign',
    async () => {
      const next = numbers(seed + 1);
      const requester = testCertificate(requesters, { subject: 'CN=requester' });
      const name = encodeGeneralName({
        type: 'directoryName',
        name: requester.certificate.subject,
      });
      const tbs = sequence(
        explicit(1, name),
        sequence(sequence(certIDOf(closed.issuing, '0a').der)),
      );
      const algorithm = signatureAlgorithms['ecdsa-with-SHA256'];
      const signature = bitString(softwareSignature(algorithm, requester.privateKey, tbs));
      const certificates = explicit(0, sequence(requester.certificate.der));
      const whole = sequence(
        tbs,
        explicit(0, sequence(algorithm.identifier.der, signature, certificates)),
      );
      const statuses = new Set<string>();
      expect(parseOcspResponse(await send(whole, 'POST', closed.port)).status).toBe('successful');
      for (let done = 0; done < mutations / 10; done += 1) {
        const octets = mutated(whole, next);
        const { status } = parseOcspResponse(await send(octets, 'POST', closed.port));
        statuses.add(status);
        if (status === 'successful') expect(octets.includes(Buffer.from(tbs))).toBe(true);
      }
      expect(
        [...statuses].filter((status) => !allowed.has(status) && status !== 'sigRequired'),
      ).toEqual([]);
      expect(closed.logs.filter(({ level }) => level === 'error')).toEqual([]);
    },
    patience,
  );
});

const allowed: ReadonlySet<string> = new Set(['successful', 'malformedRequest', 'unauthorized']);
