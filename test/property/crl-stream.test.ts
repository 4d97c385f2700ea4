/** CRLs written, read and compared as streams are what they are in one piece, whatever the pieces. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isChanceryError, reasonCodeName } from '../../src/domain/index.ts';
import {
  type CertificateListOutline,
  CertificateListStream,
  encodeRevokedCertificates,
  encodeTbsCertListFrame,
  entriesOnlyIn,
  entriesOnlyInStream,
  importVerificationKey,
  type ParsedRevokedCertificate,
  parseCertificateList,
  type RevokedCertificate,
} from '../../src/pkix/index.ts';
import { collected } from '../support/chunks.ts';
import { crlIssuer } from '../support/crl-issuer.ts';

const made = crlIssuer({ name: 'Streams' });
const key = importVerificationKey(made.issuer.certificate.subjectPublicKeyInfo);
const date = fc
  .integer({ min: Date.UTC(1990, 0, 1) / 1000, max: Date.UTC(2026, 10, 21) / 1000 })
  .map((seconds) => new Date(seconds * 1000));

/** Entries in ascending order of their serial numbers. */
const entries = fc
  .uniqueArray(
    fc.record(
      {
        serialNumber: fc.bigInt({ min: 1n, max: 2n ** 159n - 1n }).map((n) => n.toString(16)),
        revocationDate: date,
        reasonCode: fc.constantFrom(1, 2, 3, 4, 5, 6, 9, 10).map((n) => reasonCodeName(n)),
        invalidityDate: date,
      },
      { requiredKeys: ['serialNumber', 'revocationDate'] },
    ),
    { selector: ({ serialNumber }) => serialNumber, maxLength: 30 },
  )
  .map(ascending);
const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 6 });

function ascending<T extends { readonly serialNumber: string }>(list: readonly T[]): T[] {
  const number = ({ serialNumber }: T) => BigInt(`0x${serialNumber}`);
  return list.toSorted((a, b) => (number(a) < number(b) ? -1 : 1));
}

/** Chunks of the sizes, again and again; each is overwritten once the next is asked for. */
async function* cut(der: Uint8Array, pieces: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let index = 0; at < der.length; index += 1) {
    const size = pieces[index % pieces.length] ?? 1;
    yield await Promise.resolve(Uint8Array.from(der.subarray(at, at + size)));
    at += size;
  }
}

interface Read {
  readonly outline: CertificateListOutline;
  readonly entries: readonly ParsedRevokedCertificate[];
}

async function read(der: Uint8Array, pieces: readonly number[]): Promise<Read> {
  const stream = new CertificateListStream(cut(der, pieces), key);
  const found: ParsedRevokedCertificate[] = [];
  for await (const some of stream.revokedCertificates()) found.push(...some);
  return { outline: await stream.end(), entries: found };
}

describe('a list as a stream', () => {
  it('is written as it is in one piece, and read as it is in one piece', async () => {
    await fc.assert(
      fc.asyncProperty(entries, sizes, async (list, pieces) => {
        const der = await made.publish({ entries: list });
        const whole = parseCertificateList(der);
        const { outline, entries: found } = await read(der, pieces);
        expect(found).toEqual([...whole.entries()]);
        expect(outline).toMatchObject({
          version: 2,
          issuer: whole.issuer,
          thisUpdate: whole.thisUpdate,
          nextUpdate: whole.nextUpdate,
          extensions: whole.extensions,
          crlNumber: whole.crlNumber,
          signatureAlgorithm: whole.signatureAlgorithm,
          hasRevokedCertificates: list.length > 0,
          octets: der.length,
          entries: list.length,
          verified: true,
        });
        expect(Buffer.from(outline.signature).equals(whole.signature)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('is refused when and only when it is refused in one piece', async () => {
    const samples = await Promise.all(
      [0, 1, 5].map(async (count) =>
        made.publish({
          entries: Array.from({ length: count }, (_, index) => ({
            serialNumber: (index + 100).toString(16),
            revocationDate: new Date('2026-01-01T00:00:00Z'),
            reasonCode: 'superseded',
          })),
        }),
      ),
    );
    const mutation = fc.record({
      place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      octet: fc.nat(255),
      removed: fc.nat(3),
      inserted: fc.nat(2),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...samples),
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        sizes,
        async (sample, mutations, pieces) => {
          const der: Uint8Array = mutations.reduce((bytes, { place, octet, removed, inserted }) => {
            const at = Math.floor(place * bytes.length);
            const put = new Uint8Array(inserted).fill(octet);
            return Uint8Array.of(...bytes.subarray(0, at), ...put, ...bytes.subarray(at + removed));
          }, sample);
          let whole: readonly ParsedRevokedCertificate[] | undefined;
          try {
            whole = [...parseCertificateList(der).entries()] as ParsedRevokedCertificate[];
          } catch (error) {
            if (!isChanceryError(error)) throw error;
          }
          let streamed: Read | undefined;
          try {
            streamed = await read(der, pieces);
          } catch (error) {
            if (!isChanceryError(error)) throw error;
            expect(error.code).toBe('malformed');
          }
          expect(streamed?.entries).toEqual(whole);
          const same = Buffer.compare(der, sample) === 0;
          if (streamed !== undefined) expect(streamed.outline.verified).toBe(same);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

/** A CertificateList that nobody signed: the comparison looks at entries only. */
async function listOf(content: readonly RevokedCertificate[]): Promise<Uint8Array> {
  return made.publish({ entries: content });
}

it('two lists side by side differ as their sets of serial numbers do', async () => {
  await fc.assert(
    fc.asyncProperty(
      entries,
      fc.array(fc.constantFrom('both', 'ours', 'theirs'), { minLength: 30, maxLength: 30 }),
      sizes,
      async (all, where, pieces) => {
        const ours = await listOf(all.filter((_, index) => where[index] !== 'theirs'));
        const theirs = await listOf(all.filter((_, index) => where[index] !== 'ours'));
        const [list, other] = [ours, theirs].map(
          (der) => new CertificateListStream(cut(der, pieces)),
        );
        if (list === undefined || other === undefined) throw new Error('two lists');
        const found: RevokedCertificate[] = [];
        for await (const entry of entriesOnlyInStream(list, other)) found.push(entry);
        expect(found).toEqual(
          entriesOnlyIn(parseCertificateList(ours), parseCertificateList(theirs)),
        );
        expect(found.map(({ serialNumber }) => serialNumber)).toEqual(
          all.filter((_, index) => where[index] === 'ours').map(({ serialNumber }) => serialNumber),
        );
        // Both can be read to their end afterwards.
        expect((await other.end()).entries).toBe(
          [...parseCertificateList(theirs).entries()].length,
        );
      },
    ),
    { numRuns: 60 },
  );
});

it('a list out of order is not compared', async () => {
  const sorted = ascending(
    ['1', '2', '3'].map((serialNumber) => ({ serialNumber, revocationDate: new Date(0) })),
  );
  const der = Buffer.from(await listOf(sorted));
  const at = der.indexOf(encodeRevokedCertificates(sorted.slice(1, 2)));
  der.writeUInt8(9, at + 4);
  const compare = async (): Promise<void> => {
    const list = new CertificateListStream(cut(der, [7]));
    const other = new CertificateListStream(cut(await listOf([]), [7]));
    for await (const _ of entriesOnlyInStream(list, other));
  };
  await expect(compare()).rejects.toThrow(/ascend/);
});

it('what stands around the entries does not depend on how they come', async () => {
  const { issuer, distributionPoint } = made;
  await fc.assert(
    fc.asyncProperty(entries, sizes, async (list, pieces) => {
      const encoded = encodeRevokedCertificates(list);
      const tbs = {
        signature: issuer.input.signatureAlgorithm,
        issuer: issuer.certificate.subject,
        thisUpdate: new Date(0),
        nextUpdate: new Date(1000),
        crlNumber: 1n,
        authorityKeyIdentifier: Uint8Array.of(1),
        freshestCrl: [distributionPoint],
      };
      const { head, tail, octets } = encodeTbsCertListFrame(tbs, encoded.length);
      const streamed = Buffer.concat([head, await collected(cut(encoded, pieces)), tail]);
      expect(streamed.length).toBe(octets);
    }),
    { numRuns: 30 },
  );
});
