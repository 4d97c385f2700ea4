import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { certificateLints } from '../../../src/lint/certificate/index.ts';
import { crlLints } from '../../../src/lint/crl/index.ts';
import { allLints } from '../../../src/lint/index.ts';
import { ocspLints } from '../../../src/lint/ocsp/index.ts';

const folders = [
  ['certificate', certificateLints],
  ['crl', crlLints],
  ['ocsp', ocspLints],
] as const;

it.each(folders)('each file of %s is one lint of that name, and is in the index', (folder, set) => {
  const files = readdirSync(new URL(`../../../src/lint/${folder}/`, import.meta.url))
    .filter((file) => file !== 'index.ts')
    .map((file) => file.replace(/\.ts$/, ''));
  const registered = [...set.gates, ...set.lints, ...set.backstops].map(({ name }) => name);
  expect(registered.sort()).toEqual(files.sort());
});

it('names are unique, every lint cites a clause and says what holds', () => {
  const names = allLints.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, citation, description } of allLints) {
    expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(citation, name).toMatch(/^(RFC \d+|X\.\d+|SP 800-\d+|CA\/B BR)/);
    expect(description.length, name).toBeGreaterThan(20);
  }
});

/** docs/lints.md as the lints describe themselves. */
function documentation(): string {
  const titles = {
    certificate: 'Certificates (TBSCertificate)',
    crl: 'CRLs (TBSCertList)',
    ocspResponse: 'OCSP responses (ResponseData)',
  } as const;
  const sections = (['certificate', 'crl', 'ocspResponse'] as const).map((kind) => {
    const rows = allLints
      .filter(({ appliesTo }) => appliesTo === kind)
      .map(({ name, citation, description }) => `| \`${name}\` | ${citation} | ${description} |`);
    return `## ${titles[kind]}\n\n| lint | clause | what holds |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return `# Lints

Before a signature, the exact bytes to be signed are read again, by a reader of their own, and every
rule below that applies is checked. One failure blocks the signature; the answer names the lint, its
clause and what was found. No lint can be switched off.

The first lints of each kind are gates: when the bytes have no shape, the others are not asked.
\`strict-parse\` and \`crl-strict-parse\` run last, when nothing else failed, and name what no rule
foresaw. Where a clause says SHOULD, the lint takes it as MUST. For every lint, \`test/vectors/lint\`
holds an object that fails it and a sound one that passes.

This page is written from the code: \`vitest run test/unit/lint/registry.test.ts -u\`.

${sections.join('\n')}`;
}

it('docs/lints.md lists them all', async () => {
  await expect(documentation()).toMatchFileSnapshot('../../../docs/lints.md');
});
