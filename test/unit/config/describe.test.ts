import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  configurationReference,
  defaultConfigurationYaml,
  loadConfiguration,
} from '../../../src/config/index.ts';
import { leaves } from '../../../src/config/leaves.ts';

describe('settings', () => {
  it('each have a variable of their own, and text', () => {
    const variables = leaves.map((leaf) => leaf.variable);
    expect(new Set(variables).size).toBe(variables.length);
    for (const leaf of leaves) {
      expect(leaf.variable).toMatch(/^CHANCERY_[A-Z0-9_]+$/);
      expect(leaf.text, leaf.variable).toMatch(/\.$/);
      expect(leaf.defaultValue ?? leaf.defaultText, leaf.variable).toBeDefined();
    }
  });

  it('carry the names that interface.md fixes', () => {
    const variables = leaves.map((leaf) => leaf.variable);
    for (const fixed of [
      'CHANCERY_HTTPS_PORT',
      'CHANCERY_HTTP_PORT',
      'CHANCERY_OCSP_PORT',
      'CHANCERY_HOST',
      'CHANCERY_LISTEN',
      'CHANCERY_METRICS_LISTEN',
      'CHANCERY_OCSP_METRICS_LISTEN',
      'CHANCERY_DATABASE_OWNER_URL',
      'CHANCERY_DATABASE_URL',
      'CHANCERY_OCSP_DATABASE_URL',
    ]) {
      expect(variables).toContain(fixed);
    }
  });

  it('are documented: after a change run vitest run test/unit/config -u', async () => {
    await expect(configurationReference()).toMatchFileSnapshot(
      '../../../docs/operations/configuration.md',
    );
  });
});

describe('the file that init writes', () => {
  const env = { CHANCERY_DATABASE_URL: 'postgresql://app@localhost/chancery' };

  function load(text: string) {
    const folder = mkdtempSync(join(tmpdir(), 'chancery-config-'));
    try {
      writeFileSync(join(folder, 'chancery.yaml'), text);
      const data = { CHANCERY_DATA: folder };
      return { ...loadConfiguration({ ...env, ...data }), dataFolder: '', fileName: '' };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it('mentions every setting and changes none', () => {
    const text = defaultConfigurationYaml();
    for (const leaf of leaves) expect(text).toContain(`(${leaf.variable})`);
    expect(load(text).crlLifetimeSeconds).toBe(86_400);
  });

  it('sets what it is told to set, and nothing else', () => {
    const text = defaultConfigurationYaml({
      'server.httpPort': 9080,
      'server.listen': ['0.0.0.0', '::'],
      'tokens.issuing.module': '/usr/lib/softhsm/libsofthsm2.so',
      'tokens.issuing.environment': { A: 'b' },
    });
    const content = JSON.parse(
      JSON.stringify(parse(text), (_, value: unknown) => value ?? undefined),
    ) as unknown;
    expect(content).toMatchObject({
      server: { httpPort: 9080, listen: ['0.0.0.0', '::'] },
      tokens: { issuing: { module: '/usr/lib/softhsm/libsofthsm2.so', environment: { A: 'b' } } },
    });
    expect(load(text)).toMatchObject({ httpPort: 9080, listen: ['0.0.0.0', '::'] });
  });

  it('becomes a working file when each default is uncommented', () => {
    const text = defaultConfigurationYaml()
      .split('\n')
      .map((line) =>
        /^ +# \w+: /.test(line) && !line.includes('# default:') ? line.replace('# ', '') : line,
      )
      .join('\n');
    expect(load(text)).toMatchObject({ httpPort: 8080, httpsPort: 8443 });
  });
});
