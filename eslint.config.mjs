import js from '@eslint/js';
import jupyter from '@jupyter/eslint-plugin';
import prettier from 'eslint-config-prettier';
import globals from 'globals';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** All rules of a plugin's recommended set, each as an error. */
const jupyterRules = Object.assign(
  {},
  ...jupyter.configs.recommended
    .filter(({ files }) => files.includes('**/*.ts'))
    .map(({ rules }) => rules)
);
const asErrors = rules =>
  Object.fromEntries(Object.keys(rules).map(name => [name, 'error']));

/** Who may import whom: ARCHITECTURE.md, "Parts". */
const forbid = (...patterns) => ({
  'no-restricted-imports': ['error', { patterns }]
});
const apiOnlyTypes = {
  regex: '/api/(client|stream)$',
  message: 'A component shows what it is given: requests are for the models.'
};
const plugins = {
  regex: '/plugins(/|$)',
  message: 'Only src/index.ts knows the plugins.'
};
const otherDomain = name => ({
  regex: `/${name}(/|$)`,
  message: 'Domains see each other only through tokens.ts.'
});
const commands = {
  regex: '^\\.\\./commands$',
  message: 'Only plugins know the commands.'
};

export default defineConfig([
  {
    ignores: [
      'node_modules',
      'lib',
      '.venv',
      'coverage',
      'dist',
      'ui-tests',
      '.cache',
      'jupyter_extension/jupyterlab_engines/labextension',
      'src/api/generated.ts'
    ]
  },
  {
    files: ['**/*.{js,mjs}'],
    extends: [js.configs.recommended],
    languageOptions: { globals: globals.node }
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    extends: [
      js.configs.recommended,
      tseslint.configs.strictTypeChecked,
      tseslint.configs.stylisticTypeChecked
    ],
    plugins: { jupyter },
    languageOptions: {
      globals: globals.browser,
      parserOptions: {
        project: './tsconfig.test.json',
        tsconfigRootDir: import.meta.dirname
      }
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      ...asErrors(jupyterRules),
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/naming-convention': [
        'error',
        {
          selector: 'interface',
          format: ['PascalCase'],
          custom: { regex: '^I[A-Z]', match: true }
        }
      ],
      // A class and the namespace of its options have one name, as everywhere in JupyterLab.
      '@typescript-eslint/no-namespace': 'off',
      // Lumino calls a slot on the object that is given with it, which
      // jupyter/prefer-signal-this-arg sees to.
      '@typescript-eslint/unbound-method': 'off',
      // All of this extension shows from the start (sidebar, toolbars, status bar): there
      // is nothing to load later but a few kilobytes of dialogs.
      'jupyter/prefer-lazy-imports': 'off',
      // Numbers in translated sentences and URLs are written as they are.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true }
      ],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true }
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true }
      ],
      curly: 'error',
      eqeqeq: 'error',
      'prefer-arrow-callback': 'error'
    }
  },
  {
    files: ['src/api/**/*.ts'],
    rules: {
      ...forbid({
        regex: '^\\.\\./',
        message: 'src/api/ imports nothing of ours.'
      }),
      '@typescript-eslint/consistent-type-assertions': [
        'error',
        { assertionStyle: 'never' }
      ]
    }
  },
  {
    files: ['src/tokens.ts'],
    rules: forbid(
      { regex: '^\\./(?!api/generated$)', message: 'Tokens hold types only.' },
      { regex: 'widgets|ui-components', message: 'Tokens hold types only.' }
    )
  },
  {
    files: ['src/clusters/**/*.ts'],
    rules: forbid(
      plugins,
      commands,
      otherDomain('kernels'),
      otherDomain('jobs')
    )
  },
  {
    files: ['src/clusters/**/*.tsx'],
    rules: forbid(
      plugins,
      commands,
      otherDomain('kernels'),
      otherDomain('jobs'),
      apiOnlyTypes
    )
  },
  {
    // Who shows jobs words problems as clusters do; clusters know nothing of who shows jobs.
    files: ['src/jobs/**/*.ts'],
    rules: forbid(plugins, commands, otherDomain('kernels'))
  },
  {
    files: ['src/jobs/**/*.tsx'],
    rules: forbid(plugins, commands, otherDomain('kernels'), apiOnlyTypes)
  },
  {
    // What a job asks for: clusters use it, and it knows nothing of them.
    files: ['src/profiles/**/*.ts'],
    rules: forbid(
      plugins,
      commands,
      otherDomain('kernels'),
      otherDomain('clusters'),
      otherDomain('jobs')
    )
  },
  {
    files: ['src/profiles/**/*.tsx'],
    rules: forbid(
      plugins,
      commands,
      otherDomain('kernels'),
      otherDomain('clusters'),
      otherDomain('jobs'),
      apiOnlyTypes
    )
  },
  {
    files: ['src/kernels/**/*.ts'],
    rules: forbid(plugins, commands, otherDomain('clusters'), apiOnlyTypes)
  },
  {
    files: ['src/kernels/**/*.tsx'],
    rules: forbid(plugins, commands, otherDomain('clusters'), apiOnlyTypes)
  },
  {
    // What is not in the page without ipywidgets is loaded when it is known to be there: an
    // import of it would keep the whole extension from loading.
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/results/ipywidget.ts', 'src/__tests__/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'ImportDeclaration[importKind!="type"][source.value=/@jupyter-widgets|ipywidget$/]',
          message: 'Use import().'
        }
      ]
    }
  },
  {
    // Cells on engines: between kernel and page, without the server.
    files: ['src/results/**/*.{ts,tsx}'],
    rules: forbid(
      plugins,
      commands,
      otherDomain('clusters'),
      otherDomain('kernels'),
      otherDomain('jobs'),
      otherDomain('profiles'),
      apiOnlyTypes
    )
  },
  {
    // Which cells run there: knows of results what a run is called, and what ranks are.
    files: ['src/cells/**/*.{ts,tsx}'],
    rules: forbid(
      plugins,
      commands,
      otherDomain('clusters'),
      otherDomain('jobs'),
      otherDomain('profiles'),
      {
        regex: '/(kernels/(?!code$)|results/(?!contract$|ranks$))',
        message: 'Domains see each other only through tokens.ts.'
      },
      apiOnlyTypes
    )
  },
  {
    files: ['src/__tests__/**/*.{ts,tsx}'],
    rules: {
      // Tests declare plugins and strings that no user sees.
      'jupyter/no-untranslated-string': 'off',
      'jupyter/require-disposable-ownership': 'off',
      'jupyter/require-disposable-transfer': 'off',
      'jupyter/plugin-id-convention': 'off'
    }
  },
  ...jupyter.configs.recommended
    .filter(({ files }) => files.includes('**/schema/*.json'))
    .map(config => ({
      ...config,
      plugins: { jupyter },
      rules: asErrors(config.rules)
    })),
  prettier
]);
