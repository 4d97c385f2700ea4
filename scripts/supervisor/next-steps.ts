/** What quickstart prints when everything runs: the root's fingerprint and commands to copy. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { QuickstartConfiguration } from '../../src/config/index.ts';

/**
 * The lines, to be copied into another terminal in the clone.
 *
 * @throws Error when init left no readable trust/root.pem
 */
export function nextSteps(
  configuration: QuickstartConfiguration,
  clone: string,
): readonly string[] {
  const file = join(configuration.dataFolder, 'trust/root.pem');
  const { fingerprint256 } = new X509Certificate(readFileSync(file));
  const inside = relative(clone, file);
  const root = quote(inside.startsWith('..') ? file : inside);
  const folder = dirname(dirname(inside.startsWith('..') ? file : inside));
  const key = quote(join(folder, 'www.key'));
  const certificate = quote(join(folder, 'www.pem'));
  const issuer = quote(join(folder, 'issuer.pem'));
  const other = configuration.dataFolder === join(clone, 'data') ? [] : ['CHANCERY_DATA'];
  const exports = [
    ...other.map(() => `export CHANCERY_DATA=${quote(configuration.dataFolder)}`),
    ...(configuration.httpsPort === 8443
      ? []
      : [`export CHANCERY_HTTPS_PORT=${configuration.httpsPort}`]),
  ];
  return [
    '',
    `Root certificate: ${root}`,
    `SHA-256 fingerprint: ${fingerprint256}`,
    `ACME directory: ${configuration.httpsUrl}/acme/directory`,
    '',
    `Try next, in another terminal in ${clone}:`,
    ...[
      ...exports,
      `./scripts/chancery issue --profile tls-server --dns www.example.test --key-out ${key} --out ${certificate}`,
      `SERIAL=$(openssl x509 -in ${certificate} -noout -serial | cut -d = -f 2)`,
      './scripts/chancery show $SERIAL',
      `awk '/BEGIN/ { n++ } n == 2' ${certificate} > ${issuer}`,
      `openssl ocsp -CAfile ${root} -issuer ${issuer} -cert ${certificate} -url http://${configuration.host}:${configuration.ocspPort}/`,
      "./scripts/chancery hold $SERIAL --comment 'trying it out'",
      './scripts/chancery release $SERIAL',
      './scripts/chancery revoke $SERIAL --reason keyCompromise',
      ...acmeSteps(configuration, root, quote(join(folder, 'lego'))),
    ].map((line) => `  ${line}`),
    '',
  ];
}

/** A client on this machine: its name is loopback by definition (RFC 6761 §6.3). */
function acmeSteps(
  { acmeAllowLoopback, acmeHttp01Port, httpsUrl }: QuickstartConfiguration,
  root: string,
  folder: string,
): readonly string[] {
  if (acmeAllowLoopback === false) return [];
  const port = acmeHttp01Port === 80 ? '' : ` --http.port :${acmeHttp01Port}`;
  return [
    `LEGO_CA_CERTIFICATES=${root} lego --server ${httpsUrl}/acme/directory --accept-tos --email you@example.test --domains www.localhost --http${port} --path ${folder} run`,
  ];
}

function quote(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
