/** `openssl ca -gencrl` with entries of ours in its index.txt, the peer of CRLs. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { residentMemory } from './process-statistics.ts';
import type { SeededRevocation } from './seed.ts';

/** One run of it. */
export interface GeneratedCrl {
  readonly seconds: number;
  /** Octets: all that the process had. */
  readonly peakMemory: number;
  /** Octets of DER. */
  readonly size: number;
}

/** Runs some work with a folder where openssl can make the CRL again and again. */
export async function withOpensslCa<T>(
  entries: readonly SeededRevocation[],
  work: (generate: () => Promise<GeneratedCrl>) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-bench-'));
  const file = (name: string): string => join(folder, name);
  try {
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
        ...['-keyout', file('key'), '-out', file('crt'), '-days', '30', '-subj', '/CN=bench CA'],
      ],
      { stdio: 'ignore' },
    );
    writeFileSync(file('index.txt'), entries.map(indexLine).join(''));
    writeFileSync(file('crlnumber'), '01\n');
    writeFileSync(
      file('ca.cnf'),
      [
        ...['[ca]', 'default_ca = bench', '[bench]', `database = ${file('index.txt')}`],
        ...[`crlnumber = ${file('crlnumber')}`, `certificate = ${file('crt')}`],
        ...[`private_key = ${file('key')}`, 'default_md = sha256', 'default_crl_days = 1'],
        ...['crl_extensions = crl', '[crl]', 'authorityKeyIdentifier = keyid', ''],
      ].join('\n'),
    );
    return await work(async () => generate(file));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function generate(file: (name: string) => string): Promise<GeneratedCrl> {
  const started = performance.now();
  const child = spawn(
    'openssl',
    ['ca', '-gencrl', '-config', file('ca.cnf'), '-out', file('crl.pem')],
    { stdio: 'ignore' },
  );
  let peakMemory = 0;
  const watch = setInterval(() => {
    try {
      peakMemory = Math.max(peakMemory, residentMemory(child.pid ?? 0, 'peak') || 0);
    } catch {
      // It has just ended.
    }
  }, 5);
  const code = await new Promise((done) => child.once('exit', done));
  const seconds = (performance.now() - started) / 1000;
  clearInterval(watch);
  if (code !== 0) throw new Error(`openssl ca -gencrl ended with ${String(code)}`);
  const base64 = readFileSync(file('crl.pem'), 'latin1').replace(/-----[^-]+-----|\s/g, '');
  return { seconds, peakMemory, size: Buffer.from(base64, 'base64').length };
}

function indexLine({ serialNumber, revokedAt, reasonCode }: SeededRevocation): string {
  const reason = reasonCode === 'unspecified' ? '' : `,${reasonCode}`;
  const ends = new Date(revokedAt.getTime() + 90 * 86_400_000);
  return `R\t${utc(ends)}\t${utc(revokedAt)}${reason}\t${serialNumber.toUpperCase()}\tunknown\t/CN=${serialNumber.slice(0, 8)}\n`;
}

function utc(time: Date): string {
  return `${time.toISOString().replace(/\D/g, '').slice(2, 14)}Z`;
}
