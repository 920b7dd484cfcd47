import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const { version } = JSON.parse(readFileSync(here('../node_modules/kysely/package.json'), 'utf8')) as { version: string }
const license = readFileSync(here('../node_modules/kysely/LICENSE'), 'utf8')
const folder = here('../dist/adapters/metadata/sql')

// In the place of what the compiler made of src/adapters/metadata/sql/kysely.ts, which says why
const config = defineConfig({
  publicDir: false,
  build: {
    lib: { entry: `${folder}/kysely.js`, formats: ['es'], fileName: 'kysely' },
    outDir: folder,
    emptyOutDir: false,
    target: 'node20',
    minify: false,
    rolldownOptions: { output: { banner: `/*! kysely ${version}\n${license}*/` } },
  },
})

export { config as default }
