/** Without a token for this long, requests are refused at once instead of waiting. */
export const breakerDelay = 2000;
const firstBackOff = 100;
const longestBackOff = 3000;
const permanentBackOff = 5000;
/** A process that served this long was whole: its end starts the back-off anew. */
const wholeAfter = 5000;

/** How a token's signer processes have been doing; all times are of the monotonic clock, in milliseconds. */
export class Outage {
  /** Only an operator can mend the present one. */
  permanent = false;
  #failuresInARow = 0;
  /** Since when there is no open token; undefined while there is one. */
  #downSince: number | undefined;
  #readySince: number | undefined;

  /** Since when the present process has had the token open. */
  get readySince(): number | undefined {
    return this.#readySince;
  }

  get hasFailed(): boolean {
    return this.#failuresInARow > 0;
  }

  /** As before the first start. */
  forget(): void {
    this.permanent = false;
    this.#failuresInARow = 0;
    this.#downSince = undefined;
    this.#readySince = undefined;
  }

  starting(now: number): void {
    this.#downSince ??= now;
  }

  ready(now: number): void {
    this.permanent = false;
    this.#downSince = undefined;
    this.#readySince = now;
  }

  /** Something was answered that proves the token to work. */
  worked(): void {
    this.#failuresInARow = 0;
  }

  failed(now: number): void {
    if (this.#readySince !== undefined && now - this.#readySince >= wholeAfter) {
      this.#failuresInARow = 0;
    }
    this.#readySince = undefined;
    this.#failuresInARow++;
    this.#downSince ??= now;
  }

  /** It was closed in order. */
  closed(): void {
    this.#readySince = undefined;
  }

  /** Whether to refuse at once: the token failed to open, and has been away for a while. */
  refuses(now: number, patience: number): boolean {
    if (this.#downSince === undefined || this.#failuresInARow === 0) return false;
    return this.permanent || now - this.#downSince >= patience;
  }

  /** Milliseconds until the next process is started. */
  get backOff(): number {
    if (this.permanent) return permanentBackOff;
    return Math.min(firstBackOff * 2 ** (this.#failuresInARow - 1), longestBackOff);
  }
}
