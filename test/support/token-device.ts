/** A running installation's SoftHSM token as a device of its own, behind `p11-kit server`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Installation } from './installation.ts';
import { until } from './quickstart-run.ts';
import { softHsmModule } from './softhsm.ts';

const clientModules = [
  '/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so',
  '/usr/lib/aarch64-linux-gnu/pkcs11/p11-kit-client.so',
  '/usr/lib64/pkcs11/p11-kit-client.so',
] as const;

export interface TokenDevice {
  /** For quickstart: this token's module is the device. */
  readonly environment: Readonly<Record<string, string>>;
  /** Switches it on. */
  start(): Promise<void>;
  /** SIGKILL switches it off, SIGSTOP makes it hang, SIGCONT goes on. */
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
}

export function tokenDevice(
  installation: Installation,
  role: 'issuing' | 'responder',
): TokenDevice {
  const module = clientModules.find((path) => existsSync(path));
  if (module === undefined) {
    throw new Error('p11-kit-client.so is not installed: apt-get install p11-kit-modules');
  }
  const socket = join(installation.folder, `${role}.p11`);
  const variable = `CHANCERY_${role.toUpperCase()}_TOKEN`;
  let group: number | undefined;
  return {
    environment: {
      [`${variable}_MODULE`]: module,
      [`${variable}_ENVIRONMENT`]: `P11_KIT_SERVER_ADDRESS=unix:path=${socket}`,
    },
    async start() {
      rmSync(socket, { force: true });
      const server = spawn(
        'p11-kit',
        ['server', '--foreground', '--name', socket, '--provider', softHsmModule(), 'pkcs11:'],
        {
          detached: true,
          stdio: ['ignore', 'pipe', 'ignore'],
          env: {
            PATH: process.env['PATH'],
            SOFTHSM2_CONF: join(installation.data, 'tokens', role, 'softhsm2.conf'),
          },
        },
      );
      group = server.pid;
      await once(server.stdout, 'data');
      await until('the device to listen', () => existsSync(socket));
    },
    signal(name) {
      if (group === undefined) return;
      try {
        process.kill(-group, name);
      } catch {
        // The group has ended already.
      }
      if (name === 'SIGKILL') group = undefined;
    },
  };
}

/**
 * A second SoftHSM token with the keys of the installation's own, as a maker's cloning would leave
 * it: a copy of the folder in which the label is another of the same length.
 *
 * @returns what tells quickstart of it
 */
export function clonedToken(
  installation: Installation,
  role: 'issuing' | 'responder',
  label: string,
): Readonly<Record<string, string>> {
  const folder = join(installation.data, 'tokens', role);
  const copy = join(folder, 'standby');
  cpSync(join(folder, 'tokens'), join(copy, 'tokens'), { recursive: true });
  cpSync(join(folder, 'pin'), join(copy, 'pin'));
  const configuration = readFileSync(join(folder, 'softhsm2.conf'), 'utf8');
  writeFileSync(
    join(copy, 'softhsm2.conf'),
    configuration.replace(join(folder, 'tokens'), join(copy, 'tokens')),
  );
  for (const name of readdirSync(join(copy, 'tokens'))) {
    const file = join(copy, 'tokens', name, 'token.object');
    const content = readFileSync(file);
    const at = content.indexOf(`chancery-${role}`);
    if (at < 0 || label.length !== `chancery-${role}`.length) throw new Error('no label to change');
    content.write(label, at);
    writeFileSync(file, content);
  }
  const variable = `CHANCERY_${role.toUpperCase()}_TOKEN_STANDBY`;
  return { [`${variable}_LABEL`]: label, [`${variable}_FAIL_BACK`]: '1s' };
}

/** The process ids of a process's children, and of theirs. */
export function descendants(pid: number | undefined): readonly number[] {
  if (pid === undefined) return [];
  const children: number[] = [];
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const text = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8');
      children.push(...text.split(' ').filter(Boolean).map(Number));
    }
  } catch {
    // It has ended meanwhile.
  }
  return children.flatMap((child) => [child, ...descendants(child)]);
}

/** The signer processes below a process. */
export function signersOf(pid: number | undefined): readonly number[] {
  return descendants(pid).filter((child) => {
    try {
      return readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('signer-process');
    } catch {
      return false;
    }
  });
}
