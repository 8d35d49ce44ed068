import neostandard from 'neostandard'
import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['dist/', '.tap/', '.koinonia/', 'src/**/database.ts', 'test/bench/peers/'] },
  ...neostandard({ ts: true, noJsx: true }),
  ...tseslint.configs.strictTypeChecked.map((rules) => ({ ...rules, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/unified-signatures': 'off',
      // Fastify's plugin and handler types ask for async functions that may have nothing to await.
      '@typescript-eslint/require-await': 'off',
      // A schema and the type of what it describes share one name; the compiler refuses real redeclarations.
      'no-redeclare': 'off',
      '@typescript-eslint/no-redeclare': 'off',
      'no-void': 'off'
    }
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/config.ts'],
    rules: {
      'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'Settings are read once, in config.ts, and passed down.' }]
    }
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off'
    }
  }
)
