/**
 * The bill of materials: what is installed in node_modules, as CycloneDX 1.6. It is read from the
 * folders, not from the lockfile, so that comparing the two says something (incident I54).
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { z } from 'zod';

const manifest = z.object({
  name: z.string(),
  version: z.string(),
  license: z.unknown(),
  scripts: z.record(z.string(), z.unknown()).optional(),
});

const lockEntry = z.object({
  version: z.string().optional(),
  integrity: z.string().optional(),
  optional: z.boolean().optional(),
  dev: z.boolean().optional(),
  hasInstallScript: z.boolean().optional(),
  os: z.union([z.string(), z.array(z.string())]).optional(),
  cpu: z.union([z.string(), z.array(z.string())]).optional(),
  libc: z.union([z.string(), z.array(z.string())]).optional(),
});
const lockfile = z.object({ packages: z.record(z.string(), lockEntry) });

/** An entry of package-lock.json, as far as supply-chain checks read it. */
export type LockEntry = z.infer<typeof lockEntry>;

/** A package as it lies in node_modules. */
export interface InstalledPackage {
  /** Its folder below the clone, as package-lock.json spells it: `node_modules/a/node_modules/b`. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  readonly license: string | undefined;
  /** It names a script that npm runs at installation, or has a binding.gyp, which means one. */
  readonly hasInstallScript: boolean;
}

/** Every package of package-lock.json by its path; the clone itself (path '') is left out. */
export async function readLockfile(root: string): Promise<ReadonlyMap<string, LockEntry>> {
  const text = await readFile(join(root, 'package-lock.json'), 'utf8');
  const { packages } = lockfile.parse(JSON.parse(text));
  return new Map(Object.entries(packages).filter(([path]) => path !== ''));
}

/** Every package below node_modules, nested ones included, ordered by path. */
export async function readInstalled(root: string): Promise<readonly InstalledPackage[]> {
  const found: InstalledPackage[] = [];
  await walk(root, join(root, 'node_modules'), found);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function walk(root: string, folder: string, found: InstalledPackage[]): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.name.startsWith('@')) await walk(root, path, found);
    else await addPackage(root, path, found);
  }
}

async function addPackage(root: string, path: string, found: InstalledPackage[]): Promise<void> {
  const text = await readFile(join(path, 'package.json'), 'utf8').catch(() => undefined);
  if (text !== undefined) {
    const { name, version, license, scripts = {} } = manifest.parse(JSON.parse(text));
    const files = await readdir(path);
    found.push({
      path: relative(root, path),
      name,
      version,
      license: typeof license === 'string' ? license : undefined,
      hasInstallScript:
        ['preinstall', 'install', 'postinstall'].some((script) => script in scripts) ||
        files.includes('binding.gyp'),
    });
  }
  await walk(root, join(path, 'node_modules'), found);
}

/** The CycloneDX 1.6 document of what is installed, with the lockfile's integrity as hashes. */
export async function makeSbom(root: string): Promise<Record<string, unknown>> {
  const lock = await readLockfile(root);
  const project = manifest.parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
  const components = (await readInstalled(root)).map((component) => {
    const purl = packageUrl(component);
    const integrity = lock.get(component.path)?.integrity;
    return {
      type: 'library',
      'bom-ref': `${purl}#${component.path}`,
      name: component.name,
      version: component.version,
      purl,
      scope: lock.get(component.path)?.dev === true ? 'excluded' : 'required',
      ...(integrity?.startsWith('sha512-')
        ? { hashes: [{ alg: 'SHA-512', content: hex(integrity.slice('sha512-'.length)) }] }
        : {}),
      ...(component.license === undefined ? {} : { licenses: [{ expression: component.license }] }),
    };
  });
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: { type: 'application', name: project.name, version: project.version },
    },
    components,
  };
}

/** Writes the document; no time and no random serial number in it, so that equal trees compare equal. */
export async function writeSbom(root: string, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(await makeSbom(root), null, 2)}\n`);
}

function packageUrl({ name, version }: InstalledPackage): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

function hex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex');
}
