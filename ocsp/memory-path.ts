import type { IncomingMessage, ServerResponse } from 'node:http';
import { leastRest, responseType, validatorFields } from './answer-headers.ts';
import { certIdStart, decodePlainTarget, longestCanonical } from './canonical-request.ts';
import type { CompactAnswers } from './compact-answers.ts';
import type { ResponderCounts } from './responder-metrics.ts';

/**
 * The shortest way from a request to an answer in memory: the certID is recognised where it stands,
 * its answer found by its octets, and head and body written at once. It answers only what the full
 * way would answer with the same octets, and leaves everything else to it.
 */
export class MemoryPath {
  readonly #answers: CompactAnswers;
  readonly #maxAgeSeconds: number;
  readonly #counts: ResponderCounts;
  readonly #decoded = new Uint8Array(longestCanonical);

  constructor(answers: CompactAnswers, counts: ResponderCounts, maxAgeSeconds: number) {
    this.#answers = answers;
    this.#counts = counts;
    this.#maxAgeSeconds = maxAgeSeconds;
  }

  /** @param now milliseconds since 1970 */
  get(target: string, request: IncomingMessage, response: ServerResponse, now: number): boolean {
    // A condition may be answered 304; HEAD has no content.
    if (request.method !== 'GET' || hasCondition(request.rawHeaders)) {
      return false;
    }
    const length = decodePlainTarget(target, this.#decoded);
    return length > 0 && this.#answer(this.#decoded, length, response, now);
  }

  /** @param body of a POST whose media type was looked at */
  post(body: Uint8Array, response: ServerResponse, now: number): boolean {
    return body.length <= longestCanonical && this.#answer(body, body.length, response, now);
  }

  #answer(octets: Uint8Array, length: number, response: ServerResponse, now: number): boolean {
    const start = certIdStart(octets, length);
    if (start < 0) {
      return false;
    }
    const answers = this.#answers;
    const reference = answers.find(octets, start, length);
    if (reference === 0) {
      return false;
    }
    const thisUpdate = answers.thisUpdate(reference);
    const nextUpdate = answers.nextUpdate(reference);
    // The full way renews what is due; a clock that went back serves no thisUpdate of the future.
    if (
      now < thisUpdate ||
      now >= answers.refreshAt(reference) ||
      now >= nextUpdate - leastRest ||
      response.destroyed
    ) {
      return false;
    }
    answers.countUse(reference);
    this.#counts.fromMemory += 1;
    const fields = validatorFields(
      { thisUpdate, nextUpdate, etag: answers.etag(reference) },
      now,
      this.#maxAgeSeconds,
    );
    const content = answers.text(reference);
    fields.push('Content-Type', responseType, 'Content-Length', String(content.length));
    // As text, head and body go to the socket in one write.
    response.writeHead(200, fields).end(content, 'latin1');
    return true;
  }
}

/** Whether a conditional field is among the raw names and values of a request. */
function hasCondition(rawHeaders: readonly string[]): boolean {
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    // `If-None-Match` has 13 characters, `If-Modified-Since` 17.
    if ((name.length === 13 || name.length === 17) && /^if-/i.test(name)) {
      return true;
    }
  }
  return false;
}
