/**
 * `npm run bench [-- issuance|acme|ocsp|crl|inventory|bulk|incident]`: figures beside a peer or a limit in the same run.
 * `npm run bench -- seed OWNER_URL ISSUER_ID CERTIFICATES [SHARDS]` fills a database.
 */
import { benchAcme } from './acme.ts';
import { benchBulk } from './bulk.ts';
import { benchCrl } from './crl.ts';
import { benchIncident } from './incident.ts';
import { benchInventory } from './inventory.ts';
import { benchIssuance } from './issuance.ts';
import { benchOcsp } from './ocsp.ts';
import { withProgress } from './progress.ts';
import { seedInventory } from './seed-inventory.ts';

const benchmarks = new Map([
  ['issuance', benchIssuance],
  ['acme', benchAcme],
  ['ocsp', benchOcsp],
  ['crl', benchCrl],
  ['inventory', benchInventory],
  ['bulk', benchBulk],
  ['incident', benchIncident],
]);

const names = process.argv.slice(2);
const [first, ownerUrl, issuerId, certificates, shards] = names;
const unknown = names.find((name) => !benchmarks.has(name));
if (
  first === 'seed' &&
  ownerUrl !== undefined &&
  issuerId !== undefined &&
  Number(certificates) > 0
) {
  await withProgress('certificates', Number(certificates), async (progress) =>
    seedInventory(ownerUrl, {
      issuerId,
      certificates: Number(certificates),
      shards: Number(shards ?? 1),
      progress,
    }),
  );
} else if (unknown !== undefined) {
  process.stderr.write(
    `there is no benchmark ${unknown}; there are: ${[...benchmarks.keys()].join(', ')}\n`,
  );
  process.exitCode = 2;
} else {
  for (const [name, benchmark] of benchmarks) {
    if (names.length > 0 && !names.includes(name)) continue;
    process.stderr.write(`${name}\n`);
    await benchmark();
  }
}
