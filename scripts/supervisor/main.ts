/** The process behind scripts/quickstart. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadQuickstartConfiguration } from '../../src/config/index.ts';
import { ChanceryError } from '../../src/domain/index.ts';
import { runQuickstart } from './quickstart.ts';

const clone = resolve(import.meta.dirname, '../..');
const stop = new AbortController();
const signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];
// A closed terminal stops all, unless nohup asked to outlive it.
for (const signal of ignoresHangup() ? signals : [...signals, 'SIGHUP' as const]) {
  process.on(signal, () => stop.abort());
}
// Whoever read our output has gone (`quickstart | head`): the processes go on.
process.stdout.on('error', () => undefined);

try {
  process.exitCode = await runQuickstart({
    configuration: loadQuickstartConfiguration(process.env),
    programs: {
      init: [join(clone, 'scripts/chancery'), 'init'],
      ca: [join(clone, 'src/main.ts')],
      responder: [join(clone, 'ocsp/main.ts')],
    },
    clone,
    environment: process.env,
    stopRequest: stop.signal,
    say: (line) => console.log(line),
    complain: (line) => console.error(line),
  });
} catch (error) {
  if (!(error instanceof ChanceryError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

/** Node cannot tell; the kernel's mask of ignored signals does (signal n is bit n - 1, SIGHUP is 1). */
function ignoresHangup(): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return mask !== undefined && (BigInt(`0x${mask}`) & 1n) === 1n;
}
