import { basename } from 'node:path'
import { fail } from '../../../errors/index.ts'
import { MalformedError } from '../../../internal/archive/malformed.ts'
import { isNpy } from '../../../internal/archive/npy.ts'
import { isZip, readZip } from '../../../internal/archive/zip.ts'
import { readModel, readScale } from '../../../onnx/index.ts'
import { readArtifact } from '../../scaler/index.ts'
import { type ImportedScaler, scalerOfAttributes } from './attributes.ts'
import { attributesOfJson, attributesOfNpz, attributesOfSkops } from './sources.ts'

export type ScalerForm = 'onnx' | 'json' | 'npz' | 'skops' | 'millrace'

const advice = 'skops.io.dump(scaler, "scaler.skops"), or skl2onnx.to_onnx(scaler, …).'

/** Why these bytes look like a pickle; undefined when they do not. */
function pickled(bytes: Uint8Array, file: string): string | undefined {
  const [first, second] = bytes
  if (first === 0x80 && second !== undefined && second >= 2 && second <= 5) return `it begins with protocol ${second}`
  if (/\.(pkl|pickle|joblib)(\.\w+)?$/i.test(file)) return `it is named ${basename(file)}`
  // Protocol 0 is text that begins by naming what to import and ends in a full stop
  if (first === 0x63 && bytes.at(-1) === 0x2e) return 'it begins by importing a class'
  return undefined
}

/**
 * Reads a scaler that scikit-learn fitted, from figures alone: ONNX, JSON, .npz or skops. Nothing in the file is run or
 * constructed. Throws `importPickle`, `importMalformed`, `importUnknown`, and for ONNX `onnxMalformed` and `importNoScaler`.
 */
export function readSklearnScaler(bytes: Uint8Array, file: string): { form: ScalerForm; scaler: ImportedScaler } {
  const reason = pickled(bytes, file)
  if (reason !== undefined) throw fail('importPickle', { file, reason, advice })
  if (isNpy(bytes))
    throw fail('importUnknown', {
      file,
      reason: 'one array does not say which figures it holds',
      advice: 'Save all attributes by name: numpy.savez("scaler.npz", mean_=scaler.mean_, scale_=scaler.scale_, …).',
    })
  try {
    if (isZip(bytes)) return fromZip(bytes, file)
    const start = bytes.find(byte => byte > 0x20)
    if (start === 0x7b || start === 0x5b || start === 0xef) return fromJson(bytes)
    return { form: 'onnx', scaler: fromOnnx(bytes, file) }
  } catch (error) {
    if (error instanceof MalformedError) throw fail('importMalformed', { file, reason: error.message }, error)
    throw error
  }
}

function fromZip(bytes: Uint8Array, file: string): { form: ScalerForm; scaler: ImportedScaler } {
  const entries = readZip(bytes)
  if (entries.has('schema.json')) return { form: 'skops', scaler: scalerOfAttributes(attributesOfSkops(entries)) }
  const inside = [...entries.keys()].find(name => /\.(pkl|pickle)$/.test(name))
  if (inside !== undefined) throw fail('importPickle', { file, reason: `it holds ${inside}`, advice })
  if ([...entries.keys()].some(name => name.endsWith('.npy')))
    return { form: 'npz', scaler: scalerOfAttributes(attributesOfNpz(entries)) }
  throw fail('importUnknown', {
    file,
    reason: 'the archive has neither schema.json (skops) nor .npy arrays (npz)',
    advice: 'Give a file that skops.io.dump or numpy.savez has written.',
  })
}

function fromJson(bytes: Uint8Array): { form: ScalerForm; scaler: ImportedScaler } {
  const attributes = attributesOfJson(new TextDecoder().decode(bytes))
  const own = readArtifact(Object.fromEntries(attributes) as never)
  if (!own) return { form: 'json', scaler: scalerOfAttributes(attributes) }
  const features = own.features.map((feature, index) => {
    const { name, offset, scale } = (feature ?? {}) as Partial<typeof feature>
    if (typeof name !== 'string' || !Number.isFinite(offset) || !Number.isFinite(scale) || scale === 0)
      throw new MalformedError(`feature ${index} has no name, offset and scale`)
    return { name, index, offset: Number(offset), scale: Number(scale) }
  })
  return { form: 'millrace', scaler: { version: 1, class: undefined, kind: own.kind, named: true, features } }
}

function fromOnnx(bytes: Uint8Array, file: string): ImportedScaler {
  const { offset, scale, names, clip } = readScale(readModel(bytes, file), file)
  return {
    version: 1,
    class: undefined,
    kind: undefined,
    named: names !== undefined,
    ...(clip ? { clip } : {}),
    features: offset.map((figure, index) => ({
      name: names?.[index] ?? `x${index}`,
      index,
      offset: figure,
      scale: scale[index] as number,
    })),
  }
}
