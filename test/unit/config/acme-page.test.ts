/** What docs/acme.md shows is accepted as it stands there. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { acmeCommands } from '../../../scripts/command/acme.ts';
import { isAllowed, parseAllowed } from '../../../src/acme/external-account.ts';
import { rateLimitNames } from '../../../src/acme/rate-limits.ts';
import { loadConfiguration } from '../../../src/config/index.ts';

const page = readFileSync(new URL('../../../docs/acme.md', import.meta.url), 'utf8');

test('the configuration of directories', () => {
  const [, yaml = ''] = /^```yaml\n(acme:\n[\s\S]*?)^```/m.exec(page) ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'chancery-acme-page-'));
  try {
    writeFileSync(join(folder, 'chancery.yaml'), yaml);
    const { directories } = loadConfiguration({
      CHANCERY_DATA: folder,
      CHANCERY_DATABASE_URL: 'postgresql://app@localhost/chancery',
    }).acme;
    expect(directories.map(({ name, externalAccount }) => [name, externalAccount])).toEqual([
      ['servers', 'newAccounts'],
      ['mesh', 'always'],
    ]);
    expect(directories[0]).toMatchObject({
      names: { allow: { dns: ['example.com'], ip: ['10.0.0.0/8'] } },
      limits: { newOrderPerAccount: { burst: 300, seconds: 3600 } },
      validation: {
        resolver: { host: '10.0.0.53', port: 53 },
        targets: ['10.0.0.0/8', 'fd00::/8'],
      },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('every command and option that it names is one', () => {
  const program = new Command();
  acmeCommands(program, {});
  const lines = page
    .replaceAll('\\\n', ' ')
    .match(/chancery acme [^`\n;]+/g)
    ?.map((line) => line.trim().split(/\s+/).slice(1));
  expect(lines?.length).toBeGreaterThan(8);
  for (const words of lines ?? []) {
    let command: Command = program;
    for (const word of words) {
      const next = command.commands.find((one) => one.name() === word);
      if (next === undefined) break;
      command = next;
    }
    expect(command.commands, words.join(' ')).toEqual([]);
    const known = command.options.map(({ long }) => long);
    for (const option of words.filter((word) => word.startsWith('--'))) {
      expect(known, words.join(' ')).toContain(option);
    }
  }
});

test('the forms of --allow and the limits', () => {
  const forms = ['example.com', '.example.com', '*.example.com', '10.0.0.0/8'];
  for (const form of forms) expect(page).toContain(form);
  expect(parseAllowed(forms)).toEqual(forms);
  expect(isAllowed(['*.example.com'], { type: 'dns', value: '*.example.com' })).toBe(true);
  for (const name of Object.keys(rateLimitNames)) expect(page).toContain(`| \`${name}\` |`);
});
