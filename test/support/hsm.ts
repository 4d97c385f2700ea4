/** Tokens opened through the product's own port, and modules that fail on command. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, vi } from 'vitest';
import type { Token, TokenOptions } from '../../src/hsm/index.ts';
import { openToken } from '../../src/hsm/index.ts';
import type { SignRequest } from '../../src/issuance/ports.ts';
import type {
  GeneratedKey,
  GenerateKeyRequest,
  KeyBinding,
  KeyLife,
} from '../../src/keys/ports.ts';
import type { TestToken } from './softhsm.ts';
import { softHsmModule, testToken } from './softhsm.ts';

export interface LogEntry {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface OpenTestToken<T> {
  readonly token: Token;
  readonly softhsm: T;
  readonly log: LogEntry[];
}

/** Opens a token through the signer process; closed after the test file. */
export function openTestToken<T extends Omit<TestToken, 'environment'> & Pick<Shim, 'environment'>>(
  softhsm: T,
  options: Partial<TokenOptions> = {},
): OpenTestToken<T> {
  const log: LogEntry[] = [];
  const token = openToken({
    role: 'issuing',
    module: softhsm.modulePath,
    label: softhsm.label,
    pinFile: softhsm.pinFile,
    environment: softhsm.environment,
    clock: { now: () => new Date() },
    log: (level, message, fields) => log.push({ level, message, fields }),
    ...options,
  });
  afterAll(() => token.close());
  return { token, softhsm, log };
}

/** A new key that is active at once. */
export async function activeKey(
  token: Token,
  request: GenerateKeyRequest,
  life: Partial<KeyLife> = {},
): Promise<GeneratedKey> {
  const made = await token.generateKeyPair(request);
  const key: GeneratedKey = { ...made, life: { ...made.life, state: 'active', ...life } };
  await token.bind([key]);
  return key;
}

/** A P-256 key that signs notices: plain bytes that no X.509 structure can be taken for. */
export function noticeKey(token: Token): Promise<GeneratedKey> {
  return activeKey(token, {
    keyAlgorithm: 'p256',
    signatureAlgorithm: 'ecdsa-with-SHA256',
    purposes: ['notice'],
    label: 'notice',
  });
}

/** A request to sign a short text under the key's first purpose. */
export function signRequest(key: KeyBinding, text = 'a notice', deadline = 5000): SignRequest {
  return {
    keyId: key.keyId,
    purpose: key.purposes[0] ?? 'notice',
    algorithm: key.algorithm,
    bytes: Buffer.from(text),
    deadline,
  };
}

/** Waits until a signature works again; the time it took in milliseconds. */
export async function signsAgain(token: Token, key: KeyBinding, within = 30_000): Promise<number> {
  const start = performance.now();
  await expect
    .poll(async () => (await token.sign(signRequest(key, 'again?', 2000))).length, {
      timeout: within,
      interval: 50,
    })
    .toBeGreaterThan(60);
  return performance.now() - start;
}

/** A module behind the shim of test/faults/shim. */
export interface Shim {
  readonly modulePath: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Once `after` calls went through, the next `count` do the action; -1: until `stop`. */
  command(pkcs11Function: string, action: number | string, count?: number, after?: number): void;
  /** Whether the command has been used up. */
  readonly calm: () => boolean;
  stop(): void;
  /** How often each watched function was called so far. */
  calls(pkcs11Function: string): number;
}

/** SoftHSM behind the shim. */
export type ShimToken = Omit<TestToken, 'environment'> & Shim;

let compiled: string | undefined;

function compileShim(): string {
  if (compiled !== undefined) return compiled;
  const folder = mkdtempSync(join(tmpdir(), 'chancery-shim-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const project = new URL('../..', import.meta.url).pathname;
  const library = join(folder, 'pkcs11-shim.so');
  execFileSync('gcc', [
    '-shared',
    '-fPIC',
    '-O1',
    '-Wall',
    `-I${join(project, 'node_modules/pkcs11js/includes/pkcs11')}`,
    '-o',
    library,
    join(project, 'test/faults/shim/pkcs11-shim.c'),
    '-ldl',
    '-lpthread',
  ]);
  compiled = library;
  return library;
}

/** A token whose module fails on command. */
export function shimToken(label: string): ShimToken {
  const softhsm = testToken(label);
  return { ...softhsm, ...shimOver(softHsmModule(), softhsm.folder, softhsm.environment) };
}

/** Another module that fails on command; `folder` takes what steers it. */
export function shimOver(
  module: string,
  folder: string,
  environment: Readonly<Record<string, string>> = {},
): Shim {
  const control = join(folder, 'shim-control');
  const log = join(folder, 'shim-log');
  return {
    modulePath: compileShim(),
    environment: {
      ...environment,
      SHIM_MODULE: module,
      SHIM_CONTROL: control,
      SHIM_LOG: log,
    },
    command(pkcs11Function, action, count = 1, after = 0) {
      writeFileSync(`${control}.new`, `${pkcs11Function} ${action} ${count} ${after}\n`);
      renameSync(`${control}.new`, control);
    },
    calm: () => !existsSync(control),
    stop: () => rmSync(control, { force: true }),
    calls: (pkcs11Function) =>
      existsSync(log)
        ? readFileSync(log, 'utf8')
            .split('\n')
            .filter((line) => line === pkcs11Function).length
        : 0,
  };
}

const clientModules = [
  '/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so',
  '/usr/lib/aarch64-linux-gnu/pkcs11/p11-kit-client.so',
  '/usr/lib64/pkcs11/p11-kit-client.so',
] as const;

/** SoftHSM as a device of its own: `p11-kit server` holds it, our module is p11-kit-client. */
export interface RemoteToken extends TestToken {
  start(): Promise<void>;
  /** To the server and to the process that it has for each client. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
}

export function remoteToken(label: string): RemoteToken {
  const softhsm = testToken(label);
  const modulePath = clientModules.find((path) => existsSync(path));
  if (modulePath === undefined) {
    throw new Error('p11-kit-client.so is not installed: apt-get install p11-kit-modules');
  }
  const socket = join(softhsm.folder, 'p11.sock');
  let group: number | undefined;
  const signal = (name: NodeJS.Signals): void => {
    if (group === undefined) return;
    try {
      process.kill(-group, name);
    } catch {
      // The group has ended already.
    }
    if (name === 'SIGKILL') group = undefined;
  };
  afterAll(() => signal('SIGKILL'));
  return {
    ...softhsm,
    modulePath,
    environment: {
      ...softhsm.environment,
      P11_KIT_SERVER_ADDRESS: `unix:path=${socket}`,
    } as TestToken['environment'],
    signal,
    async start() {
      rmSync(socket, { force: true });
      const server = spawn(
        'p11-kit',
        ['server', '--foreground', '--name', socket, '--provider', softHsmModule(), 'pkcs11:'],
        {
          detached: true,
          stdio: ['ignore', 'pipe', 'ignore'],
          env: { PATH: process.env['PATH'], ...softhsm.environment },
        },
      );
      group = server.pid;
      await once(server.stdout, 'data');
      await vi.waitUntil(() => existsSync(socket), { timeout: 5000, interval: 10 });
    },
  };
}
