/** Opens the token that the arguments name, prints the signer's process id, and waits to be killed. */
import { openToken } from '../../src/hsm/index.ts';

const [module = '', label = '', pinFile = '', environment = '{}'] = process.argv.slice(2);
const token = openToken({
  role: 'issuing',
  module,
  label,
  pinFile,
  environment: JSON.parse(environment) as Record<string, string>,
  clock: { now: () => new Date() },
});
if (process.env['ASK_FOR_RANDOM'] === '1') {
  await token.identity();
  process.stdout.write(`${token.metrics().pid}\n`);
  await token.random(16);
} else {
  await token.identity();
  process.stdout.write(`${token.metrics().pid}\n`);
  setInterval(() => undefined, 1000);
}
