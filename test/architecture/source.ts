/** Reads the project's TypeScript: what each module imports, and which words it uses. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseSync } from 'oxc-parser';

export const projectFolder = resolve(import.meta.dirname, '../..');

/** One module as the rules of this folder see it. */
export interface Module {
  /** Its path in the project: `src/der/reader.ts`. */
  readonly path: string;
  readonly lines: number;
  /** Import and export-from specifiers as written, type-only, dynamic and `import('…')` types included. */
  readonly imports: readonly string[];
  /** Names imported from a specifier: `['node:crypto', 'randomBytes']`; `*` for a namespace. */
  readonly importedNames: readonly (readonly [specifier: string, name: string])[];
  /** An `import()` or `require()` of something that is not a literal: no rule can follow it. */
  readonly unreadableImports: number;
  readonly enums: number;
  readonly anys: number;
  /** Dotted reads of globals, such as `process.env` or `Date.now`. */
  readonly members: readonly string[];
  /** `new X()` without arguments, by name. */
  readonly emptyConstructions: readonly string[];
}

/** A node of the syntax tree, as far as the walk below looks. */
type Node = Readonly<Record<string, unknown>> & { readonly type: string };

/** Parses one module; a syntax error fails the test that asked. */
export function parseModule(path: string, text: string): Module {
  const { program, errors } = parseSync(path, text, { lang: 'ts', sourceType: 'module' });
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message ?? 'syntax error'}`);
  const imports: string[] = [];
  const importedNames: [string, string][] = [];
  const members: string[] = [];
  const emptyConstructions: string[] = [];
  let unreadableImports = 0;
  let enums = 0;
  let anys = 0;
  const add = (source: unknown): void => {
    const specifier = literal(source);
    if (specifier === undefined) unreadableImports += 1;
    else imports.push(specifier);
  };
  walk(program, (node) => {
    switch (node.type) {
      case 'ImportDeclaration':
        add(node['source']);
        for (const specifier of nodes(node['specifiers'])) {
          importedNames.push([
            literal(node['source']) ?? '',
            nameOf(specifier['imported']) ??
              (specifier.type === 'ImportDefaultSpecifier' ? 'default' : '*'),
          ]);
        }
        break;
      case 'ExportNamedDeclaration':
      case 'ExportAllDeclaration':
        if (isNode(node['source'])) add(node['source']);
        break;
      case 'ImportExpression':
      case 'TSImportType':
        add(node['source'] ?? node['argument']);
        break;
      case 'CallExpression':
        if (nameOf(node['callee']) === 'require') add(nodes(node['arguments'])[0]);
        break;
      case 'TSEnumDeclaration':
        enums += 1;
        break;
      case 'TSAnyKeyword':
        anys += 1;
        break;
      case 'MemberExpression': {
        const [object, property] = [nameOf(node['object']), nameOf(node['property'])];
        const key = property ?? literal(node['property']);
        if (object !== undefined && key !== undefined) members.push(`${object}.${key}`);
        break;
      }
      case 'NewExpression': {
        const name = nameOf(node['callee']);
        if (name !== undefined && nodes(node['arguments']).length === 0) {
          emptyConstructions.push(name);
        }
        break;
      }
      default:
    }
  });
  return {
    path,
    lines: text.split('\n').length - 1,
    imports,
    importedNames,
    unreadableImports,
    enums,
    anys,
    members,
    emptyConstructions,
  };
}

/** Every TypeScript module below the folders, as it lies on disk. */
export function readModules(...folders: readonly string[]): readonly Module[] {
  return folders
    .flatMap((folder) => filesBelow(join(projectFolder, folder)))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => parseModule(relative(projectFolder, file), readFileSync(file, 'utf8')));
}

/** Paths of all files below a folder; none when it is not there. */
export function filesBelow(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)],
    );
  } catch {
    return [];
  }
}

/** The npm package of a specifier; undefined for relative paths and Node's own modules. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined;
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];
}

function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit);
  } else if (typeof value === 'object' && value !== null) {
    if (isNode(value)) visit(value);
    for (const child of Object.values(value)) walk(child, visit);
  }
}

function isNode(value: unknown): value is Node {
  return (
    typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
  );
}

function nodes(value: unknown): readonly Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

function nameOf(value: unknown): string | undefined {
  return isNode(value) && value.type === 'Identifier' ? String(value['name']) : undefined;
}

function literal(value: unknown): string | undefined {
  return isNode(value) && typeof value['value'] === 'string' ? value['value'] : undefined;
}
