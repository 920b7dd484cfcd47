import { asMessage, asText, fieldsOf } from './wire-reader.ts'
import { wireWriter } from './wire-writer.ts'

const metadataField = 14
const prefix = 'millrace.'

/** The key of a metadata entry. */
function keyOf(entry: Uint8Array): string {
  for (const field of fieldsOf(entry)) if (field.number === 1) return asText(field)
  return ''
}

/**
 * The same model with what Millrace has to say of it in its metadata, under keys that begin with `millrace.`; entries of an
 * earlier stamp are replaced. The graph, the weights and everything else stay byte for byte what they were.
 */
export function stampModel(bytes: Uint8Array, metadata: Readonly<Record<string, string>>): Uint8Array {
  const kept: Uint8Array[] = []
  let from = 0
  let dropping = false
  for (const field of fieldsOf(bytes)) {
    const earlier = field.number === metadataField && keyOf(asMessage(field)).startsWith(prefix)
    if (earlier === dropping) continue
    if (earlier) kept.push(bytes.subarray(from, field.start))
    else from = field.start
    dropping = earlier
  }
  if (!dropping) kept.push(bytes.subarray(from))
  const writer = wireWriter()
  for (const key of Object.keys(metadata).sort()) {
    writer.message(metadataField, inner => {
      inner.text(1, key)
      inner.text(2, metadata[key] ?? '')
    })
  }
  return Buffer.concat([...kept, writer.finish()])
}
