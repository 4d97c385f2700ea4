import { request as httpsRequest } from 'node:https';
import { ChanceryError } from '../src/domain/index.ts';

/** The responder's credential and trust for one request, as PEM. */
export interface ClientCredential {
  readonly key: string;
  readonly certificate: string;
  /** Root that the CA's HTTPS certificate must lead to. */
  readonly trust: string;
}

const largestAnswer = 1024 * 1024;

/**
 * POSTs JSON to the CA's REST interface over TLS with the client certificate and answers the
 * parsed body, undefined for 204. A new connection each time, so that a renewed certificate counts at once.
 *
 * @param deadline milliseconds for the whole exchange
 * @throws ChanceryError `overloaded` when the CA can't be reached or asks to wait, `tokenAbsent` when only a ceremony makes it, `forbidden` with its reason otherwise
 */
export async function postToAuthority(
  url: URL,
  credential: ClientCredential,
  content: unknown,
  deadline: number,
): Promise<unknown> {
  const body = JSON.stringify(content);
  const { status, text } = await new Promise<{ status: number; text: string }>(
    (resolve, reject) => {
      const request = httpsRequest(
        url,
        {
          method: 'POST',
          agent: false,
          key: credential.key,
          cert: credential.certificate,
          ca: credential.trust,
          minVersion: 'TLSv1.2',
          signal: AbortSignal.timeout(deadline),
          headers: {
            'Content-Type': 'application/json',
            Accept: 'application/json',
            'Content-Length': Buffer.byteLength(body),
          },
        },
        (response) => {
          let received = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            received += chunk;
            if (received.length > largestAnswer) {
              request.destroy(new Error('the answer is too large'));
            }
          });
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, text: received });
          });
          response.on('error', reject);
        },
      );
      request.on('error', reject);
      request.end(body);
    },
  ).catch((cause: unknown) => {
    throw new ChanceryError('overloaded', {
      message: `the CA at ${url.origin} can't be reached: ${cause instanceof Error ? cause.message : 'no answer'}`,
      cause,
    });
  });
  if (status < 200 || status > 299) {
    throw new ChanceryError(codeOf(status, text), {
      message: `the CA refused ${url.pathname} with ${status}: ${text.slice(0, 500)}`,
    });
  }
  if (status === 204) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ChanceryError('overloaded', {
      message: `the CA's answer to ${url.pathname} is not JSON`,
      cause,
    });
  }
}

/** What the responder does about a refusal: it waits a little, or for a ceremony, or says that it is refused. */
function codeOf(status: number, text: string): 'overloaded' | 'tokenAbsent' | 'forbidden' {
  if (status === 429 || status >= 500) return 'overloaded';
  try {
    const problem: unknown = JSON.parse(text);
    const isAbsent =
      typeof problem === 'object' &&
      problem !== null &&
      Reflect.get(problem, 'code') === 'tokenAbsent';
    return isAbsent ? 'tokenAbsent' : 'forbidden';
  } catch {
    return 'forbidden';
  }
}

/**
 * The first PEM certificate in an answer: `{certificate: PEM}` or `{certificate: {pem}}`.
 *
 * @throws ChanceryError `malformed`
 */
export function certificateInAnswer(answer: unknown): string {
  const outer: unknown =
    typeof answer === 'object' && answer !== null && 'certificate' in answer
      ? answer.certificate
      : undefined;
  const pem: unknown =
    typeof outer === 'object' && outer !== null && 'pem' in outer ? outer.pem : outer;
  if (typeof pem !== 'string') {
    throw new ChanceryError('malformed', { message: "the CA's answer holds no certificate" });
  }
  return pem;
}
