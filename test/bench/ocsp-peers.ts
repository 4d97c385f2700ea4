/** What OCSP is measured beside: an empty server, cfssl's ocspserve, a bare loop that signs. */
import { fork, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findSofthsmModule } from '../../src/hsm/index.ts';
import { freePorts, until } from '../support/quickstart-run.ts';
import { answers } from './cfssl.ts';
import type { Target } from './load.ts';

/** An answer of so many octets to everything. */
export async function withEmptyServer<T>(
  bodyBytes: number,
  work: (empty: Target) => Promise<T>,
): Promise<T> {
  const child = fork(new URL('./empty-server.ts', import.meta.url), { stdio: 'inherit' });
  try {
    const port = await new Promise<number>((done, fail) => {
      child.once('message', (bound: number) => done(bound));
      child.once('exit', (code) => fail(new Error(`the empty server ended with ${code}`)));
      child.send(bodyBytes);
    });
    return await work({ host: '127.0.0.1', port, expectedStatus: 200 });
  } finally {
    child.kill('SIGTERM');
  }
}

/** Debian's `cfssl ocspserve` over answers that were signed before. */
export async function withCfsslResponder<T>(
  responses: readonly Uint8Array[],
  work: (cfssl: Target) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'chancery-bench-'));
  const file = join(folder, 'responses');
  writeFileSync(file, responses.map((one) => Buffer.from(one).toString('base64')).join('\n'));
  const port = Number((await freePorts())['CHANCERY_OCSP_PORT']);
  const server = spawn(
    'cfssl',
    ['ocspserve', '-address=127.0.0.1', `-port=${port}`, `-responses=${file}`, '-loglevel=5'],
    { stdio: 'ignore' },
  );
  const exited = new Promise((done) => {
    server.once('exit', done);
    server.once('error', done);
  });
  try {
    await until('cfssl ocspserve', async () => answers(port));
    return await work({ host: '127.0.0.1', port, expectedStatus: 200 });
  } finally {
    server.kill('SIGTERM');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Signatures a second of a bare loop with the delegate's key of this installation. */
export async function bareSignaturesPerSecond(
  dataFolder: string,
  issuerId: string,
  seconds: number,
): Promise<number> {
  const delegates = join(dataFolder, 'responder', 'delegates', issuerId);
  const name = readdirSync(delegates).find((one) => /^key.*\.json$/.test(one)) ?? '';
  const key = JSON.parse(readFileSync(join(delegates, name), 'utf8')) as {
    keyId: string;
    subjectPublicKeyInfo: string;
  };
  const token = join(dataFolder, 'tokens', 'responder');
  const child = fork(new URL('./bare-signer.ts', import.meta.url), {
    stdio: 'inherit',
    env: { ...process.env, SOFTHSM2_CONF: join(token, 'softhsm2.conf') },
  });
  return await new Promise((done, fail) => {
    child.once('message', (count: number) => done(count));
    child.once('exit', (code) => fail(new Error(`the bare loop ended with ${code}`)));
    child.send({
      module: findSofthsmModule(),
      pinFile: join(token, 'pin'),
      keyId: key.keyId,
      publicKey: key.subjectPublicKeyInfo,
      seconds,
    });
  });
}
