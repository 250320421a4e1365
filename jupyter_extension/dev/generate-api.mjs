// Writes src/api/generated.ts from api.schema.json, the same bytes for the same schema.
// `--check` writes nothing and exits with 1 if the file in the tree is stale.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { compile } from 'json-schema-to-typescript';
import * as prettier from 'prettier';

const root = path.resolve(
  path.dirname(fileURLToPath(import.meta.url)),
  '../..'
);
const source = path.join(
  root,
  'jupyter_extension/jupyterlab_engines/api/api.schema.json'
);
const target = path.join(root, 'src/api/generated.ts');

const BANNER = `/**
 * Every type that crosses the wire between the server and the browser.
 *
 * Made by \`npm run api\` from jupyter_extension/jupyterlab_engines/api/models.py: change
 * that file, not this one.
 */`;

/** Return the schema without what would become noise in TypeScript. */
function prepare(schema) {
  const { 'x-api-version': apiVersion, ...rest } = schema;
  delete rest.$id;
  if (!Number.isInteger(apiVersion)) {
    throw new Error(`${source} has no integer "x-api-version"`);
  }
  return { apiVersion, schema: { ...rest, title: ROOT } };
}

const ROOT = 'GeneratedRoot';

async function render() {
  const { apiVersion, schema } = prepare(
    JSON.parse(await readFile(source, 'utf8'))
  );
  const types = await compile(schema, ROOT, {
    additionalProperties: false,
    bannerComment: '',
    declareExternallyReferenced: true,
    format: false,
    unreachableDefinitions: true
  });
  const body = types
    // The schema's root only holds the definitions.
    .replace(
      new RegExp(
        `(/\\*\\*(?:(?!\\*/)[^])*\\*/\\s*)?export interface ${ROOT} \\{\\s*\\}`
      ),
      ''
    )
    // The compiler's remark on where each definition stood in the schema.
    .replace(
      /\n[ *]*\n \* This interface was referenced by `[^`]*`'s JSON-Schema\n \* via the `definition` "[^"]*"\./g,
      ''
    )
    .replace(/^ \* {2,}(?=\S)/gm, ' * ');
  const version = `/** Version of the contract these types belong to; \`Hello.api_version\` must be the same. */
export const API_VERSION = ${apiVersion};`;
  const options = await prettier.resolveConfig(target);
  return prettier.format(`${BANNER}\n\n${version}\n\n${body}`, {
    ...options,
    filepath: target
  });
}

const text = await render();
if (text.includes('[k: string]: unknown')) {
  throw new Error(
    'An open-ended type crept into the contract: forbid additional properties in the schema'
  );
}
if (process.argv.includes('--check')) {
  const current = await readFile(target, 'utf8').catch(() => '');
  if (current !== text) {
    console.error(
      'src/api/generated.ts is stale: run `npm run api` and commit the result'
    );
    process.exit(1);
  }
} else {
  await writeFile(target, text);
}
