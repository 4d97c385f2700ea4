import { createHash, randomBytes } from 'node:crypto';
import { ChanceryError } from '../domain/index.ts';
import { refusalOf, type S3Client, type S3Options, storeAway } from './s3-client.ts';

/** An ETag as the store wants it in If-Match of a PUT. */
export type ConditionForm = (version: string) => string;

/**
 * Finds out with an object of its own whether the store honours conditional writes, and in which form
 * it wants the ETag: RFC 9110 §8.8.3 has it in quotes; Ceph's gateway (16.2) compares it bare.
 *
 * @throws ChanceryError configuration when it writes in spite of a condition that does not hold
 */
export async function conditionForm(client: S3Client, options: S3Options): Promise<ConditionForm> {
  const path = `.trial-${randomBytes(8).toString('hex')}`;
  const put = async (content: string, headers: Record<string, string>): Promise<number> => {
    const octets = Buffer.from(content);
    const body = {
      octets: octets.length,
      sha256: createHash('sha256').update(octets).digest('hex'),
      chunks: async function* () {
        yield await Promise.resolve(octets);
      },
    };
    const answer = await client.ask({ method: 'PUT', path, headers, body });
    const reason = await refusalOf(answer);
    if (![200, 204, 409, 412].includes(answer.status)) throw storeAway(options, reason);
    return answer.status;
  };
  const tag = async (): Promise<string> => {
    const answer = await client.ask({ method: 'HEAD', path });
    await answer.text();
    return (answer.header('etag') ?? '').replaceAll('"', '');
  };
  try {
    // By a first write that is not conditional: one that is repeated after a lost answer gets 412.
    await put('1', {});
    const first = await tag();
    if ((await put('2', { 'if-none-match': '*' })) < 300) throw ignored(options, 'If-None-Match');
    const other = createHash('md5').update('no such version').digest('hex');
    for (const form of [(version: string) => `"${version}"`, (version: string) => version]) {
      if ((await put('3', { 'if-match': form(other) })) < 300) throw ignored(options, 'If-Match');
      await put('4', { 'if-match': form(first) });
      if ((await tag()) !== first) return form;
    }
    throw ignored(options, 'If-Match');
  } finally {
    // A credential that may not delete leaves the object; it begins with a dot and is never served.
    await client
      .ask({ method: 'DELETE', path })
      .then(async (answer) => answer.text())
      .catch(() => undefined);
  }
}

function ignored({ endpoint }: S3Options, header: string): ChanceryError {
  return new ChanceryError('configuration', {
    message: `the store at ${endpoint} does not honour ${header} on PUT: two nodes could replace each other's CRLs; use a store with conditional writes, or store.kind: file`,
  });
}
