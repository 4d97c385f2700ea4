import { ChanceryError } from '../domain/index.ts';
import type { SignStreamRequest } from '../issuance/ports.ts';
import type { TokenCall } from './messages.ts';

/** Octets of one message: large enough that messages do not count, small enough to sign between two. */
const pieceLength = 128 * 1024;
/** Messages on their way at a time: what the channel may hold. */
const underWay = 4;
/** Streams at a time; more wait for their turn. */
const openStreams = 4;

export type SendCall = (call: TokenCall, deadline: number) => Promise<unknown>;

/** In the CA's process: sends what is to be signed as a stream, no faster than the signer process takes it. */
export class OutgoingStreams {
  readonly #send: SendCall;
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #open = 0;
  #last = 0;

  /** @param limit streams that may wait; one more is `overloaded` */
  constructor(send: SendCall, limit: number) {
    this.#send = send;
    this.#limit = limit;
  }

  async sign(request: SignStreamRequest): Promise<Uint8Array> {
    await this.#turn();
    try {
      return await this.#stream(request);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#open -= 1;
      else next();
    }
  }

  async #turn(): Promise<void> {
    if (this.#open < openStreams) {
      this.#open += 1;
      return;
    }
    if (this.#waiting.length >= this.#limit) {
      throw new ChanceryError('overloaded', {
        message: `the signer has ${this.#limit} lists waiting already; try again in a second`,
        retryAfter: 1,
      });
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async #stream(request: SignStreamRequest): Promise<Uint8Array> {
    const { keyId, purpose, algorithm, length, deadline } = request;
    this.#last += 1;
    const stream = this.#last;
    const sent: Promise<unknown>[] = [];
    const send = (call: TokenCall): Promise<unknown> => {
      const answer = this.#send(call, deadline);
      // Looked at in order below: what fails first says why.
      answer.catch(() => undefined);
      sent.push(answer);
      return answer;
    };
    try {
      void send({ name: 'openStream', stream, keyId, purpose, algorithm, length });
      let octets = 0;
      for await (const chunk of request.chunks()) {
        for (let at = 0; at < chunk.length; at += pieceLength) {
          const bytes = chunk.subarray(at, at + pieceLength);
          octets += bytes.length;
          void send({ name: 'writeStream', stream, bytes });
          if (sent.length > underWay) await sent.shift();
        }
      }
      if (octets !== length) {
        throw new ChanceryError('internal', {
          message: `a stream to be signed has ${octets} octets instead of ${length}; nothing was signed`,
        });
      }
      const signature = send({ name: 'signStream', stream });
      for (const answer of sent) await answer;
      // What comes out of the channel is a view of the whole message, which it would keep alive.
      return Uint8Array.from((await signature) as Uint8Array);
    } catch (error) {
      this.#send({ name: 'dropStream', stream }, deadline).catch(() => undefined);
      throw error;
    }
  }
}
