// Writes a model of each kind that Millrace exports: `node scripts/write-samples.mjs FOLDER`, after a build.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sampleModel, sampleNames } from '../dist/testing/inference-models.js'

for (const name of sampleNames)
  writeFileSync(join(process.argv[2], `own-${name}.onnx`), (await sampleModel(name)).bytes)
