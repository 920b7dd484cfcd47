import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const folder = fileURLToPath(new URL('../dist/adapters/metadata/sql', import.meta.url))

// In the place of what the compiler made of src/adapters/metadata/sql/kysely.ts, which says why
const config = defineConfig({
  publicDir: false,
  build: {
    lib: { entry: `${folder}/kysely.js`, formats: ['es'], fileName: 'kysely' },
    outDir: folder,
    emptyOutDir: false,
    target: 'node20',
    minify: false,
  },
})

export { config as default }
