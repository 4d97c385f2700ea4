import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectFolder } from './source.ts';

const required = [
  ...['package.json', 'tsconfig.json', 'src', 'profiles', 'test', 'scripts', 'ocsp'],
  ...['docker-compose.yml', 'README.md'],
];
/** Tools look for these at the top, or readers do. */
const permitted = [
  ...['docs', 'Dockerfile', 'package-lock.json', 'biome.json', 'knip.json', 'vitest.config.ts'],
  ...['DEVELOPERS.md', 'SECURITY.md', 'CHANGELOG.md', 'LICENSE', 'NOTICE', 'AGENTS.md'],
];

function tracked(): readonly string[] {
  const output = execFileSync('git', ['ls-files', '-z'], { cwd: projectFolder, encoding: 'utf8' });
  return output.split('\0').filter((file) => file !== '');
}

test('the nine names of the top level are there', () => {
  expect(required.filter((name) => !existsSync(join(projectFolder, name)))).toEqual([]);
});

test('nothing else stands at the top but documents and configurations of tools', () => {
  const names = new Set(tracked().map((file) => file.split('/')[0] ?? file));
  const unknown = [...names].filter(
    (name) => !name.startsWith('.') && !required.includes(name) && !permitted.includes(name),
  );
  expect(unknown).toEqual([]);
});

test('no state, secret or log is under version control', () => {
  const suspicious = /(^data\/|\.(log|pid|sock)$|(^|\/)(\.env|id_rsa)$|(^|\/)pin$)/;
  expect(tracked().filter((file) => suspicious.test(file))).toEqual([]);
});
