/** quickstart with stand-ins for the product's programs: what supervising means, without a CA. */
import { join, resolve } from 'node:path';
import { runQuickstart } from '../../../../scripts/supervisor/quickstart.ts';
import { loadQuickstartConfiguration } from '../../../../src/config/index.ts';

const clone = resolve(import.meta.dirname, '../../../..');
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
process.on('SIGINT', () => stop.abort());
const server = join(import.meta.dirname, 'server.ts');

process.exitCode = await runQuickstart({
  configuration: loadQuickstartConfiguration(process.env),
  programs: {
    init: [process.execPath, join(import.meta.dirname, 'init.ts')],
    ca: [server, 'ca'],
    responder: [server, 'ocsp'],
  },
  clone,
  environment: process.env,
  stopRequest: stop.signal,
  say: (line) => console.log(line),
  complain: (line) => console.error(line),
});
