import { randomUUID } from 'node:crypto';
import type { ExpectedVersion, Publisher, StoredFile } from '../authority/ports.ts';
import { ChanceryError } from '../domain/index.ts';
import { checkedPath, listingPrefix, replacedMeanwhile } from './published-path.ts';
import {
  connectionLost,
  isPassing,
  refusalOf,
  type S3Answer,
  type S3Client,
  type S3Options,
  s3Client,
  storeAway,
} from './s3-client.ts';
import { type ConditionForm, conditionForm } from './s3-conditions.ts';
import { keysOf, nextPageOf } from './s3-listing.ts';
import { hashOf, type Spool, spooled } from './spool.ts';

const contentTypes: Readonly<Record<string, string>> = {
  crl: 'application/pkix-crl',
  cer: 'application/pkix-cert',
};

/** An object as its head tells it. */
interface Head {
  readonly version: string;
  readonly octets: number;
  /** As its writer noted it; undefined: not written by Chancery. */
  readonly sha256: string | undefined;
  /** The write that put it there, by a random name: two writers may write the same octets. */
  readonly write: string | undefined;
}

/**
 * Published files in a bucket of an S3-compatible store. Every write is conditional: on the version
 * that the caller expects, else on the one found just before. A write whose answer was lost is
 * therefore sent again without harm: either it arrived, and its random name stands there, or another
 * version stands, and nothing of ours comes after it. What was written is read again and compared by
 * its SHA-256; the ETag, the version, is trusted to tell versions apart and nothing more. A store that
 * ignores conditions is found out by a trial object before the first write, and refused.
 */
export function s3Publisher(options: S3Options): Publisher & { close(): void } {
  const client = s3Client(options);
  let form: Promise<ConditionForm> | undefined;

  async function conditions(): Promise<ConditionForm> {
    form ??= conditionForm(client, options);
    return form.catch((error: unknown) => {
      form = undefined;
      throw error;
    });
  }

  async function head(path: string): Promise<Head | undefined> {
    const answer = await client.ask({ method: 'HEAD', path });
    await answer.text();
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw storeAway(options, String(answer.status));
    return headOf(answer, options);
  }

  async function* chunksOf(path: string, expected: Head): AsyncGenerator<Uint8Array, void> {
    const answer = await client.ask({
      method: 'GET',
      path,
      headers: { 'if-match': `"${expected.version}"` },
    });
    if (answer.status === 412 || answer.status === 404) {
      await answer.text();
      throw replacedMeanwhile(path);
    }
    if (answer.status !== 200) throw storeAway(options, await refusalOf(answer));
    let octets = 0;
    try {
      for await (const chunk of answer.body) {
        octets += chunk.length;
        yield chunk;
      }
    } catch (error) {
      throw storeAway(options, `${path} broke off: ${connectionLost(error).message}`, error);
    }
    if (octets !== expected.octets) {
      throw storeAway(options, `${path} came with ${octets} octets instead of ${expected.octets}`);
    }
  }

  async function put(
    path: string,
    body: Spool,
    write: string,
    before: Head | undefined,
  ): Promise<{ readonly outcome: 'written' | 'refused' | 'unknown'; readonly reason: string }> {
    const condition: Readonly<Record<string, string>> =
      before === undefined
        ? { 'if-none-match': '*' }
        : { 'if-match': (await conditions())(before.version) };
    const type = contentTypes[path.slice(path.lastIndexOf('.') + 1)];
    const headers = {
      ...condition,
      'content-type': type ?? 'application/octet-stream',
      'cache-control': 'public, max-age=60',
      'x-amz-meta-sha256': body.sha256,
      'x-amz-meta-write': write,
    };
    const answer = await client
      .send({ method: 'PUT', path, headers, body })
      .catch((error: unknown) => connectionLost(error));
    if (answer instanceof Error) return { outcome: 'unknown', reason: answer.message };
    const reason = await refusalOf(answer).catch(() => String(answer.status));
    if (answer.status === 200 || answer.status === 204) return { outcome: 'written', reason };
    // 409: another conditional write was under way (ConditionalRequestConflict); look, then again.
    if (answer.status === 412 || answer.status === 409) return { outcome: 'refused', reason };
    // A proxy's 5xx says nothing about what the store behind it did.
    if (isPassing(answer.status)) return { outcome: 'unknown', reason };
    throw storeAway(options, reason);
  }

  /** Reads what stands there whole. @throws ChanceryError internal when it is not what was written */
  async function compare(path: string, found: Head, body: Spool): Promise<void> {
    if ((await hashOf(chunksOf(path, found))) !== body.sha256) {
      throw new ChanceryError('internal', {
        message: `${path} reads differently from what was written; check the store at ${options.endpoint}`,
      });
    }
  }

  async function store(
    path: string,
    body: Spool,
    expected: ExpectedVersion | undefined,
  ): Promise<{ readonly version: string }> {
    await conditions();
    const write = randomUUID();
    let before = await head(path);
    for (let attempt = 1; ; attempt += 1) {
      if (expected !== undefined && (before?.version ?? null) !== expected.version) {
        throw replacedMeanwhile(path);
      }
      const { outcome, reason } = await put(path, body, write, before);
      const found = await head(path);
      if (found?.write === write) {
        refuseEqualTags(path, before, found, body);
        await compare(path, found, body);
        return { version: found.version };
      }
      // Ours did stand and was replaced before it was read again; or the store lost it in a race.
      if (outcome === 'written') throw replacedMeanwhile(path);
      if (attempt >= options.attempts) throw storeAway(options, reason);
      await client.backOff(attempt);
      before = found;
    }
  }

  async function publishStream(
    path: string,
    octets: number,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    expected?: ExpectedVersion,
  ): Promise<{ readonly version: string }> {
    const key = checkedPath(path);
    return spooled(options.spoolFolder, key, octets, chunks, async (body) =>
      store(key, body, expected),
    );
  }

  async function open(path: string): Promise<StoredFile | undefined> {
    const key = checkedPath(path);
    const found = await head(key);
    if (found === undefined) return undefined;
    const { octets, version } = found;
    return { octets, version, chunks: () => chunksOf(key, found) };
  }

  return {
    publishStream,
    open,
    async publish(path, content) {
      await publishStream(path, content.length, [content]);
    },
    async read(path) {
      const found = await open(path);
      if (found === undefined) return undefined;
      const parts: Uint8Array[] = [];
      for await (const part of found.chunks()) parts.push(part);
      return new Uint8Array(Buffer.concat(parts));
    },
    list: async (prefix) => listAll(client, options, listingPrefix(prefix)),
    close: () => client.close(),
  };
}

async function listAll(
  client: S3Client,
  options: S3Options,
  prefix: string,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (let token: string | undefined; ; ) {
    const answer = await client.ask({
      method: 'GET',
      query: {
        'list-type': '2',
        prefix: `${options.prefix}${prefix}`,
        ...(token === undefined ? {} : { 'continuation-token': token }),
      },
    });
    if (answer.status !== 200) throw storeAway(options, await refusalOf(answer));
    const text = await answer.text();
    for (const key of keysOf(text)) {
      const path = key.slice(options.prefix.length);
      // What others put into the bucket, and trial objects, are none of ours.
      if (key.startsWith(options.prefix) && isOurs(path)) found.push(path);
    }
    token = nextPageOf(text);
    if (token === undefined) return found.sort();
  }
}

function isOurs(path: string): boolean {
  try {
    checkedPath(path);
    return true;
  } catch {
    return false;
  }
}

function headOf(answer: S3Answer, options: S3Options): Head {
  const tag = /^"?([\x21\x23-\x7e]+?)"?$/.exec(answer.header('etag') ?? '')?.[1];
  const octets = Number(answer.header('content-length'));
  if (tag === undefined || tag.startsWith('W/') || !Number.isSafeInteger(octets)) {
    throw storeAway(options, 'its answer has no strong ETag or no length');
  }
  return {
    version: tag,
    octets,
    sha256: answer.header('x-amz-meta-sha256'),
    write: answer.header('x-amz-meta-write'),
  };
}

/** One ETag for two contents would let an old writer replace a newer file. */
function refuseEqualTags(path: string, before: Head | undefined, after: Head, body: Spool): void {
  const same = before !== undefined && before.version === after.version;
  if (same && before.sha256 !== undefined && before.sha256 !== body.sha256) {
    throw new ChanceryError('internal', {
      message: `the store gives ${path} the same ETag before and after a change: its conditional writes protect nothing; use another store`,
    });
  }
}
