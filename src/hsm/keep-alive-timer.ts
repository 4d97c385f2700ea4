/** Asks for a call to the token when nothing has gone to it for a while. */
export class KeepAlive {
  readonly #timer: NodeJS.Timeout | undefined;
  #running = false;

  /**
   * @param interval milliseconds without work; 0: never
   * @param idleSince monotonic time of the last work; undefined while there is work or no token
   * @param call its failure is the supervisor's to deal with
   */
  constructor(interval: number, idleSince: () => number | undefined, call: () => Promise<unknown>) {
    if (interval === 0) return;
    // Four looks an interval: a call comes at most a quarter late.
    this.#timer = setInterval(() => {
      const since = idleSince();
      if (this.#running || since === undefined || performance.now() - since < interval) return;
      this.#running = true;
      call()
        .catch(() => undefined)
        .finally(() => {
          this.#running = false;
        });
    }, interval / 4);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
