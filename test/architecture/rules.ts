/** Rules about what a module contains, apart from the directions of its imports. */
import { type Module, packageOf } from './source.ts';

/** Packages that touch the world, and the only folder of the product that may import each. */
export const onlyImporter: Readonly<Record<string, string>> = {
  'graphene-pk11': 'src/hsm/',
  pkcs11js: 'src/hsm/',
  pg: 'src/storage/',
  'node-pg-migrate': 'src/storage/',
  'pg-boss': 'src/storage/',
  express: 'src/http/',
  helmet: 'src/http/',
};

/** Folders that read no clock, no randomness, no environment and do no input or output. */
const pureFolders = [
  ...['domain', 'der', 'pkix', 'policy', 'lint', 'issuance', 'keys'],
  ...['access', 'audit', 'trust', 'authority', 'acme'],
].map((folder) => `src/${folder}/`);

/** Node's modules that only compute; `net` for isIP. */
const pureBuiltins = ['node:crypto', 'node:buffer', 'node:util', 'node:url', 'node:net'];
const pureNamesOfNet = ['isIP', 'isIPv4', 'isIPv6', 'BlockList'];
const impureMembers = [
  ...['Date.now', 'performance.now', 'Math.random', 'crypto.getRandomValues', 'crypto.randomUUID'],
  ...['process.env', 'process.hrtime', 'process.argv', 'process.stdout', 'process.on'],
];

/** Imports of a package outside the one folder that may have it. */
export function misplacedPackages(modules: readonly Module[]): readonly string[] {
  return modules.flatMap(({ path, imports }) =>
    imports.flatMap((specifier) => {
      const folder = onlyImporter[packageOf(specifier) ?? ''];
      return folder === undefined || path.startsWith(folder)
        ? []
        : [`${path} imports ${specifier}: only ${folder} may`];
    }),
  );
}

/** Reads of process.env outside src/config. The mains and scripts pass it on and are exempt. */
export function environmentReads(modules: readonly Module[]): readonly string[] {
  return modules
    .filter(({ path }) => !path.startsWith('src/config/') && !path.startsWith('scripts/'))
    .filter(({ path }) => path !== 'src/main.ts' && path !== 'ocsp/main.ts')
    .filter(({ members }) => members.includes('process.env'))
    .map(({ path }) => `${path} reads process.env: only src/config does`);
}

/** Clocks, randomness and input or output in the core. */
export function impurities(modules: readonly Module[]): readonly string[] {
  return modules
    .filter(({ path }) => !path.startsWith('src/acme/validation/'))
    .filter(({ path }) => pureFolders.some((folder) => path.startsWith(folder)))
    .flatMap((module) =>
      [
        ...module.imports.filter(
          (name) => name.startsWith('node:') && !pureBuiltins.includes(name),
        ),
        ...module.importedNames
          .filter(([specifier, name]) => isImpureName(specifier, name))
          .map(([specifier, name]) => `${name} of ${specifier}`),
        ...module.members.filter((member) => impureMembers.includes(member)),
        ...module.emptyConstructions.filter((name) => name === 'Date').map(() => 'new Date()'),
      ].map((what) => `${module.path} uses ${what}: the core takes it as an argument`),
    );
}

function isImpureName(specifier: string, name: string): boolean {
  if (specifier === 'node:crypto') return /^(random|generateKey|generatePrime)/.test(name);
  return specifier === 'node:net' && !pureNamesOfNet.includes(name);
}
