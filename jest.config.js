const jestJupyterLab = require('@jupyterlab/testing/lib/jest-config');

// Published as ES modules only: Jest has to compile them.
const esModules = [
  '@codemirror',
  '@jupyter/',
  '@jupyter-widgets/',
  '@jupyterlab/',
  '@marijn',
  '@microsoft',
  '@rjsf',
  'color',
  'exenv-es6',
  'lib0',
  'marked',
  'nanoid',
  'vscode-ws-jsonrpc',
  'y-protocols',
  'y-websocket',
  'yjs'
].join('|');

const base = jestJupyterLab(__dirname);

module.exports = {
  ...base,
  collectCoverageFrom: [
    'src/**/*.{ts,tsx}',
    '!src/**/*.d.ts',
    '!src/**/__tests__/**',
    '!src/api/generated.ts'
  ],
  coverageReporters: ['text-summary', 'lcov', 'json-summary'],
  reporters: ['default'],
  roots: ['<rootDir>/src'],
  setupFiles: [...base.setupFiles, '<rootDir>/src/__tests__/setup.ts'],
  testRegex: 'src/__tests__/.*\\.spec\\.tsx?$',
  transform: {
    ...base.transform,
    // Types are checked by tsc, once for all files.
    '^.+\\.tsx?$': ['ts-jest/legacy', { tsconfig: './tsconfig.test.json' }]
  },
  transformIgnorePatterns: [`/node_modules/(?!${esModules}).+`]
};
