/** The import directions of docs/architecture.md as data, and the check of a module against them. */
import { dirname, join, normalize } from 'node:path';
import type { Module } from './source.ts';

/**
 * What a layer may import, its own folder apart. `x` means the folder's index.ts or ports.ts;
 * `ports x` its ports.ts only; `ports *` any folder's ports.ts.
 */
const core = ['pkix', 'domain'] as const;
export const allowedImports: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  der: [],
  pkix: ['der', 'domain'],
  policy: core,
  keys: core,
  access: core,
  audit: core,
  trust: core,
  lint: ['der', ...core],
  issuance: ['policy', 'lint', ...core],
  authority: ['issuance', 'policy', 'keys', 'access', 'audit', 'trust', ...core],
  acme: ['authority', 'access', 'audit', 'policy', ...core],
  'acme/validation': [
    'acme',
    'authority',
    'access',
    'audit',
    'policy',
    ...core,
    'telemetry',
    'config',
  ],
  hsm: ['ports issuance', 'ports keys', 'pkix', 'der', 'domain', 'telemetry', 'config'],
  storage: ['ports *', 'domain', 'telemetry', 'config'],
  telemetry: ['ports *', 'domain'],
  config: ['domain'],
  http: [
    ...['acme', 'authority', 'access', 'keys', 'audit', 'policy', 'trust', 'domain'],
    ...['telemetry', 'config'],
  ],
  ocsp: ['issuance', 'ports keys', 'pkix', 'storage', 'hsm', 'domain', 'telemetry', 'config'],
};

/** These import anything, and nobody imports them. */
const roots = ['main', 'scripts', 'test'] as const;

/** Those beside the mains are parts that `chancery init` needs as well. */
const compositionRoots: readonly string[] = [
  ...['src/main.ts', 'ocsp/main.ts'],
  ...['src/composition.ts', 'src/acme-composition.ts', 'src/acme-secret.ts'],
];

/** The layer of a path in the project: `der`, `acme/validation`, `ocsp`, `main`, `scripts` …; undefined for none. */
export function layerOf(path: string): string | undefined {
  if (compositionRoots.includes(path)) return 'main';
  const [top, folder, sub] = path.split('/');
  if (top !== 'src') return top !== undefined && path.includes('/') ? top : undefined;
  if (folder === 'acme' && sub === 'validation') return 'acme/validation';
  return folder?.endsWith('.ts') ? undefined : folder;
}

/** Every import of these modules that the table does not list, one line each. */
export function forbiddenImports(modules: readonly Module[]): readonly string[] {
  return modules.flatMap((module) => {
    const from = layerOf(module.path);
    if (from === undefined) return [`${module.path} belongs to no layer`];
    const complaints = module.imports
      .filter((specifier) => specifier.startsWith('.'))
      .flatMap((specifier) => complain(module.path, from, specifier));
    return module.unreadableImports > 0
      ? [...complaints, `${module.path} imports something that is not a literal`]
      : complaints;
  });
}

function complain(path: string, from: string, specifier: string): readonly string[] {
  const target = normalize(join(dirname(path), specifier));
  const to = layerOf(target);
  if (isOneOf(roots, from) || to === from) return [];
  if (to === undefined) return [`${path} imports ${target}, which belongs to no layer`];
  if (isOneOf(roots, to)) return [`${path} imports ${target}: nobody imports ${to}`];
  const folder = to === 'ocsp' ? 'ocsp' : `src/${to}`;
  const isPorts = target === `${folder}/ports.ts`;
  const allowed = allowedImports[from] ?? [];
  const wholly = allowed.includes(to);
  const portsOnly = allowed.includes(`ports ${to}`) || allowed.includes('ports *');
  if (!wholly && !(portsOnly && isPorts)) {
    return [`${path} imports ${target}: ${from} may import ${allowed.join(', ') || 'nothing'}`];
  }
  if (!isPorts && target !== `${folder}/index.ts`) {
    return [`${path} imports ${target}: others see index.ts or ports.ts of a folder only`];
  }
  return [];
}

function isOneOf(list: readonly string[], value: string): boolean {
  return list.includes(value);
}
