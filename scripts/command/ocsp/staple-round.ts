import { writeFileWhole } from '../output.ts';
import { AnswerRefused, type VerifiedAnswer, verifyAnswer } from './answer.ts';
import { askCacheable, ExchangeFailed } from './exchange.ts';
import { type Question, questionAbout } from './question.ts';
import { announce, type Delivery, readStaple, type StapleEvent } from './staple-delivery.ts';
import { readSubjectCertificate } from './subject-certificate.ts';

/** Milliseconds that a responder may take. */
const exchangeTimeout = 10_000;

export interface StapleOptions extends Delivery {
  readonly certificateFile: string;
  readonly issuerFile: string | undefined;
  readonly responder: string | undefined;
}

/** What one round came to. */
export type RoundOutcome =
  | {
      readonly type: 'stapled';
      readonly answer: VerifiedAnswer;
      /** False when the very same staple was in the file already. */
      readonly changed: boolean;
    }
  | {
      readonly type: 'failed';
      readonly reason: string;
      /** Nothing was reached, or it asked to come later; false when an answer was refused. */
      readonly unavailable: boolean;
      readonly retryAfter: number | undefined;
      /** nextUpdate of the staple that stays in place. */
      readonly validUntil: Date | undefined;
    };

/**
 * Fetches, verifies, stores and announces a staple, one round at a time.
 *
 * A verified `revoked` replaces a good staple at once: an old good one would hide the revocation
 * until its nextUpdate, and taking the staple away would let clients in that do not insist on one.
 * `unknown`, errors and whatever does not verify never touch the file (RFC 6066 §8, RFC 7633 §4.3.3).
 */
export class StapleRounds {
  readonly #options: StapleOptions;
  readonly #now: () => Date;
  /** Stored but not told to the server yet: its event. */
  #untold: StapleEvent | undefined;
  #expiryTold = false;

  constructor(options: StapleOptions, now: () => Date) {
    this.#options = options;
    this.#now = now;
  }

  /** Never throws for what the network or a responder does; files that can't be read or written throw. */
  async round(signal?: AbortSignal): Promise<RoundOutcome> {
    const { certificateFile, issuerFile, responder, out } = this.#options;
    // Read anew each time: a renewed certificate needs a staple of its own.
    const subject = readSubjectCertificate(certificateFile, issuerFile, responder);
    const question = await questionAbout(subject.certificate, subject.issuer);
    const kept = this.#verified(readStaple(out), question);
    try {
      const { body, retryAfter } = await askCacheable(subject.responder, question.der, {
        timeout: exchangeTimeout,
        signal,
      });
      const answer = this.#judge(body, question, kept, retryAfter);
      return await this.#take(answer, readStaple(out));
    } catch (error) {
      const failure = failureOf(error);
      if (failure === undefined) {
        throw error;
      }
      await this.#tellExpiry(kept);
      return { type: 'failed', ...failure, validUntil: kept?.nextUpdate };
    }
  }

  #judge(
    body: Buffer,
    question: Question,
    kept: VerifiedAnswer | undefined,
    retryAfter: number | undefined,
  ): VerifiedAnswer {
    let answer: VerifiedAnswer;
    try {
      answer = verifyAnswer(body, question, this.#now());
    } catch (error) {
      if (error instanceof AnswerRefused && error.responseStatus === 'tryLater') {
        throw new ExchangeFailed(error.message, retryAfter ?? 0);
      }
      throw error;
    }
    if (answer.certStatus.type === 'unknown') {
      throw new AnswerRefused('the responder does not know the certificate (certStatus unknown)');
    }
    if (kept !== undefined && answer.thisUpdate < kept.thisUpdate) {
      throw new AnswerRefused(
        `it is older (thisUpdate ${answer.thisUpdate.toISOString()}) than the staple in place; a cache between answers late`,
      );
    }
    return answer;
  }

  async #take(answer: VerifiedAnswer, before: Buffer | undefined): Promise<RoundOutcome> {
    const changed = before === undefined || Buffer.compare(before, answer.der) !== 0;
    if (changed) {
      writeFileWhole(this.#options.out, answer.der);
      this.#untold = answer.certStatus.type === 'revoked' ? 'revoked' : 'good';
    }
    this.#expiryTold = false;
    if (this.#untold !== undefined) {
      await this.#tell(this.#untold, answer.der);
      this.#untold = undefined;
    }
    return { type: 'stapled', answer, changed };
  }

  /** The file stays when its staple expires (nginx does not start without it), but the operator's command learns of it. */
  async #tellExpiry(kept: VerifiedAnswer | undefined): Promise<void> {
    if (kept !== undefined || this.#expiryTold || readStaple(this.#options.out) === undefined) {
      return;
    }
    this.#expiryTold = true;
    await this.#tell('expired', undefined).catch(() => {
      this.#expiryTold = false;
    });
  }

  async #tell(event: StapleEvent, der: Buffer | undefined): Promise<void> {
    try {
      await announce(this.#options, event, der);
    } catch (error) {
      throw new ExchangeFailed(
        `the staple is in ${this.#options.out}, but ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  #verified(der: Buffer | undefined, question: Question): VerifiedAnswer | undefined {
    try {
      return der === undefined ? undefined : verifyAnswer(der, question, this.#now());
    } catch {
      // Expired, or of the certificate before: not worth keeping, not worth a word.
      return undefined;
    }
  }
}

function failureOf(
  error: unknown,
): { reason: string; unavailable: boolean; retryAfter: number | undefined } | undefined {
  if (error instanceof ExchangeFailed) {
    return { reason: error.message, unavailable: true, retryAfter: error.retryAfter };
  }
  if (error instanceof AnswerRefused) {
    return {
      reason: `the answer is refused: ${error.message}`,
      unavailable: false,
      retryAfter: undefined,
    };
  }
  return undefined;
}
