import http from 'node:http';
import https from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { AwsV4Signer } from 'aws4fetch';
import { ChanceryError } from '../domain/index.ts';

/** One bucket of an S3-compatible store, and the credential for it. Never log the secret. */
export interface S3Options {
  /** `https://s3.example.com`, without bucket. */
  readonly endpoint: string;
  readonly bucket: string;
  /** Before every key: `chancery/`, or empty. */
  readonly prefix: string;
  readonly region: string;
  /** `https://ENDPOINT/BUCKET/KEY` instead of `https://BUCKET.ENDPOINT/KEY`. */
  readonly pathStyle: boolean;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  /** PEM of the roots to trust for an https endpoint; undefined: the system's. */
  readonly trust?: string | undefined;
  /** Without a sign of life for so long a connection counts as lost. */
  readonly timeoutMilliseconds: number;
  /** Tries of one request that fails for a passing reason. */
  readonly attempts: number;
  /** Where what is sent is kept until it is stored; mode 0700. */
  readonly spoolFolder: string;
}

/** A body of known length and hash, from the start each time: a request may be sent again. */
export interface S3Body {
  readonly octets: number;
  readonly sha256: string;
  chunks(): AsyncIterable<Uint8Array>;
}

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** Without the prefix; undefined: the bucket itself. */
  readonly path?: string | undefined;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: S3Body | undefined;
}

export interface S3Answer {
  readonly status: number;
  /** A header, or undefined. */
  header(name: string): string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
  /** Reads what is left of a short answer; the connection can be used again. */
  text(): Promise<string>;
}

export interface S3Client {
  /** One request as it is: any status is an answer. @throws Error when the connection is lost */
  send(request: S3Request): Promise<S3Answer>;
  /**
   * A request that may be repeated, repeated while the answer is 429, 500, 502, 503 or 504 or none.
   * @throws ChanceryError overloaded when all tries failed
   */
  ask(request: S3Request): Promise<S3Answer>;
  /** Waits before the next try: twice as long each time, with jitter. */
  backOff(attempt: number): Promise<void>;
  close(): void;
}

const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const longestAnswerText = 1024 * 1024;
const longestPause = 4000;

/** Signed requests (AWS Signature Version 4) over kept connections. */
export function s3Client(options: S3Options): S3Client {
  const { endpoint, bucket, prefix, pathStyle, timeoutMilliseconds, attempts } = options;
  const base = new URL(endpoint);
  const secure = base.protocol === 'https:';
  const agent = secure
    ? new https.Agent({ keepAlive: true, maxSockets: 16, ca: options.trust })
    : new http.Agent({ keepAlive: true, maxSockets: 16 });
  if (!pathStyle) base.hostname = `${bucket}.${base.hostname}`;
  const root = `${base.pathname.replace(/\/$/, '')}${pathStyle ? `/${bucket}` : ''}`;

  function urlOf({ path, query }: S3Request): URL {
    const url = new URL(base);
    // Paths and prefix are of characters that need no escape; see the publisher and the schema.
    url.pathname = path === undefined ? `${root}/` : `${root}/${prefix}${path}`;
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
    return url;
  }

  async function signedHeaders(request: S3Request, url: URL): Promise<Record<string, string>> {
    const { method, body, headers } = request;
    const signer = new AwsV4Signer({
      method,
      url: url.href,
      headers: { ...headers, 'x-amz-content-sha256': body?.sha256 ?? emptyHash },
      accessKeyId: options.accessKeyId,
      secretAccessKey: options.secretAccessKey,
      ...(options.sessionToken === undefined ? {} : { sessionToken: options.sessionToken }),
      service: 's3',
      region: options.region,
    });
    const signed = Object.fromEntries((await signer.sign()).headers);
    return body === undefined ? signed : { ...signed, 'content-length': String(body.octets) };
  }

  async function send(request: S3Request): Promise<S3Answer> {
    const url = urlOf(request);
    const headers = await signedHeaders(request, url);
    return new Promise((resolve, reject) => {
      const sent = (secure ? https : http).request(url, {
        method: request.method,
        headers,
        agent,
        timeout: timeoutMilliseconds,
      });
      sent.once('timeout', () => {
        sent.destroy(new Error(`no sign of life for ${timeoutMilliseconds} ms`));
      });
      sent.once('error', reject);
      sent.once('response', (response) => {
        // What fails after the answer is told by the answer's own stream.
        sent.on('error', () => undefined);
        resolve(answerOf(response));
      });
      if (request.body === undefined) sent.end();
      else {
        // A refusal may come before all is sent; the answer then counts, not the broken pipe.
        pipeline(Readable.from(request.body.chunks(), { objectMode: false }), sent).catch(
          (error: unknown) => {
            if (sent.destroyed) reject(error instanceof Error ? error : new Error(String(error)));
            else sent.destroy(error instanceof Error ? error : undefined);
          },
        );
      }
    });
  }

  async function backOff(attempt: number): Promise<void> {
    await delay(Math.min(longestPause, 50 * 2 ** attempt) * (0.5 + Math.random() / 2));
  }

  async function ask(request: S3Request): Promise<S3Answer> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await send(request).catch((error: unknown) => connectionLost(error));
      if (answer instanceof Error) {
        if (attempt >= attempts) throw storeAway(options, answer.message, answer);
      } else if (!isPassing(answer.status)) {
        return answer;
      } else {
        const reason = await refusalOf(answer);
        if (attempt >= attempts) throw storeAway(options, reason);
      }
      await backOff(attempt);
    }
  }

  return { send, ask, backOff, close: () => agent.destroy() };
}

/** Worth another try: overload (503 SlowDown, 429), and faults inside the store. */
export function isPassing(status: number): boolean {
  return [429, 500, 502, 503, 504].includes(status);
}

/** An error of the connection as a value; a ChanceryError is of our own making and goes on. */
export function connectionLost(error: unknown): Error {
  if (error instanceof ChanceryError) throw error;
  return error instanceof Error ? error : new Error(String(error));
}

/** `503 SlowDown`: the status and the store's own code. Drains the answer. */
export async function refusalOf(answer: S3Answer): Promise<string> {
  const code = /<Code>([A-Za-z0-9._-]{1,100})<\/Code>/.exec(await answer.text())?.[1];
  return code === undefined ? String(answer.status) : `${answer.status} ${code}`;
}

export function storeAway(
  { endpoint, bucket }: Pick<S3Options, 'endpoint' | 'bucket'>,
  reason: string,
  cause?: unknown,
): ChanceryError {
  return new ChanceryError('overloaded', {
    message: `the store at ${endpoint}, bucket ${bucket}, does not do what it is asked (${reason}); what was published before still stands`,
    retryAfter: 30,
    cause,
  });
}

function answerOf(response: http.IncomingMessage): S3Answer {
  return {
    status: response.statusCode ?? 0,
    header: (name) => {
      const value = response.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
    body: response as AsyncIterable<Uint8Array>,
    async text() {
      const parts: Uint8Array[] = [];
      let octets = 0;
      for await (const part of response as AsyncIterable<Uint8Array>) {
        octets += part.length;
        if (octets > longestAnswerText) {
          response.destroy();
          throw new Error('the answer is longer than 1 MiB');
        }
        parts.push(part);
      }
      return Buffer.concat(parts).toString('utf8');
    },
  };
}
