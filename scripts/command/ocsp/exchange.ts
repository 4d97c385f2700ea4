import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** Octets of an answer that are read at most. */
const largestAnswer = 128 * 1024;

/** Longest URL that is asked by GET (RFC 9919 §5.1). */
const longestGetUrl = 255;

/** No answer to judge: not reached, an HTTP error, or too much. */
export class ExchangeFailed extends Error {
  override readonly name = 'ExchangeFailed';
  /** Seconds that the responder asks to wait. */
  readonly retryAfter: number | undefined;

  constructor(message: string, retryAfter?: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.retryAfter = retryAfter;
  }
}

export interface ExchangeAnswer {
  readonly body: Buffer;
  /** Seconds of a Retry-After header, sent with tryLater. */
  readonly retryAfter: number | undefined;
}

export interface ExchangeOptions {
  /** Milliseconds for the whole exchange. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks by POST (RFC 6960 A.1).
 *
 * @throws ExchangeFailed
 */
export async function postQuestion(
  url: URL,
  der: Buffer,
  options: ExchangeOptions,
): Promise<ExchangeAnswer> {
  return exchange(url, der, options);
}

/**
 * Asks by GET when the URL stays within 255 octets, so that caches between can answer
 * (RFC 9919 §5.1), and by POST when it does not or the responder knows no GET.
 *
 * @throws ExchangeFailed
 */
export async function askCacheable(
  url: URL,
  der: Buffer,
  options: ExchangeOptions,
): Promise<ExchangeAnswer> {
  const text = `${url.href.replace(/\/$/, '')}/${encodeURIComponent(der.toString('base64'))}`;
  if (text.length > longestGetUrl) {
    return exchange(url, der, options);
  }
  try {
    return await exchange(new URL(text), undefined, options);
  } catch (error) {
    if (error instanceof ExchangeFailed && error.retryAfter === undefined) {
      return exchange(url, der, options);
    }
    throw error;
  }
}

async function exchange(
  url: URL,
  body: Buffer | undefined,
  { timeout, signal }: ExchangeOptions,
): Promise<ExchangeAnswer> {
  const ends = AbortSignal.timeout(timeout);
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => {
      const why = ends.aborted ? `no answer within ${timeout} ms` : cause.message;
      reject(new ExchangeFailed(`${url.origin}: ${why}`, undefined, cause));
    };
    const call = (url.protocol === 'https:' ? httpsRequest : httpRequest)(
      url,
      {
        method: body === undefined ? 'GET' : 'POST',
        signal: signal === undefined ? ends : AbortSignal.any([ends, signal]),
        headers: {
          Accept: 'application/ocsp-response',
          ...(body === undefined
            ? {}
            : { 'Content-Type': 'application/ocsp-request', 'Content-Length': body.length }),
        },
      },
      (response) => {
        read(response).then((received) => {
          const retryAfter = secondsOf(response.headers['retry-after']);
          const { statusCode = 0 } = response;
          if (statusCode === 200) {
            resolve({ body: received, retryAfter });
            return;
          }
          // A responder that says 503 may still carry the OCSP answer tryLater: the wait counts.
          reject(new ExchangeFailed(`${url.origin} answered HTTP ${statusCode}`, retryAfter));
        }, fail);
      },
    );
    call.on('error', fail);
    call.end(body);
  });
}

async function read(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    octets += chunk.length;
    if (octets > largestAnswer) {
      response.destroy();
      throw new Error(`the answer is larger than ${largestAnswer} octets`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Retry-After as seconds from now: a number or an HTTP date (RFC 9110 §10.2.3). */
function secondsOf(header: string | undefined): number | undefined {
  if (header === undefined) {
    return undefined;
  }
  if (/^\d{1,9}$/.test(header)) {
    return Number(header);
  }
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}
