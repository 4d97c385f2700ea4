import { open } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** Largest CRL that is read: ten million entries have about 400 MB. */
export const largestCrl = 512 * 1024 * 1024;

/** Milliseconds that a whole transfer may take. */
const transferTimeout = 600_000;
/** Milliseconds without an octet. */
const idleTimeout = 30_000;

/** What tells an unchanged CRL without reading it. */
export interface FetchMemory {
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  readonly file?: string | undefined;
}

export type Fetched =
  | { readonly type: 'unchanged' }
  | { readonly type: 'octets'; readonly octets: Buffer; readonly memory: FetchMemory };

/**
 * Reads a CRL from an http or https URL, or from a file by its path.
 *
 * @throws Error that says what failed
 */
export async function fetchCrl(
  location: string,
  memory: FetchMemory,
  signal: AbortSignal,
): Promise<Fetched> {
  return /^https?:\/\//.test(location)
    ? fromUrl(new URL(location), memory, signal)
    : fromFile(location, memory);
}

async function fromFile(path: string, memory: FetchMemory): Promise<Fetched> {
  const file = await open(path, 'r');
  try {
    const { size, mtimeNs, ino } = await file.stat({ bigint: true });
    const identity = `${size}-${mtimeNs}-${ino}`;
    if (memory.file === identity) return { type: 'unchanged' };
    if (size > largestCrl) throw new Error(`${path} is larger than ${largestCrl} octets`);
    return { type: 'octets', octets: await file.readFile(), memory: { file: identity } };
  } finally {
    await file.close();
  }
}

async function fromUrl(url: URL, memory: FetchMemory, signal: AbortSignal): Promise<Fetched> {
  const { etag, lastModified } = memory;
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(
      url,
      {
        signal: AbortSignal.any([signal, AbortSignal.timeout(transferTimeout)]),
        timeout: idleTimeout,
        headers: {
          Accept: 'application/pkix-crl',
          ...(etag === undefined ? {} : { 'If-None-Match': etag }),
          ...(lastModified === undefined ? {} : { 'If-Modified-Since': lastModified }),
        },
      },
      (response) => {
        if (response.statusCode === 304) {
          response.resume();
          resolve({ type: 'unchanged' });
        } else if (response.statusCode === 200) {
          read(response).then((octets) => {
            const { etag: newEtag, 'last-modified': modified } = response.headers;
            resolve({ type: 'octets', octets, memory: { etag: newEtag, lastModified: modified } });
          }, reject);
        } else {
          response.resume();
          reject(new Error(`${url.href} answered HTTP ${String(response.statusCode)}`));
        }
      },
    );
    request.on('timeout', () => {
      request.destroy(new Error(`${url.href} sent nothing for ${idleTimeout} ms`));
    });
    request.on('error', reject);
    request.end();
  });
}

async function read(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    octets += chunk.length;
    if (octets > largestCrl) {
      response.destroy();
      throw new Error(`the CRL is larger than ${largestCrl} octets`);
    }
    chunks.push(chunk);
  }
  const { 'content-length': length } = response.headers;
  if (length !== undefined && Number(length) !== octets) {
    throw new Error(`the CRL ended after ${octets} of ${length} octets`);
  }
  return Buffer.concat(chunks);
}
