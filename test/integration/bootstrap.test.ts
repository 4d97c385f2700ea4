/** What a user sees on a machine that is not ready: one line that says what to do, exit 1. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { projectFolder } from '../architecture/source.ts';

let folder: string;
let programs: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chancery-bootstrap-'));
  // Another user reads it below.
  chmodSync(folder, 0o755);
  programs = join(folder, 'bin');
  mkdirSync(programs);
  // What every Debian has; nothing else is found.
  for (const name of [
    ...['bash', 'dirname', 'readlink', 'awk', 'flock', 'mkdir', 'sha256sum'],
    'cut',
  ]) {
    const found = spawnSync('bash', ['-c', `type -P ${name}`], { encoding: 'utf8' }).stdout.trim();
    symlinkSync(found, join(programs, name));
  }
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, text: string): void {
  writeFileSync(join(programs, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

/** Runs a script with the stand-in programs only, as an ordinary user when `user` says so. */
function run(
  script: string,
  user?: 'nobody',
): { readonly status: number | null; readonly text: string } {
  const command = ['bash', '--norc', '-c', script];
  const asUser = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--', ...command];
  const [file = '', ...parameters] =
    user === undefined || process.getuid?.() !== 0 ? command : asUser;
  const { status, stdout, stderr } = spawnSync(
    spawnSync('bash', ['-c', `type -P ${file}`], { encoding: 'utf8' }).stdout.trim(),
    parameters,
    { env: { PATH: programs, HOME: folder }, encoding: 'utf8' },
  );
  return { status, text: `${stdout}${stderr}` };
}

const quickstart = join(projectFolder, 'scripts/quickstart');

test('without Node: one line, exit 1', () => {
  expect(run(quickstart)).toEqual({
    status: 1,
    text: 'Node.js is not installed: install version 18 or newer with npm (apt-get install nodejs npm), then run this again.\n',
  });
});

test('a Node older than 18: one line, exit 1', () => {
  program('node', 'echo v16.20.2');
  expect(run(quickstart)).toEqual({
    status: 1,
    text: 'Node.js v16.20.2 is too old: install version 18 or newer with npm, then run this again.\n',
  });
});

test('without npm: one line, exit 1', () => {
  program('node', 'echo v18.19.0');
  expect(run(quickstart).text).toBe(
    'npm is not installed: install it (apt-get install npm), then run this again.\n',
  );
});

test('without root: exactly which packages are missing and how to get them, exit 1', () => {
  // The clone may lie where another user cannot look.
  copyFileSync(join(projectFolder, 'scripts/bootstrap/debian.sh'), join(folder, 'debian.sh'));
  const script = `set -euo pipefail
source ${folder}/debian.sh
fail() { printf '%s\\n' "$*" >&2; exit 1; }
mapfile -t missing < <(missing_debian_packages run)
require_root_for "\${missing[@]}"`;
  program('apt-get', 'exit 99');
  program('python3', '');
  program('make', '');
  const text =
    'Missing Debian packages: softhsm2 build-essential. Ask an administrator to run: ' +
    'apt-get install softhsm2 build-essential (or run this as root once).\n';
  expect(run(script, 'nobody')).toEqual({ status: 1, text });
});
