/**
 * The signer process: the only place where a PKCS#11 module is loaded. It is started by
 * `signer-child.ts` with an IPC channel and a minimal environment, and does what the messages say.
 */
import { Worker } from 'node:worker_threads';
import { OperatorFault, toWireError } from './faults.ts';
import { WholeMessage } from './message.ts';
import type { FromSigner, Outcome, SignItem, TokenCall, ToSigner } from './messages.ts';
import { initialiseTokenHere } from './token-initialisation.ts';
import { TokenSigner } from './token-signer.ts';

let signer: TokenSigner | undefined;
let outbox: Outcome<Uint8Array>[] = [];

function send(message: FromSigner, then?: () => void): void {
  process.send?.(message, () => then?.());
}

/** Signatures that come back in one turn of the event loop leave in one message. */
function respond(outcome: Outcome<Uint8Array>): void {
  outbox.push(outcome);
  if (outbox.length > 1) return;
  setImmediate(flush);
}

function flush(): void {
  if (outbox.length === 0) return;
  const results = outbox;
  outbox = [];
  send({ type: 'signed', results });
}

/** Ends at once: a normal exit would wait for threads that hang in the module. */
function end(): void {
  process.kill(process.pid, 'SIGKILL');
}

function fail(error: unknown, act: string): void {
  flush();
  const permanent = error instanceof OperatorFault;
  send({ type: 'failed', error: toWireError(error, act), permanent }, end);
}

function sign({ id, bytes, ...item }: SignItem): void {
  if (signer === undefined) return;
  signer.sign({
    item: { ...item, message: new WholeMessage(bytes) },
    attempts: 0,
    done: (value) => respond({ id, ok: true, value }),
    refused: (error, repeatable) =>
      respond({ id, ok: false, error: { ...toWireError(error, 'signing'), repeatable } }),
  });
}

async function answer(id: number, call: TokenCall): Promise<void> {
  try {
    if (signer === undefined) throw new Error('the token is not open');
    const value = await signer.call(call);
    send({ type: 'answer', outcome: { id, ok: true, value } });
  } catch (error) {
    send({ type: 'answer', outcome: { id, ok: false, error: toWireError(error, call.name) } });
  }
}

function open(message: ToSigner & { readonly type: 'open' }): void {
  try {
    signer = new TokenSigner(message.settings, message.bindings, message.blocked, {
      lost: (error) => fail(error, 'opening the token again'),
      blocked: (key) => send({ type: 'blocked', key }),
      log: (level, text, fields) => send({ type: 'log', level, message: text, fields }),
    });
    send({ type: 'ready', identity: signer.identity, blocked: signer.blocked });
  } catch (error) {
    fail(error, 'opening the token');
  }
}

function receive(message: ToSigner): void {
  switch (message.type) {
    case 'open':
      open(message);
      return;
    case 'initialise':
      try {
        send({ type: 'initialised', identity: initialiseTokenHere(message.settings) }, end);
      } catch (error) {
        fail(error, 'initialising the token');
      }
      return;
    case 'sign':
      for (const item of message.items) sign(item);
      return;
    case 'call':
      void answer(message.id, message.call);
      return;
    case 'close':
      signer?.close();
      end();
      return;
    default:
      message satisfies never;
  }
}

process.umask(0o077);
// The parent stops this process in order; a signal to the whole group must not cut off what it drains.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('disconnect', end);
// A thread starts only while the main thread is free: nothing is done before the watch stands.
// Messages wait meanwhile, because nobody listens for them yet.
const watch = new Worker(new URL('./parent-watch.ts', import.meta.url));
watch.once('message', () => {
  watch.unref();
  process.on('message', receive);
});
