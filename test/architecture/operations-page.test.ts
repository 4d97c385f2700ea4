/** docs/operations.md keeps up with the code: its links lead somewhere, and no alarm is missing. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

const page = readFileSync('docs/operations.md', 'utf8');

function sources(): readonly string[] {
  return ['src', 'ocsp'].flatMap((top) =>
    readdirSync(top, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join(top, name), 'utf8')),
  );
}

/** Messages logged as alarms; where a variable makes them up, what stands around it. */
function alarms(): readonly string[] {
  return sources().flatMap((text) => [
    ...[...text.matchAll(/'alarm'(?: as const)?,\s*(['`])(.*?)\1/g)].map((match) => match[2] ?? ''),
    ...[...text.matchAll(/\{ alarm: true[^}]*\},\s*'([^']+)'/g)].map((match) => match[1] ?? ''),
    ...[...text.matchAll(/'(ALARM: [^']+)'/g)].map((match) => match[1] ?? ''),
    ...[...text.matchAll(/#alarm\(\s*'([^']+)'/g)].map((match) => `ALARM: ${match[1]}`),
  ]);
}

/** The anchor that a heading gets. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} -]/gu, '')
    .replaceAll(' ', '-');
}

function deadLinks(file: string): readonly string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/\]\((?!https?:)([^)\s]*)\)/g)].flatMap(([, link = '']) => {
    const [path = '', heading] = link.split('#');
    const target = path === '' ? file : join(dirname(file), path);
    if (!existsSync(target)) return [`${file}: ${link}`];
    if (heading === undefined) return [];
    const headings = readFileSync(target, 'utf8').match(/^#+ .*$/gm) ?? [];
    const known = headings.map((line) => anchor(line.replace(/^#+ /, '')));
    return known.includes(heading) ? [] : [`${file}: ${link} (no such heading)`];
  });
}

describe('docs/operations.md', () => {
  test('every alarm of the code stands in the table', () => {
    const messages = [...new Set(alarms())].sort();
    expect(messages.length).toBeGreaterThan(15);
    expect(messages.filter((message) => !page.includes(`| ${message} |`))).toEqual([]);
  });

  test('every warning about keys stands in the table', () => {
    const [, union = ''] =
      /interface KeyWarning \{\s*readonly kind:([^;]*);/.exec(
        readFileSync('src/keys/cryptoperiods.ts', 'utf8'),
      ) ?? [];
    const kinds = [...union.matchAll(/'(\w+)'/g)].map(([, kind = '']) => kind);
    expect(kinds.length).toBeGreaterThan(5);
    expect(kinds.filter((kind) => !page.includes(`| \`${kind}\` |`))).toEqual([]);
  });

  test('no alarm stands in it that the code no longer has', () => {
    const [, table = ''] = page.split('## Alarms');
    const [messages = ''] = table.split('### Warnings');
    const rows = [...messages.matchAll(/^\| (?!message|-)(.*?) \|/gm)].map(
      ([, message = '']) => message,
    );
    const code = sources().join('\n');
    // Whole, or in two parts around a variable.
    const gone = rows.filter(
      (message) =>
        !code.includes(message.replace('ALARM: ', '')) &&
        !/^ALARM: the (first|standby) token signs now$/.test(message),
    );
    expect(gone).toEqual([]);
  });

  test('links of the page and of the pages beside it lead to files and headings that exist', () => {
    const files = [
      'docs/operations.md',
      ...readdirSync('docs/operations').map((name) => `docs/operations/${name}`),
    ];
    expect(files.filter((file) => file.endsWith('.md')).flatMap(deadLinks)).toEqual([]);
  });

  test('it leads to every page for operators', () => {
    const missing = readdirSync('docs/operations').filter(
      (name) => name !== 'README.md' && !page.includes(`(operations/${name}`),
    );
    expect(missing).toEqual([]);
  });
});
