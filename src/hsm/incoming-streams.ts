import { ChanceryError } from '../domain/index.ts';
import type { KeyBindings } from './key-bindings.ts';
import { IncomingMessage, type Message } from './message.ts';
import type { TokenCall } from './messages.ts';

type OpenStream = TokenCall & { readonly name: 'openStream' };

/** Streams that may be open at a time; the parent opens fewer. */
const openLimit = 16;

/** In the signer process: messages on their way, by the numbers that the parent gave them. */
export class IncomingStreams {
  readonly #bindings: KeyBindings;
  readonly #open = new Map<
    number,
    { readonly message: IncomingMessage; readonly call: OpenStream }
  >();

  constructor(bindings: KeyBindings) {
    this.#bindings = bindings;
  }

  /** @throws ChanceryError `purposeRefused` when the key's record does not bind purpose and algorithm. */
  open(call: OpenStream): void {
    if (this.#open.size >= openLimit) {
      throw new ChanceryError('overloaded', {
        message: `the signer process reads ${openLimit} streams already; try again in a second`,
        retryAfter: 1,
      });
    }
    const key = this.#bindings.permit(call);
    this.#open.set(call.stream, {
      message: new IncomingMessage(call.purpose, call.length, key),
      call,
    });
  }

  write(stream: number, bytes: Uint8Array): void {
    const { message } = this.#find(stream);
    try {
      message.write(bytes);
    } catch (error) {
      this.#open.delete(stream);
      throw error;
    }
  }

  /** The whole message; its number is free again. */
  end(stream: number): { readonly message: Message; readonly call: OpenStream } {
    const { message, call } = this.#find(stream);
    this.#open.delete(stream);
    return { message: message.end(), call };
  }

  drop(stream: number): void {
    this.#open.delete(stream);
  }

  #find(stream: number) {
    const found = this.#open.get(stream);
    if (found !== undefined) return found;
    throw new ChanceryError('tokenUnavailable', {
      message: 'the signer process was replaced while it read; nothing was signed, try again',
      retryAfter: 2,
    });
  }
}
