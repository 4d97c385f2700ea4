/** Debian's `cfssl serve`, the peer of issuance: a software key, and nothing stored. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, until } from '../support/quickstart-run.ts';
import type { Target } from './load.ts';

/** A cfssl that serves. */
export interface Cfssl {
  readonly target: Target;
  processes(): readonly number[];
}

/** Runs some work beside a cfssl that serves HTTPS on a port of its own. */
export async function withCfssl<T>(work: (cfssl: Cfssl) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-bench-'));
  const file = (name: string): string => join(folder, name);
  const port = Number((await freePorts())['CHANCERY_HTTPS_PORT']);
  selfSigned(file('ca'), 'bench CA', 'basicConstraints=critical,CA:TRUE');
  selfSigned(file('tls'), 'localhost', 'subjectAltName=DNS:localhost');
  const signing = { default: { expiry: '2160h', usages: ['digital signature', 'server auth'] } };
  writeFileSync(file('config.json'), JSON.stringify({ signing }));
  const server = spawn(
    'cfssl',
    [
      ...['serve', '-address=127.0.0.1', `-port=${port}`, '-loglevel=5'],
      ...[`-ca=${file('ca.crt')}`, `-ca-key=${file('ca.key')}`, `-config=${file('config.json')}`],
      ...[`-tls-cert=${file('tls.crt')}`, `-tls-key=${file('tls.key')}`],
    ],
    { stdio: 'ignore', cwd: folder },
  );
  const exited = new Promise((done) => {
    server.once('exit', done);
    server.once('error', done);
  });
  try {
    await until('cfssl serve', async () => answers(port));
    const tls = { ca: readFileSync(file('tls.crt'), 'utf8') };
    return await work({
      target: { host: '127.0.0.1', port, tls, expectedStatus: 200 },
      processes: () => [server.pid ?? 0],
    });
  } finally {
    server.kill('SIGTERM');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes a self-signed P-256 certificate and its key: PATH.crt, PATH.key. */
export function selfSigned(path: string, name: string, extension: string): void {
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', `${path}.key`, '-out', `${path}.crt`, '-days', '30', '-subj', `/CN=${name}`],
      ...['-addext', extension],
    ],
    { stdio: 'ignore' },
  );
}

/** Whether somebody listens there. */
export async function answers(port: number): Promise<boolean> {
  return await new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}
